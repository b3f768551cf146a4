"""Training: a step of the method, a scene rendered, a pair made with its optical flow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.measuring.cases import Case, Opened
from benchmarks.measuring.protocol import Run
from benchmarks.measuring.rows import Subject
from benchmarks.measuring.session import engine_of
from runtime.backends.base import cpu_threads
from runtime.system.errors import ReblurError
from train.config import MisalignConfig, RunConfig, SceneConfig
from train.data.pair_pool import PairPool
from train.data.scenes import SceneRenderer
from train.data.second_shot import draw_move, second_shot
from train.data.synthetic_pairs import SCENES_AT_ONCE, SyntheticSource
from train.loop.run_state import initial_state
from train.loop.training_step import training_step
from train.presets import preset

LAYERS = (2, 4, 6)
"""Of the scenes."""
POOL = 8
"""Pairs that steps are cropped from: enough for a batch, and made once."""


def config_of(name: str) -> RunConfig:
    """A preset whose pool is small and never renewed, in its third stage from the first step on."""
    config = preset(name)
    fit = dataclasses.replace(config.fit, pool_size=POOL, pool_refresh=0, reblur_first_steps=0)
    return dataclasses.replace(config, fit=fit)


def cases(preset_name: str, threads: int | None, device: str = "cpu") -> list[Case]:
    """A step, scenes of several layers, and a pair."""
    config = preset(preset_name)
    side, crop = config.scenes.size_px, config.fit.crop_px
    rows = [("train_step", f"step-{preset_name}", crop), ("pair", f"pair-{preset_name}", side)]
    rows += [("scene", f"scene-{layers}-layers", SceneConfig().size_px) for layers in LAYERS]
    return [
        Case(
            kind="training",
            stage=stage,
            id=name,
            backend="torch",
            precision="fp32",
            size_px=(px, px),
            threads=threads,
            accelerator="gpu" if device == "cuda" else "cpu",
        )
        for stage, name, px in rows
    ]


def _step(case: Case, device: str) -> Run:
    config = config_of(case.id.removeprefix("step-"))
    state = initial_state(config, device)
    pool = PairPool(SyntheticSource([], config), config, device=device)
    return lambda: training_step(state, pool, config)


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
        return config_of(case.id.removeprefix("step-")).fit.batch_size
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
    run = MAKERS[case.stage](case, device)

    def finished() -> None:
        run()
        if device == "cuda":
            torch.cuda.synchronize()

    engine = dataclasses.replace(engine_of(case), accelerator_used="gpu" if device == "cuda" else "cpu")
    subject = Subject(kind="training", id=case.id, precision="fp32", shape=case.size_px)
    return Opened(run=finished, subject=subject, engine=engine)
