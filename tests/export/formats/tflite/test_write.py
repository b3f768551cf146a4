"""What the writer makes of the three graphs: operators, layouts, precisions, and the same bytes again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from export.analysis.operators import histogram
from export.formats.table import coverage, read_graph
from export.formats.tflite import layout as tflite_layout
from export.formats.tflite.layout import ThreeChannelSigma, to_layout
from export.formats.tflite.litert_fp16 import open_graph
from export.formats.tflite.operators import tflite_nodes
from export.formats.tflite.write import write_tflite
from export.graphs.separable_blur import Refocus
from export.graphs.specs import FusedGraph, GraphSpec, example_inputs
from export.recipes.targets import TFLITE_SIGNATURE
from runtime.manifest.manifest import Artifact
from runtime.manifest.records import ArtifactTensor, Layout
from runtime.system.silence import silence

pytestmark = pytest.mark.slow

SIZE_PX = 32
SMALL_SIGMA_PX = 1.0
NETWORK = {"CONV_2D", "TRANSPOSE_CONV", "ADD", "MUL", "PAD", "CONCATENATION", "RELU", "MINIMUM", "SUB", "LOGISTIC"}
INT8 = {"QUANTIZE", "DEQUANTIZE", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"}
BLUR = {"MUL", "ADD", "DIV", "SLICE", "CONCATENATION", "MINIMUM", "MAXIMUM", "RSQRT", "EXP", "SQRT", "RELU"}
BORDER = {"TRANSPOSE", "RESHAPE"}
MADE: dict[str, tuple[str, str, Layout, set[str]]] = {
    "deblur_fp16": ("deblur", "fp16", "NHWC", NETWORK | {"DEQUANTIZE"}),
    "defocus_int8": ("defocus", "int8", "NHWC", NETWORK | INT8),
    "refocus_fp32": ("refocus", "fp32", "NHWC", BLUR),
    "refocus_fp32_nchw": ("refocus", "fp32", "NCHW", BLUR),
    "fused_fp32_nchw": ("fused", "fp32", "NCHW", NETWORK | BLUR | BORDER),
}
"""Name -> graph, precision, layout and every operator that the file may hold: nothing custom, nothing of
TensorFlow's (Flex), and transposes only where NCHW meets convolutions."""


@pytest.fixture(scope="module")
def modules(small_specs: dict[str, GraphSpec]) -> dict[str, torch.nn.Module]:
    """The graphs with a blur of few taps, which converts quickly."""
    blur = Refocus(SMALL_SIGMA_PX).eval()
    defocus, deblur = small_specs["defocus"].module, small_specs["deblur"].module
    return {"defocus": defocus, "deblur": deblur, "refocus": blur, "fused": FusedGraph(defocus, deblur, blur).eval()}


@pytest.fixture(scope="module")
def write(
    small_specs: dict[str, GraphSpec], modules: dict[str, torch.nn.Module], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Writes a file of ``MADE`` once."""
    folder, done = tmp_path_factory.mktemp("tflite"), {}

    def make(name: str) -> Path:
        if name not in done:
            graph, precision, layout, _ = MADE[name]
            spec = small_specs[graph]
            samples = [example_inputs(spec, SIZE_PX, SIZE_PX, seed) for seed in (1, 2)]
            write_tflite(
                modules[graph],
                samples[0],
                [tensor.name for tensor in spec.inputs],
                [tensor.name for tensor in spec.outputs],
                folder / f"{name}.tflite",
                precision=precision,
                layout=layout,
                calibration=samples,
            )
            done[name] = folder / f"{name}.tflite"
        return done[name]

    return make


def run(path: Path, spec: GraphSpec, layout: Layout, seed: int = 5) -> tuple[np.ndarray, tuple[torch.Tensor, ...]]:
    """The file's answer to random inputs, and these."""
    inputs = example_inputs(spec, SIZE_PX, SIZE_PX, seed)
    feeds = {tensor.name: to_layout(x, layout).numpy() for tensor, x in zip(spec.inputs, inputs, strict=True)}
    with silence():
        call = Interpreter(str(path), num_threads=1).get_signature_runner(TFLITE_SIGNATURE)
        results = call(**dict(reversed(feeds.items())))  # by name, so in any order
    assert list(results) == [tensor.name for tensor in spec.outputs]
    return next(iter(results.values())), inputs


@pytest.mark.parametrize("name", MADE)
def test_only_operators_that_every_delegate_takes(write: Callable[[str], Path], name: str) -> None:
    found = histogram(tflite_nodes(write(name)))
    assert set(found) <= MADE[name][3]
    assert sum(found.values()) > 10


@pytest.mark.parametrize("name", MADE)
def test_xnnpack_takes_each_file_in_one_piece(write: Callable[[str], Path], name: str) -> None:
    measured = coverage(read_graph(write(name)))[0]
    assert measured.failure == ""
    assert measured.outside == {}


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("deblur_fp16", 2e-3),
        ("refocus_fp32", 1e-5),
        ("refocus_fp32_nchw", 1e-5),
        ("fused_fp32_nchw", 1e-5),
    ],
)
def test_a_saved_file_answers_by_name_in_its_layout(
    write: Callable[[str], Path],
    small_specs: dict[str, GraphSpec],
    modules: dict[str, torch.nn.Module],
    name: str,
    tolerance: float,
) -> None:
    graph, _, layout, _ = MADE[name]
    answer, inputs = run(write(name), small_specs[graph], layout)
    np.testing.assert_allclose(answer, to_layout(modules[graph](*inputs), layout).numpy(), atol=tolerance)


