"""What every command does alike: help, version, wrong use, missing files, Ctrl-C, and no help from heavy modules."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import cli
from runtime.system.commands import COMMANDS
from runtime.system.version import reblur_version

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "PIL", "coremltools", "onnx", "onnxruntime", "litert_torch", "matplotlib", "cv2", "scipy", "tqdm")
NEEDED = {
    "card": ["--photos", "."],
    "distil": ["--checkpoint", "nowhere", "--out", "out.safetensors"],
    "refocus": ["photo.jpg", "--focus", "0.5,0.5", "--out", "out.jpg"],
    "selftest": ["nowhere"],
    "verify": ["nowhere"],
    "report": ["nowhere"],
    "lint": ["nowhere.tflite"],
}
"""Command -> the arguments that it cannot do without."""
ABSENT = {
    **NEEDED,
    "card": ["--photos", "nowhere"],
    "train": ["--pairs", "nowhere"],
    "evaluate": ["--checkpoint", "nowhere"],
    "ablate": ["--photos", "nowhere"],
    "qat": ["--checkpoint", "nowhere"],
    "export": ["--checkpoint", "nowhere"],
    "controls": ["--checkpoint", "nowhere", "--jobs", "0"],
    "search": ["--checkpoint", "nowhere", "--out", "table.md", "--choice", "choice.json"],
    "schema": ["--out", "nowhere/schema.json"],
    "bench-alignment": ["--photos", "nowhere"],
    "bench-int8-maps": ["nowhere"],
    "bench-latency": ["nowhere"],
    "bench-peers": ["nowhere"],
    "bench-limits": ["nowhere"],
    "bench-quality": ["nowhere"],
    "bench-phone": ["--adb", "--app", "nowhere"],
    "bench-arm64": ["nowhere"],
    "bench-report": ["nowhere"],
}
"""Command -> arguments that name something that is not there."""
COUNTS = {
    "train": ["--threads", "--steps", "--batch-size", "--crop"],
    "evaluate": ["--scenes", "--crops"],
    "ablate": ["--threads", "--seeds", "--steps"],
    "qat": ["--threads", "--steps"],
    "refocus": ["--threads", "--long-side"],
    "selftest": ["--threads"],
    "search": ["--rounds"],
    "bench-alignment": ["--count"],
}
"""Command -> options that are a number of something, 1 or more."""


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line on stderr, of a command that printed nothing else."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_the_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: reblur {name} ")
    assert f"example:\n  reblur {name}" in text
    assert "exit codes: 0 " in text
    module = importlib.import_module(COMMANDS[name].module)
    assert module.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m {COMMANDS[name].module} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_the_version(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--version"]) == 0
    assert capsys.readouterr().out == f"reblur {reblur_version()}\n"


def test_help_loads_nothing_heavy() -> None:
    script = f"""
import sys
from runtime.cli import main
from runtime.system.commands import COMMANDS
assert main([]) == main(["--version"]) == 0
for name in COMMANDS:
    assert main([name, "--help"]) == 0
    assert main([name, "--no-such-flag"]) == 2
    found = [module for module in {HEAVY!r} if module in sys.modules]
    assert not found, (name, found)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_reblur_alone_lists_the_commands(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    for command in COMMANDS.values():
        assert any(line.split() == [command.name, *command.summary.split()] for line in lines)


def test_reblur_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"reblur {reblur_version()}\n"


def test_an_unknown_command_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exprot"]) == 2
    assert one_line(capsys).startswith("error: no command 'exprot': choose from refocus, ")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, *NEEDED.get(name, []), "--no-such-flag"]) == 2
    expected = f"error: unrecognized arguments: --no-such-flag (see reblur {name} --help)\n"
    assert one_line(capsys) == expected


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_argument_is_one_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name]) == 2
    assert one_line(capsys).startswith("error: the following arguments are required: ")


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_not_there_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([name, *ABSENT[name]]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *progress, last = printed.err.splitlines()
    assert last.startswith("error: ")
    assert "nowhere" in last or name == "refocus"
    assert not [line for line in progress if not line.startswith("[")]  # nothing but progress before it
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "flag"), [(name, flag) for name, flags in COUNTS.items() for flag in flags])
@pytest.mark.parametrize("value", ["0", "-1", "many"])
def test_numbers_of_something_are_1_or_more(
    name: str, flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, *NEEDED.get(name, []), f"{flag}={value}"]) == 2
    most = "to 1024" if flag == "--threads" else "or more"
    expected = f"error: {flag}: expected a whole number of 1 {most}, got '{value}' (see reblur {name} --help)\n"
    assert one_line(capsys) == expected


@pytest.mark.parametrize("name", ["export", "verify", "controls"])
@pytest.mark.parametrize("value", ["-1", "two"])
def test_jobs_are_0_or_more(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, *NEEDED.get(name, []), "--jobs", value]) == 2
    assert one_line(capsys).startswith(f"error: --jobs: expected a whole number of 0 to 1024, got '{value}'")


