from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_onnxruntime_leaves_no_trace(tmp_path: Path) -> None:
    """It writes a device's id and a database of events into the home folder, unless it is told not to."""
    pytest.importorskip("onnxruntime", reason="not run: needs onnxruntime")
    folders = {name: tmp_path / name.lower() for name in ("HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    environment |= {name: str(folder) for name, folder in folders.items()}
    script = "import runtime, onnxruntime; onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=environment)
    assert [path for folder in folders.values() for path in folder.rglob("*")] == []
