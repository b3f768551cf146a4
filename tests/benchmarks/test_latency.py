from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import latency


def test_without_an_export_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(latency, "ARTIFACTS_DIR", tmp_path / "nowhere")
    assert latency.main() == 2
    assert capsys.readouterr().err.startswith("error: no export at ")


def test_with_one_pytest_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a module it measured nothing, and said nothing."""
    asked: list[list[str]] = []

    def run_tests(words: list[str]) -> int:
        asked.append(words)
        return 0

    monkeypatch.setattr(latency, "artifacts", lambda: ["one"])
    monkeypatch.setattr(pytest, "main", run_tests)
    monkeypatch.setattr("sys.argv", ["latency.py", "--benchmark-json=latency.json"])
    assert latency.main() == 0
    assert asked == [[latency.__file__, "--benchmark-json=latency.json"]]
