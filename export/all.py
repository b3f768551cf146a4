"""One command from a checkpoint to verified artefacts for every runtime.

    python -m export.all [--checkpoint FILE] [--out FOLDER] [--size HxW[,HxW...]] [--overwrite]
                         [--recipes NAMES] [--exclude NAMES] [--formats NAMES] [--graphs NAMES] [--list]
                         [--no-keep-going] [--no-controls] [--jobs N] [--force] [--sign KEY] [--json]

Every saved file is loaded again and compared with the float reference, each in a process of its own. One that fails
is named, not published, and does not stop the others: what passed is written to FOLDER, or to FOLDER.partial where
FOLDER holds an earlier export, which stays as it was; it does after Ctrl-C, too. What has not changed since the last
time is not made again: it is kept beside the folder, in ``.<name>.cache``.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or nothing could be made, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing.util import get_temp_dir
from pathlib import Path

from export.execution.disk import full_disk_message, is_full_disk
from export.execution.interrupts import Interrupts
from export.execution.output_folder import (
    check_destination,
    destination,
    is_there,
    partial_of,
    publish,
    staging_folder,
    sweep,
)
from export.execution.progress import Progress
from export.recipes.jobs import Plan, sizes_from
from export.recipes.recipe import FORMATS, GRAPHS, names_from, recipe_table, select
from runtime.system.command_line import add_jobs, add_json, command_parser, print_json, run_command
from runtime.system.errors import ReblurError
from train.weights import SHIPPED

MODULE = "export.all"
DEFAULT_SIZE = "768x1024"
"""A photograph of 4:3 in one call; a tall one goes through it with rows for columns."""
DEFAULT_OUT = Path("artifacts")


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    interrupted = "interrupted: nothing was written"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), interrupted=interrupted)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 nothing failed, 1 something failed, 2 wrong use or nothing could be made, 130 interrupted"
    example = "--checkpoint runs/mine/best.safetensors --out mine --recipes 'tflite-int8'"
    parser = command_parser(MODULE, prog, example=example, exit_codes=codes)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--out", type=Path, default=DEFAULT_OUT, metavar="FOLDER", help="default: %(default)s")
    add("--size", default=DEFAULT_SIZE, metavar="HxW[,HxW...]", help="pixels; default: %(default)s")
    add("--recipes", default="*", metavar="NAMES", help="such as tflite-int8 or deblur-*; default: all")
    add("--exclude", default="", metavar="NAMES", help="recipes to leave out, named alike")
    add("--formats", default=",".join(FORMATS), metavar="NAMES", help="default: %(default)s")
    add("--graphs", default=",".join(GRAPHS), metavar="NAMES", help="default: %(default)s")
    add("--list", action="store_true", help="print the recipes and stop")
    add("--overwrite", action="store_true", help="replace an earlier export at FOLDER")
    add("--no-keep-going", dest="keep_going", action="store_false", help="stop at the first file that fails")
    add("--force", action="store_true", help="make again what has not changed, too")
    add("--no-controls", dest="controls", action="store_false", help="do not try files that are broken on purpose")
    add_jobs(parser)
    add("--sign", type=Path, metavar="KEY", help="private key (PEM) to sign the export with")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """List the recipes, or export.

    Raises:
        ReblurError: an argument is wrong, a disk is full, or nothing could be made.
    """
    out = destination(arguments.out)
    try:
        with Interrupts() as interrupts:
            plan = make_plan(arguments)
            if arguments.list:
                if arguments.json:
                    print_json({"recipes": [{"id": recipe.id, **asdict(recipe)} for recipe in plan.recipes]})
                else:
                    print(recipe_table(plan.recipes))
                return 0
            check_destination(plan.out, arguments.overwrite)
            if is_there(plan.out):
                check_destination(partial_of(plan.out), overwrite=True)
            return export(plan, interrupts, key=arguments.sign, as_json=arguments.json)
    except (ReblurError, OSError) as error:
        if is_full_disk(error):
            raise ReblurError(full_disk_message(out)) from error
        raise


def make_plan(arguments: argparse.Namespace) -> Plan:
    """The plan that the arguments ask for.

    Raises:
        ReblurError: an argument is wrong.
    """
    from export.execution.process_pool import sensible_jobs

    formats = names_from(arguments.formats, FORMATS, "format")
    graphs = names_from(arguments.graphs, GRAPHS, "graph")
    plan = Plan(
        checkpoint=arguments.checkpoint,
        out=destination(arguments.out),
        recipes=select(formats, graphs, arguments.recipes.split(","), arguments.exclude.split(",")),
        sizes=sizes_from(arguments.size),
        jobs_at_once=sensible_jobs() if arguments.jobs is None else arguments.jobs,
        force=arguments.force,
        keep_going=arguments.keep_going,
        controls=arguments.controls,
    )
    if not plan.jobs:
        names = ", ".join(recipe.id for recipe in plan.recipes)
        raise ReblurError(f"{names}: made for several sizes only, for example --size 512x512,256x256")
    return plan


def export(plan: Plan, interrupts: Interrupts, *, key: Path | None, as_json: bool) -> int:
    """Build, report, sign and publish; the exit code says whether anything failed."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", get_temp_dir())  # torch makes that folder when it is loaded
    # They load torch, which takes seconds that --list and a wrong argument need not wait for.
    from export.artifacts.sizes import check_size, processes_for, size_notes
    from export.build import Build
    from export.execution.cache import Cache
    from export.execution.logs import find_logs, logs_beside, move_logs
    from export.execution.signing import load_private_key, sign_export
    from export.graphs.specs import build_graphs
    from export.reporting.summary import place_for, report
    from train.checkpoint import load_deployable

    started = time.monotonic()
    networks = load_deployable(plan.checkpoint)
    for size in plan.sizes:
        check_size(networks, size)
    plan = dataclasses.replace(plan, jobs_at_once=processes_for(plan.sizes, plan.jobs_at_once))
    if key is not None:
        load_private_key(key)
    with Cache(plan.out) as cache, Progress() as progress:
        sweep(plan.out)
        halos_px = {name: spec.halo_px for name, spec in build_graphs(networks).items() if name in plan.graphs}
        for note in size_notes(halos_px, plan.sizes):
            progress.say(note)
        build = Build(plan, cache, progress, interrupts)
        manifest = build.unchanged()
        if manifest is not None:
            if key is not None:
                sign_export(plan.out, key)
            logs = find_logs(plan.out)
            return report(manifest, plan.out, "unchanged", time.monotonic() - started, as_json, logs)
        with staging_folder(plan.out) as folder:
            manifest = build.run(folder, networks)
            interrupts.check()
            cache.prune(build.used)
            out, outcome = place_for(manifest, plan.out)
            if outcome == "failed":
                logs = move_logs(build.logs, logs_beside(plan.out))
            else:
                if key is not None:
                    sign_export(folder, key)
                publish(folder, out)
                move_logs({}, logs_beside(plan.out))
                logs = find_logs(out)
    return report(manifest, out, outcome, time.monotonic() - started, as_json, logs)


if __name__ == "__main__":
    sys.exit(main())
