"""Which candidate of a search is chosen: gates first, then size, then speed where it clearly differs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from export.quantization_search.trial import Trial
from runtime.manifest.check_records import ParityFigure

LEAST_MARGIN = 0.1
"""A candidate must leave this share of the error that its tightest gate allows, so that another picture passes too."""
EQUAL_SIZE = 1.05
"""Files count as equally large up to this ratio."""
EQUAL_SPEED = 1.10
"""Times count as equal up to this ratio: those of one file differ by as much from run to run."""
DECIBELS = frozenset({"psnr_db", "residual_snr_db"})
SHARES = frozenset({"gain_kept"})
"""Metrics of which 1 is perfect."""


def spare(figure: ParityFigure) -> float:
    """Share of the allowed error that a figure leaves: 1 where there is no error, negative where there is too much."""
    if figure.value is None or not math.isfinite(figure.value):
        return 1.0 if figure.passed else -math.inf
    if figure.metric in DECIBELS:
        return 1.0 - float(10.0 ** ((figure.threshold - figure.value) / 20.0))
    if figure.metric in SHARES:
        return 1.0 - (1.0 - figure.value) / (1.0 - figure.threshold)
    return 1.0 - figure.value / figure.threshold


def margin(trial: Trial) -> float:
    """What the tightest gate leaves, see ``spare``; minus infinity where there are no figures."""
    return -math.inf if trial.failure or not trial.figures else min(spare(figure) for figure in trial.figures)


def worst(trial: Trial) -> str:
    """The figure that leaves least, for people."""
    figure = min(trial.figures, key=spare)
    return f"{figure.metric} {figure.value:.3g} on {figure.case} (gate {figure.threshold:g})"


def choose(trials: Sequence[Trial]) -> Trial | None:
    """The best of one graph and format; None where none passes its gates.

    Candidates with margin come before those without. Of these, the smallest; of those equally small, the fastest; of
    those equally fast, the one with the largest margin. What is equal in all goes by its place in the table. Weights
    that were not fine-tuned are there to compare with, and are chosen only where no others pass.
    """
    passing = [trial for trial in trials if margin(trial) >= 0.0]
    passing = [trial for trial in passing if trial.candidate.fine_tuned] or passing
    pool = [trial for trial in passing if margin(trial) >= LEAST_MARGIN] or passing
    if not pool:
        return None
    smallest = min(trial.size_bytes for trial in pool)
    pool = [trial for trial in pool if trial.size_bytes <= EQUAL_SIZE * smallest]
    fastest = max(trial.speedup for trial in pool)
    pool = [trial for trial in pool if trial.speedup * EQUAL_SPEED >= fastest]
    return max(pool, key=margin)
