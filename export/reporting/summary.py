"""What ``export.all`` says at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from export.artifacts.int8_inputs import describe_int8
from export.execution.logs import logs_beside
from export.execution.output_folder import is_there, partial_of
from export.reporting.text import counts, describe_controls, describe_logs, pipeline_table, summary, table
from export.verification.float_model import describe_float_model
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import Manifest

Outcome = Literal["written", "partial", "unchanged", "failed"]
"""``partial``: something failed, and what passed was written; ``failed``: nothing was."""


def has_failed(manifest: Manifest) -> bool:
    """Whether something failed that is not only for trying out."""
    experimental = {artifact.id for artifact in manifest.artifacts if artifact.experimental}
    failed = [a for a in manifest.artifacts if a.status == "failed" and a.id not in experimental]
    chains = [p for p in manifest.pipelines if p.status == "failed" and not {p.defocus, p.deblur} & experimental]
    return bool(failed or chains)


def place_for(manifest: Manifest, out: Path) -> tuple[Path, Outcome]:
    """Where an export goes by what came of it: where something failed, no earlier one is replaced."""
    if not has_failed(manifest):
        return out, "written"
    if all(artifact.status != "passed" for artifact in manifest.artifacts):
        return out, "failed"
    return partial_of(out) if is_there(out) else out, "partial"


def report(
    manifest: Manifest, out: Path, outcome: Outcome, seconds: float, as_json: bool, logs: Mapping[str, Path]
) -> int:
    """Print the table, or the summary as JSON, and where the result is.

    Args:
        manifest: of the export.
        out: where it is, or would be where nothing was written.
        outcome: of the command.
        seconds: that it took.
        as_json: whether a program reads it.
        logs: name -> log of what failed; an artefact's has its id.

    Returns:
        The exit code: 1 where something failed.
    """
    if as_json:
        facts = summary(
            manifest.artifacts,
            logs={name: str(path) for name, path in logs.items()},
            pipelines=to_json(manifest.pipelines),
            controls=to_json(manifest.controls),
            int8=to_json(manifest.int8),
            float_model=to_json(manifest.float_model),
            out=str(out),
            written=outcome != "failed",
            unchanged=outcome == "unchanged",
            seconds=round(seconds, 1),
        )
        print(json.dumps(facts, indent=2, allow_nan=False))
    else:
        parts = [
            table(manifest.artifacts, logs),
            pipeline_table(manifest.pipelines),
            describe_controls(manifest.controls),
            describe_logs(manifest.artifacts, logs),
        ]
        if manifest.int8 is not None:
            parts.append(f"int8: {describe_int8(manifest.int8)}")
        kept = f"; logs: {logs_beside(out)}" if logs else ""
        ends = {
            "written": f"written to {out}",
            "partial": f"what passed was written to {out}, what failed is left out",
            "unchanged": f"nothing has changed since {out} was written ({manifest.created})",
            "failed": f"nothing passed, so nothing was written{kept}",
        }
        if manifest.float_model is not None:
            parts.append(describe_float_model(manifest.float_model))
        parts.append(f"{counts(manifest.artifacts)} in {seconds:.0f} s; {ends[outcome]}")
        print("\n\n".join(part for part in parts if part))
    return 1 if outcome in ("partial", "failed") else 0
