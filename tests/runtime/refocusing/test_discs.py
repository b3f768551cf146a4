"""Lights as discs: against discs drawn one by one, and through the whole of rendering with the float graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from runtime.metrics import psnr_db
from runtime.refocusing.defaults import DISC, GAUSSIAN
from runtime.refocusing.discs import (
    RADIUS,
    Lights,
    _drawn,
    disc_steps,
    scattered,
    with_light,
    without_lights,
)
from runtime.refocusing.rendering import refocused
from runtime.refocusing.tiling import TiledGraph
from tests.runtime.refocusing.test_rendering import Counted, photograph

SIZE_PX = (192, 256)
SUPERSAMPLING = 16


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def graph(counted: Counted) -> TiledGraph:
    return TiledGraph(run=counted, size_px=SIZE_PX, halo_px=256)


def disc(size_px: tuple[int, int], row: int, column: int, radius_px: float) -> np.ndarray:
    """(h, w), a disc of light 1 around the middle of a pixel, each pixel the part of its points that lie within."""
    y, x = ((np.arange(size * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - 0.5 for size in size_px)
    inside = (y[:, None] - row) ** 2 + (x[None] - column) ** 2 <= radius_px**2
    blocks = inside.reshape(size_px[0], SUPERSAMPLING, size_px[1], SUPERSAMPLING)
    return blocks.mean(axis=(1, 3)) / (np.pi * radius_px**2)


def shine(taken: np.ndarray, target_px: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(taken.max(axis=2))
    lights = Lights(rows, columns, taken[rows, columns].astype(np.float64))
    return scattered(lights, target_px, np.zeros_like(target_px), np.ones_like(target_px))


def test_a_point_becomes_an_even_disc_with_an_edge_of_about_a_pixel() -> None:
    taken, target = np.zeros((*SIZE_PX, 3), np.float32), np.full(SIZE_PX, 10.0, np.float32)
    taken[96, 128] = 2.0, 1.0, 0.5
    found = shine(taken, target)
    np.testing.assert_allclose(found.sum(axis=(0, 1)), [2.0, 1.0, 0.5], rtol=1e-5)
    away = np.hypot(*(np.indices(SIZE_PX) - np.array([96, 128])[:, None, None]))
    level = 2.0 / (np.pi * (10.0 * RADIUS) ** 2)
    np.testing.assert_allclose(found[away < 19.0, 0], level, rtol=2e-3)
    assert not found[away > 21.0].any()
    variance = float((found[..., 0] * (np.indices(SIZE_PX)[0] - 96) ** 2).sum() / 2.0)
    assert variance == pytest.approx(100.0, rel=0.01), "as that of the Gaussian"


def test_dots_of_many_radii_are_as_drawn_one_by_one() -> None:
    """In front of all else, where nothing hides them."""
    generator = np.random.default_rng(3)
    taken, expected = np.zeros((*SIZE_PX, 3), np.float32), np.zeros((*SIZE_PX, 3))
    target = -generator.uniform(1.5, 20.0, SIZE_PX).astype(np.float32)
    for _ in range(30):
        row, column = (int(generator.integers(size)) for size in SIZE_PX)
        taken[row, column] = generator.uniform(1.0, 4.0, 3)
    for row, column in zip(*np.nonzero(taken[..., 0]), strict=True):
        own = disc(SIZE_PX, row, column, -RADIUS * float(target[row, column]))
        expected += own[..., None] * taken[row, column]
    found = shine(taken, target)
    assert np.abs(found - expected).max() < 0.07 * expected.max(), "radii are rounded to an eighth of a pixel"
    assert np.abs(found - expected).mean() < 0.004 * expected.max()
    np.testing.assert_allclose(found.sum(), expected.sum(), rtol=2e-3)


@pytest.mark.parametrize("radius_px", [3.0, 8.5, 64.0])
def test_steps_of_a_disc_begin_and_end_at_nothing(radius_px: float) -> None:
    rows, _, rises = disc_steps(round(radius_px * 8))
    np.testing.assert_allclose(np.bincount(rows - rows.min(), rises), 0.0, atol=1e-12)
    assert len(rises) < 14.0 * radius_px


def test_very_many_lamps_are_merged_unseen() -> None:
    generator = np.random.default_rng(4)
    rows, columns = (np.sort(generator.integers(40, 130, 20000)) for _ in range(2))
    generator.shuffle(columns)
    lights, radii_px = Lights(rows, columns, generator.uniform(0.5, 4.0, (20000, 3))), np.full(20000, 30.0)
    expected = np.zeros((*SIZE_PX, 3), np.float32)
    for some in (slice(i, i + 500) for i in range(0, 20000, 500)):
        part, discs = _drawn(lights.where(some), radii_px[some], SIZE_PX)
        expected[part] += discs.transpose(1, 2, 0)
    part, found = _drawn(lights, radii_px, SIZE_PX)
    whole = np.zeros_like(expected)
    whole[part] = found.transpose(1, 2, 0)
    assert np.abs(whole - expected).max() < 0.02 * expected.max()
    np.testing.assert_allclose(whole.sum(), expected.sum(), rtol=1e-3)


def night(height: int, width: int, *lamps: tuple[int, int]) -> np.ndarray:
    """Dark, with lamps of 4 x 4 pixels, light 4."""
    picture = np.full((height, width, 3), 0.2, np.float32)
    for row, column in lamps:
        picture[row : row + 4, column : column + 4] = 2.0
    return picture


def test_what_is_taken_out_leaves_the_surroundings_and_no_hole() -> None:
    light = night(*SIZE_PX, (90, 120)) ** 2
    light[90:94, 119] = light[90:94, 124] = 0.5  # its glow
    found = without_lights(light, np.ones(SIZE_PX, np.float32))
    assert found is not None
    rest, lights = found
    taken = np.zeros_like(light)
    taken[lights.rows, lights.columns] = lights.light
    np.testing.assert_allclose(rest + taken, light, atol=2e-5)
    np.testing.assert_allclose(rest, 0.04, atol=0.005)
    assert not taken[:80].any()
    assert without_lights(light, np.zeros(SIZE_PX, np.float32)) is None


def test_what_stands_out_is_small_and_brighter_than_what_is_around() -> None:
    everywhere = np.ones(SIZE_PX, np.float32)
    wall = np.full((*SIZE_PX, 3), 0.1, np.float32)
    wall[:, 128:] = 0.15
    wall[100:, 60:] = 0.2
    assert without_lights(wall, everywhere) is None
    wall[40:43, 60:63, 0] = 0.6  # red, and far from white
    found = without_lights(wall, everywhere)
    assert found is not None
    assert (found[1].rows.min(), found[1].rows.max()) == (40, 42)
    np.testing.assert_allclose(found[1].light[:, 0], 0.5, atol=0.01)
    np.testing.assert_allclose(found[1].light[:, 1:], 0.0, atol=1e-6)


def slopes(height: int, width: int) -> np.ndarray:
    """Bright on the right and below, without anything that stands out."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([0.2 + 0.5 * x / width, 0.3 + 0.3 * y / height, np.full_like(x, 0.4)], axis=2)


