"""Compressed weights: each layout by hand, and saved packages against coremltools' own decompression."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from export.interpreters.mil import MilProgram
from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.ops import OPS
from export.interpreters.mil.quiet import quiet

SHAPE = (1, 8, 16, 16)


def call(op_type: str, **values: Any) -> torch.Tensor:
    result = OPS[op_type](Arguments({name: [torch.as_tensor(value)] for name, value in values.items()}))
    assert isinstance(result, torch.Tensor)
    return result


def test_affine_along_an_axis() -> None:
    dense = call(
        "constexpr_affine_dequantize",
        quantized_data=[[1, 2, 3], [4, 5, 6]],
        zero_point=[1, 1, 2],
        scale=[0.5, 2.0, 10.0],
        axis=1,
    )
    assert dense.tolist() == [[0.0, 2.0, 10.0], [1.5, 8.0, 40.0]]


def test_affine_for_the_whole_tensor() -> None:
    dense = call("constexpr_affine_dequantize", quantized_data=[[1, 3]], zero_point=1, scale=0.5, axis=0)
    assert dense.tolist() == [[0.0, 1.0]]


def test_packed_look_up_table() -> None:
    # The specification's example: two-bit indices 0, 3, 2, 1, 3 in two bytes.
    dense = call(
        "constexpr_lut_to_dense",
        indices=[0b01101100, 0b00000011],
        lut=[10.0, 11.0, 12.0, 13.0],
        shape=[5],
    )
    assert dense.tolist() == [10.0, 13.0, 12.0, 11.0, 13.0]


def test_look_up_table_per_block() -> None:
    # The specification's example: two tables, one for the first three rows and one for the last three.
    indices = torch.tensor([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3]).reshape(6, 2)
    tables = torch.tensor([1.0, 5.0, 9.0, 13.0, 2.0, 10.0, 18.0, 26.0]).reshape(2, 1, 4, 1)
    dense = call("constexpr_lut_to_dense", indices=indices, lut=tables)
    assert dense.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


def test_scale_and_offset_per_block() -> None:
    dense = call(
        "constexpr_blockwise_shift_scale",
        data=[[1, 2, 3, 4], [5, 6, 7, 8]],
        scale=[[1.0, 10.0]],
        offset=[[0, 3]],
    )
    assert dense.tolist() == [[1.0, 2.0, 0.0, 10.0], [5.0, 6.0, 40.0, 50.0]]


def test_blocks_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"blocks of shape \(1, 3\) do not divide a tensor of shape \(2, 4\)"):
        call("constexpr_blockwise_shift_scale", data=torch.ones(2, 4), scale=torch.ones(1, 3))


def test_tables_of_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"vectors are not supported \(vectors of 3\)"):
        call("constexpr_lut_to_dense", indices=torch.zeros(2, 2), lut=torch.zeros(1, 1, 2, 3))


def int8(tools: Any, model: Any) -> Any:
    config = tools.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=64)
    return tools.linear_quantize_weights(model, tools.OptimizationConfig(global_config=config))


def int8_asymmetric(tools: Any, model: Any) -> Any:
    config = tools.OpLinearQuantizerConfig(mode="linear", weight_threshold=64)
    return tools.linear_quantize_weights(model, tools.OptimizationConfig(global_config=config))


def int4_blocks(tools: Any, model: Any) -> Any:
    config = tools.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=4, weight_threshold=64
    )
    return tools.linear_quantize_weights(model, tools.OptimizationConfig(global_config=config))


def palette_6(tools: Any, model: Any) -> Any:
    config = tools.OpPalettizerConfig(mode="uniform", nbits=6, weight_threshold=64)
    return tools.palettize_weights(model, tools.OptimizationConfig(global_config=config))


def constexprs(model: Any) -> list[Any]:
    """The operations that make dense weights from compressed ones."""
    operations = model._mil_program.functions["main"].operations
    return [operation for operation in operations if operation.op_type.startswith("constexpr_")]


@pytest.fixture(scope="module")
def converted() -> dict[str, Any]:
    """A small net converted for two generations, which store compressed weights differently."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(16, 8, 2, 2)).eval()
    with quiet(), torch.no_grad():
        import coremltools as ct

        traced = torch.jit.trace(net, torch.rand(SHAPE))
        return {
            target: ct.convert(
                traced,
                inputs=[ct.TensorType(name="x", shape=SHAPE)],
                outputs=[ct.TensorType(name="y")],
                minimum_deployment_target=getattr(ct.target, target),
                skip_model_load=True,
            )
            for target in ("iOS17", "iOS18")
        }


@pytest.mark.parametrize(
    ("target", "compress", "op_type"),
    [
        ("iOS17", int8, "constexpr_affine_dequantize"),
        ("iOS17", int8_asymmetric, "constexpr_affine_dequantize"),
        ("iOS17", palette_6, "constexpr_lut_to_dense"),
        ("iOS18", int8_asymmetric, "constexpr_blockwise_shift_scale"),
        ("iOS18", int4_blocks, "constexpr_blockwise_shift_scale"),
        ("iOS18", palette_6, "constexpr_lut_to_dense"),
    ],
)
def test_saved_package_agrees_with_its_decompressed_twin(
    converted: dict[str, Any],
    tmp_path: Path,
    target: str,
    compress: Callable[[Any, Any], Any],
    op_type: str,
) -> None:
    with quiet():
        import coremltools.optimize.coreml as tools

        compressed = compress(tools, converted[target])
        plain = tools.decompress_weights(compressed)
        compressed.save(str(tmp_path / "compressed.mlpackage"))
        plain.save(str(tmp_path / "plain.mlpackage"))
    assert op_type in {operation.op_type for operation in constexprs(compressed)}
    x = np.random.default_rng(0).random(SHAPE, np.float32)
    ours, theirs = (MilProgram.load(tmp_path / f"{name}.mlpackage") for name in ("compressed", "plain"))
    dense = {operation.outputs[0].name for operation in constexprs(compressed)}
    assert dense <= set(theirs.constants)
    for name in dense:
        np.testing.assert_array_equal(ours.constants[name], theirs.constants[name])
        assert len(np.unique(ours.constants[name])) > 10
    result, twin = (program.run({"x": x}, "fp32")["y"] for program in (ours, theirs))
    np.testing.assert_array_equal(result, twin)
    assert np.ptp(result) > 0.1
