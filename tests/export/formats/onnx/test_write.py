from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import pytest
import torch
from onnx import ModelProto, NodeProto, numpy_helper
from torch import Tensor, nn

from export.formats.onnx.quantize import DEQUANTIZE, QUANTIZE
from export.formats.onnx.write import FILE_FORMAT, write_onnx
from export.graphs.specs import GraphSpec, example_inputs
from export.recipes.int8_choice import UNTUNED
from export.recipes.targets import ONNX_OPSET
from train.quantization.settings import Int8Settings

pytestmark = pytest.mark.slow

FLOAT_NETWORK = {"Conv", "ConvTranspose", "Relu", "Add", "Mul"}
FADE = {"Concat", "Clip", "Sub"}
PYRAMID = {"Conv", "Relu", "Add", "Sub", "Mul", "Slice", "Concat", "Clip", "AveragePool", "Resize"}
ALLOWED = {
    "defocus_fp32": FLOAT_NETWORK | {"Sigmoid"},
    "defocus_int8": FLOAT_NETWORK | {"Sigmoid", QUANTIZE, DEQUANTIZE},
    "deblur_fp32": FLOAT_NETWORK | FADE,
    "deblur_int8": FLOAT_NETWORK | FADE | {QUANTIZE, DEQUANTIZE},
    "preview_fp32": PYRAMID | {"Sqrt"},
    "refocus_fp32": PYRAMID | {"Sqrt", "Div", "Min", "Abs", "Neg"},
}
"""Every operator a file may hold. No Transpose, no Reshape, nothing of another domain than ONNX's own."""


class Small(nn.Module):
    """A network with a skip around its second convolution, as the U-Nets have them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.ConvTranspose2d(8, 1, 2, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, H, W)."""
        x = self.stem(image)
        result: Tensor = torch.sigmoid(self.head(x + torch.relu(self.down(x))))
        return result


@pytest.fixture(scope="module")
def small() -> Small:
    torch.manual_seed(0)
    return Small().eval().requires_grad_(False)


def write(module: nn.Module, path: Path, precision: str, float_first_convs: int = 0) -> ModelProto:
    generator = torch.Generator().manual_seed(1)
    samples = [(torch.rand(1, 3, 16, 16, generator=generator),) for _ in range(4)]
    write_onnx(
        module,
        samples[0],
        ["image"],
        ["sigma_px"],
        path,
        precision=precision,
        calibration=samples,
        settings=Int8Settings(float_first_convs=(float_first_convs,)),
    )
    return onnx.load(path)


def weight_of(node: NodeProto, model: ModelProto) -> NodeProto | None:
    """What dequantises the weight of a convolution; None where it is float."""
    makers = {output: maker for maker in model.graph.node for output in maker.output}
    return makers.get(node.input[1])


def float_convs(model: ModelProto) -> Iterator[NodeProto]:
    return (n for n in model.graph.node if n.op_type == "Conv" and weight_of(n, model) is None)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_only_plain_operators(small_export: Path, name: str) -> None:
    model = onnx.load(small_export / f"{name}.onnx")
    found = Counter(node.op_type for node in model.graph.node)
    assert set(found) <= ALLOWED[name]
    assert sum(found.values()) > 10
    assert {node.domain for node in model.graph.node} == {""}
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", ONNX_OPSET)]
    assert model.ir_version == FILE_FORMAT


@pytest.mark.parametrize("name", ["deblur_fp32", "deblur_int8"])
def test_the_border_is_float_nchw_of_fixed_shape(small_export: Path, name: str) -> None:
    graph = onnx.load(small_export / f"{name}.onnx").graph
    border = [
        (t.name, t.type.tensor_type.elem_type, [axis.dim_value for axis in t.type.tensor_type.shape.dim])
        for t in (*graph.input, *graph.output)
    ]
    assert border == [
        ("image", onnx.TensorProto.FLOAT, [1, 3, 64, 64]),
        ("sigma_px", onnx.TensorProto.FLOAT, [1, 1, 64, 64]),
        ("sharp", onnx.TensorProto.FLOAT, [1, 3, 64, 64]),
    ]


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_files_tell_nothing_of_where_they_were_made(small_export: Path, name: str) -> None:
    content = (small_export / f"{name}.onnx").read_bytes()
    for trace in (b".py", b"aten", b"onnxsim", str(Path.cwd()).encode()):
        assert trace not in content


