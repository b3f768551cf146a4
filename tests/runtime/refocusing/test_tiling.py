from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from runtime.refocusing.tiling import ALIGNMENT_PX, padded_size, run_tiled, spans, tile_count

RNG = np.random.default_rng(0)
REACH = 5


def local_op(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Reaches ``REACH`` pixels, pads with zeros as convolutions do, and depends on the phase of the position."""
    x, weight = inputs["x"], inputs["weight"]
    height, width = x.shape[2:]
    padded = np.pad(x * weight, ((0, 0), (0, 0), (REACH, REACH), (REACH, REACH)))
    total = np.zeros_like(x)
    for dy, dx in ((-REACH, 0), (REACH, 0), (0, -REACH), (0, REACH), (2, 3), (0, 0)):
        total += padded[..., REACH + dy : REACH + dy + height, REACH + dx : REACH + dx + width]
    phase = (np.arange(height)[:, None] % ALIGNMENT_PX) * (np.arange(width)[None] % ALIGNMENT_PX)
    return {"y": (total + phase).astype(np.float32)}


def random_inputs(height: int, width: int) -> dict[str, np.ndarray]:
    return {
        "x": RNG.random((1, 3, height, width), dtype=np.float32),
        "weight": RNG.random((1, 1, height, width), dtype=np.float32),
    }


@pytest.mark.parametrize("size", [(64, 64), (80, 64), (96, 160), (208, 112)])
@pytest.mark.parametrize("tile", [(48, 48), (64, 48)])
def test_tiles_give_exactly_what_one_piece_gives(size: tuple[int, int], tile: tuple[int, int]) -> None:
    inputs = random_inputs(*size)
    whole = local_op(inputs)["y"]
    tiled = run_tiled(local_op, inputs, tile, halo_px=REACH)["y"]
    assert tiled.shape == whole.shape
    np.testing.assert_array_equal(tiled, whole)


def test_a_halo_too_short_shows() -> None:
    inputs = random_inputs(96, 160)
    tiled = run_tiled(local_op, inputs, (48, 48), halo_px=REACH - 1)["y"]
    assert not np.array_equal(tiled, local_op(inputs)["y"])


@pytest.mark.parametrize("size", [(33, 20), (50, 90), (48, 49), (1, 200)])
def test_odd_and_small_sizes_are_padded_by_their_edge(size: tuple[int, int]) -> None:
    inputs = random_inputs(*size)
    shapes = []

    def record(tile: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        shapes.append(tile["x"].shape)
        return local_op(tile)

    tiled = run_tiled(record, inputs, (48, 48), halo_px=REACH)["y"]
    height, width = size
    pads = (padded_size(height, 48) - height, padded_size(width, 48) - width)
    pad = ((0, 0), (0, 0), (0, pads[0]), (0, pads[1]))
    padded = local_op({name: np.pad(x, pad, mode="edge") for name, x in inputs.items()})["y"]
    np.testing.assert_array_equal(tiled, padded[..., :height, :width])
    assert set(shapes) == {(1, 3, 48, 48)}


def test_progress_counts_every_tile() -> None:
    calls: list[int] = []
    run_tiled(local_op, random_inputs(96, 160), (48, 48), REACH, on_tile=lambda: calls.append(1))
    assert len(calls) == tile_count(96, 160, (48, 48), REACH) == 3 * 5


def test_spans_by_hand() -> None:
    assert spans(48, 48, 5) == [(0, 0, 48)]
    # Step 32 (38 rounded down to a multiple of 16); the last tile ends at the border.
    assert spans(96, 48, 5) == [(0, 0, 43), (32, 43, 75), (48, 75, 96)]


@pytest.mark.parametrize(("size", "padded"), [(1, 512), (512, 512), (513, 528), (1024, 1024), (683, 688)])
def test_padded_sizes(size: int, padded: int) -> None:
    assert padded_size(size, 512) == padded


def test_a_halo_that_leaves_nothing_is_refused_unless_one_tile_is_enough() -> None:
    inputs = random_inputs(48, 64)
    with pytest.raises(ValueError, match="tiles of 48 px are too small for a halo of 24 px"):
        run_tiled(local_op, inputs, (48, 48), halo_px=24)
    run_tiled(local_op, inputs, (48, 64), halo_px=24)
