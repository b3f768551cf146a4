"""Parity: how closely a saved file must follow the float reference and the truth, graph by graph.

The figures are explained in ``export.verification.metrics``. Noise is a case like any other, though int8 has the
ranges of photographs: it finds overflow and what clips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from export.data.golden_cases import ALL_IN_FOCUS, FAINT, SYNTHETIC, SYNTHETIC_EVEN, Case
from export.data.sigma_maps import LARGEST_STEP, SMOOTH, STEPS
from export.recipes.targets import BLURS
from export.verification.metrics import ERRORS, HIGHER_IS_BETTER, METRICS, float_gain_db
from export.verification.room import ROOM
from runtime import metrics
from runtime.manifest.check_records import GateRule, ParityFigure
from runtime.manifest.golden_records import Statistic, Tolerance
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

__all__ = [
    "GATES",
    "HIGHER_IS_BETTER",
    "METRICS",
    "PIPELINE",
    "PRECISION_CLASS",
    "Gate",
    "compare",
    "compare_pictures",
    "gate_rules",
    "tolerances",
]


PRECISION_CLASS: dict[str, str] = {
    "fp32": "fp32",
    "fp16": "fp16",
    "w8": "fp16",
    "int8": "int8",
    "p6": "int8",
    "w8a8": "int8",
}
"""Precision of a file -> the column of ``Gate.thresholds`` that it is judged by, unless it has one of its own."""
LEAST_FLOAT_GAIN_DB = 0.5
"""Where the float reference gains less, nobody can say how much of it was kept."""
CONDITIONS: dict[str, str] = {"gain_kept": f"where the float model gains at least {LEAST_FLOAT_GAIN_DB:g} dB"}
"""Metric -> where it is asked; nothing for one that always is."""
PIPELINE = "chain"
"""Stands for a graph where the whole chain is judged, see ``export.verification.end_to_end``."""
BLURRED = (SYNTHETIC, SYNTHETIC_EVEN)
WITH_RESIDUAL = (*BLURRED, FAINT)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What one metric of one graph must reach, by precision."""

    graph: str
    metric: str
    thresholds: Mapping[str, float]
    """Precision, or its class -> smallest value for metrics in ``HIGHER_IS_BETTER``, largest value for the others."""
    cases: tuple[str, ...] | None = None
    """The cases that it is asked of; None for all of the graph's, noise included."""

    def threshold(self, precision: str, case: Case | None = None) -> float | None:
        """What a file of this precision must reach; None where the gate is not asked of it.

        Args:
            precision: of the file.
            case: if given, its float model's own figure counts, see ``ROOM``.
        """
        own, column = self.thresholds.get(precision), PRECISION_CLASS.get(precision, "")
        absolute = self.thresholds.get(column) if own is None else own
        achieved = case.achieved.get(column, {}).get(self.metric) if case else None
        if absolute is None or achieved is None:
            return absolute
        return ROOM[column].threshold(self.metric, absolute, achieved)

    def is_asked_of(self, case: Case) -> bool:
        """Whether this case is judged by it."""
        if case.graph != self.graph or (self.cases is not None and case.name not in self.cases):
            return False
        if self.metric == "shift_px" and case.stride_px > 1:
            return False  # slopes can be seen from one pixel to the next only
        return self.metric != "gain_kept" or float_gain_db(case) >= LEAST_FLOAT_GAIN_DB


def _by_class(fp32: float, fp16: float, int8: float, **others: float) -> dict[str, float]:
    return {"fp32": fp32, "fp16": fp16, "int8": int8, **others}


def _against_truth(graph: str, least_db: float, *cases: str) -> Gate:
    """Of a blur, whose exact answer no arithmetic's rounding comes near."""
    thresholds = {"fp32": least_db, "fp16": least_db}
    return Gate(graph=graph, metric="exact_psnr_db", thresholds=thresholds, cases=cases)


# fp32: 110 dB and its like are what an approximation or a hidden fp16 would miss; networks are held to more, see
# ``ROOM``. fp16: wide, since no emulation shows the look-up tables of a Neural Engine.
GATES: tuple[Gate, ...] = (
    Gate(graph="defocus", metric="mean_px", thresholds=_by_class(1e-4, 0.02, 0.15, p6=0.08)),
    Gate(graph="defocus", metric="p99_px", thresholds=_by_class(1e-3, 0.1, 0.5, p6=0.3)),
    Gate(graph="defocus", metric="loss_px", thresholds=_by_class(1e-4, 0.005, 0.05), cases=BLURRED),
    Gate(graph="defocus", metric="shift_px", thresholds=_by_class(0.01, 0.1, 0.5), cases=(SYNTHETIC,)),
    Gate(graph="deblur", metric="psnr_db", thresholds=_by_class(110.0, 55.0, 42.0, p6=46.0)),
    Gate(
        graph="deblur", metric="residual_snr_db", thresholds=_by_class(85.0, 30.0, 15.0, p6=18.0), cases=WITH_RESIDUAL
    ),
    Gate(graph="deblur", metric="loss_db", thresholds=_by_class(0.001, 0.05, 0.2), cases=BLURRED),
    Gate(graph="deblur", metric="gain_kept", thresholds=_by_class(0.999, 0.98, 0.9), cases=BLURRED),
    *(Gate(graph=graph, metric="psnr_db", thresholds={"fp32": 135.0, "fp16": 58.0}) for graph in BLURS),
    *(_against_truth(graph, 44.5, *SMOOTH) for graph in BLURS),
    _against_truth("refocus", 35.0, "subject"),
    _against_truth("refocus", 31.5, "subject-soft", "front", "front-soft"),
    _against_truth("refocus", 26.5, "twigs"),
    _against_truth("preview", 39.0, *STEPS),
    _against_truth("preview", 37.5, LARGEST_STEP),
    Gate(graph="fused", metric="psnr_db", thresholds=_by_class(100.0, 50.0, 38.0)),
    Gate(graph="fused", metric="residual_snr_db", thresholds=_by_class(80.0, 30.0, 15.0), cases=(ALL_IN_FOCUS,)),
    Gate(graph="fused", metric="loss_db", thresholds=_by_class(0.001, 0.05, 0.2), cases=(SYNTHETIC, ALL_IN_FOCUS)),
    Gate(graph="fused", metric="gain_kept", thresholds=_by_class(0.999, 0.98, 0.9), cases=(ALL_IN_FOCUS,)),
    Gate(graph=PIPELINE, metric="psnr_db", thresholds=_by_class(110.0, 50.0, 38.0, p6=42.0)),
)
"""Where sigma varies slowly the blur follows the exact gather to 48 dB, or 45 in a picture of 64 pixels, where the same
range of sigma is steep; across steps to 40, and 38 across the largest.
At outlines refocusing is judged by layers whose exact answer is known: thin twigs before a sharp picture are the
hardest, since what they hide has to be filled in."""


