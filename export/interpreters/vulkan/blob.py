"""Reads the delegate's data: a header, a flatbuffer with the graph, and constants by the digest of their bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from export.interpreters.pte_program import read_flatbuffer
from export.interpreters.vulkan.values import Call, IdList, Value, VkGraph, VkTensor
from runtime.system.errors import ReblurError

MAGIC = b"VH00"
NAMED = 2**64 - 1
"""Offset of a constant that is kept beside the graph under its name."""
ELEMENT_TYPES: dict[str, np.dtype] = {
    "FLOAT16": np.dtype("<f2"),
    "FLOAT32": np.dtype("<f4"),
    "INT32": np.dtype("<i4"),
    "INT8": np.dtype("<i1"),
    "UINT8": np.dtype("<u1"),
}
"""Type of a constant's elements -> how they are stored."""
SCALARS = {"Int": "int_val", "Bool": "bool_val", "Double": "double_val", "String": "string_val"}
"""Kind of a value -> the field that has it."""


def read_graph(data: bytes, constants: Mapping[str, bytes], path: Path) -> VkGraph:
    """The graph in the delegate's ``data``.

    Args:
        data: what the delegate is handed.
        constants: what the file keeps for it, by name.
        path: of the file, for errors.

    Raises:
        ReblurError: the data is damaged, or a constant is missing or not the one that it is named after.
    """
    content = read_flatbuffer(data, MAGIC, "vulkan", path)
    try:
        stored = [_constant_bytes(entry, data, constants) for entry in content.get("constants", [])]
        return VkGraph(
            values=tuple(_value(entry, stored) for entry in content["values"]),
            calls=tuple(_call(entry) for entry in content["chain"]),
            inputs=tuple(content["input_ids"]),
            outputs=tuple(content["output_ids"]),
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ReblurError(f"the Vulkan graph in {path} is damaged: {error!r}") from error
    except ValueError as error:
        raise ReblurError(f"the Vulkan graph in {path} cannot be read: {error}") from error


def _call(entry: Mapping[str, Any]) -> Call:
    *arguments, output = entry["args"]
    return Call(op=entry["name"], arguments=tuple(arguments), output=output)


def _constant_bytes(entry: Mapping[str, Any], data: bytes, constants: Mapping[str, bytes]) -> bytes:
    if entry["offset"] != NAMED:
        start = int.from_bytes(data[18:22], "little") + entry["offset"]
        return data[start : start + entry["length"]]
    name = entry["named_key"]
    if name not in constants:
        raise ReblurError(f"constant {name} is missing")
    stored = constants[name][: entry["length"]]
    if hashlib.sha256(stored).hexdigest() != name:
        raise ReblurError(f"constant {name} has other bytes than it is named after")
    return stored


def _value(entry: Mapping[str, Any], stored: list[bytes]) -> Value:
    kind, fields = entry["value_type"], entry.get("value", {})
    if kind == "VkTensor":
        return _tensor(fields, stored)
    if kind == "ValueList":
        return IdList(tuple(fields.get("items", ())))
    if kind in ("IntList", "DoubleList", "BoolList"):
        return tuple(fields.get("items", ()))
    if kind == "Null":
        return None
    if kind not in SCALARS:
        raise ReblurError(f"a value of kind {kind} cannot be read")
    value: Value = fields[SCALARS[kind]]
    return float(fields["double_val"]) if kind == "Double" else value


def _tensor(fields: Mapping[str, Any], stored: list[bytes]) -> VkTensor:
    shape = tuple(fields.get("dims", ()))
    number = fields["constant_id"]
    return VkTensor(
        dtype=fields["datatype"],
        shape=shape,
        memory=fields["mem_obj_id"],
        storage=fields["storage_type"],
        layout=fields["memory_layout"],
        constant=_elements(stored[number], fields["datatype"], shape) if number >= 0 else None,
    )


def _elements(raw: bytes, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A constant as float32 or int64, which is what the ops compute with."""
    if dtype not in ELEMENT_TYPES:
        raise ReblurError(f"constants of type {dtype} cannot be read; these can: {', '.join(ELEMENT_TYPES)}")
    element = ELEMENT_TYPES[dtype]
    if len(raw) != math.prod(shape) * element.itemsize:
        raise ReblurError(f"a constant of {dtype} {list(shape)} should not have {len(raw)} bytes")
    array = np.frombuffer(raw, element).astype(np.float32 if element.kind == "f" else np.int64)
    return torch.from_numpy(array.reshape(shape))
