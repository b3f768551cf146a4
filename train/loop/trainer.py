"""The training loop: one process or several, resumable to the bit.

Writes into the folder of the run: config.json, log.jsonl (one line per interval), state.pt (to resume from),
checkpoint.safetensors (the last) and best.safetensors (the highest gain on held-out pictures), both of the averaged
networks with the reblurring module, held_out_<step>.png and pairs_<step>.png, and tensorboard/.
"""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch

from train.checkpoint import save_deployable
from train.config import RunConfig
from train.data.pair_pool import Batch, PairPool
from train.evaluation.sample_grids import held_out_grid, pairs_grid
from train.evaluation.summary import Figures
from train.loop.device import prepare
from train.loop.distributed import ALONE, World
from train.loop.run_log import RunLog, StepTimes
from train.loop.run_state import RunState, initial_state, read_state, restore_state, save_state
from train.loop.training_data import TrainingData, measure
from train.loop.training_step import Stepped, training_step
from train.loop.warm_start import WarmStart
from train.progress import progress_bar

CPU = torch.device("cpu")
SAVE_EVERY_S = 180.0
"""A run that is killed loses no more than this, however rarely it is evaluated."""


@dataclass
class Interruption:
    """Remembers a request to stop, so that the step under way can finish and the state be saved."""

    requested: bool = False

    def install(self) -> None:
        """Catch Ctrl-C and SIGTERM; a second Ctrl-C stops at once."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a run is carried out; what it does is its ``RunConfig``."""

    resume: bool = False
    """Go on from state.pt."""
    warm_start: WarmStart | None = None
    """Weights to start from; random ones where None. A resumed run has its own, but this has to be the same."""
    device: torch.device = CPU
    """Where the networks are."""
    world: World = ALONE
    """The processes that share the run, connected already (``distributed.joined``)."""
    interruption: Interruption = field(default_factory=Interruption)
    """Checked after every step."""
    tensorboard: bool = False
    """Whether to write for TensorBoard."""
    workers: int = 0
    """Processes that make pairs; 0: this one does, when it needs them."""


def fit(config: RunConfig, data: TrainingData, run_dir: Path, options: Options | None = None) -> Figures | None:
    """Run (or resume) a training run; every process of it calls this.

    Args:
        config: what to do.
        data: what to do it on.
        run_dir: folder of the run; made if missing.
        options: how.

    Returns:
        The figures at the end, in the first process; None where the run was interrupted (its state is saved).

    Raises:
        ReblurError: nothing to resume, or something else; the batch cannot be split; a file cannot be written.
        FloatingPointError: the training diverged.
    """
    trainer = Trainer(config, data, run_dir, options or Options())
    try:
        return trainer.run()
    finally:
        if trainer.log is not None:
            trainer.log.close()


class Trainer:
    """One run; see ``fit``."""

    def __init__(self, config: RunConfig, data: TrainingData, run_dir: Path, options: Options) -> None:
        self.config, self.data, self.run_dir, self.options = config, data, run_dir, options
        self.world, self.device = options.world, options.device
        self.world.check_batch(config.fit.batch_size)
        weights = options.warm_start.source if options.warm_start else "random"
        self.provenance = {**data.provenance, "weights": weights}
        self.state = self._state()
        prepare(self.state.networks, config.fit, self.device, config.fit.batch_size // self.world.size)
        self.times = StepTimes()
        self.log: RunLog | None = None
        if self.world.is_first:
            self.log = RunLog(run_dir, config, self.provenance, self.state.step, tensorboard=options.tensorboard)

    @property
    def state_path(self) -> Path:
        """What the run resumes from."""
        return self.run_dir / "state.pt"

    def _state(self) -> RunState:
        """Fresh, or resumed from the first process's file, which the others may not see."""
        saved = None
        if self.options.resume:
            saved = self.world.from_first(lambda: read_state(self.config, self.state_path, self.provenance))
        state = initial_state(self.config, self.device, self.options.warm_start)
        if saved is not None:
            restore_state(state, saved)
        return state

    def run(self) -> Figures | None:
        """All steps that are left."""
        fit, state = self.config.fit, self.state
        pool = PairPool(
            self.data.source, self.config, step=state.step, device=self.device, workers=self.options.workers
        )
        self.times.start()
        saved = time.monotonic()
        figures = None
        with progress_bar(
            total=fit.total_steps, initial=state.step, desc="training", unit="step", visible=self.world.is_first
        ) as bar:
            while state.step < fit.total_steps:
                stepped = training_step(state, pool, self.config, self.world)
                self.times.add(stepped.waiting_s)
                bar.update()
                if state.step % fit.log_every == 0:
                    self._log_interval(stepped)
                if state.step % fit.evaluate_every == 0 or state.step == fit.total_steps:
                    started = time.perf_counter()
                    figures = self._checkpoint(stepped.batch)
                    self.times.skip(time.perf_counter() - started)
                    if figures is not None:
                        saved = time.monotonic()
                        bar.write(f"step {state.step}: {figures}", file=sys.stderr)
                elif self.world.is_first and time.monotonic() - saved > SAVE_EVERY_S:
                    save_state(state, self.config, self.state_path, self.provenance)
                    saved = time.monotonic()
                if self.world.any(self.options.interruption.requested):
                    if self.world.is_first:
                        save_state(state, self.config, self.state_path, self.provenance)
                    return None
        return figures if figures is not None else self._measure()

    def _log_interval(self, stepped: Stepped) -> None:
        means = self.world.mean(torch.stack(list(stepped.result.terms.values()))).tolist()
        if self.log is not None:
            self.log.interval(
                self.state, stepped, dict(zip(stepped.result.terms, means, strict=True)), self.times.line()
            )

    def _measure(self) -> Figures | None:
        if self.data.held_out is None or not self.world.is_first:
            return None
        networks = self.state.restorer(self.config)
        return measure(networks.deblur, networks.defocus, self.data.held_out)

    def _checkpoint(self, batch: Batch) -> Figures | None:
        """In the first process: evaluate the averaged networks, write checkpoints, state, log and pictures."""
        figures = self._measure()
        if figures is None or self.log is None or self.data.held_out is None:
            return None
        state, networks = self.state, self.state.restorer(self.config)
        reblur = state.averaged_reblurring() if self.config.loss.uses_reblurring else None
        save_deployable(networks, self.run_dir / "checkpoint.safetensors", reblur)
        if figures.gain_db > state.best_gain_db:
            state.best_gain_db = figures.gain_db
            save_deployable(networks, self.run_dir / "best.safetensors", reblur)
        # After the checkpoints: a state never claims a best gain whose file was not written.
        save_state(state, self.config, self.state_path, self.provenance)
        shown = (networks.deblur, networks.defocus, reblur)
        sigma_max_px = self.config.networks.sigma_max_px
        pictures = {
            "held_out": held_out_grid(*shown, self.data.held_out, sigma_max_px),
            "pairs": pairs_grid(*shown, batch, sigma_max_px),
        }
        self.log.evaluation(state.step, figures, pictures)
        return figures
