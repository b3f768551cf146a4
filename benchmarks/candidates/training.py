"""Training: a step of the method, a scene rendered, a pair made with its optical flow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.candidates.kernels import PEAK_MATRIX
from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.protocol import FULL, Run, interleaved
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import engine_of
from benchmarks.measuring.statistics import median
from runtime.backends.base import cpu_threads
from runtime.system.errors import ReblurError
from train.config import MisalignConfig, RunConfig, SceneConfig
from train.data.pair_pool import PairPool
from train.data.scenes import SceneRenderer
from train.data.second_shot import draw_move, second_shot
from train.data.synthetic_pairs import SCENES_AT_ONCE, SyntheticSource
from train.loop.device import prepare
from train.loop.run_state import initial_state
from train.loop.training_step import training_step
from train.presets import preset

LAYERS = (2, 4, 6)
"""Of the scenes."""
POOL = 8
"""Pairs that steps are cropped from: made once."""
GPU_BATCHES = (8, 64, 256)
"""Crops of a step."""
PRECISIONS = {"float32": "fp32", "bfloat16": "bf16"}
"""Of the training -> as rows say it."""
PEAK_SIDES = {"cpu": PEAK_MATRIX, "cuda": 8192}
"""Of the matrices whose product is a device's peak."""


def config_of(case_id: str) -> RunConfig:
    """The preset of a step's case, with a small pool that is never renewed, and in its last stage from the start."""
    name, _, crops = case_id.removeprefix("step-").partition("-of-")
    config = preset(name)
    fit = dataclasses.replace(
        config.fit,
        pool_size=POOL,
        pool_refresh=0,
        reblur_first_steps=0,
        stage_one_share=0.0,
        stage_three_from=0.0 if config.fit.stage_three_from < 1.0 else 1.0,
        batch_size=int(crops or config.fit.batch_size),
    )
    return dataclasses.replace(config, fit=fit)


def cases(preset_name: str, threads: int | None) -> list[Case]:
    """On the processor: a step, a pair, and scenes of several layers."""
    scenes = [_case("scene", f"scene-{layers}-layers", SceneConfig().size_px, threads) for layers in LAYERS]
    pair = _case("pair", f"pair-{preset_name}", preset(preset_name).scenes.size_px, threads)
    return [_step_case(f"step-{preset_name}", threads, "cpu"), pair, *scenes]


def gpu_cases(preset_name: str) -> list[Case]:
    """Steps of batches of several sizes."""
    return [_step_case(f"step-{preset_name}-of-{crops}", None, "gpu") for crops in GPU_BATCHES]


def _step_case(case_id: str, threads: int | None, accelerator: str) -> Case:
    fit = config_of(case_id).fit
    case = _case("train_step", case_id, fit.crop_px, threads)
    return dataclasses.replace(case, accelerator=accelerator, precision=PRECISIONS[fit.precision])


def _case(stage: str, case_id: str, side_px: int, threads: int | None) -> Case:
    return Case(
        kind="training",
        stage=stage,
        id=case_id,
        backend="torch",
        precision="fp32",
        size_px=(side_px, side_px),
        threads=threads,
    )


def _step(case: Case, device: str) -> Run:
    config = config_of(case.id)
    state = initial_state(config, device)
    prepare(state.networks, config.fit, torch.device(device), config.fit.batch_size)
    pool = PairPool(SyntheticSource([], config), config, device=device)
    return lambda: training_step(state, pool, config)


def gmacs_of_step(case: Case) -> float:
    """Multiplications and additions of one training step, forward and backward, in 10^9; counted on the processor."""
    run = _step(case, "cpu")
    run()  # the first one makes the triplets
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops()) / 2e9


def peak_gmacs_per_s(case: Case) -> float:
    """What a large product of matrices reaches on that device in that precision."""
    device = "cuda" if case.accelerator == "gpu" else "cpu"
    side = PEAK_SIDES[device]
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[case.precision or "fp32"]
    first, second = (torch.rand(side, side, device=device, dtype=dtype) for _ in range(2))
    times = interleaved({"peak": _finished(lambda: torch.mm(first, second), device)}, FULL)
    return side**3 / (1e6 * median(times["peak"]))


def _finished(run: Run, device: str) -> Run:
    """The same, returning when the device is done."""

    def finished() -> None:
        run()
        if device == "cuda":
            torch.cuda.synchronize()

    return finished


def _pair(case: Case, device: str) -> Run:
    source, starts = SyntheticSource([], preset(case.id.removeprefix("pair-"))), itertools.count()
    return lambda: source.pairs(next(starts), 1)


def _scene(case: Case, device: str) -> Run:
    """Blurry, sharp, sigma and the displaced second shot, without optical flow."""
    layers = int(case.id.split("-")[1])
    config = SceneConfig(layers=(layers, layers), dead_leaves_count=4)
    renderer, count = SceneRenderer([], config, seed=0, device=device), at_once(case)
    starts = itertools.count(0, count)

    def run() -> object:
        indices = range(start := next(starts), start + count)
        plans = [renderer.plan(index) for index in indices]
        moves = [draw_move(MisalignConfig(), np.random.default_rng(index)) for index in indices]
        scenes = renderer.render(plans)
        return second_shot(scenes.twofold, [plan.inverse_depths for plan in plans], moves, config.size_px)

    return run


MAKERS: dict[str, Callable[[Case, str], Run]] = {"train_step": _step, "pair": _pair, "scene": _scene}
"""Stage -> what runs it."""


def at_once(case: Case) -> int:
    """How many pictures one run is of."""
    if case.stage == "train_step":
        return config_of(case.id).fit.batch_size
    return SCENES_AT_ONCE["cuda" if case.accelerator == "gpu" else "cpu"] if case.stage == "scene" else 1


def open_case(case: Case) -> Opened:
    """Make ready.

    Raises:
        ReblurError: it is for a GPU, and there is none.
    """
    device = "cuda" if case.accelerator == "gpu" else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ReblurError("needs a CUDA device, which this machine has not")
    torch.set_num_threads(cpu_threads(case.threads))
    run = _finished(MAKERS[case.stage](case, device), device)
    engine = dataclasses.replace(engine_of(case), accelerator_used="gpu" if device == "cuda" else "cpu")
    subject = Subject(kind="training", id=case.id, precision=case.precision, shape=case.size_px)
    return Opened(run=run, subject=subject, engine=engine)
