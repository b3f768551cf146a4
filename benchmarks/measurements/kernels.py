"""Time and peak memory of the per-pixel isotropic kernels and of the naive form, each in a process of its own."""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.system.child_processes import child_environment
from train.optics.isotropic_kernels import apply_isotropic, rings_of

ROUNDS = 5


def naive(image: Tensor, tap_weights: Tensor, radius: int) -> Tensor:
    """What ``apply_isotropic`` computes, by way of a stack of patches."""
    side = 2 * radius + 1
    batch, channels, height, width = image.shape
    position = {tap: r for r, ring in enumerate(rings_of(radius).offsets) for tap in ring}
    rings = len(rings_of(radius))
    taps = [(y, x) for y in range(-radius, radius + 1) for x in range(-radius, radius + 1)]
    index = torch.tensor([position.get(tap, rings) for tap in taps])
    weights = torch.cat([tap_weights, torch.zeros_like(tap_weights[:, :1])], dim=1)[:, index]
    padded = F.pad(image, (radius,) * 4, mode="replicate")
    patches = F.unfold(padded, side).view(batch, channels, side * side, height, width)
    return (patches * weights.unsqueeze(1)).sum(2)


FORMS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {"rings": apply_isotropic, "naive": naive}


def inputs(args: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """A random image and normalised random kernels, both with gradient."""
    torch.manual_seed(0)
    height, width = args.size
    image = torch.rand(args.batch, 3, height, width)
    counts = torch.tensor(rings_of(args.radius).counts).view(1, -1, 1, 1)
    weights = torch.rand(args.batch, len(rings_of(args.radius)), height, width)
    weights /= (weights * counts).sum(1, keepdim=True)
    return image.requires_grad_(), weights.requires_grad_()


def memory_kib(entry: str) -> int:
    """A line of /proc/self/status: "VmRSS" is the memory now, "VmHWM" its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(entry))


def measure(form: str, args: argparse.Namespace) -> tuple[float, float]:
    """Median seconds of a forward and backward pass, and the peak memory it adds in MiB (NaN where not on Linux)."""
    image, weights = inputs(args)
    on_linux = sys.platform == "linux"
    if on_linux:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is held now
        before = memory_kib("VmRSS")
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        FORMS[form](image, weights, args.radius).square().mean().backward()
        seconds.append(time.perf_counter() - started)
    added_mib = (memory_kib("VmHWM") - before) / 1024 if on_linux else math.nan
    return statistics.median(seconds), added_mib


def print_costs(args: argparse.Namespace) -> None:
    """Measure both forms and print what they cost; with ``--form`` only the numbers of that one."""
    torch.set_num_threads(args.threads)
    if args.form:
        print(*measure(args.form, args))
        return
    image, weights = inputs(args)
    with torch.no_grad():
        difference = (apply_isotropic(image, weights, args.radius) - naive(image, weights, args.radius)).abs().max()
    height, width = args.size
    shape = f"{args.batch} x 3 x {height} x {width}, radius {args.radius}"
    print(f"{shape}, forward and backward, median of {ROUNDS}; largest difference {float(difference):.1e}")
    print(f"{platform.machine()}, {args.threads} thread(s), torch {torch.__version__}")
    found = {}
    for form in FORMS:
        size = f"{height}x{width}"
        settings = ["--size", size, "--radius", args.radius, "--batch", args.batch, "--threads", args.threads]
        command = [sys.executable, "-m", "benchmarks.kernels", "--form", form, *map(str, settings)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=child_environment())
        found[form] = tuple(map(float, done.stdout.split()))
        print(f"{form:<6} {found[form][0] * 1e3:8.1f} ms   {found[form][1]:8.1f} MiB")
    time_ratio, memory_ratio = (found["naive"][i] / max(found["rings"][i], 1e-9) for i in range(2))
    print(f"naive / rings: {time_ratio:.1f} x the time, {memory_ratio:.1f} x the memory")
