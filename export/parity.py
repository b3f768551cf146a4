"""Parity: how closely a saved file must follow the float reference, graph by graph.

Metrics:
    psnr_db: of the whole picture, against the float reference's. Since the deblurring network adds a small
        residual to its input, a file that did nothing at all would still reach 30 dB and more, hence the next one.
    residual_snr_db: of what the network added, 10 lg(sum (reference - image)^2 / sum (output - reference)^2).
        A file that does nothing has 0 dB. It is asked for where the picture is blurred and the residual is what
        counts; a sharp picture's right residual may be arbitrarily small, and with it any ratio to it.
    mean_px, p99_px: mean and 99th percentile of the absolute error of a sigma map, in pixels.

Noise is a case like any other, though int8 has the ranges of photographs: it finds overflow and what clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.golden import SYNTHETIC, Case
from runtime import metrics
from runtime.schema import GateRule, ParityFigure
from runtime.schema_golden import Statistic, Tolerance

Array = NDArray[np.float32]


def psnr_db(case: Case, output: Array) -> float:
    """``runtime.metrics.psnr_db`` against the reference."""
    return metrics.psnr_db(output, _expected(case))


def residual_snr_db(case: Case, output: Array) -> float:
    """Signal-to-noise ratio of output - image; infinite for equal pictures, minus infinite for no residual."""
    residual = _residual(case)
    signal, noise = float(np.sum(residual**2)), float(np.sum(_error(case, output) ** 2))
    if noise == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / noise) if signal > 0.0 else -math.inf


def mean_px(case: Case, output: Array) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(_error(case, output))))


def p99_px(case: Case, output: Array) -> float:
    """99th percentile of the absolute error."""
    return float(np.quantile(np.abs(_error(case, output)), 0.99))


METRICS: dict[str, Callable[[Case, Array], float]] = {
    "psnr_db": psnr_db,
    "residual_snr_db": residual_snr_db,
    "mean_px": mean_px,
    "p99_px": p99_px,
}
HIGHER_IS_BETTER: frozenset[str] = frozenset({"psnr_db", "residual_snr_db"})
ERRORS: dict[str, Callable[[Case, float], tuple[Statistic, float]]] = {
    "psnr_db": lambda _, db: ("rms", 10.0 ** (-db / 20.0)),
    "residual_snr_db": lambda case, db: ("rms", float(np.sqrt(np.mean(_residual(case) ** 2))) * 10.0 ** (-db / 20.0)),
    "mean_px": lambda _, px: ("mean", px),
    "p99_px": lambda _, px: ("p99", px),
}
"""Metric -> the statistic of the absolute errors that it stands for, and the largest value at a threshold."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What one metric of one graph must reach, by precision."""

    graph: str
    metric: str
    thresholds: Mapping[str, float]
    """Precision -> smallest value for metrics in ``HIGHER_IS_BETTER``, largest value for the others."""
    case: str | None = None
    """The only case it is asked of; None for all of the graph's, noise included."""


GATES: tuple[Gate, ...] = (
    Gate(graph="defocus", metric="mean_px", thresholds={"fp32": 0.001, "fp16": 0.02, "int8": 0.15}),
    Gate(graph="defocus", metric="p99_px", thresholds={"fp32": 0.01, "fp16": 0.1, "int8": 0.5}),
    Gate(graph="deblur", metric="psnr_db", thresholds={"fp32": 90.0, "fp16": 55.0, "int8": 42.0}),
    Gate(
        graph="deblur",
        metric="residual_snr_db",
        thresholds={"fp32": 60.0, "fp16": 30.0, "int8": 12.0},
        case=SYNTHETIC,
    ),
    Gate(graph="refocus", metric="psnr_db", thresholds={"fp32": 90.0, "fp16": 55.0}),
)


def compare(graph: str, precision: str, case: Case, outputs: Mapping[str, Array]) -> list[ParityFigure]:
    """Compare one run of a saved file with the float reference.

    Args:
        graph: of the file.
        precision: of the file.
        case: the inputs it was run on, and the reference's outputs.
        outputs: what it answered, by name; (1, C, H, W).

    Returns:
        A figure for each gate that is asked of this graph, precision and case.

    Raises:
        ValueError: there is no gate for this graph and precision (an unchecked file must not pass), or the output
            has another shape than the reference's.
    """
    gates = [gate for gate in GATES if gate.graph == graph and precision in gate.thresholds]
    if not gates:
        raise ValueError(f"no parity gate for {graph} in {precision}: add one to export.parity.GATES")
    (name,) = case.outputs
    output = case.sampled(outputs[name])
    if output.shape != case.outputs[name].shape:
        raise ValueError(f"{name} should have shape {case.outputs[name].shape}, got {output.shape}")
    return [_judge(gate, precision, case, output) for gate in gates if gate.case in (None, case.name)]


def gate_rules(graph: str, precision: str) -> tuple[GateRule, ...]:
    """The gates of a file, as the manifest lists them."""
    return tuple(
        GateRule(
            metric=gate.metric,
            bound="at least" if gate.metric in HIGHER_IS_BETTER else "at most",
            threshold=gate.thresholds[precision],
            case=gate.case,
        )
        for gate in GATES
        if gate.graph == graph and precision in gate.thresholds
    )


def tolerances(case: Case) -> dict[str, tuple[Tolerance, ...]]:
    """The gates of a case as largest errors, by precision: what a reader can judge by who knows no metric.

    A gate in decibels is one on the root of the mean square error; of several on one statistic the tightest counts.
    """
    found: dict[str, dict[Statistic, float]] = {}
    for gate in GATES:
        if gate.graph == case.graph and gate.case in (None, case.name):
            for precision, threshold in gate.thresholds.items():
                statistic, at_most = ERRORS[gate.metric](case, threshold)
                known = found.setdefault(precision, {})
                known[statistic] = min(at_most, known.get(statistic, math.inf))
    return {
        precision: tuple(Tolerance(statistic=statistic, at_most=at_most) for statistic, at_most in known.items())
        for precision, known in found.items()
    }


def _judge(gate: Gate, precision: str, case: Case, output: Array) -> ParityFigure:
    value = METRICS[gate.metric](case, output)
    threshold = gate.thresholds[precision]
    # A NaN is neither: it fails whichever way the metric points.
    passed = value >= threshold if gate.metric in HIGHER_IS_BETTER else value <= threshold
    margin = value - threshold if gate.metric in HIGHER_IS_BETTER else threshold - value
    return ParityFigure(
        case=case.name, metric=gate.metric, value=value, threshold=threshold, passed=passed,
        margin=margin if math.isfinite(margin) else None,
    )  # fmt: skip


def _residual(case: Case) -> NDArray[np.float64]:
    """What the reference adds to the picture."""
    return _expected(case).astype(np.float64) - case.sampled(case.inputs["image"])


def _expected(case: Case) -> Array:
    (value,) = case.outputs.values()
    return value


def _error(case: Case, output: Array) -> NDArray[np.float64]:
    return output.astype(np.float64) - _expected(case)
