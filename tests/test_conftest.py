from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFTEST = Path(__file__).with_name("conftest.py")
TOOL = """
import warnings

class ExperimentalWarning(UserWarning):
    pass

warnings.warn("at import", DeprecationWarning)

def convert():
    warnings.warn("may change", ExperimentalWarning)
    warnings.warn("old way\\nuse the new one", FutureWarning)
    warnings.warn("no more", DeprecationWarning)
"""
TEST = """
import pytest
import tool

@pytest.mark.parametrize("number", range(3))
def test_convert(number):
    tool.convert()
"""


def test_warnings_of_other_packages_are_counted_by_kind(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    (packages / "tool").mkdir(parents=True)
    (packages / "tool/__init__.py").write_text(TOOL)
    (tmp_path / "test_tool.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {packages} {CONFTEST.parents[1]}\n")
    shutil.copy(CONFTEST, tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", "-p", "no:benchmark"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert "    3 x tool: DeprecationWarning: no more" in lines, done.stdout + done.stderr
    assert "    3 x tool: FutureWarning: old way" in lines
    assert "    3 x tool: UserWarning: ExperimentalWarning: may change" in lines
    assert "    1 x tool: DeprecationWarning: at import" in lines
    assert "use the new one" not in done.stdout
    assert "at import" not in done.stderr  # pytest-xdist did not import the package for its category
    assert lines[-1].startswith("3 passed, ")


def test_a_warning_of_our_own_fails_the_test() -> None:
    """The filter names our packages as modules are named when pytest imports them."""
    with pytest.raises(DeprecationWarning, match="old way"):
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    for module in ("export.build", "train.data.photos", "runtime"):
        with pytest.raises(FutureWarning, match="old way"):
            warnings.warn_explicit("old way", FutureWarning, "file.py", 1, module)
    with pytest.warns(FutureWarning, match="old way"):
        warnings.warn_explicit("old way", FutureWarning, "file.py", 1, "trainer")
