"""checks.json, beside the manifest: written from it, and read into it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.manifest.check_records import ArtifactChecks, Checks, PipelineChecks
from runtime.manifest.files import list_files
from runtime.manifest.json_codec import from_json, lines_of, to_json
from runtime.manifest.records import CHECKS_FILE, ArtifactFile
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of, write_atomically

if TYPE_CHECKING:
    from runtime.manifest.manifest import Manifest


def write_checks(manifest: Manifest, directory: Path) -> ArtifactFile:
    """Write checks.json, and say what it is."""
    checks = Checks(
        artifacts={
            a.id: ArtifactChecks(gates=a.gates, parity=a.parity, coverage=a.coverage, lint=a.lint, key=a.key)
            for a in manifest.artifacts
        },
        pipelines={p.id: PipelineChecks(gates=p.gates, parity=p.parity) for p in manifest.pipelines},
        matrix=manifest.matrix,
        controls=manifest.controls,
        achieved={case.id: case.achieved for case in manifest.golden if case.achieved},
    )
    write_atomically(directory / CHECKS_FILE, lines_of(to_json(checks)).encode())
    (file,) = list_files(directory, CHECKS_FILE)
    return file


def read_checks(manifest: Manifest, directory: Path) -> Manifest:
    """The manifest with what checks.json says; as it is where it names none.

    Raises:
        ReblurError: the file is missing, another one, or damaged.
    """
    if manifest.checks is None:
        return manifest
    path = directory / manifest.checks.path
    if not path.is_file() or sha256_of(path) != manifest.checks.sha256:
        raise ReblurError(f"{path} is missing, or not the file that the manifest describes: run `make export` again")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReblurError(f"cannot read {path} ({error}): run `make export` again") from error
    checks = from_json(Checks, content, CHECKS_FILE, ignore_unknown=True)
    return dataclasses.replace(
        manifest,
        artifacts=tuple(
            dataclasses.replace(a, **_fields(checks.artifacts[a.id])) if a.id in checks.artifacts else a
            for a in manifest.artifacts
        ),
        pipelines=tuple(
            dataclasses.replace(p, **_fields(checks.pipelines[p.id])) if p.id in checks.pipelines else p
            for p in manifest.pipelines
        ),
        golden=tuple(
            dataclasses.replace(case, achieved=checks.achieved.get(case.id, case.achieved)) for case in manifest.golden
        ),
        matrix=checks.matrix,
        controls=checks.controls,
    )


def _fields(record: ArtifactChecks | PipelineChecks) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
