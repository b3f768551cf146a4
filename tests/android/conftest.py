"""Lets tests import the Android demo's build tools, which stand beside the app and not in a package."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.export.conftest import shared_folder, small_checkpoint, small_export

__all__ = ["shared_folder", "small_checkpoint", "small_export"]

TOOLS = Path(__file__).resolve().parents[2] / "android_demo" / "tools"
sys.path.insert(0, str(TOOLS))
