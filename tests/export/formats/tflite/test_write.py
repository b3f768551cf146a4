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
from export.formats.tflite.layout import channels_last
from export.formats.tflite.litert_fp16 import open_graph
from export.formats.tflite.operators import tflite_nodes
from export.formats.tflite.write import write_tflite
from export.graphs.refocus import Preview, Refocus
from export.graphs.specs import FusedGraph, GraphSpec, example_inputs
from export.recipes.targets import TFLITE_SIGNATURE
from runtime.manifest.manifest import Artifact
from runtime.manifest.records import ArtifactTensor
from runtime.system.silence import silence

pytestmark = pytest.mark.slow

SIZE_PX = 32
NETWORK = {"CONV_2D", "TRANSPOSE_CONV", "ADD", "MUL", "PAD", "CONCATENATION", "RELU", "MINIMUM", "SUB", "LOGISTIC"}
INT8 = {"QUANTIZE", "DEQUANTIZE", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"}
BLUR = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "RESIZE_BILINEAR", "MUL", "ADD", "SUB", "SLICE"} | {
    "CONCATENATION",
    "MINIMUM",
    "MAXIMUM",
    "SQRT",
    "RELU",
    "RELU6",
}
LAYERS = {"ABS", "DIV", "NEG"}
MADE: dict[str, tuple[str, str, set[str]]] = {
    "deblur_fp16": ("deblur", "fp16", NETWORK | {"DEQUANTIZE"}),
    "defocus_int8": ("defocus", "int8", NETWORK | INT8),
    "preview_fp32": ("preview", "fp32", BLUR),
    "refocus_fp32": ("refocus", "fp32", BLUR | LAYERS),
    "fused_fp32": ("fused", "fp32", NETWORK | BLUR),
}
"""Name -> graph, precision and every operator that the file may hold: nothing custom, nothing of TensorFlow's (Flex),
and no transposes."""


@pytest.fixture(scope="module")
def modules(small_specs: dict[str, GraphSpec]) -> dict[str, torch.nn.Module]:
    """The graphs; the fused one with the quick blur, which converts in less time."""
    quick = Preview().eval()
    defocus, deblur = small_specs["defocus"].module, small_specs["deblur"].module
    return {
        "defocus": defocus,
        "deblur": deblur,
        "preview": quick,
        "refocus": Refocus().eval(),
        "fused": FusedGraph(defocus, deblur, quick).eval(),
    }


@pytest.fixture(scope="module")
def write(
    small_specs: dict[str, GraphSpec], modules: dict[str, torch.nn.Module], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Writes a file of ``MADE`` once."""
    folder, done = tmp_path_factory.mktemp("tflite"), {}

    def make(name: str) -> Path:
        if name not in done:
            graph, precision, _ = MADE[name]
            spec = small_specs[graph]
            samples = [example_inputs(spec, SIZE_PX, SIZE_PX, seed) for seed in (1, 2)]
            write_tflite(
                modules[graph],
                samples[0],
                [tensor.name for tensor in spec.inputs],
                [tensor.name for tensor in spec.outputs],
                folder / f"{name}.tflite",
                precision=precision,
                calibration=samples,
            )
            done[name] = folder / f"{name}.tflite"
        return done[name]

    return make


def run(path: Path, spec: GraphSpec, seed: int = 5) -> tuple[np.ndarray, tuple[torch.Tensor, ...]]:
    """The file's answer to random inputs, and these."""
    inputs = example_inputs(spec, SIZE_PX, SIZE_PX, seed)
    feeds = {tensor.name: channels_last(x).numpy() for tensor, x in zip(spec.inputs, inputs, strict=True)}
    with silence():
        call = Interpreter(str(path), num_threads=1).get_signature_runner(TFLITE_SIGNATURE)
        results = call(**dict(reversed(feeds.items())))  # by name, so in any order
    assert list(results) == [tensor.name for tensor in spec.outputs]
    return next(iter(results.values())), inputs


@pytest.mark.parametrize("name", MADE)
def test_only_operators_that_every_delegate_takes(write: Callable[[str], Path], name: str) -> None:
    found = histogram(tflite_nodes(write(name)))
    assert set(found) <= MADE[name][2]
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
        ("preview_fp32", 1e-5),
        ("refocus_fp32", 1e-5),
        ("fused_fp32", 1e-5),
    ],
)
def test_a_saved_file_answers_by_name_channels_last(
    write: Callable[[str], Path],
    small_specs: dict[str, GraphSpec],
    modules: dict[str, torch.nn.Module],
    name: str,
    tolerance: float,
) -> None:
    graph = MADE[name][0]
    answer, inputs = run(write(name), small_specs[graph])
    np.testing.assert_allclose(answer, channels_last(modules[graph](*inputs)).numpy(), atol=tolerance)


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
    expected, inputs = run(path, spec)
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


def test_the_converter_is_left_as_it_was() -> None:
    registry = tflite_layout._layout_check().nhwcable_node_checkers
    before = dict(registry)
    with tflite_layout._concatenations_laid_out():
        assert dict(registry) != before
    assert dict(registry) == before


def test_a_converter_that_has_moved_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tflite_layout._layout_check(), "NHWCable")
    with pytest.raises(
        ValueError, match=r"litert-torch \S+ keeps its layout pass elsewhere .*NHWCable.*reblur\[export\]"
    ):
        tflite_layout.convert(torch.nn.ReLU(), (torch.rand(1, 1, 4, 4),), 1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"precision": "int4"}, "no TFLite precision 'int4': choose from fp32, fp16, int8"),
        ({"precision": "int8"}, "calibrate"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        write_tflite(torch.nn.ReLU(), (), [], [], tmp_path / "x.tflite", **options)
