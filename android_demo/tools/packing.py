"""Shrinks classes to dex, adds them to the linked resources, aligns, signs with a debug key, and checks the outcome."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import alignment
import compiling
import resources
from dependencies import VERSIONS
from processes import BUILD, ROOT, BuildError, emptied, java_home, run
from resolve import Dependencies

APK = BUILD / "reblur-demo-debug.apk"
DEX, MAIN = BUILD / "dex", BUILD / "main.jar"
STUBBED = ("com/google/ai/edge/litert", "org/pytorch/executorch")
"""What is compiled against stubs here and never packed."""
EXPECTED = ("AndroidManifest.xml", "classes.dex", "resources.arsc")
PASSWORD = "android"


def pack(deps: Dependencies) -> None:
    """Make the APK.

    Raises:
        BuildError: it is not what it should be.
    """
    shrink(deps)
    libraries = {
        f"lib/{file.relative_to(aar / 'jni')}": file for aar in deps.aars() for file in sorted(aar.glob("jni/*/*.so"))
    }
    unsigned = BUILD / "unsigned.apk"
    alignment.write(unsigned, resources.LINKED, {file.name: file for file in sorted(DEX.glob("*.dex"))} | libraries)
    key = BUILD / "debug.p12"
    if not key.exists():
        run(
            "keytool", "-genkeypair", "-keystore", key, "-storetype", "PKCS12", "-storepass", PASSWORD,
            "-alias", "debug", "-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname", "CN=Debug",
        )  # fmt: skip
    signer = ROOT / "tools" / "SignApk.java"
    schemes = run(
        "java", "-cp", deps.file("packaging", "apksig-"), signer, key, PASSWORD, "debug", unsigned, APK,
        VERSIONS["minSdk"],
    )  # fmt: skip
    alignment.check(APK)
    print(f"             {contents(APK)}; signed: {schemes.splitlines()[-1]}")


def shrink(deps: Dependencies) -> None:
    """R8 over the app and its libraries; what did not change is not shrunk again."""
    with zipfile.ZipFile(MAIN, "w") as jar:
        for folder in compiling.app(deps, resources.GENERATED):
            for file in sorted(folder.rglob("*.class")):
                jar.writestr(zipfile.ZipInfo(str(file.relative_to(folder)), alignment.WHEN), file.read_bytes())
    rules = [aar / "proguard.txt" for aar in deps.aars() if (aar / "proguard.txt").exists()]
    rules += [BUILD / "aapt.pro", ROOT / "app" / "proguard-rules.pro", ROOT / "tools" / "without-runtimes.pro"]
    digest = hashlib.sha256(MAIN.read_bytes() + b"".join(rule.read_bytes() for rule in rules)).hexdigest()
    stamp = BUILD / "dex.sha256"
    if stamp.exists() and stamp.read_text() == digest and any(DEX.glob("*.dex")):
        return
    run(
        "java", "-Xmx3g", "-cp", deps.file("packaging", "r8-"), "com.android.tools.r8.R8",
        "--release", "--min-api", VERSIONS["minSdk"], "--output", emptied(DEX),
        "--lib", deps.file("app", compiling.ANDROID), "--lib", java_home(),
        *[word for rule in rules for word in ("--pg-conf", rule)],
        MAIN, *deps.classpath("app", "compile", "runtime"),
    )  # fmt: skip
    stamp.write_text(digest)


def contents(apk: Path) -> str:
    """What an APK holds, in words.

    Raises:
        BuildError: something is missing, or is there that should not be.
    """
    with zipfile.ZipFile(apk) as archive:
        names = archive.namelist()
        missing = [name for name in EXPECTED if name not in names]
        if missing:
            raise BuildError(f"{apk.name} has no {', '.join(missing)}")
        code = b"".join(archive.read(name) for name in names if name.endswith(".dex"))
    stubs = [package for package in STUBBED if f"L{package}/".encode() in code and b"has a stub in place of" in code]
    if stubs:
        raise BuildError(f"{apk.name} holds stubs of {', '.join(stubs)}")
    models = [name for name in names if name.endswith((".tflite", ".pte"))]
    libraries = [name for name in names if name.endswith(".so")]
    megabytes = apk.stat().st_size / 1e6
    return f"{apk.name}: {megabytes:.1f} MB, {len(models)} models, {len(libraries)} libraries, aligned to 16 KB"
