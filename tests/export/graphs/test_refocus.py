"""Refocusing with occlusion against scenes whose exact answer is known; ``pytest -s`` prints the figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from export.data.layered_scenes import SCENES, seen_in_focus, seen_through_a_lens
from export.data.pictures import load_picture
from export.graphs.refocus import Preview, Refocus

HEIGHT, WIDTH = 256, 320


def pictures() -> tuple[Tensor, Tensor]:
    return load_picture("motorcycle", HEIGHT, WIDTH), load_picture("astronaut", HEIGHT, WIDTH)


def psnr_db(first: Tensor, second: Tensor, where: Tensor) -> float:
    errors = ((first - second) ** 2).mean(dim=1, keepdim=True)
    return float(-10.0 * torch.log10(errors[where].mean()))


def band(sigma_px: Tensor) -> Tensor:
    """Within 3 sigma of an outline."""
    edges = torch.zeros_like(sigma_px)
    edges[..., 1:] += (sigma_px[..., 1:] != sigma_px[..., :-1]).float()
    edges[..., 1:, :] += (sigma_px[..., 1:, :] != sigma_px[..., :-1, :]).float()
    reach = int(3.0 * float(sigma_px.abs().max()))
    return torch.nn.functional.max_pool2d(edges, 2 * reach + 1, 1, reach) > 0.0


@pytest.mark.parametrize("name", SCENES)
def test_outlines_are_at_least_3_db_better_than_a_gather_leaves_them(name: str) -> None:
    layers = SCENES[name].layers(*pictures())
    sharp, sigma_px = seen_in_focus(layers)
    truth, near = seen_through_a_lens(layers), band(sigma_px)
    with torch.no_grad():
        ours, gathered = Refocus()(sharp, sigma_px), Preview()(sharp, sigma_px)
    ours_db, gathered_db = psnr_db(ours, truth, near), psnr_db(gathered, truth, near)
    elsewhere_db = psnr_db(ours, truth, ~near) if bool((~near).any()) else np.inf
    print(f"\n{name}: {ours_db:.1f} dB at the outline, a gather {gathered_db:.1f}; elsewhere {elsewhere_db:.1f} dB")
    assert ours_db >= gathered_db + 3.0
    assert elsewhere_db >= 40.0


def test_what_is_in_focus_and_uncovered_stays_as_it_is() -> None:
    layers = SCENES["subject"].layers(*pictures())
    sharp, sigma_px = seen_in_focus(layers)
    with torch.no_grad():
        answer = Refocus()(sharp, sigma_px)
    still = (sigma_px == 0.0).expand(1, 3, HEIGHT, WIDTH)
    torch.testing.assert_close(answer[still], sharp[still], atol=2e-3, rtol=0.0)


@pytest.mark.parametrize("graph", [Refocus, Preview])
def test_black_in_focus_stays_black_to_the_last_bit(graph: type[torch.nn.Module]) -> None:
    """An error of 1e-8 in light is one of 1e-4 in the square root, and one of fp16 is seen."""
    sharp = (torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(3)) - 0.3).clamp(min=0.0)
    sigma_px = torch.zeros(1, 1, 64, 96)
    sigma_px[..., 48:] = 8.0
    with torch.no_grad():
        answer = graph()(sharp, sigma_px)
    black = (sharp == 0.0) & (sigma_px == 0.0)
    assert int(black.sum()) > 1000
    assert float(answer[black].max()) == 0.0


def test_a_subject_does_not_bleed_into_what_is_behind_it() -> None:
    """White before black, in focus: the black beside it stays black. A gather makes it grey."""
    sharp, sigma_px = torch.zeros(1, 3, 64, 64), torch.full((1, 1, 64, 64), 6.0)
    sharp[..., 24:40, 24:40], sigma_px[..., 24:40, 24:40] = 1.0, 0.0
    with torch.no_grad():
        ours, gathered = Refocus()(sharp, sigma_px), Preview()(sharp, sigma_px)
    assert float(ours[0, 0, 32, 44]) < 0.15 < 0.3 < float(gathered[0, 0, 32, 44])


def test_a_blurred_foreground_spreads_over_what_is_behind_it() -> None:
    sharp, sigma_px = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    sharp[..., 24:40, 24:40], sigma_px[..., 24:40, 24:40] = 1.0, -6.0
    with torch.no_grad():
        answer = Refocus()(sharp, sigma_px)[0, 0, 32]
    assert float(answer[44]) > 0.3
    assert float(answer[4]) < 0.05
    assert float(answer[22] - answer[20]) < 0.2, "a soft outline"


def test_refocusing_mixes_light_not_code_values() -> None:
    """Half black, half white, far from the edge of the picture: sqrt(0.5) = 0.707 on the border, not 0.5."""
    image = torch.zeros(1, 3, 64, 64)
    image[..., 32:] = 1.0
    blurred = Preview()(image, torch.full((1, 1, 64, 64), 4.0))
    assert float(blurred[0, 0, 32, 31:33].square().mean().sqrt()) == pytest.approx(0.7071, abs=2e-3)


def test_a_lamp_brighter_than_white_makes_a_brighter_disc() -> None:
    lamp = torch.zeros(1, 3, 64, 64)
    lamp[..., 31:33, 31:33] = 1.0
    sigma_px = torch.full((1, 1, 64, 64), 4.0)
    with torch.no_grad():
        dim, bright = Refocus()(lamp, sigma_px), Refocus()(2.0 * lamp, sigma_px)
    torch.testing.assert_close(bright, 2.0 * dim, atol=1e-4, rtol=1e-3)
    assert float(bright.max()) < 1.0


@pytest.mark.parametrize("graph", [Refocus, Preview])
def test_sigma_beyond_the_largest_counts_as_the_largest(graph: type[Refocus] | type[Preview]) -> None:
    sharp = pictures()[0][..., :64, :64]
    for sign in (1.0, -1.0):
        first, second = (graph()(sharp, torch.full((1, 1, 64, 64), sign * value)) for value in (32.0, 50.0))
        assert torch.equal(first, second)
        assert bool(torch.isfinite(first).all())
