"""Signing a folder: who may sign, what is signed, and that the model-signing package agrees where it is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from export.execution.signing import load_private_key, sign_export
from runtime.manifest.signature import verify_folder, verify_manifest

pytest.importorskip("cryptography", reason="not run: signatures need cryptography (pip install 'reblur[sign]')")

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

COMMAND = os.environ.get("REBLUR_MODEL_SIGNING") or shutil.which("model_signing")
"""The command of the model-signing package, which lives in an environment of its own."""


def write_keys(folder: Path, name: str, curve: ec.EllipticCurve | None = None) -> tuple[Path, Path]:
    """A new private key and its public one."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something like an export."""
    package = tmp_path / "artifacts" / "deblur_fp16.mlpackage" / "Data"
    package.mkdir(parents=True)
    (package / "weight.bin").write_bytes(bytes(range(256)))
    (tmp_path / "artifacts" / "manifest.json").write_text("{}")
    (tmp_path / "artifacts" / "report.html").write_text("page")
    return tmp_path / "artifacts"


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_what_one_key_signs_the_other_accepts(folder: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    private, public = write_keys(tmp_path, "key", curve)
    assert sign_export(folder, private) == folder / "model.sig"
    assert list(verify_folder(folder, public).digests) == ["deblur_fp16.mlpackage/Data/weight.bin", "manifest.json"]
    sign_export(folder, private)
    verify_folder(folder, public)


def test_the_report_may_change_and_a_model_may_not(folder: Path, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "key")
    sign_export(folder, private)
    (folder / "report.html").write_text("another page")
    verify_folder(folder, public)
    (folder / "deblur_fp16.mlpackage" / "Data" / "weight.bin").write_bytes(bytes(256))
    verify_manifest(folder, public)
    with pytest.raises(ValueError, match=r"weight\.bin is not the file that was signed$"):
        verify_folder(folder, public)


def test_the_public_key_of_another_is_refused(folder: Path, tmp_path: Path) -> None:
    private, _ = write_keys(tmp_path, "key")
    _, other = write_keys(tmp_path, "other")
    sign_export(folder, private)
    with pytest.raises(ValueError, match=r"was not made with the private key that belongs to .*other\.pub"):
        verify_manifest(folder, other)


def test_keys_that_cannot_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = write_keys(tmp_path, "key")
    weak, _ = write_keys(tmp_path, "weak", ec.SECP256K1())
    locked, edwards = tmp_path / "locked.pem", tmp_path / "edwards.pem"
    encryption = BestAvailableEncryption(b"secret")
    locked.write_bytes(load_private_key(private).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    edwards.write_bytes(
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    for path, sentence in (
        (tmp_path / "none", "cannot read the private key"),
        (public, "is no private key in PEM"),
        (weak, "no elliptic-curve key of a kind that can be used: secp256r1"),
        (edwards, "no elliptic-curve key of a kind that can be used: secp256r1"),
        (locked, "has a password"),
    ):
        with pytest.raises(ValueError, match=sentence):
            load_private_key(path)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ec", None)
    with pytest.raises(ValueError, match=r"pip install 'reblur\[sign\]'"):
        load_private_key(private)


@pytest.mark.skipif(COMMAND is None, reason="not run: no model_signing here; REBLUR_MODEL_SIGNING names the command")
def test_the_model_signing_package_agrees(folder: Path, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, "key")
    signature = sign_export(folder, private)
    verify = [str(COMMAND), "verify", "key", str(folder), "--public_key", str(public), "--signature", str(signature)]
    assert subprocess.run(verify, capture_output=True, text=True).returncode == 0
    (folder / "manifest.json").write_text("{ }")
    found = subprocess.run(verify, capture_output=True, text=True)
    assert found.returncode != 0
    assert "manifest.json" in found.stdout + found.stderr
