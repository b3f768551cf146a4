"""Signs an export with a private key: writes model.sig, for ``runtime.manifest.signature`` to check.

    openssl ecparam -name prime256v1 -genkey -noout -out reblur.pem
    openssl ec -in reblur.pem -pubout -out reblur.pub
    python -m export.all --sign reblur.pem
    python -m export.verify artifacts --public-key reblur.pub

The format is that of OpenSSF Model Signing 1.0. Whoever has the private key can sign: the project ships none.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.manifest.signature import (
    BUNDLE_TYPE,
    HASHES,
    IGNORED_BY_FORMAT,
    NEEDS_PACKAGE,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    SIGNATURE_FILE_NAME,
    STATEMENT_TYPE,
    algorithm_for,
    files_to_sign,
    signed_bytes,
)
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of, write_atomically

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SUBJECT = "reblur"
"""What the signed folder is called, wherever it lies."""
NOT_SIGNED = (SIGNATURE_FILE_NAME, "report.html")
"""The signature itself; and the report, which ``python -m export.report`` may write again at any time."""


def sign_export(directory: Path, private_key: Path) -> Path:
    """Sign all files of a finished export, and say where the signature is.

    Args:
        directory: with manifest.json and all that it lists; nothing may be written there afterwards.
        private_key: PEM file, without a password, of an elliptic-curve key on P-256, P-384 or P-521.

    Raises:
        ReblurError: cryptography is missing, the key cannot be used, or the folder cannot be read or written.
    """
    key = load_private_key(private_key)
    payload = _statement(directory)
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(_signature(key, payload)).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": _fingerprint(key)}, "tlogEntries": []}
    bundle = {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    path = directory / SIGNATURE_FILE_NAME
    write_atomically(path, (json.dumps(bundle) + "\n").encode())
    return path


def load_private_key(path: Path) -> EllipticCurvePrivateKey:
    """Read a private key in PEM; ask for it before a long export, not after.

    Raises:
        ReblurError: cryptography is missing, or the file is no private key that can be used.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise ReblurError(NEEDS_PACKAGE) from error
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ReblurError(f"cannot read the private key {path}: {error.strerror or error}") from error
    except TypeError as error:
        raise ReblurError(f"{path} has a password: write it without one with `openssl ec -in {path}`") from error
    except Exception as error:  # cryptography raises several kinds, not all of them its own
        raise ReblurError(f"{path} is no private key in PEM, such as `openssl ecparam -genkey` writes") from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in HASHES:
        raise ReblurError(f"{path} is no elliptic-curve key of a kind that can be used: {', '.join(HASHES)}")
    return key


def _statement(directory: Path) -> bytes:
    """The in-toto statement that is signed: names and digests of all files, and one digest over the digests."""
    digests = {name: sha256_of(directory / name) for name in files_to_sign(directory, NOT_SIGNED)}
    whole = hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests.values())).hexdigest()
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": SUBJECT, "digest": {"sha256": whole}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [*NOT_SIGNED, *IGNORED_BY_FORMAT],
            },
            "resources": [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in digests.items()],
        },
    }
    return json.dumps(statement, indent=2).encode()


def _signature(key: EllipticCurvePrivateKey, payload: bytes) -> bytes:
    return key.sign(signed_bytes(payload), algorithm_for(key.curve))


def _fingerprint(key: EllipticCurvePrivateKey) -> str:
    """SHA-256 of the public key in PEM: by it a reader tells which key to check with."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()
