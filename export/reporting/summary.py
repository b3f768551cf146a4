"""What ``export.all`` says at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from export.artifacts.int8_inputs import describe_int8
from export.reporting.text import counts, describe_controls, pipeline_table, summary, table
from runtime.manifest.json_codec import to_json
from runtime.manifest.manifest import Manifest

Outcome = Literal["written", "unchanged", "failed"]


def report(manifest: Manifest, out: Path, outcome: Outcome, seconds: float, as_json: bool) -> int:
    """Print the table, or the summary as JSON, and where the result is.

    Returns:
        The exit code: 1 where something failed.
    """
    if as_json:
        facts = summary(
            manifest.artifacts,
            pipelines=to_json(manifest.pipelines),
            controls=to_json(manifest.controls),
            int8=to_json(manifest.int8),
            out=str(out),
            written=outcome != "failed",
            unchanged=outcome == "unchanged",
            seconds=round(seconds, 1),
        )
        print(json.dumps(facts, indent=2, allow_nan=False))
    else:
        parts = [table(manifest.artifacts), pipeline_table(manifest.pipelines), describe_controls(manifest.controls)]
        if manifest.int8 is not None:
            parts.append(f"int8: {describe_int8(manifest.int8)}")
        ends = {
            "written": f"written to {out}",
            "unchanged": f"nothing has changed since {out} was written ({manifest.created})",
            "failed": f"nothing was written, {out} is as it was; --recipes leaves out what failed",
        }
        parts.append(f"{counts(manifest.artifacts)} in {seconds:.0f} s; {ends[outcome]}")
        print("\n\n".join(part for part in parts if part))
    return 1 if outcome == "failed" else 0
