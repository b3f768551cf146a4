"""The Android demo's shared logic and pipeline, in Kotlin, on the JVM, with the real .tflite files of an export."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.android.conftest import TOOLS

MISSING = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
FETCHED = TOOLS.parent / "build" / "dependencies.json"
"""What `make android` has resolved: tests fetch nothing."""


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not run: {', '.join(MISSING)} not installed; a JDK 17 and Maven are needed")
@pytest.mark.skipif(not FETCHED.is_file(), reason="not run: `make android` has not fetched what Kotlin needs yet")
def test_the_shared_logic_does_what_the_runtime_does(small_export: Path) -> None:
    """What needs a minute: `make android` has the rest, screens and APK."""
    command = [sys.executable, str(TOOLS / "build.py"), "core", "--artifacts", str(small_export), "--no-references"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "core tests passed" in done.stdout
