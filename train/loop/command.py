"""From the command line of ``train.fit`` to a run: configuration, data, folder, training."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

from runtime.system.errors import ReblurError
from train.config import FitConfig, RunConfig
from train.evaluation.summary import Figures
from train.loop.device import pick_device, warn, workers_for
from train.loop.distributed import World, joined
from train.loop.trainer import Interruption, Options, fit
from train.loop.training_data import TrainingData, real_data, synthetic_data
from train.loop.warm_start import WarmStart, read_warm_start
from train.presets import preset

SETTINGS = {
    "steps": "steps",
    "batch_size": "batch_size",
    "pool_size": "pool_size",
    "crop": "crop_px",
    "learning_rate": "learning_rate",
    "reblur_first": "reblur_first_steps",
    "compute_precision": "precision",
    "seed": "seed",
}
"""Options of the command line -> fields of ``FitConfig`` they replace."""


def configure(args: argparse.Namespace) -> tuple[RunConfig, WarmStart | None]:
    """The preset with what the command line changes, and the weights to start from.

    Raises:
        ReblurError: no such preset, a setting out of range, or a checkpoint that does not fit.
    """
    config = preset(args.preset)
    changes = {ours: getattr(args, name) for name, ours in SETTINGS.items() if getattr(args, name) is not None}
    if args.batch_size is not None:
        changes |= _renewal(config.fit, args.batch_size)
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


def _renewal(fit: FitConfig, batch_size: int) -> dict[str, Any]:
    """How often pairs are renewed with another batch: so that as many crops are taken of each as the preset takes."""
    times = batch_size / fit.batch_size
    if times >= 1.0:
        return {"pool_refresh": round(fit.pool_refresh * times)}
    return {"refresh_every": round(fit.refresh_every / times)}


def load_data(args: argparse.Namespace, config: RunConfig, run_dir: Path, world: World) -> TrainingData:
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
        return synthetic_data(config, args.photos, args.held_out_photos, measures=world.is_first)
    return real_data(
        config,
        args.pairs,
        args.held_out_pairs,
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


def train(args: argparse.Namespace, world: World, interruption: Interruption) -> tuple[Figures | None, Path]:
    """Train as the command line says.

    Args:
        args: of the command.
        world: the processes that share the run.
        interruption: installed already.

    Returns:
        The figures, None where the run was interrupted; and the folder of the run.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
        FloatingPointError: the training diverged.
    """
    device = pick_device(args.device, world.local_rank)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    config, warm_start = configure(args)
    run_dir: Path = args.out / (args.name or config.preset)
    if world.is_first:
        check_run_dir(run_dir, resume=args.resume)
    world.check_batch(config.fit.batch_size)
    with joined(world, device):
        data = load_data(args, config, run_dir, world)
        options = Options(
            resume=args.resume,
            warm_start=warm_start,
            device=device,
            world=world,
            interruption=interruption,
            tensorboard=not args.no_tensorboard,
            workers=workers_for(args.workers, device),
        )
        return fit(config, data, run_dir, options), run_dir
