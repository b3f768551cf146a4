"""Versions of the tools, read from their metadata without importing them."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SIMD = ("avx", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_fp16", "amx_int8", "asimddp", "asimdhp", "i8mm")
"""Instructions that interpreters choose their kernels by, as Linux names them."""
CPUINFO = Path("/proc/cpuinfo")
COMMON_TOOLS = ("torch", "numpy")
"""What takes part in every export."""


def tool_versions(packages: Iterable[str]) -> dict[str, str]:
    """Version of each distribution; "not installed" where there is none."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def all_versions(packages: Iterable[str]) -> dict[str, str]:
    """Python, the common tools and ``packages``, each once."""
    versions = tool_versions(dict.fromkeys((*COMMON_TOOLS, *packages)))
    return {"python": platform.python_version(), "processor": processor(), **versions}


def cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor, by its own names; empty on other systems."""
    found: dict[str, str] = {}
    for line in CPUINFO.read_text(encoding="utf-8").splitlines() if CPUINFO.is_file() else []:
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    return found


@cache
def processor() -> str:
    """Kind of processor, with those of ``SIMD`` that it has, where the system tells."""
    words = set(CPUINFO.read_text(encoding="utf-8").split()) if CPUINFO.is_file() else set()
    return " ".join([platform.machine(), *(name for name in SIMD if name in words)])
