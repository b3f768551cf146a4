"""Reads a weight file: MILBlob storage, version 2.

Layout, little-endian: a header of 64 bytes (uint32 count of blobs, uint32 version); then, each at a multiple
of 64, a metadata record of 64 bytes (uint32 sentinel 0xDEADBEEF, uint32 element type, uint64 size in bytes,
uint64 offset of the data, uint64 padding in bits) and the raw data. Programs name a record by its offset.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from export.interpreters.mil.dtypes import decode
from runtime.system.errors import ReblurError

SENTINEL = 0xDEADBEEF
VERSION = 2
HEADER = struct.Struct("<II")
RECORD = struct.Struct("<IIQQQ")
ALIGNMENT = 64

ELEMENT_TYPES: dict[int, str] = {
    1: "FLOAT16",
    2: "FLOAT32",
    3: "UINT8",
    4: "INT8",
    6: "INT16",
    7: "UINT16",
    8: "INT4",
    9: "UINT1",
    10: "UINT2",
    11: "UINT4",
    12: "UINT3",
    13: "UINT6",
    14: "INT32",
    15: "UINT32",
}


class BlobFile:
    """The weights of one package, read whole into memory.

    Args:
        path: the weight file (``weights/weight.bin`` inside a package).

    Raises:
        ReblurError: the file is missing, shorter than a header, or of another version.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ReblurError(f"weight file not found: {path}")
        self.path = path
        self._bytes = path.read_bytes()
        if len(self._bytes) < ALIGNMENT:
            raise ReblurError(f"weight file {path} is truncated: {len(self._bytes)} bytes, a header has {ALIGNMENT}")
        _, version = HEADER.unpack_from(self._bytes)
        if version != VERSION:
            raise ReblurError(f"weight file {path} is of storage version {version}; version {VERSION} is expected")

    def read(self, offset: int, dtype: str, count: int) -> np.ndarray:
        """The blob whose record is at ``offset``.

        Args:
            offset: of the metadata record, in bytes.
            dtype: MIL element type that the program declares.
            count: number of elements that the program declares.

        Returns:
            (count,), NumPy's type for ``dtype`` (8-bit for types below a byte).

        Raises:
            ReblurError: the record or its data is outside the file, or disagrees with what is declared.
        """
        where = f"weight file {self.path}, record at byte {offset}"
        if offset % ALIGNMENT or not 0 < offset <= len(self._bytes) - ALIGNMENT:
            raise ReblurError(f"{where}: not inside the file of {len(self._bytes)} bytes; it is truncated or damaged")
        sentinel, stored, size, start, _ = RECORD.unpack_from(self._bytes, offset)
        if sentinel != SENTINEL:
            raise ReblurError(f"{where}: starts with {sentinel:#x}, not {SENTINEL:#x}; the file is damaged")
        stored_type = ELEMENT_TYPES.get(stored, f"number {stored}")
        if stored_type != dtype:
            raise ReblurError(f"{where}: holds element type {stored_type}, but the program declares {dtype}")
        if start + size > len(self._bytes):
            raise ReblurError(
                f"{where}: its data ends at byte {start + size}, but the file has {len(self._bytes)}; it is truncated"
            )
        try:
            return decode(self._bytes[start : start + size], dtype, count)
        except ValueError as error:
            raise ReblurError(f"{where}: {error}") from error
