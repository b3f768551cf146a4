"""Weights fine-tuned for int8, which lie beside the float checkpoint they were made from.

They are float weights of the same networks, moved a little so that rounding costs less; the export quantises these
instead of the float checkpoint's own. The header names the float checkpoint by its digest: after it was trained
again, the old fine-tuned weights no longer fit and are not used.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from runtime.system.files import sha256_of
from train.checkpoint import Deployable, load_deployable, read_made_from, save_deployable


class Int8Weights(NamedTuple):
    """Weights that fit a float checkpoint."""

    networks: Deployable
    path: Path
    sha256: str
    """Of the file."""


def int8_path(checkpoint: Path) -> Path:
    """Where the weights for int8 of a float checkpoint lie: ``mobile_int8.safetensors`` for ``mobile.safetensors``."""
    return checkpoint.with_name(f"{checkpoint.stem}_int8{checkpoint.suffix}")


def save_int8(networks: Deployable, path: Path, made_from: str) -> None:
    """Write fine-tuned networks atomically; ``made_from`` is the digest of the float checkpoint."""
    save_deployable(networks, path, made_from=made_from)


def find_int8(checkpoint: Path, networks: Deployable) -> tuple[Int8Weights | None, str]:
    """The weights for int8 that lie beside a float checkpoint, if they are of it.

    Args:
        checkpoint: the float one.
        networks: its networks.

    Returns:
        The weights, or None and in one phrase why they are not used.

    Raises:
        ReblurError: there is such a file, but it is not a readable checkpoint.
    """
    path = int8_path(checkpoint)
    if not path.is_file():
        return None, f"no {path.name} beside {checkpoint.name}"
    if read_made_from(path) != sha256_of(checkpoint):
        return None, f"{path.name} was not made from this {checkpoint.name}"
    found = load_deployable(path)
    if found.config.fused() != networks.config.fused():
        return None, f"{path.name} holds other networks than {checkpoint.name}"
    return Int8Weights(found, path, sha256_of(path)), ""
