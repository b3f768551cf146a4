"""MIL element types: how each is stored, and the few types the interpreter computes in.

A package stores many types; a running program knows four: float32 tensors, int64 tensors, bool tensors and
text. An fp16 value is held as the float32 of the same value: rounding is explicit (``round_to_fp16``), and
what one op does inside, a convolution's sums for one, is done in float32.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from runtime.system.errors import ReblurError

Value = Tensor | str


NUMPY_TYPES: dict[str, np.dtype] = {
    "FLOAT16": np.dtype("<f2"),
    "FLOAT32": np.dtype("<f4"),
    "FLOAT64": np.dtype("<f8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "BOOL": np.dtype("?"),
}

PACKED_TYPES: dict[str, tuple[int, bool]] = {
    "INT4": (4, True),
    "UINT1": (1, False),
    "UINT2": (2, False),
    "UINT3": (3, False),
    "UINT4": (4, False),
    "UINT6": (6, False),
}
"""Types below a byte: (bits, signed)."""

CAST_TYPES: dict[str, torch.dtype] = {
    "fp16": torch.float32,
    "fp32": torch.float32,
    "bool": torch.bool,
    **{f"{sign}int{bits}": torch.int64 for sign in ("", "u") for bits in (8, 16, 32)},
}
"""The spelling of ``cast``'s dtype argument -> the type computed in."""


def is_float(dtype: str) -> bool:
    """Whether MIL type ``dtype`` is a floating-point one."""
    return dtype.startswith("FLOAT")


def computed_type(dtype: str) -> torch.dtype:
    """The torch type in which the interpreter holds tensors of MIL type ``dtype``."""
    if is_float(dtype):
        return torch.float32
    return torch.bool if dtype == "BOOL" else torch.int64


def unpack_bits(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Unsigned integers of ``bits`` bits each, stored least significant bit first across byte borders.

    Args:
        packed: (ceil(count * bits / 8),) uint8.
        bits: width of one integer, 1 to 8.
        count: how many to read.

    Returns:
        (count,) uint8.
    """
    flat = np.unpackbits(packed, bitorder="little")[: count * bits].reshape(count, bits)
    return (flat.astype(np.int64) << np.arange(bits)).sum(axis=1).astype(np.uint8)


def decode(raw: bytes, dtype: str, count: int) -> np.ndarray:
    """``count`` elements of MIL type ``dtype`` from their stored bytes.

    Raises:
        ReblurError: the type is not a stored one, or the bytes are not as many as ``count`` elements take.
    """
    if dtype in PACKED_TYPES:
        bits, signed = PACKED_TYPES[dtype]
        _check_size(raw, (count * bits + 7) // 8, dtype, count)
        values = unpack_bits(np.frombuffer(raw, np.uint8), bits, count)
        if not signed:
            return values
        wide = values.astype(np.int64)
        return np.where(wide >= 1 << (bits - 1), wide - (1 << bits), wide).astype(np.int8)
    if dtype not in NUMPY_TYPES:
        known = ", ".join([*NUMPY_TYPES, *PACKED_TYPES])
        raise ReblurError(f"element type {dtype} is not one that can be read; these can: {known}")
    _check_size(raw, count * NUMPY_TYPES[dtype].itemsize, dtype, count)
    return np.frombuffer(raw, NUMPY_TYPES[dtype])


def to_tensor(array: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """``array`` as a float32, int64 or bool tensor of ``shape``."""
    kinds = {"f": np.float32, "b": np.bool_}
    values: np.ndarray = array.astype(kinds.get(array.dtype.kind, np.int64))
    return torch.from_numpy(np.ascontiguousarray(values)).reshape(shape)


def _check_size(raw: bytes, expected: int, dtype: str, count: int) -> None:
    if len(raw) != expected:
        raise ReblurError(f"{count} {dtype} values take {expected} bytes, but {len(raw)} are stored")
