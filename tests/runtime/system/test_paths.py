from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.system.paths import check_folder_can_be_made, check_outputs


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")
    return path


def test_an_input_is_found_by_any_of_its_names(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.link(photo, tmp_path / "hard.png")
    (tmp_path / "soft.png").symlink_to(photo)
    for name in ("photo.png", "hard.png", "soft.png", "folder/../photo.png"):
        with pytest.raises(ValueError, match=r"the result, .* would be written over the photograph"):
            check_outputs({"the result": tmp_path / name}, {"the photograph": photo})
    check_outputs({"the result": tmp_path / "other.png"}, {"the photograph": photo, "the key": None})


def test_what_lies_in_a_folder_that_is_read_is_an_input(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the table, .* would be written over a file of the pairs"):
        check_outputs({"the table": photo}, {"the pairs": tmp_path})
    check_outputs({"the table": tmp_path / "new.csv"}, {"the pairs": tmp_path})


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    """Neither is there yet, so only their names tell; letters of another case are the same file on some systems."""
    (tmp_path / "link").symlink_to(tmp_path)
    for other in ("sharp.png", "Sharp.PNG", "link/sharp.png"):
        with pytest.raises(ValueError, match=r"the map, .* would be written over the result"):
            check_outputs({"the result": tmp_path / "sharp.png", "the map": tmp_path / other}, {})
    check_outputs({"the result": tmp_path / "sharp.png", "the map": None}, {})


def test_a_folder_is_asked_for_without_being_made(photo: Path, tmp_path: Path) -> None:
    check_folder_can_be_made(tmp_path / "a" / "b")
    check_folder_can_be_made(tmp_path)
    for place in (photo, photo / "below"):
        with pytest.raises(ValueError, match=r"photo\.png is a file"):
            check_folder_can_be_made(place)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
