from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest

from runtime.system import child_processes
from runtime.system.child_processes import PACKAGE_ROOT, as_child_environment, child_environment


def test_a_child_finds_these_packages_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/mine")
    environment = child_environment()
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment["PYTHONPATH"] == f"{PACKAGE_ROOT}{os.pathsep}/mine"


def test_an_installation_is_found_without_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder in front of the standard library could shadow that."""
    monkeypatch.setattr(child_processes, "PACKAGE_ROOT", Path(sysconfig.get_path("purelib")))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert "PYTHONPATH" not in child_environment()


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setenv("PYTHONPATH", "/mine")
    before = dict(os.environ)
    with as_child_environment():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert dict(os.environ) == before
