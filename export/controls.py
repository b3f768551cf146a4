"""Negative controls: files broken on purpose, which the ordinary check must turn away.

    python -m export.controls [--checkpoint F] [--size 128x128] [--only NAME] [--json]

Each file is written by the export's own writers, or is one of its files with bytes changed, and is checked like any
other. Before that the unbroken file, made in the same way, must pass: else a failure would show nothing.

Exit code: 0 every one was caught, 1 one was not, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.check import check_artifact
from export.make import WRITERS, describe
from export.materials import Kit, load_kit, make_materials
from export.mistakes.files import WeightNotFoundError
from export.mistakes.table import CONTROLS, MISTAKES, Control
from export.plan import Job
from export.progress import Progress
from export.recipes import RECIPES, Recipe
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import list_files
from runtime.manifest.records import Artifact, Size
from runtime.system.silence import silence
from train.weights import SHIPPED

__all__ = ["CONTROLS", "Control", "run_group"]

SIZE = Size(height_px=128, width_px=128)
"""Of the files that are broken: small, for it is the check that is tried here."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    from export.all import sizes_from

    arguments = parse(argv)
    try:
        (size,) = sizes_from(arguments.size)
        found = run(arguments.checkpoint, size, select(arguments.only))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(to_json(found), indent=2, allow_nan=False) if arguments.json else table(found))
    return 0 if all(control.caught for control in found) else 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m export.controls", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    parser.add_argument("--size", default="128x128", metavar="HxW", help="of the files, pixels; default: %(default)s")
    parser.add_argument("--only", metavar="NAME", help="a mistake's name or an artefact's id; default: all")
    parser.add_argument("--json", action="store_true", help="print the records as JSON instead of a table")
    return parser.parse_args(argv)


def select(only: str | None) -> tuple[Control, ...]:
    """The controls of that name or artefact; all without one.

    Raises:
        ValueError: there is none.
    """
    found = tuple(c for c in CONTROLS if only in (None, c.name, c.artifact))
    if not found:
        names = ", ".join(dict.fromkeys(mistake.name for mistake in MISTAKES))
        raise ValueError(f"no control {only!r}: choose from {names}, or name an artefact")
    return found


def run(checkpoint: Path, size: Size, controls: Sequence[Control]) -> list[NegativeControl]:
    """Try controls one artefact after the other, with progress, in a temporary folder.

    Raises:
        ValueError: the checkpoint cannot be read, or an unbroken file does not pass.
    """
    found: list[NegativeControl] = []
    with tempfile.TemporaryDirectory() as name, Progress(1 + len(by_artifact(controls))) as progress:
        folder = Path(name)
        progress.start("graphs, check pictures and representative inputs")
        with silence():
            make_materials(_made(folder / "materials"), checkpoint, size, True)
        progress.finish()
        for artifact, group in by_artifact(controls).items():
            progress.start(f"{artifact}: {', '.join(control.name for control in group)}")
            with silence():
                found += run_group(group, folder / "materials", _made(folder / artifact), size)
            progress.finish()
    return found


def by_artifact(controls: Sequence[Control] = CONTROLS) -> dict[str, tuple[Control, ...]]:
    """The controls by what they are tried on: those of one artefact share the unbroken file."""
    return {
        name: tuple(c for c in controls if c.artifact == name) for name in dict.fromkeys(c.artifact for c in controls)
    }


def run_group(
    controls: Sequence[Control], materials: Path, folder: Path, size: Size = SIZE
) -> tuple[NegativeControl, ...]:
    """Try controls on one artefact.

    Args:
        controls: all of the same artefact.
        materials: folder that ``export.materials.make_materials`` filled, for this size.
        folder: where the files go; there already.
        size: of the files.

    Returns:
        What became of each; ``caught`` where a gate, an overflow or the loader turned the file away.

    Raises:
        ValueError: the unbroken file does not pass, so that a broken one would show nothing, or a broken one cannot
            be made.
    """
    (name,) = {control.artifact for control in controls}
    job = Job(recipe=_recipe(name), size=size, is_first_size=True)
    kit = load_kit(materials, job.recipe.graph)
    good = _made(folder / "unbroken") / job.file_name
    WRITERS[job.recipe.target](job, kit, good)
    checked = _check(job, kit, good)
    if checked.status != "passed":
        raise ValueError(f"{name} must pass before it is broken, but {checked.reason}")
    found = []
    for number, control in enumerate(controls):
        path = _made(folder / f"broken_{number}") / job.file_name
        _write_broken(control, job, kit, good, path)
        found.append(judge(control, _check(job, kit, path), path.parent))
    return tuple(found)


def judge(control: Control, checked: Artifact, folder: Path) -> NegativeControl:
    """Whether a broken file was turned away, and by what.

    A file that fails for any other reason, such as a delegate that takes it in pieces, was not caught: that another
    file with the same mistake would fail too is not shown by it.

    Args:
        control: what was done to it.
        checked: what its check said.
        folder: where the file is, which the sentence of a loader may name.
    """
    misses = [figure for figure in checked.parity if not figure.passed]
    refusal = control.mistake.refusal
    by, value, threshold = "", None, None
    if misses:
        first = misses[0]
        where = f"{first.case} ({first.runtime})" if first.runtime else first.case
        more = f", and {len(misses) - 1} more" if len(misses) > 1 else ""
        by, threshold = f"{first.metric} on {where}{more}", first.threshold
        value = first.value if first.value is not None and math.isfinite(first.value) else None
    elif checked.status == "failed" and refusal and refusal in checked.reason:
        by = checked.reason.replace(f"{folder}/", "")
    return NegativeControl(
        name=control.name, description=control.mistake.description, artifact=control.artifact, caught=bool(by),
        by=by, value=value, threshold=threshold,
    )  # fmt: skip


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


def _write_broken(control: Control, job: Job, kit: Kit, good: Path, path: Path) -> None:
    """Write the wrong file to ``path``: the good one with bytes changed where that is possible, else a new one."""
    mistake = control.mistake
    if mistake.file is not None:
        spec = kit.int8_spec if job.recipe.precision == "int8" else kit.spec
        _copy(good, path)
        try:
            mistake.file(path, spec.module)
            return
        except WeightNotFoundError:
            if mistake.kit is None:
                raise
    assert mistake.kit is not None
    WRITERS[job.recipe.target](job, mistake.kit(kit), path)


def _copy(good: Path, path: Path) -> None:
    if good.is_dir():
        shutil.copytree(good, path)
    else:
        shutil.copyfile(good, path)


def _check(job: Job, kit: Kit, path: Path) -> Artifact:
    """The ordinary check of an export."""
    artifact = dataclasses.replace(describe(job, kit.spec), files=list_files(path.parent, path.name))
    return check_artifact(artifact, path.parent, kit.cases)


def _recipe(name: str) -> Recipe:
    (recipe,) = (recipe for recipe in RECIPES if recipe.id == name)
    return recipe


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    sys.exit(main())
