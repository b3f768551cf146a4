"""Merges the manifests and links the resources with aapt2; gathers the models that go into the APK."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

from compiling import APP
from dependencies import VERSIONS
from processes import BUILD, BuildError, emptied, joined, run
from resolve import Dependencies

PACKAGE, VERSION = "org.reblur.demo", "0.1.0"
LINKED, MANIFEST = BUILD / "resources.ap_", BUILD / "AndroidManifest.xml"
GENERATED, ASSETS, TOOLS = BUILD / "gen", BUILD / "assets", BUILD / "aapt"
FRAMEWORK = TOOLS / "android-framework.jar"
FORMATS = ("tflite", "executorch")
DELEGATES = ("", "xnnpack", "vulkan")
GRAPHS = ("defocus", "deblur", "refocus", "preview")
UNCOMPRESSED = (".tflite", ".pte")


def gather_models(artifacts: Path) -> int:
    """Copy what the app reads from an export into the assets; how many bytes.

    The manifest goes in whole: what it says of other formats is not read.
    """
    target = emptied(ASSETS) / "models"
    target.mkdir()
    file = artifacts / "manifest.json"
    if not file.exists():
        print(f"not packed: models, since there is no export at {artifacts}: run `make export` first")
        return 0
    manifest = json.loads(file.read_text())
    paths = ["manifest.json"]
    for artifact in manifest["artifacts"]:
        if artifact["format"] in FORMATS and artifact["delegate"] in DELEGATES and artifact["graph"] in GRAPHS:
            paths += [record["path"] for record in artifact["files"]]
    for case in manifest["golden"]:
        if case["graph"] in GRAPHS:
            paths += [tensor["path"] for tensor in case["inputs"] + case["outputs"]]
    for path in dict.fromkeys(paths):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(artifacts / path, target / path)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())


def link(deps: Dependencies) -> None:
    """Write resources.ap_, the merged manifest, and R.java of the app and of every library."""
    aars = deps.aars()
    _merge_manifests(deps, aars)
    _unpack_tools(deps)
    aapt2 = TOOLS / "aapt2"
    compiled = BUILD / "res"
    compiled.mkdir(exist_ok=True)
    own = [_versions(), APP / "src/main"]
    overlays = []
    for folder in [*aars, *own]:  # a later one wins
        if (folder / "res").is_dir():
            overlay = compiled / f"{folder.name}.zip"
            if folder in own or not overlay.exists():
                run(aapt2, "compile", "--dir", folder / "res", "-o", overlay)
            overlays.append(overlay)
    libraries = sorted(_package(aar / "AndroidManifest.xml") for aar in aars)
    run(
        aapt2, "link", "-o", LINKED, "-I", FRAMEWORK, "--manifest", MANIFEST,
        "--java", emptied(GENERATED), "--extra-packages", ":".join(libraries),
        "--min-sdk-version", VERSIONS["minSdk"], "--target-sdk-version", VERSIONS["targetSdk"], "--auto-add-overlay",
        "--proguard", BUILD / "aapt.pro", "-A", ASSETS, *[word for suffix in UNCOMPRESSED for word in ("-0", suffix)],
        *[word for overlay in overlays for word in ("-R", overlay)],
    )  # fmt: skip


def _versions() -> Path:
    """Resources that Gradle makes from the catalogue: what the app says its runtimes' versions are."""
    folder = BUILD / "versions"
    file = folder / "res" / "values" / "versions.xml"
    file.parent.mkdir(parents=True, exist_ok=True)
    strings = "".join(
        f'<string name="{name}_version" translatable="false">{VERSIONS[name]}</string>'
        for name in ("litert", "executorch")
    )
    file.write_text(f"<resources>{strings}</resources>")
    return folder


def _merge_manifests(deps: Dependencies, aars: list[Path]) -> None:
    # Gradle takes the package from `namespace`; the merger wants it in the file.
    main = BUILD / "manifest" / "AndroidManifest.xml"
    main.parent.mkdir(parents=True, exist_ok=True)
    text = (APP / "src/main/AndroidManifest.xml").read_text()
    main.write_text(
        text.replace(
            "<manifest ", f'<manifest package="{PACKAGE}" android:versionCode="1" android:versionName="0.1.0" ', 1
        )
    )
    run(
        "java", "-cp", joined(deps.classpath("packaging")), "com.android.manifmerger.Merger",
        "--main", main, "--libs", joined([aar / "AndroidManifest.xml" for aar in aars]),
        "--placeholder", f"applicationId={PACKAGE}", "--remove-tools-declarations", "--log", "ERROR",
        "--property", f"MIN_SDK_VERSION={VERSIONS['minSdk']}",
        "--property", f"TARGET_SDK_VERSION={VERSIONS['targetSdk']}",
        "--out", MANIFEST,
    )  # fmt: skip


def _unpack_tools(deps: Dependencies) -> None:
    TOOLS.mkdir(exist_ok=True)
    if (TOOLS / "aapt2").exists() and FRAMEWORK.exists():
        return
    with zipfile.ZipFile(deps.file("packaging", "apktool-lib")) as jar:
        for member in ("prebuilt/linux/aapt2", "prebuilt/android-framework.jar"):
            (TOOLS / Path(member).name).write_bytes(jar.read(member))
    (TOOLS / "aapt2").chmod(0o755)


def _package(manifest: Path) -> str:
    found = re.search(r'package="([^"]+)"', manifest.read_text())
    if found is None:
        raise BuildError(f"{manifest} names no package")
    return found[1]
