"""Progress of a long loop where stderr is a file, as under pytest."""

from __future__ import annotations

import pytest

from train import progress
from train.progress import progress_bar


def test_a_log_file_gets_lines_and_no_carriage_returns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    with progress_bar(total=3, desc="training", unit="step") as bar:
        for _ in range(3):
            bar.update()
        bar.write("a sentence")
    err = capsys.readouterr()
    assert "\r" not in err.err
    assert "training: 3 of 3, 00:00" in err.err.splitlines()


def test_a_short_loop_says_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar([1, 2, 3], desc="pairs", leave=False)) == [1, 2, 3]
    assert capsys.readouterr().err == ""


def test_an_invisible_bar_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert list(progress_bar([1, 2], visible=False, desc="pairs")) == [1, 2]
    assert capsys.readouterr().err == ""
