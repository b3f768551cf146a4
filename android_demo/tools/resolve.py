"""Resolves every dependency with Maven, checks it against locks/maven.lock, and unpacks the AARs.

The lock file names each artefact and its SHA-256, and no server: Maven takes them from wherever it is set up to.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import zipfile
from pathlib import Path

from dependencies import CLASSPATHS
from poms import write_poms
from processes import BUILD, ROOT, BuildError, emptied, run

LOCK = ROOT / "locks" / "maven.lock"
RESOLVED = BUILD / "dependencies.json"


@dataclasses.dataclass(frozen=True)
class Artifact:
    """One resolved file."""

    classpath: str
    scope: str
    """compile and runtime go into the APK, provided and test do not."""
    name: str
    """group:artifact:type[:classifier]:version"""
    file: str
    """In Maven's local repository."""
    sha256: str
    folder: str = ""
    """Where an AAR was unpacked; empty for others."""

    @property
    def lock_line(self) -> str:
        """As locks/maven.lock has it."""
        return f"{self.classpath:9} {self.scope:8} {self.sha256} {self.name}"


class Dependencies:
    """What was resolved, by use."""

    def __init__(self, artifacts: list[Artifact]) -> None:
        self._artifacts = artifacts

    @classmethod
    def load(cls) -> Dependencies:
        """Those of the last resolution, if the tables and the lock are still the same; else resolve again."""
        if RESOLVED.exists():
            found = json.loads(RESOLVED.read_text())
            if found["inputs"] == _inputs() and all(Path(a["file"]).exists() for a in found["artifacts"]):
                return cls([Artifact(**artifact) for artifact in found["artifacts"]])
        return resolve()

    def classpath(self, name: str, *scopes: str) -> list[Path]:
        """Jars of a classpath, an AAR giving its classes.jar and libs/*.jar; all scopes where none is named."""
        jars: list[Path] = []
        for artifact in self._artifacts:
            if artifact.classpath != name or (scopes and artifact.scope not in scopes):
                continue
            if artifact.folder:
                folder = Path(artifact.folder)
                jars += sorted([*folder.glob("classes.jar"), *folder.glob("libs/*.jar")])
            else:
                jars.append(Path(artifact.file))
        return jars

    def file(self, classpath: str, prefix: str) -> Path:
        """The one file of a classpath whose name starts so."""
        (found,) = [path for path in self.classpath(classpath) if path.name.startswith(prefix)]
        return found

    def aars(self) -> list[Path]:
        """Folders of the AARs that go into the APK."""
        chosen = [a for a in self._artifacts if a.classpath == "app" and a.scope in ("compile", "runtime")]
        return [Path(a.folder) for a in chosen if a.folder]


def resolve(*, accept: bool = False) -> Dependencies:
    """Let Maven find everything.

    Args:
        accept: write what it finds to the lock file instead of holding it against that.

    Raises:
        BuildError: something is not to be had, or is not what the lock file says.
    """
    artifacts = _from_maven()
    if accept:
        LOCK.parent.mkdir(exist_ok=True)
        LOCK.write_text("".join(f"{artifact.lock_line}\n" for artifact in artifacts))
    else:
        _check_lock(artifacts)
    unpacked = [_unpacked(artifact) for artifact in artifacts]
    content = {"inputs": _inputs(), "artifacts": [dataclasses.asdict(artifact) for artifact in unpacked]}
    RESOLVED.write_text(json.dumps(content, indent=1))
    megabytes = sum(Path(artifact.file).stat().st_size for artifact in artifacts) / 1e6
    print(f"{len(artifacts)} artefacts, {megabytes:.0f} MB, as locked")
    return Dependencies(unpacked)


def _from_maven() -> list[Artifact]:
    listing = emptied(BUILD / "maven")
    parent = write_poms(BUILD / "poms")
    run(
        "mvn", "--batch-mode", "--no-transfer-progress", "--file", parent, "dependency:list",
        f"-DoutputFile={listing}/${{project.artifactId}}.txt",  # Maven fills in the module's name
        "-DoutputAbsoluteArtifactFilename=true", "-Dsort=true",
    )  # fmt: skip
    artifacts = []
    for classpath in CLASSPATHS:
        for line in (listing / f"{classpath}.txt").read_text().splitlines():
            fields = line.strip().split(":")
            if len(fields) < 6:  # a heading
                continue
            *name, scope, file = fields
            file = file.split(" -- module")[0]  # Java's module name, which Maven appends
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            artifacts.append(Artifact(classpath, scope, ":".join(name), file, digest))
    return artifacts


def _check_lock(artifacts: list[Artifact]) -> None:
    locked = set(LOCK.read_text().splitlines()) if LOCK.exists() else set()
    found = {artifact.lock_line for artifact in artifacts}
    if locked != found:
        differences = [f"  locked   {line}" for line in sorted(locked - found)]
        differences += [f"  resolved {line}" for line in sorted(found - locked)]
        raise BuildError(
            f"{len(differences)} lines differ between locks/maven.lock and what Maven resolved; look at them, "
            "then accept them with `python android_demo/tools/build.py lock`:\n" + "\n".join(differences[:10])
        )


def _inputs() -> str:
    """Digest of what decides the outcome."""
    digest = hashlib.sha256(LOCK.read_bytes() if LOCK.exists() else b"")
    for path in (ROOT / "gradle" / "libs.versions.toml", ROOT / "tools" / "dependencies.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _unpacked(artifact: Artifact) -> Artifact:
    if not artifact.file.endswith(".aar"):
        return artifact
    folder = BUILD / "aar" / f"{artifact.name.split(':')[0]}.{Path(artifact.file).stem}"
    marker = folder / ".sha256"
    if not marker.exists() or marker.read_text() != artifact.sha256:
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(artifact.file) as archive:
            archive.extractall(folder)
        marker.write_text(artifact.sha256)
    return dataclasses.replace(artifact, folder=str(folder))
