"""What each delegate takes: on made-up graphs, on a file that is cut in pieces, and on a real export."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.analysis.coverage import Coverage, count_subgraphs
from export.analysis.operators import OpNode, work
from export.formats.mlpackage.operators import mil_nodes
from export.formats.onnx.operators import onnx_nodes
from export.formats.pte.operators import pte_nodes
from export.formats.table import coverage, read_graph
from export.formats.tflite.operators import tflite_nodes
from export.graphs.specs import GraphSpec
from runtime.manifest.manifest import Manifest
from runtime.system.files import write_atomically
from runtime.system.silence import silence

pytestmark = pytest.mark.slow

SIDE_PX = 16


class NearestUpsampling(nn.Module):
    """XNNPACK in ExecuTorch leaves the index arithmetic of the up-sampling behind."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(nn.functional.interpolate(self.before(x), scale_factor=2, mode="nearest"))


@pytest.fixture(scope="module")
def cut_pte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pte") / "cut.pte"
    with silence(), torch.no_grad():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(NearestUpsampling().eval(), (torch.rand(1, 3, SIDE_PX, SIDE_PX),))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        write_atomically(path, bytes(lowered.to_executorch().buffer))
    return path


def chain(pattern: str) -> tuple[list[OpNode], list[bool]]:
    """Operators one after the other, taken where the pattern has a 1."""
    nodes = [OpNode(op="op", output=f"t{i}", reads=(f"t{i - 1}",), writes=(f"t{i}",)) for i in range(len(pattern))]
    return nodes, [character == "1" for character in pattern]


@pytest.mark.parametrize(("pattern", "expected"), [("111", 1), ("000", 0), ("101", 2), ("01101001", 3), ("", 0)])
def test_pieces_of_a_chain(pattern: str, expected: int) -> None:
    assert count_subgraphs(*chain(pattern)) == expected


def test_branches_join_into_one_piece() -> None:
    # a -> b -> c -> d, beside it a -> e -> d: only b is left out, so a and e go first, then c and d.
    names = [("a", "x"), ("b", "a"), ("e", "a"), ("c", "b"), ("d", "c e")]
    nodes = [OpNode(op="op", output=n, reads=tuple(reads.split()), writes=(n,)) for n, reads in names]
    assert count_subgraphs(nodes, [n.output != "b" for n in nodes]) == 2


def test_a_prediction_is_never_a_failure() -> None:
    measured = Coverage(
        delegate="XNNPACK",
        method="measured",
        subgraphs=2,
        inside={"CONV_2D": 3},
        outside={"GATHER": 1},
        multiplications_inside=75,
        multiplications_outside=25,
    )
    assert measured.failure == "XNNPACK takes the graph in 2 subgraphs, not 1; operators outside: GATHER x 1"
    assert measured.share_inside == 0.75
    assert dataclasses.replace(measured, method="predicted").failure == ""
    assert dataclasses.replace(measured, subgraphs=1).failure == ""
    assert dataclasses.replace(measured, subgraphs=0).failure != ""


def test_unknown_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a file ending in \.mlpackage or \.onnx or \.pte or \.tflite"):
        coverage(read_graph(Path("model.bin")))
    for name in ("model.tflite", "model.pte", "model.onnx"):
        (tmp_path / name).write_bytes(b"not a model at all")
        with pytest.raises(ValueError, match=r"model\.\w+ is (not|damaged, or no) "):
            coverage(read_graph(tmp_path / name))


@pytest.fixture(scope="module")
def quantized_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 3x3 convolution 3 -> 8 of int8 weights and activations, then a product."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    constants: dict[str, np.ndarray] = {
        "scale": np.array(0.1, np.float32),
        "zero": np.array(0, np.int8),
        "weight": np.ones((8, 3, 3, 3), np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "scale", "zero"], ["xd"]),
        helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], ["wd"]),
        helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["c", "scale", "zero"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "scale", "zero"], ["cd"]),
        helper.make_node("Mul", ["cd", "cd"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, SIDE_PX, SIDE_PX))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 8, SIDE_PX, SIDE_PX))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    save(model, str(path))
    return path


def test_onnx_is_whole_on_a_cpu_and_cut_where_browsers_lack_an_operator(quantized_onnx: Path) -> None:
    here, browser = coverage(read_graph(quantized_onnx))
    assert (here.delegate, here.method, here.subgraphs, here.outside) == ("CPU (onnxruntime)", "measured", 1, {})
    assert (browser.method, browser.subgraphs, browser.outside) == ("predicted", 2, {"QuantizeLinear": 2})
    assert browser.failure == ""
    assert here.multiplications_inside == SIDE_PX**2 * (8 * 27 + 8)


def test_onnx_weights_are_not_read(quantized_onnx: Path) -> None:
    nodes = {node.output: node for node in onnx_nodes(quantized_onnx)}
    assert nodes["c"].reads == ("xd",)
    assert nodes["c"].kernel == (3, 3)
    assert nodes["xq"].dtypes == ("FLOAT", "INT8")


def test_a_cut_pte_is_counted(cut_pte: Path) -> None:
    (found,) = coverage(read_graph(cut_pte))
    assert found.subgraphs > 1
    assert "subgraphs, not 1; operators outside: aten::" in found.failure
    assert found.inside["XNNConv2d"] == 2
    # 3x3 convolution 3 -> 8 at 16x16, then 1x1 convolution 8 -> 4 at 32x32.
    convolutions = [node for node in pte_nodes(cut_pte).operators if node.op == "XNNConv2d"]
    assert [node.multiplications for node in convolutions] == [16 * 16 * 8 * 27, 32 * 32 * 4 * 8]


def test_every_exported_graph_is_one_subgraph(small_export: Path) -> None:
    measured = 0
    for artifact in Manifest.load(small_export).artifacts:
        for part in coverage(read_graph(small_export / artifact.path, artifact.function)):
            assert part.failure == "", artifact.path
            if part.method == "measured":
                assert part.subgraphs == 1
                assert part.outside == {}
                measured += 1
    assert measured >= 10


def test_formats_agree_on_the_work_of_convolutions(small_export: Path, small_specs: dict[str, GraphSpec]) -> None:
    counted: list[int] = []

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            plane = output if isinstance(module, nn.Conv2d) else inputs[0]
            counted.append(plane.numel() * module.weight[0].numel())

    graph = small_specs["deblur"].module
    hooks = [module.register_forward_hook(count) for module in graph.modules()]
    with torch.no_grad():
        graph(torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64))
    for hook in hooks:
        hook.remove()
    tflite = [n for n in tflite_nodes(small_export / "deblur_fp32.tflite") if "CONV" in n.op]
    core_ml = [n for n in mil_nodes(small_export / "deblur_fp16.mlpackage") if "conv" in n.op]
    executorch = [
        n for n in pte_nodes(small_export / "deblur_fp32.pte").operators if "Conv" in n.op and n.multiplications
    ]
    onnx = [n for n in onnx_nodes(small_export / "deblur_fp32.onnx") if "Conv" in n.op]
    assert work(tflite) == work(core_ml) == work(executorch) == work(onnx) == sum(counted) > 0
