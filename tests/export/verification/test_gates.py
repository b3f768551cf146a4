from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from export.data.golden_cases import Case
from export.data.layered_scenes import SCENES
from export.data.sigma_maps import LARGEST_STEP, SMOOTH, STEPS
from export.recipes.recipe import RECIPES
from export.verification import metrics as parity_metrics
from export.verification.gates import (
    GATES,
    HIGHER_IS_BETTER,
    METRICS,
    compare,
    compare_pictures,
    gate_rules,
    tolerances,
)
from export.verification.metrics import (
    exact_psnr_db,
    float_gain_db,
    gain_kept,
    loss_db,
    loss_px,
    mean_px,
    p99_px,
    psnr_db,
    residual_snr_db,
)

SHAPE = (1, 3, 10, 10)
MAP_SHAPE = (1, 1, 10, 10)


def deblur_case(name: str = "synthetic") -> Case:
    """The image is 0.5 everywhere, the reference 0.6 and the truth 0.7: a residual of 0.1."""
    image = np.full(SHAPE, 0.5, np.float32)
    return Case(
        graph="deblur",
        name=name,
        inputs={"image": image, "sigma_px": np.ones((1, 1, 10, 10), np.float32)},
        outputs={"sharp": np.full(SHAPE, 0.6, np.float32)},
        truth={"sharp": np.full(SHAPE, 0.7, np.float32)},
    )


def defocus_case(name: str = "astronaut") -> Case:
    return Case(
        graph="defocus",
        name=name,
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
        ("synthetic", "residual_snr_db", 15.0, True),
        ("synthetic", "loss_db", 0.2, True),
        ("synthetic", "gain_kept", 0.9, True),
    ]


def test_a_margin_says_how_far_within_the_gate_a_figure_is() -> None:
    psnr, residual, *_ = compare("deblur", "int8", deblur_case(), {"sharp": np.full(SHAPE, 0.61, np.float32)})
    assert [psnr.margin, residual.margin] == [pytest.approx(-2.0, abs=1e-3), pytest.approx(5.0, abs=1e-3)]
    mean, p99 = compare(
        "defocus", "int8", defocus_case(), {"sigma_px": defocus_case().outputs["sigma_px"] + np.float32(0.1)}
    )
    assert (mean.margin, p99.margin) == (pytest.approx(0.05, abs=1e-6), pytest.approx(0.4, abs=1e-6))
    equal = compare("deblur", "fp32", deblur_case("noise"), {"sharp": deblur_case().outputs["sharp"]})
    assert [f.margin for f in equal] == [None]


def test_the_loss_is_the_psnr_against_the_truth_that_is_gone() -> None:
    """The picture is 0.5, the truth 0.7 and the reference 0.6: 14 dB before, 20 dB after. A file at 0.55 has 16.5."""
    case, half = deblur_case(), np.full(SHAPE, 0.55, np.float32)
    assert exact_psnr_db(case, case.outputs["sharp"]) == pytest.approx(20.0, abs=1e-3)
    assert float_gain_db(case) == pytest.approx(6.0206, abs=1e-3)
    assert loss_db(case, half) == pytest.approx(3.5218, abs=1e-3)
    assert gain_kept(case, half) == pytest.approx(1.0 - 3.5218 / 6.0206, abs=1e-3)
    assert loss_db(case, np.full(SHAPE, 0.7 - 0.05, np.float32)) == pytest.approx(-6.0206, abs=1e-3)


def test_a_file_that_does_nothing_keeps_no_gain() -> None:
    case = deblur_case()
    assert gain_kept(case, case.inputs["image"]) == pytest.approx(0.0, abs=1e-6)
    failed = [f.metric for f in compare("deblur", "int8", case, {"sharp": case.inputs["image"]}) if not f.passed]
    assert failed == ["psnr_db", "residual_snr_db", "loss_db", "gain_kept"]


@pytest.mark.parametrize(("reference", "asked"), [(0.512, True), (0.510, False), (0.45, False)])
def test_the_gain_is_asked_for_only_where_the_float_reference_gains_half_a_decibel(
    reference: float, asked: bool
) -> None:
    """From 0.5 towards 0.7: 0.512 gains 0.54 dB, 0.510 gains 0.45 dB, 0.45 loses."""
    case = dataclasses.replace(deblur_case(), outputs={"sharp": np.full(SHAPE, reference, np.float32)})
    metrics = [f.metric for f in compare("deblur", "fp32", case, case.outputs)]
    assert ("gain_kept" in metrics) is asked
    assert "loss_db" in metrics


def test_a_missing_truth_is_refused_rather_than_skipped() -> None:
    case = dataclasses.replace(deblur_case(), truth={})
    with pytest.raises(ValueError, match="deblur synthetic should have a truth to be judged by, it has none"):
        compare("deblur", "fp32", case, case.outputs)


