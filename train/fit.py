"""Train both networks from misaligned pairs.

    python -m train.fit --preset smoke
    python -m train.fit --preset mobile --name first --photos PHOTOS --held-out-photos OTHER_PHOTOS
    python -m train.fit --preset mobile --name first --photos PHOTOS --held-out-photos OTHER_PHOTOS --resume

Writes runs/<name>/: config.json, log.jsonl (one line per interval), state.pt (to resume from), grid_<step>.png and
checkpoint.safetensors (the averaged deployable networks, what `export.all --checkpoint` takes). Without photographs
the scenes are procedural. Ctrl-C saves the state first.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from tqdm import tqdm

from runtime.files import write_atomically
from train.checkpoint import save_deployable
from train.config import RunConfig
from train.data.photos import Picture, load_photos
from train.data.pool import PairPool
from train.evaluate import Figures, HeldOut, evaluate, held_out_scenes
from train.grid import write_grid
from train.presets import PRESETS, preset
from train.run_state import RunState, initial_state, learning_rate, load_state, save_state
from train.step import StepResult, compute_losses, in_stage_one, optimise


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


def fit(
    config: RunConfig,
    photos: list[Picture],
    held_out_photos: list[Picture],
    run_dir: Path,
    *,
    resume: bool = False,
    interruption: Interruption | None = None,
) -> Figures | None:
    """Run (or resume) a training run.

    Args:
        config: what to do.
        photos: sharp pictures for the scenes; empty for procedural ones only.
        held_out_photos: the same for the evaluation scenes.
        run_dir: folder of the run; made if missing.
        resume: go on from its state.pt.
        interruption: checked after every step.

    Returns:
        The figures at the end, or None where the run was interrupted (its state is saved).
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    state_path = run_dir / "state.pt"
    state = load_state(config, state_path) if resume else initial_state(config)
    write_atomically(run_dir / "config.json", config.to_json().encode())
    log = run_dir / "log.jsonl"
    if not resume:
        log.write_text("")
    held_out = held_out_scenes(held_out_photos, config, config.fit.held_out_scenes)
    pool = PairPool(photos, config, step=state.step)
    figures = None
    with tqdm(total=config.fit.steps, initial=state.step, desc="training", unit="step") as bar:
        while state.step < config.fit.steps:
            started = time.perf_counter()
            result = train_step(state, pool, config)
            bar.update()
            if state.step % config.fit.log_every == 0:
                _append(log, _log_line(state, result, config, time.perf_counter() - started))
            if state.step % config.fit.evaluate_every == 0 or state.step == config.fit.steps:
                figures = checkpoint(state, held_out, config, run_dir)
                _append(log, {"step": state.step, "held_out": dataclasses.asdict(figures)})
                bar.write(f"step {state.step}: {figures}", file=sys.stderr)
            if interruption is not None and interruption.requested:
                save_state(state, config, state_path)
                return None
    return figures if figures is not None else evaluate(*state.deployable(config)[:2], held_out)


def train_step(state: RunState, pool: PairPool, config: RunConfig) -> StepResult:
    """One step: losses, gradients, moving average."""
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, config)
    result = compute_losses(state.networks, pool.next_batch(), state.step, config)
    optimise(result.terms, state.networks, state.optimiser, config.fit.clip_norm)
    state.update_average()
    state.step += 1
    return result


def checkpoint(state: RunState, held_out: HeldOut, config: RunConfig, run_dir: Path) -> Figures:
    """Evaluate the averaged networks and write state, checkpoint and picture grid."""
    networks = state.deployable(config)
    figures = evaluate(networks.deblur, networks.defocus, held_out)
    save_state(state, config, run_dir / "state.pt")
    save_deployable(networks, run_dir / "checkpoint.safetensors")
    grid = run_dir / f"grid_{state.step:06d}.png"
    write_grid(grid, networks.deblur, networks.defocus, state.networks.reblur, held_out)
    return figures


def _log_line(state: RunState, result: StepResult, config: RunConfig, seconds: float) -> dict[str, object]:
    return {
        "step": state.step,
        "stage": 1 if in_stage_one(state.step - 1, config) else 2,
        "seconds_per_step": round(seconds, 4),
        "learning_rate": learning_rate(state.step - 1, config),
        "terms": {name: round(float(value.detach()), 6) for name, value in result.terms.items()},
        "sigma_mean_px": round(float(result.sigma_px.detach().mean()), 4),
        "reblur_sigma_mean_px": round(float(result.reblurred.sigma_px.detach().mean()), 4),
        "reblur_identity_share": round(float(result.reblurred.identity_share.detach().mean()), 4),
    }


def _append(log: Path, line: dict[str, object]) -> None:
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train.fit", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default="smoke", help=f"one of {', '.join(sorted(PRESETS))} (default: smoke)")
    parser.add_argument("--name", help="name of the run (default: the preset's)")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--photos", type=Path, help="folder of sharp photographs (default: procedural scenes only)")
    parser.add_argument("--held-out-photos", type=Path, help="other photographs, for the figures")
    parser.add_argument("--steps", type=int, help="optimiser steps, instead of the preset's")
    parser.add_argument("--seed", type=int, help="seed, instead of the preset's")
    parser.add_argument("--threads", type=int, help="CPU threads of torch (default: its own choice)")
    parser.add_argument("--resume", action="store_true", help="go on where the run of that name stopped")
    return parser.parse_args(argv)


def configure(args: argparse.Namespace) -> RunConfig:
    """The preset with what the command line changes."""
    config = preset(args.preset)
    changes = {name: getattr(args, name) for name in ("steps", "seed") if getattr(args, name) is not None}
    return dataclasses.replace(config, fit=dataclasses.replace(config.fit, **changes))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = parse(argv)
    try:
        config = configure(args)
        run_dir = args.out / (args.name or config.preset)
        if (run_dir / "state.pt").exists() and not args.resume:
            raise ValueError(f"{run_dir} already holds a run: give another --name, or --resume to go on with it")
        photos = load_photos(args.photos) if args.photos else []
        held_out = load_photos(args.held_out_photos) if args.held_out_photos else []
        if args.threads:
            torch.set_num_threads(args.threads)
        interruption = Interruption()
        interruption.install()
        figures = fit(config, photos, held_out, run_dir, resume=args.resume, interruption=interruption)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if figures is None:
        print(f"interrupted: the state is saved, go on with --resume ({run_dir})", file=sys.stderr)
        return 130
    print(f"{figures}\nwrote {run_dir / 'checkpoint.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
