"""The files of an artefact: listed with their digests, and checked against that list."""

from __future__ import annotations

from pathlib import Path

from runtime.manifest.records import Artifact, ArtifactFile
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of


def list_files(directory: Path, path: str) -> tuple[ArtifactFile, ...]:
    """The files of an artefact with their digests: one, or all within a folder such as an .mlpackage.

    Args:
        directory: where manifest.json is, or will be.
        path: the artefact, relative to it.
    """
    root = directory / path
    members = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
    return tuple(
        ArtifactFile(
            path=member.relative_to(directory).as_posix(),
            bytes=member.stat().st_size,
            sha256=sha256_of(member),
        )
        for member in members
    )


def check_files(artifact: Artifact, directory: Path | str) -> None:
    """Check that an artefact's files are there and are those that the manifest describes.

    Raises:
        ReblurError: names the file that is missing, differs, or does not belong there.
    """
    directory = Path(directory)
    if not artifact.files:
        raise ReblurError(f"{artifact.id} has no file ({artifact.status}: {artifact.reason or 'no reason given'})")
    for file in artifact.files:
        path = directory / file.path
        if not path.is_file():
            raise ReblurError(f"{path} is missing, though the manifest lists it: run `make export` again")
        if sha256_of(path) != file.sha256:
            raise ReblurError(f"{path} is not the file that the manifest describes: run `make export` again")
    stray = {file.path for file in list_files(directory, artifact.path)} - {file.path for file in artifact.files}
    if stray:
        raise ReblurError(f"{directory / min(stray)} is not in the manifest: run `make export` again")
