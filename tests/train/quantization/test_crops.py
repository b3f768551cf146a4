from __future__ import annotations

import pytest
import torch

from train.quantization.crops import Pictures, crops, photograph_crops, render_pictures, vary_map


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Pixel values tell where they come from: blurry below a half, sharp above."""
    blurry = torch.linspace(0.0, 0.49, 40 * 40).view(1, 1, 40, 40).repeat(2, 3, 1, 1)
    return Pictures(blurry, 1.0 - blurry)


def test_the_crops_of_a_step_are_always_the_same_and_those_of_another_are_others(pictures: Pictures) -> None:
    first = crops(pictures, 4, 16, seed=0, step=7)
    assert first.shape == (4, 3, 16, 16)
    assert torch.equal(first, crops(pictures, 4, 16, seed=0, step=7))
    assert not torch.equal(first, crops(pictures, 4, 16, seed=0, step=8))
    assert not torch.equal(first, crops(pictures, 4, 16, seed=1, step=7))


def test_there_are_flat_noisy_sharp_and_blurry_crops(pictures: Pictures) -> None:
    made = crops(pictures, 400, 16, seed=0, step=0)
    deviation = made.std((2, 3)).mean(1)
    noise = (made.std((2, 3)) > 0.22).all(1)
    flat = deviation == 0
    sharp = (made.amin((1, 2, 3)) > 0.5) & ~flat
    shares = [float(kind.float().mean()) for kind in (noise, flat, sharp)]
    assert shares == pytest.approx([0.04, 0.08, 0.88 * 0.25], abs=0.04)


def test_ranges_are_measured_on_photographs_only(pictures: Pictures) -> None:
    batches = list(photograph_crops(pictures, 20, 16, batches=3))
    assert [batch.shape[0] for batch in batches] == [20, 20, 20]
    assert all((batch.std((2, 3)) > 0).all() and (batch.std((2, 3)) < 0.22).all() for batch in batches)


def test_every_second_map_is_left_alone_and_the_others_stay_in_range() -> None:
    sigma_px = torch.full((8, 1, 64, 64), 5.9)
    varied = vary_map(sigma_px, 6.0, seed=0, step=3)
    assert torch.equal(varied[2::4], sigma_px[2::4])
    assert torch.equal(varied[::4], varied[::4, :, :1, :1].expand_as(varied[::4]))
    assert 0.3 <= float(varied[::4].min()) <= float(varied[::4].max()) <= 1.2
    assert (varied[1::2] != sigma_px[1::2]).float().mean() > 0.9
    assert 0.0 <= float(varied.min()) < float(varied.max()) == 6.0


def test_scenes_are_procedural_without_photographs() -> None:
    made = render_pictures([], 2, 32)
    assert made.blurry.shape == made.sharp.shape == (2, 3, 32, 32)
    assert torch.equal(made.blurry, render_pictures([], 2, 32).blurry)
