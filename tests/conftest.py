"""Shared by all tests: one thread, and the warnings of other packages, listed in one line a kind.

One thread, so that results do not depend on the machine and a busy one does not stall them.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path

import pytest
import torch

from runtime.system import silence

torch.set_num_threads(1)
silence.HIDES_WARNINGS = False

LINE_LENGTH = 110
EXPORTING_FIXTURES = {"small_export", "run_all"}
LONGEST_FILES = ("test_all.py", "test_trainer.py", "test_run.py", "test_qat.py")
"""In the order in which processes of a test run take them."""


def pytest_configure(config: pytest.Config) -> None:
    """Count warnings by kind in place of pytest's own list of every place, which `-v` gives."""
    if config.option.verbose < 1:
        config.option.disable_warnings = True
        config.pluginmanager.register(WarningCounts())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow whatever takes a fixture that exports: forgotten marks would make `make check` slow one by one."""
    for item in items:
        if EXPORTING_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)
    exporting = {item.path for item in items if EXPORTING_FIXTURES & {*getattr(item, "fixturenames", ())}}
    items.sort(key=lambda item: _turn(item.path, exporting))


def _turn(path: Path, exporting: set[Path]) -> int:
    """The longest files first; the first of them makes the export that others wait for, so those come last."""
    if path.name in LONGEST_FILES:
        return LONGEST_FILES.index(path.name)
    return len(LONGEST_FILES) + (path in exporting)


class WarningCounts:
    """pytest's hooks for warnings: counts them and lists the counts at the end."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        if os.environ.get("PYTEST_XDIST_WORKER"):
            _to_builtin_category(warning_message)
        self.counts[_kind(warning_message)] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.counts:
            terminalreporter.section("warnings of other packages, all places with -v", yellow=True, bold=False)
        for kind, count in sorted(self.counts.items()):
            terminalreporter.line(f"{count:5} x {kind}")


def _to_builtin_category(warning: warnings.WarningMessage) -> None:
    """Name a package's own category in the text: pytest-xdist would import the package to show it, for seconds."""
    if warning.category.__module__ == "builtins":
        return
    builtin = next(base for base in warning.category.__mro__ if base.__module__ == "builtins")
    warning.message = builtin(f"{warning.category.__name__}: {warning.message}")
    warning.category = builtin


def _kind(warning: warnings.WarningMessage) -> str:
    """Package, category and first line."""
    lines = str(warning.message).strip().splitlines() or [""]
    return f"{_package(warning.filename)}: {warning.category.__name__}: {lines[0][:LINE_LENGTH]}"


def _package(filename: str) -> str:
    """Whose file it is: the folder within site-packages, or the last two parts of any other path."""
    parts = Path(filename).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    return "/".join(parts[-2:])
