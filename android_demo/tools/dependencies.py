"""What each part of the build needs, as tables: Maven coordinates, with versions from gradle/libs.versions.toml.

Gradle works out from module metadata what Maven cannot know. So three things are spelled out here:

* AAR_TWINS: the bill of materials manages `ui-android` as a jar, POMs ask for the aar, to Maven another artefact.
* PINS: what POMs ask for in an exact range, or in a version older than the rest needs.
* AARS: POMs ask for a jar where only an aar exists; that edge is cut, the aar is named.
"""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent.parent / "gradle" / "libs.versions.toml"
VERSIONS: dict[str, str] = tomllib.loads(CATALOGUE.read_text())["versions"]

PLATFORM = "15-robolectric-13954326"
"""The newest of Android's own classes that is published as a jar: what is compiled against."""
PLATFORMS = {"sdk35": f"{PLATFORM}-i7", "sdk26": "8.0.0_r4-robolectric-r1-i7"}
"""The same prepared for Robolectric, by classpath: tests run on the newest and the oldest."""


@dataclasses.dataclass(frozen=True)
class Needed:
    """One artefact."""

    name: str
    """group:artifact"""
    version: str
    """Key of the catalogue, or a version."""
    type: str = "jar"
    scope: str = "compile"
    classifier: str = ""
    without: tuple[str, ...] = ()
    """Groups, or group:artifact, that its POM asks for and that are not taken."""


COMPOSE = {
    "animation": ("animation", "animation-core"),
    "foundation": ("foundation", "foundation-layout"),
    "material": ("material-ripple",),
    "runtime": ("runtime", "runtime-annotation", "runtime-retain", "runtime-saveable"),
    "ui": ("ui", "ui-geometry", "ui-graphics", "ui-text", "ui-unit", "ui-util", "ui-test"),
}
AAR_TWINS = [
    Needed(f"androidx.compose.{group}:{artifact}-android", "compose", "aar")
    for group, artifacts in COMPOSE.items()
    for artifact in artifacts
]

LIFECYCLE_JARS = (
    "common",
    "common-java8",
    "common-jvm",
    "runtime",
    "runtime-compose",
    "runtime-ktx",
    "viewmodel",
    "viewmodel-savedstate",
)
LIFECYCLE_AARS = (
    "livedata",
    "livedata-core",
    "process",
    "runtime",
    "runtime-compose-android",
    "runtime-ktx",
    "runtime-ktx-android",
    "viewmodel",
    "viewmodel-android",
    "viewmodel-compose-android",
    "viewmodel-ktx",
    "viewmodel-savedstate",
    "viewmodel-savedstate-android",
)
TRACING = ("androidx.tracing",)
PINS = [
    # Beside Android's, the root asks for the desktop's copy of the same classes, which R8 refuses.
    Needed(
        "androidx.compose.runtime:runtime-annotation",
        "compose",
        without=("androidx.compose.runtime:runtime-annotation-jvm",),
    ),
    Needed("org.jetbrains.kotlin:kotlin-stdlib", "kotlin"),
    Needed("org.jetbrains.kotlinx:kotlinx-coroutines-core-jvm", "coroutines"),
    Needed("org.jetbrains.kotlinx:kotlinx-coroutines-core", "coroutines"),
    Needed("org.jetbrains.kotlinx:kotlinx-coroutines-android", "coroutines"),
    Needed("androidx.collection:collection-jvm", "collection"),
    Needed("androidx.activity:activity", "activity", "aar", without=TRACING),
    Needed("androidx.activity:activity-compose", "activity", "aar"),
    Needed("androidx.activity:activity-ktx", "activity", "aar"),
    Needed("androidx.core:core", "core", "aar", without=TRACING),
    Needed("androidx.core:core-ktx", "core", "aar"),
    *[Needed(f"androidx.lifecycle:lifecycle-{name}", "lifecycle") for name in LIFECYCLE_JARS],
    *[Needed(f"androidx.lifecycle:lifecycle-{name}", "lifecycle", "aar") for name in LIFECYCLE_AARS],
    Needed(
        "androidx.lifecycle:lifecycle-runtime-android",
        "lifecycle",
        "aar",
        without=("androidx.arch.core:core-runtime",),
    ),
    Needed("androidx.savedstate:savedstate", "savedstate"),
    Needed("androidx.savedstate:savedstate-android", "savedstate", "aar"),
    Needed("androidx.savedstate:savedstate-compose", "savedstate"),
    Needed("androidx.savedstate:savedstate-compose-android", "savedstate", "aar"),
    Needed("androidx.savedstate:savedstate-ktx", "savedstate", "aar"),
]
AARS = [
    Needed("androidx.arch.core:core-runtime", "2.2.0", "aar"),
    Needed("androidx.tracing:tracing", "1.2.0", "aar"),
    Needed(
        "androidx.test:core",
        "androidxTestCore",
        "aar",
        "test",
        without=("androidx.test", "androidx.test.services", *TRACING),
    ),
    Needed("androidx.test:monitor", "androidxTestMonitor", "aar", "test", without=TRACING),
    Needed(
        "androidx.test.ext:junit",
        "androidxTestJunit",
        "aar",
        "test",
        without=("androidx.test", "androidx.test.services"),
    ),
    Needed(
        "androidx.test.espresso:espresso-core",
        "espresso",
        "aar",
        "test",
        without=("androidx.test", "androidx.test.espresso", "androidx.test.services"),
    ),
    Needed("androidx.test.espresso:espresso-idling-resource", "espresso", "aar", "test"),
]
LINUX = "linux-x86_64"
APP = [
    Needed("androidx.compose.material3:material3", "material3"),
    Needed("androidx.activity:activity-compose", "activity", "aar"),
    Needed("androidx.lifecycle:lifecycle-viewmodel-compose", "lifecycle"),
    Needed("org.jetbrains.kotlinx:kotlinx-serialization-json-jvm", "serialization"),
    Needed("org.jetbrains.kotlinx:kotlinx-coroutines-android", "coroutines"),
    Needed("org.robolectric:android-all", PLATFORM, scope="provided"),
    Needed("junit:junit", "junit", scope="test"),
    Needed("org.robolectric:robolectric", "robolectric", scope="test"),
    Needed("org.jetbrains.kotlinx:kotlinx-coroutines-test-jvm", "coroutines", scope="test"),
    Needed(
        "androidx.compose.ui:ui-test-junit4",
        "compose",
        scope="test",
        without=("androidx.test", "androidx.test.ext", "androidx.test.espresso"),
    ),
    Needed("org.bytedeco:tensorflow-lite", "tensorflowLite", scope="test"),
    Needed("org.bytedeco:tensorflow-lite", "tensorflowLite", scope="test", classifier=LINUX),
    Needed("org.bytedeco:javacpp", "javacpp", scope="test", classifier=LINUX),
    *AARS,
]

