"""Runs a graph of fixed size over a picture of any size, in overlapping tiles.

Each tile reaches ``halo_px`` further than the part of it that is kept, so that every kept pixel sees all that
it would see in the whole picture: the result is the same as in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from runtime.backends.base import GraphRunner
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

ALIGNMENT_PX = 16
"""Tiles start at multiples of this, so that the strided layers of a network meet the same pixels in each."""

Run = Callable[[Mapping[str, FloatArray]], dict[str, FloatArray]]


@dataclass(frozen=True, kw_only=True)
class TiledGraph:
    """One graph of a fixed size, as the pipeline takes it."""

    run: Callable[[Mapping[str, FloatArray]], dict[str, FloatArray]]
    """(1, C, H, W) float32 by name -> the same; see ``GraphRunner.run``."""
    size_px: tuple[int, int]
    """Height and width of its tensors."""
    halo_px: int
    """How far a pixel of its output sees: by so much tiles overlap on each side."""

    @classmethod
    def of(cls, runner: GraphRunner, halo_px: int) -> TiledGraph:
        """A graph of an export, loaded."""
        return cls(run=runner.run, size_px=runner.artifact.size_px, halo_px=halo_px)

    def whole(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run it once on pictures that are no larger, in either orientation; what is missing is their mirror image.

        Args:
            inputs: (1, C, H, W) each, all of one size.

        Returns:
            (1, C, H, W) each, by name.

        Raises:
            ReblurError: a picture is larger.
        """
        height, width = next(iter(inputs.values())).shape[2:]
        if height > self.size_px[0] or width > self.size_px[1]:
            if width > self.size_px[0] or height > self.size_px[1]:
                raise ReblurError(f"{height}x{width} pixels do not fit into {self.size_px[0]}x{self.size_px[1]}")
            return _transposed(self.whole(_transposed(inputs)))
        pads = ((0, 0), (0, 0), (0, self.size_px[0] - height), (0, self.size_px[1] - width))
        if any(after for _, after in pads):
            inputs = {name: np.pad(x, pads, mode="symmetric") for name, x in inputs.items()}
        return {name: x[..., :height, :width] for name, x in self.run(inputs).items()}

    def anywhere(
        self, inputs: Mapping[str, FloatArray], on_tile: Callable[[], None] = lambda: None
    ) -> dict[str, FloatArray]:
        """Run it on pictures of any size, in tiles, lying or standing, whichever takes fewer; see ``run_tiled``."""
        height, width = next(iter(inputs.values())).shape[2:]
        if self.is_transposed(height, width):
            return _transposed(run_tiled(self.run, _transposed(inputs), self.size_px, self.halo_px, on_tile))
        return run_tiled(self.run, inputs, self.size_px, self.halo_px, on_tile)

    def is_transposed(self, height: int, width: int) -> bool:
        """Whether a picture of this size takes fewer tiles with its axes exchanged."""
        if self.size_px[0] == self.size_px[1]:
            return False
        lying, standing = self._tiles(height, width), self._tiles(width, height)
        return standing is not None and (lying is None or standing < lying)

    def _tiles(self, height: int, width: int) -> int | None:
        """How many tiles cover a picture as it lies; None where the halo leaves nothing of them."""
        try:
            return tile_count(height, width, self.size_px, self.halo_px)
        except ReblurError:
            return None

    def count(self, height: int, width: int) -> int:
        """How often ``anywhere`` runs it."""
        size = (width, height) if self.is_transposed(height, width) else (height, width)
        return tile_count(*size, self.size_px, self.halo_px)


def fitting_scale(graph_px: tuple[int, int], height: int, width: int) -> float:
    """What a picture is to be scaled by to fit into a graph of this size just so, lying or standing."""
    return max(min(h / height, w / width) for h, w in (graph_px, graph_px[::-1]))


class Span(NamedTuple):
    """One tile along one axis."""

    start: int
    """First pixel of the tile."""
    kept_from: int
    """First pixel of the picture that is taken from this tile."""
    kept_to: int
    """One past the last."""


