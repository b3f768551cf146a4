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
from export.graphs.specs import GraphSpec, example_inputs
from export.recipes.targets import TFLITE_SIGNATURE
from runtime.manifest.manifest import Artifact
from runtime.manifest.records import ArtifactTensor
from runtime.system.silence import silence

pytestmark = pytest.mark.slow

SIZE_PX = 64
"""Of the small export."""
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
    "fused_fp32": ("fused", "fp32", NETWORK | BLUR | LAYERS),
}
"""Name -> graph, precision and every operator that the file may hold: nothing custom, nothing of TensorFlow's (Flex),
and no transposes."""


@pytest.fixture
def written(small_export: Path) -> Callable[[str], Path]:
    """A file of ``MADE``: as the small export has written it."""
    return lambda name: small_export / f"{name}.tflite"


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
def test_only_operators_that_every_delegate_takes(written: Callable[[str], Path], name: str) -> None:
    found = histogram(tflite_nodes(written(name)))
    assert set(found) <= MADE[name][2]
    assert sum(found.values()) > 10


@pytest.mark.parametrize("name", MADE)
def test_xnnpack_takes_each_file_in_one_piece(written: Callable[[str], Path], name: str) -> None:
    measured = coverage(read_graph(written(name)))[0]
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
    written: Callable[[str], Path],
    small_specs: dict[str, GraphSpec],
    name: str,
    tolerance: float,
) -> None:
    spec = small_specs[MADE[name][0]]
    answer, inputs = run(written(name), spec)
    np.testing.assert_allclose(answer, channels_last(spec.module(*inputs)).numpy(), atol=tolerance)


def test_int8_is_entered_once_and_left_once_and_the_same_module_gives_the_same_bytes(
    small_specs: dict[str, GraphSpec], tmp_path: Path
) -> None:
    """More would mean float islands inside the network."""
    spec, paths = small_specs["defocus"], (tmp_path / "first.tflite", tmp_path / "again.tflite")
    samples = [example_inputs(spec, SIZE_PX, SIZE_PX, seed) for seed in (1, 2)]
    for path in paths:
        write_tflite(spec.module, samples[0], ["image"], ["sigma_px"], path, precision="int8", calibration=samples)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = histogram(tflite_nodes(paths[0]))
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (1, 1)


def test_fp16_arithmetic_is_what_the_file_is_run_in(
    written: Callable[[str], Path], small_specs: dict[str, GraphSpec]
) -> None:
    spec, path = small_specs["deblur"], written("deblur_fp16")

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