CLASSPATHS: dict[str, list[Needed]] = {
    "app": APP,
    "kotlinc": [
        Needed(f"org.jetbrains.kotlin:{name}-embeddable", "kotlin")
        for name in ("kotlin-compiler", "kotlin-compose-compiler-plugin", "kotlin-serialization-compiler-plugin")
    ],
    "packaging": [
        # Only aapt2 and the framework's resources inside are wanted; parts of its own dependencies are not published.
        Needed("org.apktool:apktool-lib", "3.0.3", without=("*",)),
        Needed("com.android.tools.build:manifest-merger", "31.13.2"),
        Needed("com.android.tools:r8", "9.5.28"),
        Needed("com.android.tools.build:apksig", "9.5.0"),
    ],
    "ktlint": [Needed("com.pinterest.ktlint:ktlint-cli", "ktlint")],
    "detekt": [Needed("io.gitlab.arturbosch.detekt:detekt-cli", "detekt")],
    "lint": [Needed("com.android.tools.lint:lint", "32.4.1")],
    "apilevel": [
        Needed("org.codehaus.mojo:animal-sniffer", "1.24"),
        Needed("com.toasttab.android:gummy-bears-api-26", "0.15.0", "signature"),
    ],
    "gradle": [
        Needed("com.android.tools.build:gradle-api", "androidGradlePlugin", without=("*",)),
        Needed("dev.gradleplugins:gradle-api", "8.11.1", without=("*",)),
        Needed("org.jetbrains.kotlin:kotlin-stdlib", "kotlin"),
    ],
    **{name: [Needed("org.robolectric:android-all-instrumented", version)] for name, version in PLATFORMS.items()},
}
"""One Maven module each: Maven keeps one version of an artefact a module."""
MANAGED = {"app": AAR_TWINS + PINS}
BILLS_OF_MATERIALS = {"app": [("androidx.compose:compose-bom", "composeBom")]}


def version_of(key: str) -> str:
    """A version by its key in the catalogue; what is no key is a version already."""
    return VERSIONS.get(key, key)
