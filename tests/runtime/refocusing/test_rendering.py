"""Any size by a graph of one: a stand-in that blurs by one sigma at a time shows where pixels come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from export.graphs.refocus import Refocus
from runtime.metrics import psnr_db
from runtime.refocusing.enlarging import enlarged_part, resize_map
from runtime.refocusing.rendering import at_size, base_of, fitting_size, refocused
from runtime.refocusing.tiling import TiledGraph

GRAPH_PX = (192, 256)


class Counted:
    """The float graph, at ``GRAPH_PX``."""

    def __init__(self) -> None:
        self.module, self.calls = Refocus().eval(), 0

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.calls += 1
        tensors = [torch.from_numpy(np.ascontiguousarray(inputs[n])) for n in ("sharp", "target_sigma_px")]
        assert tensors[0].shape == (1, 3, *GRAPH_PX)
        with torch.no_grad():
            return {"refocused": self.module(*tensors).numpy()}


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def graph(counted: Counted) -> TiledGraph:
    return TiledGraph(run=counted, size_px=GRAPH_PX, halo_px=256)


def photograph(height: int, width: int) -> np.ndarray:
    import skimage.data
    from PIL import Image

    picture = Image.fromarray(skimage.data.astronaut()).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture).astype(np.float32) / np.float32(255.0)


def whole(sharp: np.ndarray, target_px: np.ndarray) -> np.ndarray:
    """The float graph on all of it at once."""
    with torch.no_grad():
        planes = torch.from_numpy(sharp.transpose(2, 0, 1)[None].copy())
        return Refocus()(planes, torch.from_numpy(target_px[None, None]))[0].permute(1, 2, 0).numpy()


def test_a_picture_that_fits_is_one_call_lying_or_standing(graph: TiledGraph, counted: Counted) -> None:
    lying = photograph(160, 224)
    target = np.full((160, 224), 2.0, np.float32)
    first = refocused(graph, lying, target)
    standing = refocused(graph, lying.swapaxes(0, 1), target.T)
    assert counted.calls == 2
    np.testing.assert_allclose(standing.swapaxes(0, 1), first, atol=1e-5)
    assert psnr_db(first, whole(lying, target)) >= 100.0


def scene(height: int, width: int, sign: float) -> tuple[np.ndarray, np.ndarray]:
    """In focus on the left; blurred more and more towards the right."""
    target = np.clip((np.arange(width, dtype=np.float32) / width - 0.4) * 40.0, 0.0, 20.0) * np.float32(sign)
    return photograph(height, width), np.ascontiguousarray(np.broadcast_to(target, (height, width)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_larger_picture_looks_as_if_it_were_done_at_once(graph: TiledGraph, sign: float) -> None:
    sharp, target = scene(384, 512, sign)
    found = refocused(graph, sharp, target)
    assert found.shape == sharp.shape
    assert psnr_db(found, whole(sharp, target)) >= 38.0
    np.testing.assert_allclose(found[:, :190], sharp[:, :190], atol=0.02)


def test_nothing_to_blur_changes_nothing_and_costs_one_call(graph: TiledGraph, counted: Counted) -> None:
    sharp = photograph(384, 512)
    found = refocused(graph, sharp, np.zeros((384, 512), np.float32))
    assert counted.calls == 1
    np.testing.assert_array_equal(found, sharp)


def test_where_all_is_blurred_far_the_small_picture_is_enough(graph: TiledGraph, counted: Counted) -> None:
    sharp = photograph(384, 512)
    target = np.full((384, 512), 16.0, np.float32)
    found = refocused(graph, sharp, target)
    assert counted.calls == 1
    assert psnr_db(found, whole(sharp, target)) >= 45.0


def test_a_lamp_is_as_bright_at_the_smaller_size(graph: TiledGraph) -> None:
    """Its light is beyond white, and makes a disc."""
    sharp = np.full((384, 512, 3), 0.1, np.float32)
    sharp[180:204, 240:264] = 2.0
    target = np.full((384, 512), 12.0, np.float32)
    assert base_of(graph, sharp, target).sharp.max() == pytest.approx(2.0)
    found, expected = refocused(graph, sharp, target), whole(sharp, target)
    assert expected[192, 252].min() > 0.9
    assert psnr_db(found, expected) >= 40.0


def test_detail_fades_where_a_foreground_covers_it(graph: TiledGraph) -> None:
    sharp = np.zeros((384, 512, 3), np.float32)
    sharp[:, ::4] = 1.0
    target = np.zeros((384, 512), np.float32)
    target[:, 320:] = -16.0
    found, expected = refocused(graph, sharp, target), whole(sharp, target)
    near = (slice(None), slice(300, 316))
    print(float(found[near].std()), float(expected[near].std()))
    assert abs(float(found[near].std() - expected[near].std())) < 0.06
    assert found[near].std() < 0.85 * sharp[near].std()


def test_parts_cover_the_picture_once(graph: TiledGraph) -> None:
    sharp, target = scene(300, 700, 1.0)
    small = fitting_size(GRAPH_PX, 300, 700)
    base = base_of(graph, sharp[: small[0], : small[1]], resize_map(target, *small))
    seen = np.zeros((300, 700), int)
    for part, picture in at_size(graph, base, (300, 700), lambda part: sharp[part]):
        seen[part] += 1
        assert picture.shape == sharp[part].shape
    assert seen.min() == seen.max() == 1


def test_the_size_that_fits() -> None:
    assert fitting_size((768, 1024), 768, 1024) == (768, 1024)
    assert fitting_size((768, 1024), 1000, 700) == (1000, 700)
    assert fitting_size((768, 1024), 3000, 4000) == (768, 1024)
    assert fitting_size((768, 1024), 4000, 3000) == (1024, 768)
    assert fitting_size((512, 512), 100, 6000) == (8, 512)


def test_parts_are_enlarged_as_the_whole_would_be() -> None:
    small = np.random.default_rng(0).random((20, 30, 3), np.float32)
    everything = enlarged_part(small, (80, 120), (slice(0, 80), slice(0, 120)))
    part = (slice(16, 48), slice(32, 96))
    np.testing.assert_allclose(enlarged_part(small, (80, 120), part), everything[part], atol=1e-6)
    assert enlarged_part(small[..., 0], (80, 120), part).shape == (32, 64)