def test_a_saved_file_answers_by_name(small_export: Path, small_specs: dict[str, GraphSpec]) -> None:
    spec = small_specs["deblur"]
    image, sigma_px = example_inputs(spec, 64, 64, seed=5)
    session = onnxruntime.InferenceSession(small_export / "deblur_fp32.onnx", providers=["CPUExecutionProvider"])
    (answer,) = session.run(["sharp"], {"sigma_px": sigma_px.numpy(), "image": image.numpy()})
    np.testing.assert_allclose(answer, spec.module(image, sigma_px).numpy(), atol=1e-5)


def test_int8_is_much_smaller(small_export: Path) -> None:
    sizes = [(small_export / f"deblur_{precision}.onnx").stat().st_size for precision in ("int8", "fp32")]
    assert sizes[0] < 0.6 * sizes[1]


def test_weights_have_a_scale_for_each_channel(small_export: Path) -> None:
    model = onnx.load(small_export / "deblur_int8.onnx")
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convs) > len(list(float_convs(model))) + 3
    for conv in convs:
        dequantize = weight_of(conv, model)
        if dequantize is None:  # stays float
            continue
        weight, scale, zero_point = (values[name] for name in dequantize.input)
        assert (weight.dtype, scale.shape) == (np.int8, (weight.shape[0],))
        assert (int(np.abs(weight).max()) > 64, np.any(zero_point)) == (True, False)


def test_what_stays_float_is_counted_as_elsewhere(small_export: Path) -> None:
    for graph, settings in UNTUNED["onnx"].items():
        blur = onnx.load(small_export / "refocus_fp32.onnx") if graph == "fused" else None
        expected = sum(settings.float_first_convs) + (len(list(float_convs(blur))) if blur else 0)
        assert len(list(float_convs(onnx.load(small_export / f"{graph}_int8.onnx")))) == expected


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_first_convolutions_and_what_follows_the_head_compute_in_float(
    small: Small, tmp_path: Path, count: int
) -> None:
    model = write(small, tmp_path / "small.onnx", "int8", count)
    makers = {output: node.op_type for node in model.graph.node for output in node.output}
    kept = list(float_convs(model))
    assert len(kept) == count
    # Not even the copy that a quantised neighbour reads: the stem feeds the second convolution and the addition.
    assert {makers.get(node.input[0], "input") for node in kept} <= {"input", "Conv"}
    (sigmoid,) = (node for node in model.graph.node if node.op_type == "Sigmoid")
    assert makers[sigmoid.input[0]] == DEQUANTIZE
    assert sigmoid.output[0] == "sigma_px"


def test_int8_follows_the_float_network(small: Small, tmp_path: Path) -> None:
    write(small, tmp_path / "small.onnx", "int8")
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx", providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"image": image.numpy()})
    error = np.abs(answer - small(image).numpy())
    assert 0.0 < error.max() < 0.02


def test_percentiles_are_the_widest_of_any_sample(small: Small, tmp_path: Path) -> None:
    """A bright picture among dark ones keeps its range: onnxruntime's own percentiles would cut it off."""
    bright = (torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2)),)
    dark = [(torch.full_like(bright[0], 0.01),)] * 200
    scales = []
    for name, samples in (("among.onnx", [*dark, bright]), ("alone.onnx", [bright])):
        path, settings = tmp_path / name, Int8Settings(ranges="percentile-99.9")
        write_onnx(
            small, bright, ["image"], ["sigma_px"], path, precision="int8", calibration=samples, settings=settings
        )
        tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
        scales.append(float(tensors["image_scale"]))
    assert scales[0] == pytest.approx(scales[1], rel=0.02)


def test_the_same_network_gives_the_same_bytes(small: Small, tmp_path: Path) -> None:
    contents = []
    for name in ("first.onnx", "second.onnx"):
        write(small, tmp_path / name, "int8")
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_a_simplified_graph_that_answers_otherwise_is_refused(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxsim, "simplify", lambda model, check_n: (model, False))
    with pytest.raises(ValueError, match="answers differently"):
        write(small, tmp_path / "small.onnx", "fp32")
    assert list(tmp_path.iterdir()) == []


def test_int8_needs_a_head_to_hold_on_to(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ends in a ConvTranspose"):
        write(nn.Sequential(nn.Conv2d(3, 8, 3)).eval(), tmp_path / "x.onnx", "int8")


def test_an_unknown_precision_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp32, int8"):
        write_onnx(nn.ReLU(), (), [], [], tmp_path / "x.onnx", precision="fp16")


def test_int8_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibrate"):
        write_onnx(nn.ReLU(), (), [], [], tmp_path / "x.onnx", precision="int8")
