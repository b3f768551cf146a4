"""From a cable to checked rows, with stand-ins for adb and xcrun that speak as the tools do."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from benchmarks import phone
from benchmarks.measuring.rows import Row, read_rows
from benchmarks.phones import collect as collecting

ADB = """#!{python}
import sys
from pathlib import Path

folder = Path({folder!r})
words = sys.argv[1:]
with (folder / "asked.txt").open("a") as log:
    print(*words, file=log)
if words == ["devices"]:
    print("List of devices attached")
    print((folder / "devices.txt").read_text())
elif words[2] == "install":
    (folder / "installed").write_text(words[-1])
elif words[2:5] == ["shell", "am", "start"] and not (folder / "installed").exists():
    print("Error: Activity class does not exist.")
elif words[2] == "shell" and words[3].startswith("cat "):
    lines = (folder / "phone.jsonl").read_text().splitlines(keepends=True)
    looks = (folder / "asked.txt").read_text().count("cat /sdcard")
    text = "".join(lines[: looks - 1])
    print(text + ("" if looks > len(lines) else lines[looks - 1][:30]), end="")  # one more at each look, half written
"""
XCRUN = """#!{python}
import json, shutil, sys
from pathlib import Path

folder = Path({folder!r})
words = sys.argv[1:]
with (folder / "asked.txt").open("a") as log:
    print(*words, file=log)
target = Path(words[words.index("--json-output") + 1])
if words[:3] == ["devicectl", "list", "devices"]:
    target.write_text(json.dumps({{"result": {{"devices": [{{"identifier": "ID-1"}}]}}}}))
elif words[1:4] == ["device", "copy", "from"] and (folder / "asked.txt").read_text().count("copy from") < 2:
    sys.exit("error: no such file")
else:
    if words[1:4] == ["device", "copy", "from"]:
        shutil.copy(folder / "phone.jsonl", words[words.index("--destination") + 1])
    target.write_text(json.dumps({{"result": {{}}}}))
"""
RUN_ID = "my-phone-1"


@pytest.fixture
def folder(tmp_path: Path, samples: list[Row], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins on the path, and a phone that has measured two rows."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, text in (("adb", ADB), ("xcrun", XCRUN)):
        script = folder / name
        script.write_text(text.format(python=sys.executable, folder=str(folder)))
        script.chmod(0o755)
    (folder / "devices.txt").write_text("SERIAL1\tdevice\n")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(collecting, "LOOK_EVERY_S", 0.01)
    phones = [row for row in samples if row.device.kind == "phone"]
    rows = [dataclasses.replace(row, run_id=RUN_ID) for row in phones]
    (folder / "phone.jsonl").write_text("".join(f"{row.to_line()}\n" for row in rows))
    (tmp_path / "app.apk").write_text("")
    return folder


def words(folder: Path, *more: str) -> list[str]:
    quiet = ["--quiet", "0.01"]
    return ["--run-id", RUN_ID, "--out", str(folder.parent / "rows.jsonl"), *quiet, *more]


def test_android_from_cable_to_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = folder.parent / "app.apk"
    assert phone.main(words(folder, "--adb", "--app", str(app), "--quick")) == 0
    rows = read_rows(folder.parent / "rows.jsonl")
    assert [row.run_id for row in rows] == [RUN_ID, RUN_ID]
    assert all(row.is_sample for row in rows)
    asked = (folder / "asked.txt").read_text()
    assert f"-s SERIAL1 install -r {app}" in asked
    assert "am force-stop org.reblur.demo" in asked
    assert f"--es mode benchmark --es run_id {RUN_ID} --ez quick true" in asked
    printed = capsys.readouterr()
    assert "2 rows, 0 failed" in printed.out
    assert "waited 12 s at the gate, battery_celsius 31.2" in printed.err


def test_rows_that_are_here_are_not_added_again(folder: Path) -> None:
    for _ in range(2):
        assert phone.main(words(folder, "--adb", "--app", str(folder.parent / "app.apk"))) == 0
    assert len(read_rows(folder.parent / "rows.jsonl")) == 2


def test_an_iphone_likewise(folder: Path) -> None:
    assert phone.main(words(folder, "--xcode")) == 0
    assert len(read_rows(folder.parent / "rows.jsonl")) == 2
    asked = (folder / "asked.txt").read_text()
    assert f"--terminate-existing --device ID-1 org.reblur.demo --mode benchmark --run-id {RUN_ID}" in asked


@pytest.mark.parametrize(
    ("devices", "more", "said"),
    [
        ("", [], "expected one Android phone on a cable, found none"),
        ("A\tdevice\nB\tdevice\n", [], "found A, B: name it with --device"),
        ("A\tdevice\n", ["--device", "B"], "no Android phone 'B': there are A"),
        ("A\tunauthorized\n", [], "does not trust this computer"),
        ("A\tdevice\n", [], "does not start: Error: Activity class does not exist.; give --app"),
    ],
)
def test_what_is_wrong_with_the_cable_is_one_sentence(
    devices: str, more: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "devices.txt").write_text(devices)
    assert phone.main(words(folder, "--adb", *more)) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert said in line
    assert not (folder.parent / "rows.jsonl").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [("{}\n", "row 1 of the phone is no measurement row"), ("", "no row came for 0.01 minutes")],
)
def test_rows_that_do_not_fit_are_refused(
    rows: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "phone.jsonl").write_text(rows)
    (folder / "installed").write_text("")
    assert phone.main(words(folder, "--adb")) == 2
    assert said in capsys.readouterr().err


def test_rows_of_another_run_are_refused(folder: Path, samples: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "phone.jsonl").write_text(f"{samples[0].to_line()}\n")
    assert phone.main(words(folder, "--xcode")) == 2
    assert f"expected {RUN_ID}" in capsys.readouterr().err


def test_without_the_tool_it_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert phone.main(["--adb"]) == 2
    assert capsys.readouterr().err == "error: adb is not installed: it comes with the Android SDK's platform tools\n"
