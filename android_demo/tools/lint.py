"""Style, faults and API levels: ktlint, detekt, animal-sniffer, Android lint; and the Gradle scripts' types."""

from __future__ import annotations

import compiling
import resources
from processes import BUILD, ROOT, BuildError, emptied, joined, run
from resolve import Dependencies

SOURCES = [ROOT / "core/src", ROOT / "app/src"]


def check(deps: Dependencies) -> None:
    """All of them, each in a line."""
    for name, work in (("ktlint", ktlint), ("detekt", detekt), ("API level", api_level), ("Gradle", gradle)):
        work(deps)
        print(f"             {name}: nothing found")


def ktlint(deps: Dependencies, *, correct: bool = False) -> None:
    """The official Kotlin style; rules in .editorconfig."""
    options = ["--format"] if correct else []
    patterns = [f"{folder.relative_to(ROOT)}/**/*.kt" for folder in SOURCES]
    run(
        "java", "-cp", joined(deps.classpath("ktlint")), "com.pinterest.ktlint.Main", "--relative", *options, *patterns,
        cwd=ROOT,
    )  # fmt: skip


def detekt(deps: Dependencies) -> None:
    """Faults and complexity; rules in detekt.yml."""
    run(
        "java", "-cp", joined(deps.classpath("detekt")), "io.gitlab.arturbosch.detekt.cli.Main",
        "--input", ",".join(str(folder) for folder in SOURCES), "--config", ROOT / "detekt.yml",
        "--build-upon-default-config",
    )  # fmt: skip


def api_level(deps: Dependencies) -> None:
    """Nothing is called that the oldest phone does not have, outside a check of its version."""
    classes = compiling.app(deps, resources.GENERATED)
    checker = ROOT / "tools" / "CheckApiLevel.java"
    libraries = deps.classpath("app", "compile", "runtime")
    run(
        "java", "-cp", joined(deps.classpath("apilevel")), checker, deps.file("apilevel", "gummy-bears"),
        joined([classes[0], classes[1]]), joined([compiling.CLASSES / "stubs", classes[2], *libraries]),
    )  # fmt: skip


def gradle(deps: Dependencies) -> None:
    """The ``android {}`` block of app/build.gradle.kts, type-checked against the plug-in's published interface."""
    script = (ROOT / "app" / "build.gradle.kts").read_text()
    start = script.find("android {")
    end = script.find("\n}\n", start)
    if start < 0 or end < 0:
        raise BuildError("app/build.gradle.kts has no android { } block")
    source = emptied(BUILD / "gradle-check") / "Check.kt"
    body = script[start + len("android {") : end].replace("libs.versions.", "catalogue.")
    source.write_text(_CHECK.replace("BODY", body))
    compiling.kotlin(deps, "gradle", [source.parent], deps.classpath("gradle"))


_CHECK = """package check

import com.android.build.api.dsl.ApplicationExtension
import org.gradle.api.JavaVersion
import java.io.File

class Version(private val value: String) { fun get(): String = value }
class Catalogue(val minSdk: Version, val compileSdk: Version, val targetSdk: Version,
    val litert: Version, val executorch: Version)

fun file(path: Any): File = File(path.toString())

fun configure(android: ApplicationExtension, catalogue: Catalogue, models: File) = android.run { BODY }
"""
