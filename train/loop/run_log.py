"""What a run tells about itself: one JSON line per interval, TensorBoard, warnings."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from runtime.system.files import write_atomically
from train.config import RunConfig
from train.evaluation.sample_grids import Grid, write_png
from train.evaluation.summary import Figures
from train.loop.collapse_check import JUDGED_FROM_STEP, HealthMonitor, examine
from train.loop.device import warn
from train.loop.run_state import Provenance, RunState, learning_rate, reblur_alone
from train.loop.tensorboard import Board
from train.loop.training_step import Stepped
from train.objective.losses import reblur_picture
from train.objective.step import stage_of


class StepTimes:
    """Seconds a step takes, and how much of that is waiting for data; means over an interval.

    An interval ends with values read from the device, so that nothing it did is counted in the next.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin an interval."""
        self.steps, self.waiting_s = 0, 0.0
        self._started = time.perf_counter()

    def add(self, waiting_s: float) -> None:
        """One more step, and how long it waited for its data."""
        self.steps += 1
        self.waiting_s += waiting_s

    def skip(self, seconds: float) -> None:
        """Leave so much of the past out of the interval: it was no training."""
        self._started += seconds

    def line(self) -> dict[str, float]:
        """The figures of the interval that ends here; the next one begins."""
        whole_s = max(time.perf_counter() - self._started, 1e-9)
        figures = {
            "seconds_per_step": round(whole_s / max(1, self.steps), 4),
            "waiting_share": round(self.waiting_s / whole_s, 4),
        }
        self.start()
        return figures


class RunLog:
    """The log of a run, in its first process.

    Args:
        run_dir: folder of the run; made if missing.
        config: what is recorded in config.json,
        provenance: with what it was done on.
        step: the run goes on from here; later entries, of a run that ended without saving, are dropped.
        tensorboard: whether to write for TensorBoard too.
    """

    def __init__(
        self, run_dir: Path, config: RunConfig, provenance: Provenance, step: int = 0, *, tensorboard: bool = False
    ) -> None:
        self.run_dir = run_dir
        self.config = config
        self.monitor = HealthMonitor()
        run_dir.mkdir(parents=True, exist_ok=True)
        record = {**dataclasses.asdict(config), "data": dict(provenance)}
        write_atomically(run_dir / "config.json", json.dumps(record, indent=2).encode())
        self.path = run_dir / "log.jsonl"
        before = self.path.read_text().splitlines() if step and self.path.exists() else []
        kept = [line for line in before if json.loads(line)["step"] <= step]
        write_atomically(self.path, "".join(line + "\n" for line in kept).encode())
        self.board = Board(run_dir / "tensorboard" if tensorboard else None, step)

    def interval(
        self,
        state: RunState,
        stepped: Stepped,
        terms: Mapping[str, float],
        times: Mapping[str, float],
    ) -> None:
        """Write the line of an interval; warn where the reblurring module's health has changed.

        Args:
            state: after the interval's last step.
            stepped: that step.
            terms: its terms, means over all processes.
            times: what ``StepTimes`` measured.
        """
        step, config, result = state.step - 1, self.config, stepped.result
        main_step = step - config.fit.reblur_first_steps
        line: dict[str, object] = {
            "step": state.step,
            "stage": 0 if reblur_alone(step, config) else stage_of(main_step, config),
            **times,
            "learning_rate": learning_rate(step, config),
            "terms": {name: round(value, 6) for name, value in terms.items()},
            "gradient_norms": {name: round(float(norm), 5) for name, norm in stepped.norms.items()},
        }
        if result.blur_map.shape[1] == 1:
            line["sigma_mean_px"] = round(float(result.blur_map.detach().mean()), 4)
        if result.reblurred is not None:
            health = examine(result.reblurred, stepped.batch, partial(reblur_picture, state.networks.reblur))
            line["health"] = health.to_dict()
            advice = self.monitor.update(health) if step >= JUDGED_FROM_STEP else None
            if advice:
                line["advice"] = advice
                warn(f"step {state.step}: {advice}")
        self._write(line)

    def evaluation(self, step: int, figures: Figures, pictures: Mapping[str, Grid]) -> None:
        """Write the line of an evaluation, and its pictures as <name>_<step>.png."""
        self._write({"step": step, "held_out": figures.to_dict()})
        for name, picture in pictures.items():
            write_png(self.run_dir / f"{name}_{step:06d}.png", picture)
            self.board.picture(step, name, picture)

    def _write(self, line: Mapping[str, object]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.board.scalars(line)

    def close(self) -> None:
        """Write what is left."""
        self.board.close()
