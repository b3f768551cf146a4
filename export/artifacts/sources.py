"""What an export is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.manifest.records import Checkpoint
from runtime.system.files import sha256_of
from train.quantization.weights import int8_path


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Digests of the files that everything is made from."""

    checkpoint: Checkpoint
    int8_sha256: str | None
    """Of the weights for int8 beside the checkpoint, whether they fit it or not."""

    @classmethod
    def of(cls, checkpoint: Path) -> Sources:
        """Read the digests of a checkpoint and of what lies beside it."""
        beside = int8_path(checkpoint)
        return cls(
            checkpoint=Checkpoint(name=checkpoint.name, sha256=sha256_of(checkpoint)),
            int8_sha256=sha256_of(beside) if beside.is_file() else None,
        )
