"""An ARM64 Python with both interpreters in a folder, out of Debian's packages and PyPI's wheels.

Packages are unpacked, never installed, so no root is needed; the emulator itself comes the same way. The folder is made
once: a few minutes and about 350 MB of downloads.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from runtime.system.errors import ReblurError

PYTHON = "3.11"
PACKAGES = (
    "python3.11", "python3.11-minimal", "libpython3.11-stdlib", "libpython3.11-minimal", "libc6", "libstdc++6",
    "libgcc-s1", "zlib1g",
    "libexpat1", "libffi8", "libssl3", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1", "libgomp1",
    "libcrypt1", "libncursesw6", "libtinfo6", "libreadline8",
)  # fmt: skip
"""Debian's, for arm64: Python and what it and the wheels are linked with."""
EMULATOR = "qemu-user-static"
"""Debian's, for this machine."""
WHEELS = ("numpy", "pillow", "ai-edge-litert", "onnxruntime", "flatbuffers", "protobuf", "tqdm", "typing_extensions")
"""PyPI's, for aarch64, in the versions that this environment has."""
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
PROCESSOR = "cortex-a76"
"""What is emulated: a big core of 2018, the oldest with both features below."""
FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
"""What it says of itself: asimdhp is arithmetic in fp16, asimddp the dot product of int8: kernels are chosen so."""
CORES = 2
READY = "ready"
"""File that says that the folder is whole."""
LIMIT_S = 1200.0


def prepare(root: Path) -> None:
    """Make the folder, unless it is there.

    Raises:
        ReblurError: this is no Debian, a tool is missing, or something cannot be downloaded.
    """
    if (root / READY).is_file():
        return
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise ReblurError(f"emulated ARM needs {tool}, which Debian and Ubuntu have")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("apt/partial", "debs/partial", "sys", "host", "wheels", "site"):
        (root / name).mkdir(parents=True)
    _unpack_packages(root)
    _unpack_emulator(root)
    _unpack_wheels(root)
    _describe_processor(root / "sys")
    (root / READY).write_text("", encoding="ascii")


def command(root: Path, arguments: Sequence[str], search: Path) -> list[str]:
    """The command line that runs Python under emulation.

    Args:
        root: what ``prepare`` made.
        arguments: of Python.
        search: folder of our packages.
    """
    (emulator,) = (root / "host").rglob("qemu-aarch64-static")
    sysroot = root.resolve() / "sys"
    paths = os.pathsep.join((str(root.resolve() / "site"), str(search)))
    return [
        str(emulator.resolve()), "-cpu", PROCESSOR, "-L", str(sysroot),
        "-E", f"PYTHONPATH={paths}", "-E", "PYTHONSAFEPATH=1", "-E", "PYTHONDONTWRITEBYTECODE=1",
        "-E", "OMP_NUM_THREADS=1",
        str(sysroot / "usr" / "bin" / f"python{PYTHON}"), *arguments,
    ]  # fmt: skip


def _unpack_packages(root: Path) -> None:
    """Debian's packages for arm64, with lists of their own: the system's are not touched."""
    at = root.resolve()
    options = [
        "-q", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64",
        f"-oDir::State::Lists={at}/apt", f"-oDir::Cache={at}/debs", f"-oDir::Cache::Archives={at}/debs",
        f"-oDir::Cache::pkgcache={at}/debs/pkgcache.bin", f"-oDir::Cache::srcpkgcache={at}/debs/srcpkgcache.bin",
    ]  # fmt: skip
    if os.geteuid() == 0:
        options.append("-oAPT::Sandbox::User=root")
    _run(["apt-get", *options, "update"], root)
    _run(["apt-get", *options, "download", *PACKAGES], root / "debs")
    for package in sorted((root / "debs").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package.resolve()), str(at / "sys")], root)


def _unpack_emulator(root: Path) -> None:
    """The one that is installed, or Debian's package, unpacked."""
    installed = shutil.which("qemu-aarch64-static")
    if installed:
        (root / "host" / "qemu-aarch64-static").symlink_to(installed)
        return
    at = root.resolve()
    lists = at / "apt-host"
    (lists / "partial").mkdir(parents=True)
    options = ["-q", f"-oDir::State::Lists={lists}", f"-oDir::Cache={at}/debs", f"-oDir::Cache::Archives={at}/debs"]
    options += [f"-oDir::Cache::pkgcache={at}/debs/host.bin", f"-oDir::Cache::srcpkgcache={at}/debs/host-src.bin"]
    if os.geteuid() == 0:
        options.append("-oAPT::Sandbox::User=root")
    _run(["apt-get", *options, "update"], root)
    _run(["apt-get", *options, "download", EMULATOR], root / "host")
    (package,) = (root / "host").glob("*.deb")
    _run(["dpkg-deb", "-x", str(package.resolve()), str(at / "host")], root)


def _unpack_wheels(root: Path) -> None:
    """PyPI's wheels for aarch64: unpacked they can be imported."""
    from importlib.metadata import PackageNotFoundError, version

    wanted = []
    for name in WHEELS:
        try:
            wanted.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            wanted.append(name)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    _run([*pip, "--python-version", PYTHON, *platforms, "-d", str(root / "wheels"), *wanted], Path())
    for wheel in sorted((root / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root / "site")


def _describe_processor(sysroot: Path) -> None:
    """What XNNPACK and onnxruntime ask the kernel: without these files they would read this machine's, and crash."""
    lines = "BogoMIPS\t: 38.40\nFeatures\t: {}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
    lines += "CPU variant\t: 0x1\nCPU part\t: 0xd0b\nCPU revision\t: 0\n\n"
    (sysroot / "proc").mkdir(exist_ok=True)
    text = "".join(f"processor\t: {core}\n" + lines.format(FEATURES) for core in range(CORES))
    (sysroot / "proc" / "cpuinfo").write_text(text, encoding="ascii")
    cpus = sysroot / "sys" / "devices" / "system" / "cpu"
    cpus.mkdir(parents=True, exist_ok=True)
    for name in ("possible", "present"):
        (cpus / name).write_text(f"0-{CORES - 1}\n", encoding="ascii")


def _run(words: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReblurError(f"{words[0]} did not end well: {error}") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no word"]
        raise ReblurError(f"{' '.join(words[:2])} failed: {said[-1]}")
