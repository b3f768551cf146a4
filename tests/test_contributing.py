"""The map in CONTRIBUTING.md is the one that the import contracts hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = {c["containers"][0]: c["layers"] for c in CONTRACTS if "containers" in c}


def rooms_on_the_map(package: str) -> list[set[str]]:
    """The rooms of each line below a package's name."""
    block = TEXT[TEXT.index("```\nbenchmarks") + 4 :].partition("```")[0]
    own = re.split(r"^(?=\w)", block, flags=re.MULTILINE)
    (lines,) = (part.splitlines()[1:] for part in own if part.split()[:1] == [package])
    return [set(re.split(r" {2,}(?! *\|)", line.strip())[0].split(" | ")) for line in lines if line.strip()]


@pytest.mark.parametrize("package", ["benchmarks", "export", "train", "runtime"])
def test_the_map_shows_the_layers_that_are_held(package: str) -> None:
    assert rooms_on_the_map(package) == [set(layer.split(" | ")) for layer in LAYERS[package]]


def test_export_stands_on_at_most_eight_levels() -> None:
    assert len(LAYERS["export"]) <= 8


def test_every_module_that_is_named_exists() -> None:
    """As ``folder/module``, in whichever package."""
    ways = TEXT[TEXT.index("**A checkpoint becomes") : TEXT.index("## House rules")]
    for name in set(re.findall(r"`([a-z_]+(?:/[a-z_]+)+)(?:\.py)?`", ways)):
        places = [ROOT / name, *(ROOT / package / name for package in ("export", "train", "runtime"))]
        assert any(place.with_suffix(".py").is_file() or place.is_dir() for place in places), name