def spans(size: int, tile: int, halo: int) -> list[Span]:
    """Cover ``size`` pixels with tiles; the kept parts follow one another without gap or overlap.

    Args:
        size: length of the (padded) axis, at least ``tile``; (size - tile) a multiple of ``ALIGNMENT_PX``.
        tile: length of a tile.
        halo: pixels at a tile's inner ends that are not kept.

    Raises:
        ReblurError: the halo leaves nothing of a tile.
    """
    step = (tile - 2 * halo) // ALIGNMENT_PX * ALIGNMENT_PX
    if size > tile and step <= 0:
        raise ReblurError(
            f"tiles of {tile} px are too small for a halo of {halo} px: "
            f"export at a larger --size, or limit the picture to {tile} px a side"
        )
    result: list[Span] = []
    start = kept_from = 0
    while start + tile < size:
        result.append(Span(start, kept_from, start + tile - halo))
        kept_from = start + tile - halo
        start = min(start + step, size - tile)
    result.append(Span(start, kept_from, size))
    return result


def padded_size(size: int, tile: int) -> int:
    """Length to which an axis is padded: at least a tile, then a multiple of ``ALIGNMENT_PX`` beyond it."""
    return tile + max(0, -(-(size - tile) // ALIGNMENT_PX) * ALIGNMENT_PX)


def tile_count(height: int, width: int, tile_size: tuple[int, int], halo_px: int) -> int:
    """How many times ``run_tiled`` runs the graph."""
    rows, columns = _grid(height, width, tile_size, halo_px)
    return len(rows) * len(columns)


def run_tiled(
    run: Run,
    inputs: Mapping[str, FloatArray],
    tile_size: tuple[int, int],
    halo_px: int,
    on_tile: Callable[[], None] = lambda: None,
) -> dict[str, FloatArray]:
    """Run a fixed-size graph over pictures of any size; edges are replicated where tiles reach beyond them.

    Args:
        run: takes and gives (1, C, *tile_size) arrays by name.
        inputs: (1, C, H, W) each, all of one size.
        tile_size: height and width that the graph takes, multiples of ``ALIGNMENT_PX``.
        halo_px: distance from which an input pixel can still change an output pixel.
        on_tile: called after each tile.

    Returns:
        (1, C, H, W) each, by name.

    Raises:
        ReblurError: the halo leaves nothing of a tile.
    """
    height, width = next(iter(inputs.values())).shape[2:]
    rows, columns = _grid(height, width, tile_size, halo_px)
    pad_rows = padded_size(height, tile_size[0]) - height
    pad_columns = padded_size(width, tile_size[1]) - width
    padded = {
        name: np.pad(x, ((0, 0), (0, 0), (0, pad_rows), (0, pad_columns)), mode="edge") for name, x in inputs.items()
    }
    results: dict[str, FloatArray] = {}
    for y in rows:
        for x in columns:
            window = (..., slice(y.start, y.start + tile_size[0]), slice(x.start, x.start + tile_size[1]))
            for name, tile in run({name: array[window] for name, array in padded.items()}).items():
                if name not in results:
                    shape = (1, tile.shape[1], height + pad_rows, width + pad_columns)
                    results[name] = np.empty(shape, np.float32)
                kept = (..., slice(y.kept_from, y.kept_to), slice(x.kept_from, x.kept_to))
                results[name][kept] = tile[
                    ...,
                    y.kept_from - y.start : y.kept_to - y.start,
                    x.kept_from - x.start : x.kept_to - x.start,
                ]
            on_tile()
    return {name: np.ascontiguousarray(array[..., :height, :width]) for name, array in results.items()}


def _transposed(tensors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Rows for columns: (1, C, H, W) -> (1, C, W, H), as views."""
    return {name: x.swapaxes(2, 3) for name, x in tensors.items()}


def _grid(height: int, width: int, tile_size: tuple[int, int], halo_px: int) -> tuple[list[Span], list[Span]]:
    return (
        spans(padded_size(height, tile_size[0]), tile_size[0], halo_px),
        spans(padded_size(width, tile_size[1]), tile_size[1], halo_px),
    )