@pytest.mark.parametrize(
    ("name", "value"), [("controls", "a,b"), ("export", "a,b"), ("search", "a,b"), ("bench-refocus", "0")]
)
def test_a_size_is_height_by_width(name: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--size", value]) == 2
    line = one_line(capsys)
    assert line.startswith("error: --size")
    assert "HEIGHTxWIDTH in pixels, for example 512x512" in line
    assert f"got '{value}'" in line


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("train", "--precision", "--compute-precision"),
        ("evaluate", "--data", "--pairs"),
        ("bench-alignment", "--pairs", "--count"),
    ],
)
def test_an_old_spelling_is_refused_with_the_new_one(
    name: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([name, old, "8"]) == 2
    assert one_line(capsys) == f"error: {old} is now {new} (see reblur {name} --help)\n"
    assert cli.main([name, "--help"]) == 0
    assert f"{old} " not in capsys.readouterr().out.replace("--held-out-pairs", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_is_one_line_and_130(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module(COMMANDS[name].module), "run", interrupted)
    assert cli.main([name, *NEEDED.get(name, [])]) == 130
    assert one_line(capsys).startswith("interrupted")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_missing_extra_is_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def needs_torch(arguments: object) -> int:
        raise ModuleNotFoundError("No module named 'torch._C'", name="torch._C")

    monkeypatch.setattr(importlib.import_module(COMMANDS[name].module), "run", needs_torch)
    assert cli.main([name, *NEEDED.get(name, [])]) == 2
    assert one_line(capsys) == f"error: torch is not installed: pip install 'reblur[{COMMANDS[name].extra}]'\n"


def test_a_missing_module_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(arguments: object) -> int:
        raise ModuleNotFoundError("No module named 'export.no_such'", name="export.no_such")

    monkeypatch.setattr("export.lint.run", faulty)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["lint", "some.onnx"])


@pytest.mark.parametrize("name", ["export", "verify", "controls", "search", "lint", "refocus", "selftest"])
def test_programs_may_ask_for_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    assert "--json " in capsys.readouterr().out


def test_the_list_of_recipes_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "--list", "--json", "--recipes", "deblur-onnx-int8"]) == 0
    (recipe,) = json.loads(capsys.readouterr().out)["recipes"]
    assert recipe["id"] == "deblur-onnx-int8"


def test_a_reader_that_leaves_is_no_error() -> None:
    """As ``reblur export --list | head -1``, with a reader that takes nothing at all."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "export.all", "--list"]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def beside_others(tmp_path: Path) -> Path:
    """A folder with modules of one's own that have the names of ours."""
    for package in ("benchmarks", "export", "runtime", "train"):
        (tmp_path / f"{package}.py").write_text(f"raise SystemExit('the wrong {package}')\n")
    return tmp_path


SCRIPT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})  # as an installation has it, which knows where the packages are
from runtime.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""


def reblur(script_folder: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the console script, in a folder of one's own."""
    script = script_folder / "reblur"
    script.write_text(SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, str(script), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def script_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bin")


def test_the_console_script_works_beside_modules_of_the_same_names(script_folder: Path, beside_others: Path) -> None:
    listed = reblur(script_folder, beside_others, "export", "--list", "--recipes", "deblur-onnx-int8")
    assert listed.returncode == 0, listed.stderr
    assert "deblur-onnx-int8" in listed.stdout
    assert reblur(script_folder, beside_others, "train", "--help").returncode == 0
    missing = reblur(script_folder, beside_others, "selftest", "nowhere")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.startswith("error: no folder nowhere")


@pytest.mark.slow
def test_so_do_the_processes_of_an_export(beside_others: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A forkserver looks for what it preloads in the working folder first, unless it is told not to."""
    out = tmp_path_factory.mktemp("out") / "task"
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from export.execution import process_pool
from export.execution.cache import write_record
from export.execution.interrupts import Interrupts
process_pool.PRELOADED = {{"anything": "json"}}
if __name__ == "__main__":
    task = process_pool.Task(name="t", function=write_record, arguments=({{}},), folder=Path({str(out)!r}))
    with Interrupts() as interrupts:
        ignore = lambda _: None
        (outcome,) = process_pool.run_tasks([task], 1, interrupts, ignore, ignore, packages=["anything"])
    sys.exit(outcome.reason or 0)
""")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=beside_others, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.is_dir()


def test_the_names_of_the_presets_are_all_there() -> None:
    from train.fit import PRESETS as NAMES
    from train.presets import PRESETS

    assert sorted(NAMES) == sorted(PRESETS)


def test_the_steps_that_the_help_of_qat_names_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    from train.quantization.command import DEFAULTS

    assert cli.main(["qat", "--help"]) == 0
    assert f"(default: {DEFAULTS.steps})" in capsys.readouterr().out
