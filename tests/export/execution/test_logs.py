from __future__ import annotations

from pathlib import Path

import pytest

from export.execution.logs import find_logs, logs_beside, move_logs, shown_path


def test_logs_take_the_place_of_earlier_ones_and_of_nothing_else(tmp_path: Path) -> None:
    folder = logs_beside(tmp_path / "artifacts")
    assert folder == tmp_path / "artifacts.logs"
    folder.mkdir()
    (folder / "old.log").write_text("old")
    (folder / "photo.jpg").write_text("precious")
    (tmp_path / "log").write_text("new")
    assert move_logs({"deblur-onnx-fp32": tmp_path / "log"}, folder) == {
        "deblur-onnx-fp32": folder / "deblur-onnx-fp32.log"
    }
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "deblur-onnx-fp32.log": "new",
        "photo.jpg": "precious",
    }
    assert move_logs({}, folder) == {}
    assert [path.name for path in folder.iterdir()] == ["photo.jpg"]


def test_where_nothing_failed_no_folder_is_left(tmp_path: Path) -> None:
    move_logs({}, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()
    (tmp_path / "log").write_text("")
    move_logs({"a": tmp_path / "log"}, tmp_path / "logs")
    assert find_logs(tmp_path) == {"a": tmp_path / "logs" / "a.log"}
    move_logs({}, tmp_path / "logs")
    assert list(tmp_path.iterdir()) == []


def test_a_path_is_shown_as_it_would_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_path(tmp_path / "a" / "b.log") == str(tmp_path / "a" / "b.log")
    monkeypatch.chdir(tmp_path)
    assert shown_path(tmp_path / "a" / "b.log") == "a/b.log"
