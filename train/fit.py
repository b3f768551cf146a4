"""Train the networks from misaligned pairs.

    python -m train.fit --preset smoke
    python -m train.fit --preset mobile --name first --photos PHOTOS --held-out-photos OTHER_PHOTOS
    python -m train.fit --preset mobile --name mine --pairs DATA_SET --init runs/first/best.safetensors
    torchrun --nproc-per-node 4 -m train.fit --preset teacher --photos PHOTOS --batch-size 32

The same command with --resume goes on where a run stopped. Writes runs/<name>/: config.json, log.jsonl (one line per
interval), state.pt (to resume from), picture grids, tensorboard/, and checkpoint.safetensors and best.safetensors
(the averaged networks, what `export.all --checkpoint` takes). Without photographs or pairs the scenes are procedural.
Ctrl-C and SIGTERM save the state first.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from runtime.system.errors import ReblurError
from train.config import RunConfig
from train.evaluation.summary import Figures
from train.loop.device import pick_device, warn
from train.loop.distributed import World, joined, world_from_environment
from train.loop.trainer import Interruption, Options, fit
from train.loop.training_data import TrainingData, real_data, synthetic_data
from train.loop.warm_start import WarmStart, read_warm_start
from train.presets import PRESETS, preset

SETTINGS = {
    "steps": "steps",
    "batch_size": "batch_size",
    "crop": "crop_px",
    "learning_rate": "learning_rate",
    "reblur_first": "reblur_first_steps",
    "precision": "precision",
    "seed": "seed",
}
"""Options of the command line -> fields of ``FitConfig`` they replace."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train.fit", description=(__doc__ or "").splitlines()[0])
    run = parser.add_argument_group("the run")
    run.add_argument("--preset", default="smoke", help=f"one of {', '.join(sorted(PRESETS))} (default: smoke)")
    run.add_argument("--name", help="name of the run (default: the preset's)")
    run.add_argument("--out", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    run.add_argument("--resume", action="store_true", help="go on where the run of that name stopped")
    run.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from its weights instead of random ones")
    data = parser.add_argument_group("data")
    data.add_argument("--photos", type=Path, help="folder of sharp photographs (default: procedural scenes only)")
    data.add_argument("--held-out-photos", type=Path, help="other photographs, for the figures")
    data.add_argument("--pairs", type=Path, metavar="FOLDER", help="real pairs instead: a data set, blurry and sharp")
    data.add_argument("--layout", default="auto", help="of that folder, see train.data.dataset_layouts (default: auto)")
    data.add_argument("--split", default="train", help="of it to train on (default: train)")
    data.add_argument("--held-out-pairs", type=Path, help="other pairs, for the figures (default: the val split)")
    settings = parser.add_argument_group("instead of the preset's")
    settings.add_argument("--steps", type=int, help="optimiser steps")
    settings.add_argument("--batch-size", type=int, help="crops per step, of all processes together")
    settings.add_argument("--crop", type=int, metavar="PX", help="side of a crop; pairs are cut a little larger")
    settings.add_argument("--learning-rate", type=float, help="peak rate")
    settings.add_argument("--reblur-first", type=int, metavar="STEPS", help="train the reblurring module alone first")
    settings.add_argument("--seed", type=int, help="of weights, scenes and crops")
    machine = parser.add_argument_group("the machine")
    machine.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    machine.add_argument(
        "--precision", choices=("float32", "bfloat16"), help="of the convolutions (default: the preset's)"
    )
    machine.add_argument("--compile", action="store_true", help="use torch.compile")
    machine.add_argument("--threads", type=int, help="CPU threads of torch (default: its own choice)")
    machine.add_argument("--no-tensorboard", action="store_true", help="write nothing for TensorBoard")
    return parser.parse_args(argv)


def configure(args: argparse.Namespace) -> tuple[RunConfig, WarmStart | None]:
    """The preset with what the command line changes, and the weights to start from.

    Raises:
        ReblurError: no such preset, a setting out of range, or a checkpoint that does not fit.
    """
    config = preset(args.preset)
    changes = {ours: getattr(args, name) for name, ours in SETTINGS.items() if getattr(args, name) is not None}
    if args.compile:
        changes["compile"] = True
    warm_start = None
    if args.init:
        warm_start = read_warm_start(args.init, config.networks)
        # Networks trained before know the blur map: ramping it up would make them unlearn it.
        changes["prior_ramp_from"] = 1.0
        if warm_start.has_reblur and changes.get("reblur_first_steps"):
            warn(f"--reblur-first has no effect: {args.init} holds a trained reblurring module")
            changes["reblur_first_steps"] = 0
    margin_px = config.scenes.size_px - config.fit.crop_px
    fit_config = dataclasses.replace(config.fit, **changes)
    scenes = dataclasses.replace(config.scenes, size_px=fit_config.crop_px + margin_px)
    return dataclasses.replace(config, fit=fit_config, scenes=scenes), warm_start


def load_data(
    args: argparse.Namespace, config: RunConfig, device: torch.device, run_dir: Path, world: World
) -> TrainingData:
    """What the command line says to train on.

    Raises:
        ReblurError: options that exclude each other, or data that cannot be read.
    """
    if args.pairs and (args.photos or args.held_out_photos):
        raise ReblurError(
            "--pairs and --photos exclude each other: give pairs to train on, or photographs to make scenes of"
        )
    if not args.pairs:
        if args.held_out_pairs:
            raise ReblurError("--held-out-pairs needs --pairs: scenes are measured on scenes (--held-out-photos)")
        return synthetic_data(config, args.photos, args.held_out_photos, device, measures=world.is_first)
    return real_data(
        config,
        args.pairs,
        args.held_out_pairs,
        device,
        layout=args.layout,
        split=args.split,
        cache_folder=run_dir / "flow",
        measures=world.is_first,
    )


def check_run_dir(run_dir: Path, *, resume: bool) -> None:
    """Before the data is loaded, which may take long.

    Raises:
        ReblurError: there is nothing to resume, or a run that must not be overwritten.
    """
    exists = (run_dir / "state.pt").exists()
    if exists and not resume:
        raise ReblurError(f"{run_dir} already holds a run: give another --name, or --resume to go on with it")
    if resume and not exists:
        raise ReblurError(f"nothing to resume in {run_dir}: start the run without --resume")


def run(args: argparse.Namespace, world: World, interruption: Interruption) -> tuple[Figures | None, Path]:
    """Everything between the command line and its last words: the figures, and the folder of the run."""
    device = pick_device(args.device, world.local_rank)
    if args.threads:
        torch.set_num_threads(args.threads)
    config, warm_start = configure(args)
    run_dir: Path = args.out / (args.name or config.preset)
    if world.is_first:
        check_run_dir(run_dir, resume=args.resume)
    world.check_batch(config.fit.batch_size)
    with joined(world, device):
        data = load_data(args, config, device, run_dir, world)
        options = Options(
            resume=args.resume,
            warm_start=warm_start,
            device=device,
            world=world,
            interruption=interruption,
            tensorboard=not args.no_tensorboard,
        )
        return fit(config, data, run_dir, options), run_dir


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = parse(argv)
    world = world_from_environment()
    interruption = Interruption()
    try:
        interruption.install()
        figures, run_dir = run(args, world, interruption)
    except (ReblurError, OSError, FloatingPointError) as error:
        print(f"error: {error}" if world.is_first else f"error in process {world.rank}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return report(figures, run_dir) if world.is_first else 0


def report(figures: Figures | None, run_dir: Path) -> int:
    """Print how the run ended; returns the exit code."""
    if figures is None:
        print(f"interrupted: the state is saved, go on with --resume ({run_dir})", file=sys.stderr)
        return 130
    print(f"{figures}\nwrote {run_dir / 'checkpoint.safetensors'}; the best so far is {run_dir / 'best.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
