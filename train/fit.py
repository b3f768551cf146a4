"""Train the networks from misaligned pairs.

    python -m train.fit --preset smoke
    python -m train.fit --preset mobile --name first --photos PHOTOS --held-out-photos OTHER_PHOTOS
    python -m train.fit --preset mobile --name mine --pairs DATA_SET --init runs/first/best.safetensors
    torchrun --nproc-per-node 4 -m train.fit --preset teacher --photos PHOTOS --batch-size 32

The same command with --resume goes on where a run stopped. Writes runs/<name>/: config.json, log.jsonl (one line per
interval), state.pt (to resume from), picture grids, tensorboard/, and checkpoint.safetensors and best.safetensors
(the averaged networks, what `export.all --checkpoint` takes). Without photographs or pairs the scenes are procedural.
Ctrl-C and SIGTERM save the state first.

Beside a ``train.py`` of one's own ``python -m train.fit`` finds that one: ``reblur train`` works there, too.

Exit code: 0 done, 2 wrong use or diverged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import at_least, existing_folder, number, positive
from runtime.system.command_line import (
    INTERRUPTED,
    add_device,
    add_threads,
    add_workers,
    command_parser,
    renamed,
    run_command,
)
from runtime.system.errors import ReblurError

MODULE = "train.fit"
PRESETS = ("ablation", "mobile", "paper_restormer", "paper_unet", "smoke", "teacher")
"""The names of ``train.presets.PRESETS``, which takes a second to import."""
PRECISIONS = ("float32", "bfloat16")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    rank = os.environ.get("RANK", "0")
    label = "error" if rank == "0" else f"error in process {rank}"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), label=label)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    parser = command_parser(
        MODULE,
        prog,
        example="--preset mobile --name first --photos PHOTOS --held-out-photos OTHER_PHOTOS",
        exit_codes="0 done, 2 wrong use or diverged, 130 interrupted (the state is saved)",
    )
    _add_run(parser.add_argument_group("the run"))
    _add_data(parser.add_argument_group("data"))
    _add_settings(parser.add_argument_group("instead of the preset's"))
    machine = parser.add_argument_group("the machine")
    add_device(machine)
    machine.add_argument("--compile", action="store_true", help="use torch.compile")
    add_threads(machine)
    add_workers(machine)
    machine.add_argument("--no-tensorboard", action="store_true", help="write nothing for TensorBoard")
    renamed(parser, "--precision", "--compute-precision")
    return parser


def _add_run(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--preset", default="smoke", help=f"one of {', '.join(PRESETS)} (default: smoke)")
    add("--name", help="name of the run (default: the preset's)")
    add("--out", type=Path, default=Path("runs"), metavar="FOLDER", help="of all runs (default: runs)")
    add("--resume", action="store_true", help="go on where the run of that name stopped")
    add("--init", type=Path, metavar="CHECKPOINT", help="start from its weights instead of random ones")


def _add_data(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--photos", type=existing_folder, metavar="FOLDER", help="sharp photographs (default: procedural scenes only)")
    add("--held-out-photos", type=existing_folder, metavar="FOLDER", help="other photographs, for the figures")
    add("--pairs", type=existing_folder, metavar="FOLDER", help="real pairs instead: a data set, blurry and sharp")
    add("--layout", default="auto", help="of that folder, see train.data.dataset_layouts (default: auto)")
    add("--split", default="train", help="of it to train on (default: train)")
    add("--held-out-pairs", type=existing_folder, metavar="FOLDER", help="for the figures (default: the val split)")


def _add_settings(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--steps", type=positive, metavar="N", help="optimiser steps")
    add("--batch-size", type=positive, metavar="N", help="crops per step, of all processes together")
    add("--pool-size", type=positive, metavar="N", help="pairs held ready, of which crops are taken")
    add("--crop", type=positive, metavar="PX", help="side of a crop; pairs are cut a little larger")
    add("--learning-rate", type=number(0.0, 1.0), metavar="RATE", help="peak rate")
    add("--reblur-first", type=at_least(0), metavar="STEPS", help="train the reblurring module alone first")
    add("--seed", type=at_least(0), metavar="N", help="of weights, scenes and crops")
    add("--compute-precision", choices=PRECISIONS, help="of the convolutions while training")


def run(arguments: argparse.Namespace) -> int:
    """Train, and print how the run ended.

    Raises:
        ReblurError: an argument is wrong, a file cannot be read or written, or the training diverged.
    """
    from train.loop.command import train
    from train.loop.distributed import world_from_environment
    from train.loop.trainer import Interruption

    world = world_from_environment()
    interruption = Interruption()
    interruption.install()
    try:
        figures, run_dir = train(arguments, world, interruption)
    except FloatingPointError as error:
        raise ReblurError(str(error)) from error
    if not world.is_first:
        return 0
    if figures is None:
        print(f"interrupted: the state is saved, go on with --resume ({run_dir})", file=sys.stderr)
        return INTERRUPTED
    print(f"{figures}\nwrote {run_dir / 'checkpoint.safetensors'}; the best so far is {run_dir / 'best.safetensors'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
