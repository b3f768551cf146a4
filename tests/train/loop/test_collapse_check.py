from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from train.data.pair_pool import Batch
from train.loop.collapse_check import ADVICE, INTERVALS_IN_A_ROW, Health, HealthMonitor, examine
from train.networks.reblur import Reblurred


def batch(blurry: float, moved: float) -> Batch:
    """Flat grey pictures; the right half is not trusted, and there the two differ wildly."""
    mask = torch.ones(1, 1, 4, 8)
    mask[..., 4:] = 0.0
    pictures = [torch.full((1, 3, 4, 8), grey) for grey in (blurry, moved)]
    pictures[1][..., 4:] = 1.0
    flow, nothing = torch.zeros(1, 2, 4, 8), torch.zeros(1, 3, 4, 8)
    return Batch(
        pictures[0], pictures[1], flow, flow, pictures[1], mask, nothing, torch.zeros(1, 1, 4, 8), torch.zeros(1)
    )


def reblurred(identity: float, sigmas_px: tuple[float, float]) -> Reblurred:
    sigma_px = torch.tensor(sigmas_px).repeat_interleave(4).expand(1, 1, 4, 8)
    return Reblurred(torch.zeros(1, 1, 4, 8), sigma_px, torch.full((1, 1, 4, 8), identity), torch.zeros(1, 2, 4, 8))


def adding(amount: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Stands for reblurring: changes the picture by a known amount."""
    return lambda sharp, taps: sharp + amount


def test_a_reading_by_hand() -> None:
    health = examine(reblurred(0.25, (1.0, 3.0)), batch(0.5, 0.4), adding(0.075))
    assert health.identity_share == pytest.approx(0.25)
    assert (health.sigma_mean_px, health.sigma_spread_px) == pytest.approx((2.0, 1.0))
    assert health.difference == pytest.approx(0.1)
    assert health.explained_share == pytest.approx(0.75)
    assert health.verdict == "healthy"


@pytest.mark.parametrize(
    ("identity", "sigmas_px", "explained", "verdict"),
    [
        (0.95, (0.1, 0.2), 0.0, "collapsed to the identity"),
        (0.95, (0.1, 0.1), 0.0, "collapsed to the identity"),
        (0.95, (0.1, 3.0), 0.5, "healthy"),  # mostly in focus, and the rest is explained
        (0.30, (1.8, 2.2), 0.5, "one kernel everywhere"),  # varies by 0.1 of its mean
        (0.30, (0.3, 0.5), 0.5, "healthy"),  # by 0.25: little blur, but not constant
        (0.30, (1.0, 3.0), 0.0, "healthy"),  # not good yet, but no collapse
    ],
)
def test_verdicts(identity: float, sigmas_px: tuple[float, float], explained: float, verdict: str) -> None:
    health = examine(reblurred(identity, sigmas_px), batch(0.5, 0.4), adding(0.1 * explained))
    assert health.verdict == verdict
    assert health.to_dict()["verdict"] == verdict


def test_where_nothing_differs_nothing_need_be_explained() -> None:
    assert examine(reblurred(1.0, (0.0, 0.0)), batch(0.5, 0.499), adding(0.0)).verdict == "healthy"


def test_the_kernels_are_held_against_the_moved_sharp_picture() -> None:
    seen: list[Tensor] = []

    def reblur(sharp: Tensor, taps: Tensor) -> Tensor:
        seen.append(sharp)
        return sharp

    one = batch(0.5, 0.4)
    examine(reblurred(1.0, (0.0, 0.0)), one, reblur)
    assert seen[0] is one.moved_sharp


def reading(*, collapsed: bool) -> Health:
    share = 0.99 if collapsed else 0.2
    return Health(identity_share=share, sigma_mean_px=2.0, sigma_spread_px=1.0, difference=0.1, explained_share=0.0)


def test_the_monitor_speaks_once_and_only_of_what_lasts() -> None:
    monitor = HealthMonitor()
    assert monitor.update(reading(collapsed=True)) is None
    assert monitor.update(reading(collapsed=False)) is None
    said = [monitor.update(reading(collapsed=True)) for _ in range(INTERVALS_IN_A_ROW + 2)]
    assert [s for s in said if s] == [ADVICE["collapsed to the identity"]]
    assert said[INTERVALS_IN_A_ROW - 1] is not None
    said = [monitor.update(reading(collapsed=False)) for _ in range(INTERVALS_IN_A_ROW)]
    assert said[-1] == ADVICE["healthy"]
