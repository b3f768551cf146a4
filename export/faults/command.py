"""From the command line of ``export.controls`` to what became of each control."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from export.artifacts.shared_inputs import make_shared_inputs
from export.execution.cache import write_record
from export.execution.interrupts import Interrupts
from export.execution.process_pool import PRELOADED, run_tasks
from export.execution.progress import Progress
from export.execution.task import Task
from export.faults.catalog import CONTROLS, FAULTS, Control
from export.faults.run import by_artifact, controls_from, run_group
from runtime.manifest.check_records import NegativeControl
from runtime.manifest.json_codec import to_json
from runtime.manifest.records import Size
from runtime.system.errors import ReblurError
from train.checkpoint import load_deployable

LIMIT_S = 3600.0
"""For the controls of one artefact, at any size."""


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


def run_controls(
    checkpoint: Path, size: Size, controls: Sequence[Control], jobs_at_once: int, interrupts: Interrupts
) -> list[NegativeControl]:
    """Try controls, those of one artefact in one process, with progress, in a temporary folder.

    Args:
        checkpoint: the float one.
        size: of the files.
        controls: which.
        jobs_at_once: processes; 0 does everything in this one.
        interrupts: checked all the time.

    Raises:
        ReblurError: the checkpoint cannot be read, or an unbroken file does not pass.
    """
    load_deployable(checkpoint)  # before processes are started, which takes long
    groups = by_artifact(controls)
    with tempfile.TemporaryDirectory() as name, Progress(1 + len(groups)) as progress:
        folder = Path(name)
        shared_inputs = Task(
            name="graphs, check pictures and representative inputs",
            function=make_shared_inputs,
            arguments=(checkpoint, size, True),
            folder=folder / "shared_inputs",
            limit_s=LIMIT_S,
        )
        tasks = [
            Task(
                name=f"{artifact}: {', '.join(control.name for control in group)}",
                function=try_group,
                arguments=(group, shared_inputs.folder, size),
                folder=folder / artifact,
                limit_s=LIMIT_S,
            )
            for artifact, group in groups.items()
        ]
        found: list[NegativeControl] = []
        for step in ([shared_inputs], tasks):
            outcomes = run_tasks(
                step,
                jobs_at_once,
                interrupts,
                on_start=lambda task: progress.start(task.name),
                on_end=lambda outcome: progress.finish(),
                leftovers=(folder,),
                packages=PRELOADED,
            )
            for outcome in outcomes:
                if outcome.reason:
                    raise ReblurError(outcome.reason)
        for group, outcome in zip(groups.values(), outcomes, strict=True):
            found += controls_from(group, outcome)
    return found


def try_group(folder: Path, group: Sequence[Control], shared_inputs: Path, size: Size) -> None:
    """Try the controls of one artefact; the record in ``folder`` says what became of them.

    Raises:
        ReblurError: the unbroken file does not pass.
    """
    write_record(folder, {"controls": to_json(run_group(group, shared_inputs, folder, size))})