def test_without_a_light_out_of_focus_nothing_changes(graph: TiledGraph, counted: Counted) -> None:
    target = np.full(SIZE_PX, 8.0, np.float32)
    for sharp in (slopes(*SIZE_PX), slopes(384, 512)):
        wide = np.full(sharp.shape[:2], 8.0, np.float32)
        np.testing.assert_array_equal(refocused(graph, sharp, wide, DISC), refocused(graph, sharp, wide, GAUSSIAN))
    counted.calls = 0
    lit = night(*SIZE_PX, (90, 60))
    target[:, :128] = 0.0
    np.testing.assert_array_equal(refocused(graph, lit, target, DISC), refocused(graph, lit, target, GAUSSIAN))
    assert counted.calls == 2


def test_far_from_a_lamp_no_bit_changes(graph: TiledGraph) -> None:
    lit, target = night(*SIZE_PX, (90, 30)), np.full(SIZE_PX, 4.0, np.float32)
    lit[:, 160:] = slopes(*SIZE_PX)[:, 160:]
    disc, gaussian = (refocused(graph, lit, target, bokeh) for bokeh in (DISC, GAUSSIAN))
    np.testing.assert_array_equal(disc[:, 160:], gaussian[:, 160:])
    assert np.abs(disc - gaussian).max() > 0.02