def test_the_loss_of_a_map_is_the_mean_error_that_it_adds() -> None:
    """The truth is 2.5 px and the reference 2: a map of 1.8 adds 0.2 px of error, one of 2.4 takes 0.4 away."""
    case = dataclasses.replace(defocus_case("synthetic"), truth={"sigma_px": np.full(MAP_SHAPE, 2.5, np.float32)})
    assert loss_px(case, np.full(MAP_SHAPE, 1.8, np.float32)) == pytest.approx(0.2, abs=1e-6)
    assert loss_px(case, np.full(MAP_SHAPE, 2.4, np.float32)) == pytest.approx(-0.4, abs=1e-6)


def test_the_truth_may_be_known_at_fewer_pixels_than_the_reference() -> None:
    """Right at every third pixel of every third row, where the truth is, and wrong elsewhere."""
    output = np.zeros(SHAPE, np.float32)
    output[..., ::3, ::3] = 0.7
    case = dataclasses.replace(
        deblur_case(), truth={"sharp": np.full((1, 3, 4, 4), 0.7, np.float32)}, truth_stride_px=3
    )
    assert exact_psnr_db(case, output) == math.inf
    few = dataclasses.replace(case, outputs={"sharp": case.outputs["sharp"][..., ::3, ::3]}, stride_px=3)
    assert exact_psnr_db(few, few.sampled(output)) == math.inf


def test_the_gates_of_a_file_are_listed_case_by_case() -> None:
    assert [(r.metric, r.bound, r.threshold, r.case) for r in gate_rules("deblur", "int8")] == [
        ("psnr_db", "at least", 42.0, None),
        *(
            (metric, bound, threshold, case)
            for metric, bound, threshold in (
                ("residual_snr_db", "at least", 15.0),
                ("loss_db", "at most", 0.2),
                ("gain_kept", "at least", 0.9),
            )
            for case in ("synthetic", "synthetic-even", *(["faint"] if metric == "residual_snr_db" else []))
        ),
    ]
    assert [(r.metric, r.bound, r.threshold) for r in gate_rules("defocus", "fp16")][:2] == [
        ("mean_px", "at most", 0.02),
        ("p99_px", "at most", 0.1),
    ]


def test_blurs_are_asked_for_what_is_exact() -> None:
    """A gather across steps in every direction, and layers at every outline."""
    exact = {
        graph: {r.case: r.threshold for r in gate_rules(graph, "fp32") if r.metric == "exact_psnr_db"}
        for graph in ("refocus", "preview")
    }
    assert set(exact["refocus"]) == {*SMOOTH, *SCENES}
    assert set(exact["preview"]) == {*SMOOTH, *STEPS, LARGEST_STEP}
    assert min(exact["preview"][name] for name in STEPS) >= 39.0
    assert min(exact[graph][name] for graph in exact for name in SMOOTH) >= 44.5, "45 at 64 px, 48 from 256 px on"


def test_palettes_are_held_to_more_than_eight_bits() -> None:
    for graph in ("defocus", "deblur", "chain"):
        for own, other in zip(gate_rules(graph, "p6"), gate_rules(graph, "int8"), strict=True):
            better = own.threshold - other.threshold
            if own.metric in ("psnr_db", "residual_snr_db", "mean_px", "p99_px"):
                assert better > 0.0 if own.metric in HIGHER_IS_BETTER else better < 0.0
            else:
                assert better == 0.0


def test_a_network_is_held_to_what_its_float_model_reaches() -> None:
    """A small residual leaves little to be right about: the threshold is lower by as much, in fp16; fp32 goes by it."""
    reached = {"fp32": {"psnr_db": 145.0, "residual_snr_db": 100.0}, "fp16": {"residual_snr_db": 52.0, "psnr_db": 90.0}}
    case = dataclasses.replace(deblur_case(), achieved=reached)

    def asked(precision: str) -> dict[str, float]:
        return {f.metric: f.threshold for f in compare("deblur", precision, case, case.outputs)}

    assert asked("fp32") | {"psnr_db": 133.0, "residual_snr_db": 88.0} == asked("fp32")
    assert asked("fp16") | {"psnr_db": 55.0, "residual_snr_db": 22.0} == asked("fp16")
    assert asked("int8") | {"psnr_db": 42.0, "residual_snr_db": 15.0} == asked("int8")
    much = dataclasses.replace(case, achieved={"int8": {"psnr_db": 16.0}})
    assert {f.metric: f.threshold for f in compare("deblur", "int8", much, case.outputs)}["psnr_db"] == 17.0
    exact = dataclasses.replace(defocus_case(), achieved={"fp32": {"mean_px": 1e-12, "p99_px": 2e-5}})
    found = {f.metric: f.threshold for f in compare("defocus", "fp32", exact, exact.outputs)}
    assert found == {"mean_px": pytest.approx(1e-5), "p99_px": pytest.approx(16e-5)}
    assert any("beyond what the float model itself reaches" in rule.condition for rule in gate_rules("deblur", "fp32"))


