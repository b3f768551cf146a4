"""Time to make a synthetic training scene: blurry, sharp, sigma and the displaced second shot, without optical flow.

    python -m pytest benchmarks/scenes.py
    python -m pytest benchmarks/scenes.py --benchmark-json=scenes.json

One CPU thread, or a CUDA device where there is one. Without photographs: of dead leaves, which cost as much.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from train.config import MisalignConfig, SceneConfig
from train.data.scenes import SceneRenderer
from train.data.second_shot import draw_move, second_shot
from train.data.synthetic_pairs import SCENES_AT_ONCE

DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("layers", [2, 4, 6])
@pytest.mark.parametrize("device", DEVICES)
def test_scenes(device: str, layers: int, benchmark: BenchmarkFixture) -> None:
    """One batch of scenes of 176 x 176 px; divide by its size."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("not run: needs a CUDA device")
    torch.set_num_threads(1)
    config = SceneConfig(layers=(layers, layers), dead_leaves_count=4)
    renderer = SceneRenderer([], config, seed=0, device=device)
    at_once = SCENES_AT_ONCE[device]
    starts = itertools.count(0, at_once)

    def make() -> torch.Tensor:
        indices = range(start := next(starts), start + at_once)
        plans = [renderer.plan(index) for index in indices]
        moves = [draw_move(MisalignConfig(), np.random.default_rng(index)) for index in indices]
        scenes = renderer.render(plans)
        sharp = second_shot(scenes.twofold, [plan.inverse_depths for plan in plans], moves, config.size_px)
        if device == "cuda":
            torch.cuda.synchronize()
        return sharp

    benchmark.group = f"{at_once} scene{'s' * (at_once > 1)} at once, {device}"
    assert torch.isfinite(benchmark(make)).all()


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
