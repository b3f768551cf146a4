"""The weight file reader, on bytes built here by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from export.interpreters.mil.blob import BlobFile

FLOAT16, INT8, UINT4 = 1, 4, 11


def record(dtype: int, data: bytes, sentinel: int = 0xDEADBEEF) -> bytes:
    """A header, one record at byte 64 and its data at byte 128."""
    header = struct.pack("<II", 1, 2).ljust(64, b"\0")
    metadata = struct.pack("<IIQQQ", sentinel, dtype, len(data), 128, 0).ljust(64, b"\0")
    return header + metadata + data


def open_blob(tmp_path: Path, content: bytes) -> BlobFile:
    path = tmp_path / "weight.bin"
    path.write_bytes(content)
    return BlobFile(path)


def test_reads_fp16(tmp_path: Path) -> None:
    # 1.0, -2.0 and 0.5 in fp16: 3c00, c000, 3800.
    blob = open_blob(tmp_path, record(FLOAT16, bytes.fromhex("003c00c00038")))
    values = blob.read(64, "FLOAT16", 3)
    assert values.dtype == np.float16
    assert values.tolist() == [1.0, -2.0, 0.5]


def test_reads_signed_bytes(tmp_path: Path) -> None:
    assert open_blob(tmp_path, record(INT8, b"\x00\x7f\x80\xff")).read(64, "INT8", 4).tolist() == [
        0,
        127,
        -128,
        -1,
    ]


def test_reads_half_bytes_low_half_first(tmp_path: Path) -> None:
    assert open_blob(tmp_path, record(UINT4, b"\x21\x03")).read(64, "UINT4", 3).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\2\0\0\0", "truncated: 4 bytes"),
        (struct.pack("<II", 1, 7).ljust(64, b"\0"), "version 7; version 2 is expected"),
    ],
)
def test_refuses_a_bad_header(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_blob(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "offset", "dtype", "count", "message"),
    [
        (
            record(FLOAT16, b"\0\0" * 3)[:-1],
            64,
            "FLOAT16",
            3,
            "ends at byte 134, but the file has 133; it is truncated",
        ),
        (record(FLOAT16, b"")[:100], 64, "FLOAT16", 3, "not inside the file of 100 bytes"),
        (record(FLOAT16, b"\0\0" * 3), 0, "FLOAT16", 3, "not inside"),
        (record(FLOAT16, b"\0\0" * 3), 70, "FLOAT16", 3, "not inside"),
        (record(FLOAT16, b"\0\0" * 3, sentinel=0xDEADBEE0), 64, "FLOAT16", 3, "0xdeadbee0, not 0xdeadbeef"),
        (
            record(FLOAT16, b"\0\0" * 3),
            64,
            "INT8",
            3,
            "holds element type FLOAT16, but the program declares INT8",
        ),
        (record(99, b"\0\0" * 3), 64, "INT8", 3, "holds element type number 99"),
        (record(FLOAT16, b"\0\0" * 3), 64, "FLOAT16", 4, "4 FLOAT16 values take 8 bytes, but 6 are stored"),
    ],
)
def test_refuses_damage(tmp_path: Path, content: bytes, offset: int, dtype: str, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_blob(tmp_path, content).read(offset, dtype, count)


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"weight file not found: .*weight\.bin"):
        BlobFile(tmp_path / "weight.bin")
