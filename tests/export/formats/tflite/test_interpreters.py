"""The exported files in interpreters that cannot live in this environment: those of `make interpreters`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runtime.manifest.manifest import Manifest

ROOT = Path(__file__).parents[4]


@pytest.mark.interpreters
@pytest.mark.parametrize("name", ["tflite-runtime", "tensorflow"])
def test_every_file_passes_its_self_test(name: str, request: pytest.FixtureRequest) -> None:
    python = ROOT / f".venv-{name}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"not run: no environment .venv-{name}, `make interpreters` makes it")
    small_export: Path = request.getfixturevalue("small_export")  # not before it is known to be needed
    command = [str(python), "-m", "runtime.selftest", str(small_export), "--backend", "tflite", "--threads", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    first, *lines = done.stdout.splitlines()
    assert first.startswith(f"interpreter: {name} ")
    ids = [artifact.id for artifact in Manifest.load(small_export).artifacts if artifact.format == "tflite"]
    assert [line.split(":")[0] for line in lines] == ids
