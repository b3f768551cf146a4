"""Compiles Kotlin and Java.

What did not change is not compiled again: a stamp beside each output holds a digest of its inputs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from processes import BUILD, ROOT, emptied, joined, run
from resolve import Dependencies

CORE, APP, STUBS = ROOT / "core", ROOT / "app", ROOT / "stubs"
CLASSES = BUILD / "classes"
ANDROID = "android-all"


def core(deps: Dependencies) -> Path:
    """The pure Kotlin module: classes."""
    return kotlin(deps, "core", [CORE / "src/main/kotlin"], _without_android(deps, "compile", "runtime"))


def core_tests(deps: Dependencies) -> list[Path]:
    """The tests of it: the classpath to run them with."""
    main = core(deps)
    classpath = [main, *_without_android(deps, "compile", "runtime", "test")]
    sources = [CORE / "src/test/kotlin", CORE / "src/testFixtures/kotlin"]
    tests = kotlin(deps, "core-test", sources, classpath, friend=main)
    return [tests, CORE / "src/test/resources", *classpath]


def resources_classes(deps: Dependencies, generated: Path) -> Path:
    """The R classes that linking the resources wrote."""
    sources = sorted(generated.rglob("R.java"))
    target = CLASSES / "r"
    if _is_stale(target, _digest(sources, [])):
        run("javac", "--release", "17", "-nowarn", "-d", emptied(target), *sources)
        _mark(target, _digest(sources, []))
    return target


def app(deps: Dependencies, generated: Path) -> list[Path]:
    """The app: its classes, the core's and the R classes. Stubs are compiled against and not among them."""
    libraries = deps.classpath("app", "compile", "runtime", "provided")
    stubs = kotlin(deps, "stubs", [STUBS], libraries)
    inside = [core(deps), resources_classes(deps, generated)]
    classes = kotlin(deps, "app", [APP / "src/main/kotlin"], [*inside, stubs, *libraries])
    return [classes, *inside]


def app_tests(deps: Dependencies, generated: Path) -> list[Path]:
    """The tests of it: the classpath to run them with.

    Android's own classes come last. JUnit needs them to read annotations; the tests get Robolectric's prepared copy.
    """
    inside = app(deps, generated)
    classpath = [*inside, CLASSES / "stubs", *deps.classpath("app", "compile", "runtime", "test")]
    classpath += deps.classpath("app", "provided")
    sources = [APP / "src/test/kotlin", CORE / "src/testFixtures/kotlin"]
    tests = kotlin(deps, "app-test", sources, classpath, friend=inside[0])
    return [tests, *classpath]


def kotlin(
    deps: Dependencies, name: str, folders: list[Path], classpath: list[Path], friend: Path | None = None
) -> Path:
    """Compile folders of Kotlin; warnings are errors."""
    target = CLASSES / name
    sources = sorted(source for folder in folders for source in folder.rglob("*.kt"))
    digest = _digest(sources, classpath)
    if not _is_stale(target, digest):
        return target
    plugins = [
        f"-Xplugin={deps.file('kotlinc', f'kotlin-{plugin}-compiler-plugin')}"
        for plugin in ("compose", "serialization")
    ]
    if not any(path.name.startswith("runtime-android") or "compose" in str(path) for path in classpath):
        plugins = plugins[1:]
    run(
        "java", "-Xmx2g", "-cp", joined(deps.classpath("kotlinc")), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler",
        "-no-stdlib", "-no-reflect", "-jvm-target", "17", "-Werror", "-Xannotation-default-target=param-property",
        "-classpath", joined(classpath), *plugins, *([f"-Xfriend-paths={friend}"] if friend else []),
        "-d", emptied(target), *sources,
    )  # fmt: skip
    _mark(target, digest)
    return target


def _without_android(deps: Dependencies, *scopes: str) -> list[Path]:
    """What the core may see: Kotlin, coroutines, serialization; in tests JUnit and TensorFlow Lite as well."""
    allowed = ("kotlin-stdlib", "kotlinx-", "annotations-", "junit", "hamcrest", "tensorflow-lite", "javacpp")
    return [
        path for path in deps.classpath("app", *scopes) if path.name.startswith(allowed) and "android" not in path.name
    ]


def _digest(sources: list[Path], classpath: list[Path]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(str(source).encode() + source.read_bytes())
    for path in classpath:
        digest.update(str(path).encode())
        marker = _marker(path)
        if marker.exists():
            digest.update(marker.read_bytes())
    return digest.hexdigest()


def _marker(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _is_stale(target: Path, digest: str) -> bool:
    marker = _marker(target)
    return not (target.is_dir() and marker.exists() and marker.read_text() == digest)


def _mark(target: Path, digest: str) -> None:
    _marker(target).write_text(digest)
