"""Memory with a bound, and the flow of real pairs kept in it and on disk: it is costly, and the pictures are fixed."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.data.optical_flow import picture_flow
from train.data.pair_files import PairFiles
from train.data.photos import Picture

Flows = NDArray[np.float16]
"""(4, H, W) px: flow to the sharp picture (x, y), flow to the blurry one (x, y). Exact to 1/64 px up to 32 px."""

METHOD = "affine, then DIS medium; 1"
"""Part of the key on disk: change it when ``picture_flow`` finds something else than before."""

Key = TypeVar("Key", bound=Hashable)


class Recent(Generic[Key]):
    """The arrays used last, as many as fit into ``limit_bytes`` (always at least one)."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self._arrays: OrderedDict[Key, NDArray] = OrderedDict()

    def get(self, key: Key, make: Callable[[], NDArray]) -> NDArray:
        """The array of that key; ``make`` makes it where it is not held."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        array = make()
        self._arrays[key] = array
        self.bytes += array.nbytes
        while self.bytes > self.limit_bytes and len(self._arrays) > 1:
            self.bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array


class FlowCache:
    """Flow of pairs: from memory, else from ``folder``, else computed and put into both."""

    def __init__(self, folder: Path | None, limit_bytes: int) -> None:
        """The folder is made if need be; None keeps nothing on disk.

        Raises:
            ReblurError: the folder cannot be made.
        """
        self.folder = folder
        self._recent: Recent[PairFiles] = Recent(limit_bytes)
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ReblurError(f"cannot make the folder {folder} for flow: {error.strerror or error}") from error

    def flows(self, pair: PairFiles, pictures: Callable[[], tuple[Picture, Picture]]) -> Flows:
        """The flow of a pair; ``pictures`` is called only where it must be computed."""
        return self._recent.get(pair, lambda: self._from_disk(pair, pictures))

    def _from_disk(self, pair: PairFiles, pictures: Callable[[], tuple[Picture, Picture]]) -> Flows:
        if self.folder is None:
            return _compute(*pictures())
        path = self.folder / f"{_digest(pair)}.npz"
        stored = _load(path)
        if stored is None:
            stored = _compute(*pictures())
            buffer = io.BytesIO()
            np.savez(buffer, flows=stored)
            write_atomically(path, buffer.getvalue())
        return stored


def _compute(blurry: Picture, sharp: Picture) -> Flows:
    # Rounded here already: a run must find the same flow whether it was computed or read back.
    return np.concatenate(picture_flow(blurry, sharp)).astype(np.float16)


def _load(path: Path) -> Flows | None:
    """None where there is no such file, or a damaged one."""
    try:
        # Opened here, since NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            flows: Flows = stored["flows"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return None
    return flows if flows.dtype == np.float16 and flows.ndim == 3 and len(flows) == 4 else None


def _digest(pair: PairFiles) -> str:
    """Of what both files hold, whatever they are called, and of the method."""
    digest = hashlib.sha256(METHOD.encode())
    for path in (pair.blurry, pair.sharp):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
