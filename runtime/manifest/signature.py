"""Signatures of an export: model.sig, in the format of OpenSSF Model Signing 1.0, checked with a public key.

    verify_manifest("artifacts", "reblur.pub")     # manifest.json is signed; it holds the digest of every model file
    verify_folder("artifacts", "reblur.pub")       # every file of the folder is

``export.execution.signing`` writes it. The file is a Sigstore bundle around an in-toto statement that lists the
SHA-256 of each file, so ``model_signing verify key artifacts --signature artifacts/model.sig --public_key
reblur.pub`` of the ``model-signing`` package checks it too. That package and LiteRT's converter want different
versions of others and cannot be installed together, so nothing but ``cryptography`` is needed here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from runtime.manifest.manifest import FILE_NAME
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurve, EllipticCurvePublicKey

SIGNATURE_FILE_NAME = "model.sig"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
IGNORED_BY_FORMAT = (".git", ".gitattributes", ".github", ".gitignore")
"""What the format leaves out of any folder."""
HASHES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Curve of a key -> hash that is signed: the curves that the format knows."""
NEEDS_PACKAGE = "signatures need the package cryptography: pip install 'reblur[sign]'"


@dataclass(frozen=True, kw_only=True)
class SignedFiles:
    """What a valid signature vouches for."""

    digests: dict[str, str]
    """Path relative to the folder, with forward slashes -> hexadecimal SHA-256."""
    ignored: tuple[str, ...]
    """Files and folders that it says nothing about."""


def verify_manifest(directory: Path | str, public_key: Path | str) -> SignedFiles:
    """Check that manifest.json is the one that was signed; the digests in it then vouch for the models.

    Args:
        directory: the export, or the part of it that an application has.
        public_key: PEM file of an elliptic-curve key.

    Raises:
        ReblurError: there is no valid signature by that key, or manifest.json is another.
    """
    directory = Path(directory)
    signed = read_signature(directory, public_key)
    _check(directory, FILE_NAME, signed)
    return signed


def verify_folder(directory: Path | str, public_key: Path | str) -> SignedFiles:
    """Check that a folder holds exactly the files that were signed, beside those that the signature leaves out.

    Raises:
        ReblurError: there is no valid signature by that key; or names the first file that differs, is missing or new.
    """
    directory = Path(directory)
    signed = read_signature(directory, public_key)
    for path in signed.digests:
        _check(directory, path, signed)
    new = sorted(set(files_to_sign(directory, signed.ignored)) - set(signed.digests))
    if new:
        raise ReblurError(f"{directory / new[0]} is not among the signed files: remove it, or sign the export again")
    return signed


def read_signature(directory: Path, public_key: Path | str) -> SignedFiles:
    """What ``directory``/model.sig vouches for, once its signature has been found valid.

    Raises:
        ReblurError: the file or the key cannot be read, or the signature is not by that key.
    """
    key = load_public_key(Path(public_key))
    path = directory / SIGNATURE_FILE_NAME
    if not path.is_file():
        raise ReblurError(f"{directory} is not signed, it has no {SIGNATURE_FILE_NAME}: export with --sign")
    try:
        bundle = json.loads(path.read_text(encoding="utf-8"))
        envelope = bundle["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        types = (bundle["mediaType"], envelope["payloadType"])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ReblurError(f"{path} is no signature that can be read ({type(error).__name__}: {error})") from error
    if types != (BUNDLE_TYPE, PAYLOAD_TYPE):
        raise ReblurError(f"{path} is no signature of a kind known here, its types are {' and '.join(map(str, types))}")
    if not _is_valid(key, signature, payload):
        raise ReblurError(
            f"{path} was not made with the private key that belongs to {public_key}, or was altered since"
        )
    return _signed_files(payload, path)


def files_to_sign(directory: Path, ignored: Iterable[str]) -> list[str]:
    """Paths of a folder's files, sorted, relative to it and with forward slashes.

    Args:
        directory: the folder.
        ignored: files and folders to leave out, beside those that the format leaves out of any.

    Raises:
        ReblurError: a symbolic link is among them; what it leads to may change without the folder.
    """
    left_out = {PurePosixPath(name) for name in (*ignored, *IGNORED_BY_FORMAT)}
    found = []
    for path in sorted(directory.rglob("*")):
        relative = PurePosixPath(path.relative_to(directory).as_posix())
        if left_out & {relative, *relative.parents}:
            continue
        if path.is_symlink():
            raise ReblurError(f"{path} is a symbolic link, which cannot be signed: put the file itself there")
        if path.is_file():
            found.append(str(relative))
    return sorted(found)


def signed_bytes(payload: bytes) -> bytes:
    """What is really signed: DSSE's pre-authentication encoding of a payload."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def load_public_key(path: Path) -> EllipticCurvePublicKey:
    """Read a public key in PEM.

    Raises:
        ReblurError: cryptography is missing, or the file is no public key on a curve in ``HASHES``.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise ReblurError(NEEDS_PACKAGE) from error
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ReblurError(f"cannot read the public key {path}: {error.strerror or error}") from error
    except Exception as error:  # cryptography raises several kinds, not all of them its own
        raise ReblurError(f"{path} is no public key in PEM, such as `openssl ec -pubout` writes") from error
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in HASHES:
        raise ReblurError(f"{path} is no elliptic-curve key of a kind that can be used: {', '.join(HASHES)}")
    return key


def algorithm_for(curve: EllipticCurve) -> ECDSA:
    """How a key on that curve signs."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    return ECDSA(getattr(hashes, HASHES[curve.name])())


def _is_valid(key: EllipticCurvePublicKey, signature: bytes, payload: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, signed_bytes(payload), algorithm_for(key.curve))
    except InvalidSignature:
        return False
    return True


def _signed_files(payload: bytes, path: Path) -> SignedFiles:
    """The files of a statement. It is signed, so only statements of another kind remain to be turned away."""
    try:
        statement: dict[str, Any] = json.loads(payload)
        kinds = (statement["_type"], statement["predicateType"])
        made = statement["predicate"]["serialization"]
        resources = statement["predicate"]["resources"]
        if kinds != (STATEMENT_TYPE, PREDICATE_TYPE) or made["method"] != "files" or made["hash_type"] != "sha256":
            raise ReblurError("it does not list the SHA-256 of files")
        digests = {resource["name"]: resource["digest"] for resource in resources}
        return SignedFiles(digests=digests, ignored=tuple(made.get("ignore_paths", ())))
    except (ValueError, KeyError, TypeError) as error:
        raise ReblurError(f"{path} signs something else than a folder of files ({error})") from error


def _check(directory: Path, path: str, signed: SignedFiles) -> None:
    if path not in signed.digests:
        raise ReblurError(f"{directory / path} is not among the signed files: sign the export again")
    if not (directory / path).is_file():
        raise ReblurError(f"{directory / path} was signed, but is missing")
    if sha256_of(directory / path) != signed.digests[path]:
        raise ReblurError(f"{directory / path} is not the file that was signed")