def test_the_blur_of_a_fused_cpu_file_is_not_transposed(write: Callable[[str], Path]) -> None:
    """One transpose for the photograph, one for the sharp picture."""
    assert histogram(tflite_nodes(write("fused_fp32_nchw")))["TRANSPOSE"] == 2


def test_int8_is_entered_once_and_left_once(write: Callable[[str], Path]) -> None:
    """More would mean float islands inside the network."""
    found = histogram(tflite_nodes(write("defocus_int8")))
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (1, 1)


def test_fp16_arithmetic_is_what_the_file_is_run_in(
    write: Callable[[str], Path], small_specs: dict[str, GraphSpec]
) -> None:
    spec, path = small_specs["deblur"], write("deblur_fp16")

    def tensors(meanings: tuple) -> tuple[ArtifactTensor, ...]:
        return tuple(
            ArtifactTensor(name=m.name, dtype="float32", layout="NHWC", shape=(1, SIZE_PX, SIZE_PX, m.channels))
            for m in meanings
        )

    artifact = Artifact(
        id="deblur-tflite-fp16",
        graph="deblur",
        format="tflite",
        precision="fp16",
        path=path.name,
        files=(),
        inputs=tensors(spec.inputs),
        outputs=tensors(spec.outputs),
        tool={},
        status="passed",
        reason="",
        parity=(),
    )
    expected, inputs = run(path, spec, "NHWC")
    feeds = {tensor.name: x.numpy() for tensor, x in zip(spec.inputs, inputs, strict=True)}
    answer = open_graph(artifact, path).run(feeds)["sharp"]
    assert answer.shape == (1, 3, SIZE_PX, SIZE_PX)
    error = np.abs(answer.transpose(0, 2, 3, 1) - expected).max()
    assert 1e-5 < error < 1e-2


def test_the_same_module_gives_the_same_bytes(
    write: Callable[[str], Path], modules: dict[str, torch.nn.Module], small_specs: dict[str, GraphSpec], tmp_path: Path
) -> None:
    spec, again = small_specs["defocus"], tmp_path / "again.tflite"
    samples = [example_inputs(spec, SIZE_PX, SIZE_PX, seed) for seed in (1, 2)]
    names = ["image"], ["sigma_px"]
    write_tflite(modules["defocus"], samples[0], *names, again, precision="int8", calibration=samples)
    assert again.read_bytes() == write("defocus_int8").read_bytes()


def test_three_channels_of_sigma_give_the_same_picture() -> None:
    refocus = Refocus(2.0)
    sharp, sigma_px = torch.rand(1, 3, 24, 32), 2.0 * torch.rand(1, 1, 24, 32)
    torch.testing.assert_close(ThreeChannelSigma(refocus)(sharp, sigma_px), refocus(sharp, sigma_px))


def test_the_converter_is_left_as_it_was() -> None:
    registry = tflite_layout._layout_check().nhwcable_node_checkers
    before = dict(registry)
    with tflite_layout._concatenations_laid_out("NHWC"):
        assert dict(registry) != before
    assert dict(registry) == before


def test_a_converter_that_has_moved_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tflite_layout._layout_check(), "NHWCable")
    with pytest.raises(
        ValueError, match=r"litert-torch \S+ keeps its layout pass elsewhere .*NHWCable.*reblur\[export\]"
    ):
        tflite_layout.convert(torch.nn.ReLU(), (torch.rand(1, 1, 4, 4),), 1, "NCHW")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"precision": "int4"}, "no TFLite precision 'int4': choose from fp32, fp16, int8"),
        ({"layout": "HWC"}, "no TFLite layout 'HWC': choose from NHWC, NCHW"),
        ({"precision": "int8"}, "calibrate"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        write_tflite(torch.nn.ReLU(), (), [], [], tmp_path / "x.tflite", **options)
