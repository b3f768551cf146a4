from __future__ import annotations

import dataclasses

import pytest

from export.recipes.tool_versions import processor
from export.verification.earlier_figures import first_difference
from runtime.manifest.check_records import ParityFigure


def figure(value: float | None, metric: str = "psnr_db", case: str = "astronaut", passed: bool = True) -> ParityFigure:
    return ParityFigure(case=case, metric=metric, value=value, threshold=15.0, passed=passed, runtime="LiteRT XNNPACK")


def test_what_is_still_above_its_gate_is_not_what_it_was() -> None:
    told = first_difference("int8", [figure(22.6)], [figure(20.0)], same_kernels=True)
    assert told.startswith("psnr_db on astronaut (LiteRT XNNPACK) is 20, it was 22.6 when the file was exported")
    assert first_difference("int8", [figure(22.6)], [figure(20.0)], same_kernels=False)


@pytest.mark.parametrize(
    ("precision", "metric", "before", "now", "same", "other"),
    [
        ("int8", "psnr_db", 44.37, 44.39, True, True),
        ("int8", "psnr_db", 44.37, 44.9, False, True),
        ("w8a8", "psnr_db", 44.37, 47.0, False, False),
        ("fp32", "psnr_db", 143.0, 139.0, True, True),
        ("fp32", "psnr_db", 143.0, 133.0, False, True),
        ("fp32", "psnr_db", 143.0, 60.0, False, False),
        ("fp32", "psnr_db", 152.0, None, True, True),
        ("fp32", "psnr_db", 90.0, None, False, False),
        ("int8", "mean_px", 0.100, 0.1005, True, True),
        ("int8", "mean_px", 0.100, 0.12, False, True),
        ("int8", "mean_px", 0.100, 0.2, False, False),
        ("fp32", "mean_px", 1e-7, 9e-6, True, True),
        ("w8", "loss_db", -0.001, 0.004, True, True),
        ("w8", "loss_db", -0.001, 0.05, False, True),
        ("w8", "loss_db", -0.001, 0.2, False, False),
    ],
)
def test_how_far_it_may_be_off(
    precision: str, metric: str, before: float, now: float | None, same: bool, other: bool
) -> None:
    earlier, today = [figure(before, metric)], [figure(now, metric)]
    assert (first_difference(precision, earlier, today, same_kernels=True) == "") is same
    assert (first_difference(precision, earlier, today, same_kernels=False) == "") is other


def test_figures_of_the_golden_pixels_are_held_against_those() -> None:
    earlier = [figure(50.0), figure(44.0, case="astronaut, golden pixels")]
    assert first_difference("int8", earlier, [figure(44.0)], same_kernels=True) == ""
    assert first_difference("int8", earlier, [figure(50.0)], same_kernels=True)


def test_a_runtime_that_was_not_there_then_says_nothing() -> None:
    other = dataclasses.replace(figure(10.0), runtime="Core ML ALL")
    assert first_difference("int8", [figure(44.0)], [other], same_kernels=True) == ""


def test_the_processor_is_named_with_what_kernels_are_chosen_by() -> None:
    assert processor().split()[0] != ""
    assert len(processor().split()) >= 1