@pytest.mark.parametrize(("precision", "column"), [("w8", "fp16"), ("w8a8", "int8")])
def test_compressed_files_are_judged_like_their_class(precision: str, column: str) -> None:
    for graph in ("defocus", "deblur", "fused", "chain"):
        assert gate_rules(graph, precision) == gate_rules(graph, column)


@pytest.mark.parametrize(
    ("graph", "metric", "law"),
    [
        ("defocus", "mean_px", (0.001, 0.02, 0.15)),
        ("defocus", "p99_px", (0.01, 0.1, 0.5)),
        ("deblur", "psnr_db", (90.0, 55.0, 42.0)),
        ("deblur", "residual_snr_db", (60.0, 30.0, 12.0)),
        ("deblur", "loss_db", (0.02, 0.05, 0.2)),
        ("chain", "psnr_db", (80.0, 50.0, 38.0)),
    ],
)
def test_no_gate_is_weaker_than_what_was_promised(graph: str, metric: str, law: tuple[float, ...]) -> None:
    for precision, promised in zip(("fp32", "fp16", "int8"), law, strict=True):
        (threshold,) = {r.threshold for r in gate_rules(graph, precision) if r.metric == metric}
        assert threshold >= promised if metric in HIGHER_IS_BETTER else threshold <= promised


def test_a_picture_is_compared_by_the_gate_of_the_chain() -> None:
    expected = np.full((4, 5, 3), 0.5, np.float32)
    (figure,) = compare_pictures("chain", "int8", "astronaut", expected, expected + np.float32(0.01))
    assert (figure.case, figure.metric, figure.threshold, figure.passed) == ("astronaut", "psnr_db", 38.0, True)
    assert figure.value == pytest.approx(40.0, abs=1e-3)


def test_a_gate_in_decibels_is_a_largest_root_mean_square_error() -> None:
    """The residual is 0.1 everywhere: 15 dB below it is 0.0178, and the whole picture's 42 dB are 0.0079."""
    int8, noise = tolerances(deblur_case())["int8"], tolerances(deblur_case("noise"))["int8"]
    assert [(t.statistic, t.at_most) for t in int8] == [("rms", pytest.approx(0.007943, abs=1e-6))]
    assert int8 == noise
    weak = dataclasses.replace(deblur_case(), outputs={"sharp": np.full(SHAPE, 0.51, np.float32)})
    assert [t.at_most for t in tolerances(weak)["int8"]] == [pytest.approx(0.001778, abs=1e-6)]


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
    assert len(figures) >= 2
    assert not any(figure.passed for figure in figures)


def test_every_recipe_has_gates_and_every_gate_a_metric() -> None:
    for recipe in RECIPES:
        assert gate_rules(recipe.graph, recipe.precision), recipe.id
    assert {gate.metric for gate in GATES} == set(METRICS)


def test_an_unknown_precision_is_refused_rather_than_passed() -> None:
    with pytest.raises(ValueError, match="no parity gate for deblur in int4"):
        compare("deblur", "int4", deblur_case(), deblur_case().outputs)


def test_an_output_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="should have shape"):
        compare("deblur", "fp32", deblur_case(), {"sharp": np.zeros((1, 10, 10, 3), np.float32)})


def test_a_map_one_pixel_too_far_to_the_right_is_told_from_one_with_noise() -> None:
    generator = np.random.default_rng(1)
    down, across = np.mgrid[0:32, 0:32].astype(np.float32) / 32
    ramp = (2.0 * across**2 + down + 0.5)[None, None].astype(np.float32)
    case = Case(
        graph="defocus",
        name="synthetic",
        inputs={"image": np.zeros((1, 3, 32, 32), np.float32)},
        outputs={"sigma_px": ramp},
    )
    noisy = ramp + 0.1 * generator.standard_normal(ramp.shape).astype(np.float32)
    shifted = np.concatenate([ramp[..., :1], ramp[..., :-1]], axis=-1)
    assert mean_px(case, noisy) > mean_px(case, shifted)
    assert parity_metrics.shift_px(case, noisy) < 0.3
    assert parity_metrics.shift_px(case, shifted) == pytest.approx(1.0, abs=0.1)


def test_a_shift_is_asked_of_answers_at_every_pixel_only() -> None:
    rule = next(gate for gate in GATES if gate.metric == "shift_px")
    case = dataclasses.replace(defocus_case(), name="synthetic")
    assert rule.is_asked_of(case)
    assert not rule.is_asked_of(dataclasses.replace(case, stride_px=3))
