"""TensorBoard: the scalars of the log and the picture grids, under ``<run>/tensorboard/``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.loop.device import warn


class Board:
    """Writes for TensorBoard; does nothing without a folder, or where tensorboard is not installed.

    Args:
        folder: of the event files; None for none.
        step: the run goes on from here: what an interrupted run wrote beyond it is dropped.
    """

    def __init__(self, folder: Path | None, step: int = 0) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            warn("tensorboard is not installed: going on without it (pip install tensorboard, or --no-tensorboard)")
            return
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def scalars(self, line: Mapping[str, object]) -> None:
        """All numbers of a line of the log at its "step", those of inner tables as ``table/name``."""
        if self._writer is None:
            return
        for name, value in line.items():
            entries = {f"{name}/{key}": v for key, v in value.items()} if isinstance(value, Mapping) else {name: value}
            for tag, number in entries.items():
                if isinstance(number, int | float) and tag != "step":
                    self._writer.add_scalar(tag, number, line["step"])

    def picture(self, step: int, name: str, picture: NDArray[np.uint8]) -> None:
        """A picture (H, W, 3)."""
        if self._writer is not None:
            self._writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
