from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from export.golden import Case
from export.parity import (
    GATES,
    METRICS,
    compare,
    gate_rules,
    mean_px,
    p99_px,
    psnr_db,
    residual_snr_db,
    tolerances,
)
from export.recipes import RECIPES

SHAPE = (1, 3, 10, 10)


def deblur_case(name: str = "synthetic") -> Case:
    """The image is 0.5 everywhere and the reference 0.6: a residual of 0.1."""
    image = np.full(SHAPE, 0.5, np.float32)
    return Case(
        graph="deblur",
        name=name,
        inputs={"image": image, "sigma_px": np.ones((1, 1, 10, 10), np.float32)},
        outputs={"sharp": np.full(SHAPE, 0.6, np.float32)},
    )


def defocus_case() -> Case:
    return Case(
        graph="defocus",
        name="astronaut",
        inputs={"image": np.zeros(SHAPE, np.float32)},
        outputs={"sigma_px": np.full((1, 1, 10, 10), 2.0, np.float32)},
    )


def test_psnr_of_an_error_of_a_hundredth_is_40_db() -> None:
    assert psnr_db(deblur_case(), np.full(SHAPE, 0.61, np.float32)) == pytest.approx(40.0, abs=1e-3)


def test_residual_snr_of_a_tenth_of_the_residual_is_20_db() -> None:
    assert residual_snr_db(deblur_case(), np.full(SHAPE, 0.61, np.float32)) == pytest.approx(20.0, abs=1e-3)


def test_a_file_that_does_nothing_has_0_db_of_residual_although_its_psnr_is_20_db() -> None:
    case = deblur_case()
    assert residual_snr_db(case, case.inputs["image"]) == pytest.approx(0.0, abs=1e-3)
    assert psnr_db(case, case.inputs["image"]) == pytest.approx(20.0, abs=1e-3)


def test_equal_outputs_are_infinitely_good() -> None:
    case = deblur_case()
    assert psnr_db(case, case.outputs["sharp"]) == residual_snr_db(case, case.outputs["sharp"]) == math.inf


def test_mean_and_99th_percentile_of_a_map() -> None:
    output = np.full((1, 1, 10, 10), 2.0, np.float32)
    output[0, 0, 0, :] = 3.0  # 10 of 100 pixels are off by 1
    assert mean_px(defocus_case(), output) == pytest.approx(0.1)
    assert p99_px(defocus_case(), output) == pytest.approx(1.0)


def test_figures_carry_case_metric_threshold_and_verdict() -> None:
    figures = compare("deblur", "int8", deblur_case(), {"sharp": np.full(SHAPE, 0.61, np.float32)})
    assert [(f.case, f.metric, f.threshold, f.passed) for f in figures] == [
        ("synthetic", "psnr_db", 42.0, False),
        ("synthetic", "residual_snr_db", 12.0, True),
    ]


def test_a_margin_says_how_far_within_the_gate_a_figure_is() -> None:
    figures = compare("deblur", "int8", deblur_case(), {"sharp": np.full(SHAPE, 0.61, np.float32)})
    assert [f.margin for f in figures] == [pytest.approx(-2.0, abs=1e-3), pytest.approx(8.0, abs=1e-3)]
    mean, p99 = compare(
        "defocus", "int8", defocus_case(), {"sigma_px": defocus_case().outputs["sigma_px"] + np.float32(0.1)}
    )
    assert (mean.margin, p99.margin) == (pytest.approx(0.05, abs=1e-6), pytest.approx(0.4, abs=1e-6))
    equal = compare("deblur", "fp32", deblur_case(), {"sharp": deblur_case().outputs["sharp"]})
    assert [f.margin for f in equal] == [None, None]


def test_the_gates_of_a_file_are_listed() -> None:
    assert [(r.metric, r.bound, r.threshold, r.case) for r in gate_rules("deblur", "int8")] == [
        ("psnr_db", "at least", 42.0, None),
        ("residual_snr_db", "at least", 12.0, "synthetic"),
    ]
    assert [(r.metric, r.bound, r.threshold) for r in gate_rules("defocus", "fp16")] == [
        ("mean_px", "at most", 0.02),
        ("p99_px", "at most", 0.1),
    ]


def test_a_gate_in_decibels_is_a_largest_root_mean_square_error() -> None:
    """The residual is 0.1 everywhere: 12 dB below it is 0.0251, and the whole picture's 42 dB are 0.0079."""
    int8, noise = tolerances(deblur_case())["int8"], tolerances(deblur_case("noise"))["int8"]
    assert [(t.statistic, t.at_most) for t in int8] == [("rms", pytest.approx(0.007943, abs=1e-6))]
    assert int8 == noise
    weak = dataclasses.replace(deblur_case(), outputs={"sharp": np.full(SHAPE, 0.51, np.float32)})
    assert [t.at_most for t in tolerances(weak)["int8"]] == [pytest.approx(0.002512, abs=1e-6)]


def test_the_residual_is_asked_of_the_blurred_case_only() -> None:
    output = {"sharp": deblur_case().outputs["sharp"]}
    assert [f.metric for f in compare("deblur", "fp32", deblur_case("noise"), output)] == ["psnr_db"]


@pytest.mark.parametrize(("offset_px", "passed"), [(0.149, True), (0.151, False)])
def test_gates_of_an_error_point_downwards(offset_px: float, passed: bool) -> None:
    output = defocus_case().outputs["sigma_px"] + np.float32(offset_px)
    mean, _ = compare("defocus", "int8", defocus_case(), {"sigma_px": output})
    assert (mean.metric, mean.passed) == ("mean_px", passed)


@pytest.mark.parametrize("case_name", ["astronaut", "noise"])
def test_noise_has_the_gates_of_a_picture(case_name: str) -> None:
    case = dataclasses.replace(defocus_case(), name=case_name)
    mean, _ = compare("defocus", "int8", case, {"sigma_px": case.outputs["sigma_px"] + np.float32(0.3)})
    assert (mean.metric, mean.threshold, mean.passed) == ("mean_px", 0.15, False)


@pytest.mark.parametrize("graph", ["defocus", "deblur"])
def test_not_a_number_fails_every_gate(graph: str) -> None:
    case = {"defocus": defocus_case(), "deblur": deblur_case()}[graph]
    outputs = {name: np.full_like(value, np.nan) for name, value in case.outputs.items()}
    figures = compare(graph, "fp32", case, outputs)
    assert len(figures) == 2
    assert not any(figure.passed for figure in figures)


def test_every_recipe_has_gates_and_every_gate_a_metric() -> None:
    for recipe in RECIPES:
        assert any(g.graph == recipe.graph and recipe.precision in g.thresholds for g in GATES), recipe.id
    assert {gate.metric for gate in GATES} == set(METRICS)


def test_an_unknown_precision_is_refused_rather_than_passed() -> None:
    with pytest.raises(ValueError, match="no parity gate for deblur in int4"):
        compare("deblur", "int4", deblur_case(), deblur_case().outputs)


def test_an_output_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="should have shape"):
        compare("deblur", "fp32", deblur_case(), {"sharp": np.zeros((1, 10, 10, 3), np.float32)})