def compare(graph: str, precision: str, case: Case, outputs: Mapping[str, FloatArray]) -> list[ParityFigure]:
    """Compare one run of a saved file with the float reference, and with the truth where that is known.

    Args:
        graph: of the file.
        precision: of the file.
        case: the inputs it was run on, the reference's outputs and the truth.
        outputs: what it answered, by name; (1, C, H, W).

    Returns:
        A figure for each gate that is asked of this graph, precision and case.

    Raises:
        ReblurError: there is no gate for this graph and precision (an unchecked file must not pass), the output has
            another shape than the reference's, or a truth is missing.
    """
    (name,) = case.outputs
    output = case.sampled(outputs[name])
    if output.shape != case.outputs[name].shape:
        raise ReblurError(f"{name} should have shape {case.outputs[name].shape}, got {output.shape}")
    return [
        _judge(gate.metric, threshold, case.name, METRICS[gate.metric](case, output))
        for gate, threshold in _gates(graph, precision, case)
        if gate.is_asked_of(case)
    ]


def compare_pictures(
    graph: str, precision: str, name: str, expected: FloatArray, answer: FloatArray
) -> list[ParityFigure]:
    """Compare a picture with the float reference's by the PSNR gate of ``graph``: for what is no graph's own output.

    Raises:
        ReblurError: there is no gate, or the two have different shapes.
    """
    value = metrics.psnr_db(answer, expected)
    return [_judge(gate.metric, threshold, name, value) for gate, threshold in _gates(graph, precision)]


def gate_rules(graph: str, precision: str) -> tuple[GateRule, ...]:
    """The gates of a file, as the manifest lists them."""
    return tuple(
        GateRule(
            metric=gate.metric,
            bound="at least" if gate.metric in HIGHER_IS_BETTER else "at most",
            threshold=threshold,
            case=case,
            condition=_condition(gate, precision),
        )
        for gate, threshold in _gates(graph, precision)
        for case in gate.cases or (None,)
    )


def _condition(gate: Gate, precision: str) -> str:
    """When a gate is asked, or what moves its threshold; empty where nothing does."""
    room = ROOM.get(PRECISION_CLASS.get(precision, ""))
    if room is None or gate.metric not in ERRORS or gate.graph not in room.graphs:
        return CONDITIONS.get(gate.metric, "")
    return room.condition(gate.metric)


def tolerances(case: Case) -> dict[str, tuple[Tolerance, ...]]:
    """The gates of a case as largest errors, by precision: what a reader can judge by who knows no metric.

    A gate in decibels is one on the root of the mean square error; of several on one statistic the tightest counts.
    Gates against the truth are left out: who follows the float reference this closely does not miss them by much.
    """
    found: dict[str, dict[Statistic, float]] = {}
    for gate in GATES:
        if gate.metric not in ERRORS or not gate.is_asked_of(case):
            continue
        for precision in PRECISION_CLASS:
            if (threshold := gate.threshold(precision, case)) is not None:
                statistic, at_most = ERRORS[gate.metric](case, threshold)
                known = found.setdefault(precision, {})
                known[statistic] = min(at_most, known.get(statistic, math.inf))
    return {
        precision: tuple(Tolerance(statistic=statistic, at_most=at_most) for statistic, at_most in known.items())
        for precision, known in found.items()
    }


def _gates(graph: str, precision: str, case: Case | None = None) -> list[tuple[Gate, float]]:
    """The gates of a graph with their thresholds, those of a case where one is given.

    Raises:
        ReblurError: there is none.
    """
    found = [
        (gate, threshold)
        for gate in GATES
        if gate.graph == graph and (threshold := gate.threshold(precision, case)) is not None
    ]
    if not found:
        raise ReblurError(f"no parity gate for {graph} in {precision}: add one to export.verification.gates.GATES")
    return found


def _judge(metric: str, threshold: float, case: str, value: float) -> ParityFigure:
    # A NaN is neither: it fails whichever way the metric points.
    passed = value >= threshold if metric in HIGHER_IS_BETTER else value <= threshold
    margin = value - threshold if metric in HIGHER_IS_BETTER else threshold - value
    return ParityFigure(
        case=case,
        metric=metric,
        value=value if math.isfinite(value) else None,
        answer="number" if math.isfinite(value) else "equal" if passed else "no number",
        threshold=threshold,
        passed=passed,
        margin=margin if math.isfinite(margin) else None,
    )
