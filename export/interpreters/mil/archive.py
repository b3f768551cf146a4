"""The archive in which ExecuTorch keeps a Core ML package: the files' bytes, then a table of them as JSON, backwards.

Read here, not by the delegate's own library, which ends the whole process over damaged bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runtime.system.errors import ReblurError

FOLDER = 1
"""``kind`` of a node that has children and no bytes."""
DEEPEST = 16
"""Folders within each other; more are no package."""


def unpack(data: bytes, folder: Path, path: Path) -> None:
    """Write the files in the delegate's ``data`` under ``folder``; ``path`` is named in errors.

    Raises:
        ReblurError: the data is no such archive.
    """
    try:
        nodes = _table(data)
        inner = {child for node in nodes for child in node["children"].values()}
        (root,) = set(range(len(nodes))) - inner
        _write(nodes, root, data, folder, DEEPEST)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ReblurError(f"the Core ML data in {path} is damaged: it holds no package") from error


def _table(data: bytes) -> list[Any]:
    """The nodes; text is read up to where the JSON ends, before which the files' bytes lie."""
    table, _ = json.JSONDecoder().raw_decode(data[::-1].decode("latin-1"))
    nodes: list[Any] = table["nodes"]
    return nodes


def _write(nodes: list[Any], index: int, data: bytes, folder: Path, deepest: int) -> None:
    """Write a node, and those within it.

    Raises:
        ValueError: a name is a path, bytes are not there, or folders are within themselves.
    """
    node = nodes[index]
    place, region = folder / _plain(node["name"]), node["dataRegion"]
    if node["kind"] == FOLDER:
        if deepest == 0:
            raise ValueError("too deep")
        place.mkdir()
        for name, child in node["children"].items():
            if nodes[child]["name"] != name:
                raise ValueError(f"{name} has another name")
            _write(nodes, child, data, place, deepest - 1)
        return
    start, size = int(region["offset"]), int(region["size"])
    if start < 0 or size < 0 or start + size > len(data):
        raise ValueError(f"{place.name} lies beyond the end")
    place.write_bytes(data[start : start + size])


def _plain(name: str) -> str:
    if name != Path(name).name or name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name
