"""Negative controls: files broken on purpose, which the ordinary check must turn away.

    python -m export.controls [--checkpoint F] [--size 128x128] [--only NAME] [--json]

Each file is written by the export's own writers, or is one of its files with bytes changed, and is checked like any
other. Before that the unbroken file, made in the same way, must pass: else a failure would show nothing.

Exit code: 0 every one was caught, 1 one was not, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.artifacts.shared_inputs import make_shared_inputs
from export.execution.progress import Progress
from export.faults.catalog import CONTROLS, FAULTS, Control
from export.faults.run import by_artifact, new_folder, run_group
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.json_codec import to_json
from runtime.manifest.records import Size
from runtime.system.errors import ReblurError
from runtime.system.silence import silence
from train.weights import SHIPPED

__all__ = ["CONTROLS", "Control", "run_group"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    from export.recipes.jobs import sizes_from

    arguments = parse(argv)
    try:
        (size,) = sizes_from(arguments.size)
        found = run(arguments.checkpoint, size, select(arguments.only))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ReblurError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(to_json(found), indent=2, allow_nan=False) if arguments.json else table(found))
    return 0 if all(control.caught for control in found) else 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.controls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    parser.add_argument("--size", default="128x128", metavar="HxW", help="of the files, pixels; default: %(default)s")
    parser.add_argument("--only", metavar="NAME", help="a fault's name or an artefact's id; default: all")
    parser.add_argument("--json", action="store_true", help="print the records as JSON instead of a table")
    return parser.parse_args(argv)


def select(only: str | None) -> tuple[Control, ...]:
    """The controls of that name or artefact; all without one.

    Raises:
        ReblurError: there is none.
    """
    found = tuple(c for c in CONTROLS if only in (None, c.name, c.artifact))
    if not found:
        names = ", ".join(dict.fromkeys(fault.name for fault in FAULTS))
        raise ReblurError(f"no control {only!r}: choose from {names}, or name an artefact")
    return found


def run(checkpoint: Path, size: Size, controls: Sequence[Control]) -> list[NegativeControl]:
    """Try controls one artefact after the other, with progress, in a temporary folder.

    Raises:
        ReblurError: the checkpoint cannot be read, or an unbroken file does not pass.
    """
    found: list[NegativeControl] = []
    with tempfile.TemporaryDirectory() as name, Progress(1 + len(by_artifact(controls))) as progress:
        folder = Path(name)
        progress.start("graphs, check pictures and representative inputs")
        with silence():
            make_shared_inputs(new_folder(folder / "shared_inputs"), checkpoint, size, True)
        progress.finish()
        for artifact, group in by_artifact(controls).items():
            progress.start(f"{artifact}: {', '.join(control.name for control in group)}")
            with silence():
                found += run_group(group, folder / "shared_inputs", new_folder(folder / artifact), size)
            progress.finish()
    return found


def table(found: Sequence[NegativeControl]) -> str:
    """One line for each control."""
    rows = [("control", "artefact", "", "by", "value", "gate")]
    rows += [
        (c.name, c.artifact, "caught" if c.caught else "NOT CAUGHT", c.by, _number(c.value), _number(c.threshold))
        for c in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    caught = sum(control.caught for control in found)
    return "\n".join([*lines, "", f"{caught} of {len(found)} caught"])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
