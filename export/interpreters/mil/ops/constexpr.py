"""Compressed weights: ops that make a dense constant once, when the program is loaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.dtypes import unpack_bits
from runtime.system.errors import ReblurError


def affine_dequantize(arguments: Arguments) -> Tensor:
    """Scale * (quantized_data - zero_point), both per tensor or along ``axis``."""
    data = arguments.tensor("quantized_data").float()
    shape = [1] * data.dim()
    shape[arguments.integer("axis")] = -1

    def along_axis(name: str) -> Tensor:
        parameter = arguments.tensor(name).float()
        return parameter.reshape(shape) if parameter.dim() else parameter

    return (data - along_axis("zero_point")) * along_axis("scale")


def blockwise_shift_scale(arguments: Arguments) -> Tensor:
    """Scale * (data - offset), each scale serving one block of the data."""
    data = arguments.tensor("data").float()
    offset = arguments.optional_tensor("offset")
    if offset is not None:
        data = data - _spread(offset.float(), data.shape)
    return data * _spread(arguments.tensor("scale").float(), data.shape)


def lut_to_dense(arguments: Arguments) -> Tensor:
    """Weights from a look-up table.

    Two layouts share the name. Up to iOS 17, one table (P,) and packed indices (M,) with the shape beside
    them; from iOS 18, indices of the weights' own shape and a table per block (blocks..., P, 1).
    """
    indices, table = arguments.tensor("indices"), arguments.tensor("lut")
    if "shape" in arguments:
        shape = arguments.integers("shape")
        bits = (table.numel() - 1).bit_length()
        packed = indices.numpy().astype(np.uint8)
        unpacked = unpack_bits(packed, bits, int(np.prod(shape)))
        return table[torch.from_numpy(unpacked).long()].reshape(shape)
    if table.shape[-1] != 1:
        raise ReblurError(f"look-up tables of vectors are not supported (vectors of {table.shape[-1]})")
    tables = _spread(table[..., 0], (*indices.shape, table.shape[-2]))
    return torch.gather(tables, -1, indices.unsqueeze(-1)).squeeze(-1)


def _spread(blocks: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``blocks`` repeated along each dimension until it has ``shape``."""
    for dim, size in enumerate(shape):
        if blocks.dim() != len(shape) or size % blocks.shape[dim]:
            raise ReblurError(f"blocks of shape {tuple(blocks.shape)} do not divide a tensor of shape {tuple(shape)}")
        if blocks.shape[dim] not in (1, size):
            blocks = blocks.repeat_interleave(size // blocks.shape[dim], dim)
    return blocks.expand(shape)


CONSTEXPR_OPS: dict[str, Callable[[Arguments], Tensor]] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_lut_to_dense": lut_to_dense,
}
