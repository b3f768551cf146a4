from __future__ import annotations

import pytest

from export.artifacts import sizes
from export.artifacts.sizes import check_size, memory_gib, processes_for, size_notes, smallest_tile_px
from runtime.manifest.records import Size
from runtime.refocusing.tiling import spans
from tests.export.conftest import small_networks

SMALL, USUAL, HUGE = (Size(height_px=side, width_px=side) for side in (128, 512, 4096))


def test_what_is_too_small_for_tiles_is_told_graph_by_graph() -> None:
    (note,) = size_notes({"defocus": 40, "refocus": 112, "fused": 194}, [SMALL, USUAL])
    assert "at 128x128" in note
    assert note.endswith("refocus (240 px), fused (404 px)")
    assert size_notes({"refocus": 112}, [USUAL]) == []


@pytest.mark.parametrize("halo_px", [0, 40, 112])
def test_the_smallest_tile_is_the_smallest_that_tiling_takes(halo_px: int) -> None:
    tile = smallest_tile_px(halo_px)
    assert spans(10 * tile // 16 * 16 + tile % 16, tile, halo_px)
    with pytest.raises(ValueError, match="too small for a halo"):
        spans(tile + 16, tile - 16, halo_px)


def test_memory_is_estimated_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"SC_PAGE_SIZE": 2**20, "SC_PHYS_PAGES": 16 * 2**10}  # 16 GiB
    monkeypatch.setattr(sizes.os, "sysconf", pages.__getitem__)
    assert processes_for([USUAL], 2) == 2
    assert processes_for([USUAL], 64) == int(16 / memory_gib(USUAL))
    assert processes_for([USUAL], 0) == 0
    with pytest.raises(ValueError, match=r"4096x4096 needs about .* GiB of memory, this machine has 16"):
        processes_for([USUAL, HUGE], 1)


def test_the_networks_have_their_say() -> None:
    check_size(small_networks(), SMALL)
    with pytest.raises(ValueError, match="take multiples of"):
        check_size(small_networks(), Size(height_px=512, width_px=500))
