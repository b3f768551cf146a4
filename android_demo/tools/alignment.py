"""Writes an APK's zip with its uncompressed entries aligned, and checks one.

Android maps uncompressed entries straight from the file: resources.arsc must start at a multiple of 4 bytes, a shared
library at a multiple of the page size, which is 16 KB on new phones; and a library's own segments must be aligned so.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from processes import BuildError

PAGE = 16 * 1024
STORED = (".so", ".arsc", ".tflite", ".pte")
WHEN = (1981, 1, 1, 1, 1, 2)
"""One time stamp for all entries, so that the same input gives the same file."""
ANDROID_EXTRA = 0xD935
"""Kind of the extra field that holds an alignment, then padding."""


def boundary_of(name: str) -> int:
    """The byte boundary at which an uncompressed entry must start."""
    return PAGE if name.endswith(".so") else 4


def write(target: Path, base: Path, extra: dict[str, Path]) -> None:
    """Copy the entries of the zip ``base`` and add files by entry name, all uncompressed ones aligned."""
    with zipfile.ZipFile(base) as source, target.open("wb") as file, zipfile.ZipFile(file, "w") as apk:
        contents = {name: source.read(name) for name in source.namelist()}
        contents |= {name: path.read_bytes() for name, path in extra.items()}
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            if entry.compress_type == zipfile.ZIP_STORED:
                before = file.tell() + 30 + len(name.encode()) + 6
                padding = -before % boundary_of(name)
                entry.extra = struct.pack("<HHH", ANDROID_EXTRA, 2 + padding, boundary_of(name)) + bytes(padding)
            apk.writestr(entry, data)


def check(apk: Path) -> None:
    """Refuse an APK with a stored entry off its boundary, or a library linked for smaller pages.

    Raises:
        BuildError: says which.
    """
    data = apk.read_bytes()
    with zipfile.ZipFile(apk) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                continue
            name_size, extra_size = struct.unpack_from("<HH", data, entry.header_offset + 26)
            start = entry.header_offset + 30 + name_size + extra_size
            if start % boundary_of(entry.filename):
                raise BuildError(f"{entry.filename} starts at {start}, no multiple of {boundary_of(entry.filename)}")
            if entry.filename.endswith(".so"):
                _check_segments(entry.filename, data[start : start + entry.file_size])


def _check_segments(name: str, elf: bytes) -> None:
    if elf[4] != 2:  # 32-bit phones have pages of 4 KB
        return
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    for index in range(count):
        (kind,) = struct.unpack_from("<I", elf, table + index * size)
        (boundary,) = struct.unpack_from("<Q", elf, table + index * size + 48)
        if kind == 1 and boundary < PAGE:
            raise BuildError(f"{name} has a segment aligned to {boundary} bytes, at least {PAGE} are needed")
