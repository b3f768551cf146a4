from __future__ import annotations

import pytest
import torch

from benchmarks.candidates import training
from benchmarks.measuring.work import work_of
from benchmarks.reporting.tables import percent
from train.networks.build import build_deblur, build_defocus
from train.presets import preset


def test_a_step_is_of_the_last_stage_and_of_as_many_crops_as_its_name_says() -> None:
    assert training.config_of("step-mobile").fit.batch_size == preset("mobile").fit.batch_size
    fit = training.config_of("step-mobile-of-64").fit
    assert (fit.batch_size, fit.stage_one_share, fit.stage_three_from) == (64, 0.0, 0.0)
    assert training.config_of("step-paper_unet").fit.stage_three_from == 1.0, "the paper's has no third stage"


def test_rows_say_in_what_precision_a_step_computes() -> None:
    steps = [training.cases("mobile", 1)[0], *training.gpu_cases("mobile"), training.cases("smoke", 1)[0]]
    assert [(case.precision, case.accelerator) for case in steps] == [
        ("bf16", "cpu"),
        *[("bf16", "gpu")] * len(training.GPU_BATCHES),
        ("fp32", "cpu"),
    ]


def test_the_work_of_a_step_is_three_times_that_of_its_pictures() -> None:
    """Forward, and backward to activations and to weights; the reblurring module rests."""
    case, networks = training.cases("smoke", 1)[0], preset("smoke").networks
    with torch.device("meta"):
        picture = torch.empty(training.at_once(case), 3, *case.size_px)
        deblur, defocus = build_deblur(networks), build_defocus(networks)
    forward = work_of(deblur, (picture, picture[:, :1])).macs + work_of(defocus, (picture,)).macs
    assert training.gmacs_of_step(case) == pytest.approx(3.0 * forward / 1e9, rel=0.15)


@pytest.mark.parametrize(("share", "shown"), [(None, "-"), (0.0, "0%"), (0.004, "0.4%"), (0.0123, "1%"), (0.87, "87%")])
def test_small_shares_keep_two_digits(share: float | None, shown: str) -> None:
    assert percent(share) == shown
