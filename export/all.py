"""One command from a checkpoint to verified artefacts for every runtime.

    python -m export.all [--checkpoint F] [--out DIR] [--size HxW[,HxW...]] [--overwrite]
                         [--recipes NAMES] [--formats NAMES] [--graphs NAMES] [--no-controls] [--list]
                         [--jobs N] [--force] [--sign KEY] [--json]

Every saved file is loaded again and compared with the float reference, each in a process of its own. The folder
appears only when nothing failed; until then, and after Ctrl-C, an earlier one stays as it was. What has not changed
since the last time is not made again: it is kept beside the folder, in ``.<name>.cache``.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or nothing could be made, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from export.execution.disk import full_disk_message, is_full_disk
from export.execution.interrupts import Interrupts
from export.execution.output_folder import check_destination, publish, staging_folder, sweep
from export.execution.progress import Progress
from export.recipes.jobs import Plan, sizes_from
from export.recipes.recipe import FORMATS, GRAPHS, names_from, recipe_table, select
from runtime.system.errors import ReblurError
from train.weights import SHIPPED

DEFAULT_OUT = Path("artifacts")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    try:
        with Interrupts() as interrupts:
            plan = make_plan(arguments)
            if arguments.list:
                print(recipe_table(plan.recipes))
                return 0
            check_destination(plan.out, arguments.overwrite)
            return export(plan, interrupts, key=arguments.sign, as_json=arguments.json)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except (ReblurError, OSError) as error:
        print(f"error: {sentence(error, arguments.out.absolute())}", file=sys.stderr)
        return 2


def sentence(error: ReblurError | OSError, out: Path) -> str:
    """What to tell the user."""
    if is_full_disk(error):
        return full_disk_message(out)
    if isinstance(error, OSError):
        return f"{error.filename or out}: {error.strerror or error}"
    return str(error)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.all", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    add("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="default: %(default)s")
    add("--size", default="512x512", metavar="HxW[,HxW...]", help="pixels; default: %(default)s")
    add("--recipes", default="*", metavar="NAMES", help="such as tflite-int8 or deblur-*; default: all")
    add("--formats", default=",".join(FORMATS), metavar="NAMES", help="default: %(default)s")
    add("--graphs", default=",".join(GRAPHS), metavar="NAMES", help="default: %(default)s")
    add("--list", action="store_true", help="print the recipes and stop")
    add("--overwrite", action="store_true", help="replace an earlier export at DIR")
    add("--force", action="store_true", help="make again what has not changed, too")
    add("--no-controls", dest="controls", action="store_false", help="do not try files that are broken on purpose")
    add("--jobs", type=int, metavar="N", help="processes; 0: all in this one; default: by processors and memory")
    add("--sign", type=Path, metavar="KEY", help="private key (PEM) to sign the export with")
    add("--json", action="store_true", help="print a summary as JSON instead of the table")
    return parser.parse_args(argv)


def make_plan(arguments: argparse.Namespace) -> Plan:
    """The plan that the arguments ask for.

    Raises:
        ReblurError: an argument is wrong.
    """
    from export.execution.process_pool import sensible_jobs

    if arguments.jobs is not None and arguments.jobs < 0:
        raise ReblurError(f"--jobs must be 0 or more, got {arguments.jobs}")
    formats = names_from(arguments.formats, FORMATS, "format")
    graphs = names_from(arguments.graphs, GRAPHS, "graph")
    plan = Plan(
        checkpoint=arguments.checkpoint,
        out=arguments.out.absolute(),
        recipes=select(formats, graphs, arguments.recipes.split(",")),
        sizes=sizes_from(arguments.size),
        jobs_at_once=sensible_jobs() if arguments.jobs is None else arguments.jobs,
        force=arguments.force,
        controls=arguments.controls,
    )
    if not plan.jobs:
        names = ", ".join(recipe.id for recipe in plan.recipes)
        raise ReblurError(f"{names}: made for several sizes only, for example --size 512x512,256x256")
    return plan


def export(plan: Plan, interrupts: Interrupts, *, key: Path | None, as_json: bool) -> int:
    """Build, report, sign and publish; the exit code says whether anything failed."""
    # They load torch, which takes seconds that --list and a wrong argument need not wait for.
    from export.artifacts.shared_inputs import check_size
    from export.build import Build
    from export.execution.cache import Cache
    from export.execution.signing import load_private_key, sign_export
    from export.reporting.summary import Outcome, report
    from train.checkpoint import load_deployable

    started = time.monotonic()
    networks = load_deployable(plan.checkpoint)
    for size in plan.sizes:
        check_size(networks, size)
    if key is not None:
        load_private_key(key)
    with Cache(plan.out) as cache, Progress() as progress:
        sweep(plan.out)
        build = Build(plan, cache, progress, interrupts)
        manifest = build.unchanged()
        if manifest is not None:
            if key is not None:
                sign_export(plan.out, key)
            return report(manifest, plan.out, "unchanged", time.monotonic() - started, as_json)
        with staging_folder(plan.out) as folder:
            manifest = build.run(folder, networks)
            interrupts.check()
            if build.succeeded(manifest):
                if key is not None:
                    sign_export(folder, key)
                publish(folder, plan.out)
                cache.prune(build.used)
    outcome: Outcome = "written" if build.succeeded(manifest) else "failed"
    return report(manifest, plan.out, outcome, time.monotonic() - started, as_json)


if __name__ == "__main__":
    sys.exit(main())
