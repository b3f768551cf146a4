"""One command from a checkpoint to verified artefacts for every runtime.

    python -m export.all [--checkpoint F] [--out DIR] [--formats coreml,tflite,executorch,onnx]
                         [--graphs defocus,deblur,refocus] [--size HxW] [--overwrite] [--json]

Every saved file is loaded again and compared with the float reference. The folder appears only when nothing
failed; until then, and after Ctrl-C, an earlier one stays as it was.

Exit code: 0 nothing failed, 1 something failed, 2 wrong use or nothing could be made, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from export.build import Plan, build
from export.int8 import describe_int8
from export.interrupts import Interrupts
from export.manifest_schema import copy_schema
from export.progress import Progress
from export.recipes import FORMATS, GRAPHS, names_from, select
from export.report import write_report
from export.staging import check_destination, full_disk_message, is_full_disk, publish, staging_folder
from export.table import counts, summary, table
from runtime.manifest import Manifest
from runtime.records import to_json
from train.checkpoint import SHIPPED, Deployable, load_deployable

SIZE_MULTIPLE = 16
SMALLEST_PX = 64
DEFAULT_OUT = Path("artifacts")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    arguments = parse(argv)
    try:
        with Interrupts() as interrupts:
            plan = make_plan(arguments)
            networks = load_deployable(plan.checkpoint)
            check_size(plan, networks)
            check_destination(plan.out, arguments.overwrite)
            return export(plan, networks, interrupts, as_json=arguments.json)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {sentence(error, arguments.out.absolute())}", file=sys.stderr)
        return 2


def sentence(error: ValueError | OSError, out: Path) -> str:
    """What to tell the user."""
    if is_full_disk(error):
        return full_disk_message(out)
    if isinstance(error, OSError):
        return f"{error.filename or out}: {error.strerror or error}"
    return str(error)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.all", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--formats", default=",".join(FORMATS), help="default: %(default)s")
    parser.add_argument("--graphs", default=",".join(GRAPHS), help="default: %(default)s")
    parser.add_argument("--size", default="512x512", metavar="HxW", help="pixels; default: %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export at DIR")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON instead of the table")
    return parser.parse_args(argv)


def make_plan(arguments: argparse.Namespace) -> Plan:
    """The plan that the arguments ask for.

    Raises:
        ValueError: an argument is wrong.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", arguments.size)
    if not match:
        raise ValueError(f"--size must be HEIGHTxWIDTH in pixels, for example 512x512, got {arguments.size!r}")
    height, width = int(match[1]), int(match[2])
    for name, pixels in (("height", height), ("width", width)):
        if pixels % SIZE_MULTIPLE or pixels < SMALLEST_PX:
            raise ValueError(
                f"--size: the {name} must be a multiple of {SIZE_MULTIPLE} and at least {SMALLEST_PX}, got {pixels}"
            )
    recipes = select(names_from(arguments.formats, FORMATS, "format"), names_from(arguments.graphs, GRAPHS, "graph"))
    return Plan(
        checkpoint=arguments.checkpoint,
        out=arguments.out.absolute(),
        recipes=recipes,
        height=height,
        width=width,
    )


def check_size(plan: Plan, networks: Deployable) -> None:
    """Check that the networks take pictures of this size.

    Raises:
        ValueError: a side is no multiple of what a network needs.
    """
    multiple = max(networks.config.deblur.size_multiple, networks.config.defocus.size_multiple)
    if plan.height % multiple or plan.width % multiple:
        raise ValueError(f"--size: these networks take multiples of {multiple} pixels, got {plan.height}x{plan.width}")


def export(plan: Plan, networks: Deployable, interrupts: Interrupts, *, as_json: bool) -> int:
    """Build, report and publish; the exit code says whether anything failed."""
    started = time.monotonic()
    with staging_folder(plan.out) as folder:
        with Progress(plan.steps + 1) as progress:
            manifest = build(plan, networks, folder, progress, interrupts)
            succeeded = all(artifact.status != "failed" for artifact in manifest.artifacts)
            if succeeded:
                progress.start("report")
                copy_schema(folder)
                write_report(folder, networks)
                progress.finish()
        if succeeded:
            interrupts.check()
            publish(folder, plan.out)
    report(manifest, plan.out, succeeded, time.monotonic() - started, as_json)
    return 0 if succeeded else 1


def report(manifest: Manifest, out: Path, succeeded: bool, seconds: float, as_json: bool) -> None:
    """Print the table, or the summary as JSON, and where the result is."""
    if as_json:
        facts = summary(
            manifest.artifacts, int8=to_json(manifest.int8), out=str(out), written=succeeded, seconds=round(seconds, 1)
        )
        print(json.dumps(facts, indent=2, allow_nan=False))
        return
    print(table(manifest.artifacts))
    if manifest.int8 is not None:
        print(f"int8: {describe_int8(manifest.int8)}")
    end = (
        f"written to {out}"
        if succeeded
        else f"nothing was written, {out} is as it was; --formats and --graphs leave out what failed"
    )
    print(f"\n{counts(manifest.artifacts)} in {seconds:.0f} s; {end}")


if __name__ == "__main__":
    sys.exit(main())
