"""This machine and this program, as a row tells them."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measuring.rows import App, Conditions, Device, Thermal
from export.recipes.tool_versions import cpuinfo
from runtime.system.version import reblur_version

SYSTEMS = {"Linux": "Linux", "Darwin": "macOS", "Windows": "Windows"}
THERMAL_ZONES = Path("/sys/class/thermal")
NVIDIA = Path("/proc/driver/nvidia/gpus")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@cache
def this_device() -> Device:
    """The desktop that this runs on."""
    return Device(
        kind="desktop",
        name=platform.machine(),
        soc=_processor(),
        cores=os.cpu_count(),
        memory_mib=_memory_mib(),
        os=SYSTEMS.get(platform.system(), "unknown"),
        os_version=platform.release() or None,
    )


@cache
def this_app() -> App:
    """The benchmarks, from a checkout."""
    return App(name="benchmarks", version=reblur_version(), build_type="source")


def conditions_now() -> Conditions:
    """Load and temperature before a measurement; a desktop has no gate."""
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return Conditions(clocks_pinned=_pinned(), thermal_before=_thermal(), load_before=load)


def version_of(package: str) -> str | None:
    """Of an installed distribution; None where there is none of that name."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str | None:
    found = cpuinfo()
    name = found.get("model name") if found else platform.processor()
    return ", ".join(filter(None, (name, *_gpus()))) or None


def _gpus() -> list[str]:
    """Names of NVIDIA's, as their driver tells them; without loading anything that would take memory."""
    lines = [line for file in NVIDIA.glob("*/information") for line in file.read_text(encoding="utf-8").splitlines()]
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith("Model:")]


def _memory_mib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20)
    except (AttributeError, ValueError, OSError):
        return None


def _pinned() -> bool | None:
    """Whether the clocks are held: only the kernel's governor tells, and in a virtual machine nobody does."""
    if sys.platform != "linux" or not GOVERNOR.is_file():
        return None
    return GOVERNOR.read_text(encoding="utf-8").strip() in ("performance", "userspace")


def _thermal() -> Thermal | None:
    try:
        celsius = [int(zone.read_text()) / 1000.0 for zone in THERMAL_ZONES.glob("thermal_zone*/temp")]
    except (OSError, ValueError):
        return None
    return Thermal(state=None, celsius=max(celsius), headroom=None) if celsius else None
