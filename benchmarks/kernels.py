"""Cost of the per-pixel isotropic kernels against the naive form, forward and backward: time and peak memory.

    python -m benchmarks.kernels
    python -m benchmarks.kernels --size 256 --radius 12 --batch 4 --threads 1

The naive form unfolds the image into a (B, C, k*k, H, W) stack of patches and sums it with (B, k*k, H, W) weights.
Each form runs in a process of its own, so that its peak memory is its own too.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

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
    image = torch.rand(args.batch, 3, args.size, args.size)
    counts = torch.tensor(rings_of(args.radius).counts).view(1, -1, 1, 1)
    weights = torch.rand(args.batch, len(rings_of(args.radius)), args.size, args.size)
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


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="side of the image (default: 128)")
    parser.add_argument("--radius", type=int, default=12, help="of the largest kernel (default: 12)")
    parser.add_argument("--batch", type=int, default=4, help="images (default: 4)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--form", choices=sorted(FORMS), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    if args.form:
        print(*measure(args.form, args))
        return 0
    image, weights = inputs(args)
    with torch.no_grad():
        difference = (apply_isotropic(image, weights, args.radius) - naive(image, weights, args.radius)).abs().max()
    shape = f"{args.batch} x 3 x {args.size} x {args.size}, radius {args.radius}"
    print(f"{shape}, forward and backward, median of {ROUNDS}; largest difference {float(difference):.1e}")
    print(f"{platform.machine()}, {args.threads} thread(s), torch {torch.__version__}")
    found = {}
    for form in FORMS:
        settings = ["--size", args.size, "--radius", args.radius, "--batch", args.batch, "--threads", args.threads]
        command = [sys.executable, "-m", "benchmarks.kernels", "--form", form, *map(str, settings)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[form] = tuple(map(float, done.stdout.split()))
        print(f"{form:<6} {found[form][0] * 1e3:8.1f} ms   {found[form][1]:8.1f} MiB")
    time_ratio, memory_ratio = (found["naive"][i] / max(found["rings"][i], 1e-9) for i in range(2))
    print(f"naive / rings: {time_ratio:.1f} x the time, {memory_ratio:.1f} x the memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