def test_the_light_is_that_of_the_gaussian(graph: TiledGraph) -> None:
    lit, target = night(*SIZE_PX, (90, 120)), np.full(SIZE_PX, 10.0, np.float32)
    disc, gaussian = (refocused(graph, lit, target, bokeh) ** 2 for bokeh in (DISC, GAUSSIAN))
    assert disc.max() < 1.0
    assert disc.sum() == pytest.approx(float(gaussian.sum()), rel=2e-3)
    assert disc[92, 122, 0] < 0.8 * gaussian[92, 122, 0]
    assert disc[92, 122 + 17, 0] > 1.1 * gaussian[92, 122 + 17, 0]


def test_a_lamp_behind_does_not_shine_over_the_subject(graph: TiledGraph) -> None:
    lit, target = night(*SIZE_PX, (90, 140)), np.full(SIZE_PX, 10.0, np.float32)
    lit[:, :128], target[:, :128] = photograph(*SIZE_PX)[:, :128], 0.0
    found = refocused(graph, lit, target, DISC)
    np.testing.assert_allclose(found[:, :124], lit[:, :124], atol=0.02)
    assert found[92, 140, 0] > lit[10, 250, 0] + 0.05


def test_a_lamp_in_front_shines_over_all(graph: TiledGraph) -> None:
    lit, target = night(*SIZE_PX, (90, 120)), np.zeros(SIZE_PX, np.float32)
    target[86:98, 116:128] = -10.0
    found = refocused(graph, lit, target, DISC) ** 2
    level = 16 * 4.0 / (np.pi * 20.0**2)
    assert found[92, 122 + 15, 0] == pytest.approx(level + 0.04, rel=0.1)
    np.testing.assert_allclose(found[92, :90, 0], 0.04, atol=1e-3)


def test_a_lamp_behind_a_blurred_foreground_is_hidden_by_it(graph: TiledGraph) -> None:
    lit, target = night(*SIZE_PX, (90, 140)), np.full(SIZE_PX, 10.0, np.float32)
    target[:, :128] = -4.0
    found, dark = (refocused(graph, picture, target, DISC) ** 2 for picture in (lit, night(*SIZE_PX)))
    shone = (found - dark)[92, :, 0]
    assert shone[110:116].max() < 1e-3
    assert 0.3 < shone[128] / shone[146] < 0.7, "where half of the foreground is transparent"


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_larger_picture_has_the_same_discs(graph: TiledGraph, sign: float) -> None:
    height, width = 384, 512
    sharp = night(height, width, *((row, column) for row in (60, 180, 300) for column in range(40, 500, 60)))
    target = np.broadcast_to(np.linspace(0.0, sign * 16.0, width, dtype=np.float32), (height, width)).copy()
    large = TiledGraph(run=_float_graph, size_px=(height, width), halo_px=256)
    found, expected = refocused(graph, sharp, target, DISC), refocused(large, sharp, target, DISC)
    assert psnr_db(found, expected) >= 42.0
    light, whole = ((picture**2).reshape(height, 16, 32, 3).sum(axis=(0, 2, 3)) for picture in (found, expected))
    np.testing.assert_allclose(light, whole, rtol=0.06, err_msg="no lamp is lost or doubled on the way")


def _float_graph(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    import torch

    from export.graphs.refocus import Refocus

    tensors = [torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in ("sharp", "target_sigma_px")]
    with torch.no_grad():
        return {"refocused": Refocus().eval()(*tensors).numpy()}


def test_light_is_added_up_to_white() -> None:
    picture = np.full((4, 4, 3), 0.6, np.float32)
    light = np.zeros_like(picture)
    light[0, 0], light[1, 1] = 0.28, 3.0
    found = with_light(picture, light)
    assert found[0, 0, 0] == pytest.approx(0.8)
    assert found[1, 1, 0] == 1.0
    np.testing.assert_array_equal(found[2:], picture[2:])
