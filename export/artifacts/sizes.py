"""What a size of the graphs' tensors means: whether networks take it, what its files can do, the memory it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from export.recipes.jobs import size_name
from runtime.manifest.records import Size
from runtime.refocusing.tiling import ALIGNMENT_PX
from runtime.system.errors import ReblurError
from train.checkpoint import Deployable

BASE_GIB = 2.0
"""Memory of one process with the converters loaded, before it converts anything."""
GIB_PER_MEGAPIXEL = 4.0
"""What the hungriest converter takes besides, measured from 512x512 to 1024x1024."""


def check_size(networks: Deployable, size: Size) -> None:
    """Check that the networks take pictures of this size.

    Raises:
        ReblurError: a side is no multiple of what a network needs.
    """
    multiple = max(networks.config.deblur.size_multiple, networks.config.defocus.size_multiple)
    if size.height_px % multiple or size.width_px % multiple:
        raise ReblurError(f"--size: these networks take multiples of {multiple} pixels, got {size_name(size)}")


def memory_gib(size: Size) -> float:
    """An estimate of the memory that one process needs."""
    return BASE_GIB + GIB_PER_MEGAPIXEL * size.height_px * size.width_px / 1e6


def processes_for(sizes: Sequence[Size], wanted: int) -> int:
    """How many processes at once fit into memory, at most ``wanted``.

    Raises:
        ReblurError: not even one does.
    """
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    largest = max(sizes, key=memory_gib)
    needed = memory_gib(largest)
    if needed > there:
        raise ReblurError(
            f"--size: {size_name(largest)} needs about {needed:.0f} GiB of memory, this machine has {there:.0f}: "
            "photographs of any size go through smaller files in tiles, 512x512 is usual"
        )
    return min(wanted, max(1, int(there / needed)))


def smallest_tile_px(halo_px: int) -> int:
    """Shortest side of tensors through which a larger picture can go in tiles."""
    return 2 * halo_px + ALIGNMENT_PX


def size_notes(halos_px: Mapping[str, int], sizes: Sequence[Size]) -> list[str]:
    """What files of these sizes cannot do, a sentence for each size that it holds for.

    Args:
        halos_px: graph -> its halo.
        sizes: of the tensors.
    """
    notes = []
    for size in sizes:
        side = min(size.height_px, size.width_px)
        small = [f"{graph} ({smallest_tile_px(halo)} px)" for graph, halo in halos_px.items()]
        small = [words for words, halo in zip(small, halos_px.values(), strict=True) if side < smallest_tile_px(halo)]
        if small:
            notes.append(
                f"note: at {size_name(size)} these graphs take no photograph larger than that, since tiles would have "
                f"to be larger: {', '.join(small)}"
            )
    return notes
