from __future__ import annotations

import dataclasses
from typing import Any

from train.ablation.claims import FAILS, HOLDS, UNDECIDED, verdicts
from train.ablation.variants import Result

BASE = Result(
    variant="Reblur",
    misalignment_px=4.0,
    seed=0,
    gain_db=0.5,
    blurred_gain_db=0.6,
    sharp_gain_db=-0.1,
    worst_db=-1.0,
    worst_tenth_db=-0.5,
    large_blur_db=1.0,
    depth_edge_db=0.8,
    sigma_mae_px=0.4,
    reblur_sigma_mae_px=0.3,
    shift_px=0.0,
    health="healthy",
    seconds=1.0,
)


def run(variant: str = "Reblur", **figures: Any) -> Result:
    return dataclasses.replace(BASE, variant=variant, **figures)


def line(results: list[Result], text: str) -> str:
    (found,) = [line for line in verdicts(results) if text in line]
    return found


def test_a_share_of_the_oracle_is_taken_seed_by_seed() -> None:
    one = [run(gain_db=0.94), run("oracle", gain_db=1.0)]
    other = [run(gain_db=0.92, seed=1), run("oracle", gain_db=1.0, seed=1)]
    assert HOLDS in line(one, "93 %")
    assert FAILS in line(other, "93 %")
    assert UNDECIDED in line([*one, *other], "93 %")
    assert "94%" in line([*one, *other], "93 %")


def test_where_the_oracle_loses_its_own_figure_counts() -> None:
    assert HOLDS in line([run(sharp_gain_db=-0.1), run("oracle", sharp_gain_db=-0.1)], "harm in focus")
    assert FAILS in line([run(sharp_gain_db=-0.2), run("oracle", sharp_gain_db=-0.1)], "harm in focus")


def test_pixel_loss_is_to_lie_below_the_input() -> None:
    assert HOLDS in line([run("pixel loss", gain_db=-4.0)], "pixel loss")
    assert FAILS in line([run("pixel loss", gain_db=0.1)], "pixel loss")


def test_each_part_taken_away_becomes_a_claim() -> None:
    assert HOLDS in line([run(), run("Reblur, no fade", gain_db=0.4)], "better than Reblur, no fade")


def test_the_oracle_is_the_same_at_every_misalignment() -> None:
    large = run(misalignment_px=8.0, gain_db=0.95)
    assert HOLDS in line([large, run("oracle", gain_db=1.0)], "misaligned by 8 px")


def test_nothing_is_said_of_what_was_not_run() -> None:
    assert verdicts([run("oracle")]) == []
