"""Runs the tests on the JVM: the core's with TensorFlow Lite, the app's with Robolectric in place of a phone."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import compiling
import resources
from dependencies import PLATFORMS
from processes import BUILD, ROOT, BuildError, emptied, joined, run
from resolve import Dependencies

REFERENCES = BUILD / "references"
SCREENS, STORED = BUILD / "screens", ROOT / "app" / "src" / "test" / "screens"
ROWS = BUILD / "rows.jsonl"
REPOSITORY = ROOT.parent
SUMMARY = re.compile(r"OK \((\d+) tests?\)|Tests run: (\d+),\s+Failures: (\d+)")


@dataclass(frozen=True)
class Inputs:
    """What the tests need from outside the app."""

    artifacts: Path | None
    """An export; tests of real files are not run without."""
    references: Path | None
    """What the Python runtime makes of three photographs with that export."""
    only: str = ""
    """Part of the names of the test classes to run; empty for all."""


def inputs(artifacts: Path, *, with_references: bool = True) -> Inputs:
    """Find the export, and let the Python runtime refocus three photographs with it; say what is missing."""
    if not (artifacts / "manifest.json").exists():
        print(f"not run: tests of real models, since there is no export at {artifacts}: run `make export` first")
        return Inputs(None, None)
    python = REPOSITORY / ".venv" / "bin" / "python"
    if not with_references:
        return Inputs(artifacts, None)
    if not python.exists():
        print("not run: comparison with the Python runtime, which is not installed: run `make setup`")
        return Inputs(artifacts, None)
    stamp = REFERENCES / ".export"
    created = (artifacts / "manifest.json").read_text()
    if not (stamp.exists() and stamp.read_text() == created):
        emptied(REFERENCES)
        command = [python, "-m", "tests.android.write_vectors", "--photos", artifacts, REFERENCES]
        done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, check=False)
        if done.returncode:
            raise BuildError("the Python runtime could not refocus the reference photographs, see above")
        stamp.write_text(created)
    return Inputs(artifacts, REFERENCES)


def core(deps: Dependencies, given: Inputs) -> None:
    """The tests of the shared logic."""
    classpath = compiling.core_tests(deps)
    _junit("core", classpath, compiling.CORE / "src/test/kotlin", given, [])


def app(deps: Dependencies, given: Inputs) -> None:
    """The tests of the app; pictures of its screens land in build/screens."""
    classpath = compiling.app_tests(deps, resources.GENERATED)
    # Where Robolectric finds the manifest and the linked resources: the file that Gradle would write.
    config = emptied(BUILD / "test-config") / "com/android/tools/test_config.properties"
    config.parent.mkdir(parents=True)
    config.write_text(
        f"android_merged_manifest={resources.MANIFEST}\nandroid_resource_apk={resources.LINKED}\n"
        f"android_merged_assets={resources.ASSETS}\nandroid_custom_package={resources.PACKAGE}\n"
    )
    platforms = emptied(BUILD / "robolectric")
    for name in PLATFORMS:
        jar = deps.file(name, "android-all-instrumented")
        (platforms / jar.name).symlink_to(jar)
    options = [
        "--add-opens=java.base/java.io=ALL-UNNAMED",  # for Android's file descriptors
        "-Drobolectric.offline=true", f"-Drobolectric.dependency.dir={platforms}", "-Drobolectric.graphicsMode=NATIVE",
        f"-Dreblur.screens={emptied(SCREENS)}", f"-Dreblur.storedScreens={STORED}",
        f"-Dreblur.photos={REPOSITORY / 'runtime' / 'examples'}",
    ]  # fmt: skip
    _junit("app", [BUILD / "test-config", *classpath], compiling.APP / "src/test/kotlin", given, options)
    print(f"             {check_rows()}")


def _junit(name: str, classpath: list[Path], sources: Path, given: Inputs, options: list[str]) -> None:
    files = [file for file in sources.rglob("*Test.kt") if given.only in file.stem]
    if not files:
        raise BuildError(f"no test class has {given.only} in its name: there are {_classes(sources)}")
    names = sorted(str(file.relative_to(sources).with_suffix("")) for file in files)
    command = [
        "java", "-Xmx4g", "-cp", joined(classpath), f"-Dreblur.artifacts={given.artifacts or ''}",
        f"-Dreblur.references={given.references or ''}", f"-Dreblur.rows={ROWS}",
        f"-Dreblur.rowSchema={REPOSITORY / 'benchmarks' / 'row.schema.json'}", *options,
        "org.junit.runner.JUnitCore", *[each.replace("/", ".") for each in names],
    ]  # fmt: skip
    log = BUILD / f"{name}-tests.txt"
    with log.open("w") as sink:
        code = subprocess.run(command, stdout=sink, stderr=subprocess.STDOUT, check=False).returncode
    output = log.read_text()
    summary = SUMMARY.search(output)
    if code or summary is None:
        raise BuildError(f"{name} tests failed, all of it in {log}:\n{_failures(output)}")
    for line in output.splitlines():
        if " dB " in line or line.lstrip(".").startswith(("chain", "not compared")):
            print(f"             {line.lstrip('.')}")
    print(f"             {summary[1]} {name} tests passed")


def _classes(sources: Path) -> str:
    return ", ".join(sorted(file.stem for file in sources.rglob("*Test.kt")))


def _failures(output: str) -> str:
    start = output.find("There w")
    lines = (output[start:] if start >= 0 else output[-6000:]).splitlines()
    return "\n".join(line for line in lines if not re.match(r"\s+at (org\.junit|java|jdk|org\.robolectric)", line))[
        :6000
    ]


def check_rows() -> str:
    """Hold the rows that the app's benchmark test wrote against the repository's schema; what was found, in words.

    Raises:
        BuildError: a row does not fit.
    """
    schema, python = REPOSITORY / "benchmarks" / "row.schema.json", REPOSITORY / ".venv" / "bin" / "python"
    if not (schema.exists() and python.exists() and ROWS.exists()):
        return "rows of the benchmark not checked: no schema, no Python environment, or no rows"
    script = (
        "import json, sys, jsonschema\n"
        "rows = [json.loads(line) for line in open(sys.argv[2])]\n"
        "for row in rows: jsonschema.validate(row, json.load(open(sys.argv[1])))\n"
        "print(len(rows))"
    )
    return f"{run(python, '-c', script, schema, ROWS).strip()} rows of the benchmark fit their schema"
