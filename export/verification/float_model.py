"""Judges the float model itself where the truth is known: no file can be better than what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from export.data.golden_cases import SYNTHETIC, SYNTHETIC_EVEN, Case
from export.verification.metrics import float_gain_db
from runtime.manifest.check_records import FloatModel
from runtime.system.errors import ReblurError

LEAST_GAIN_DB = 0.05
"""Below it a network does nothing that anybody could see."""
MOST_SATURATED = 0.5
"""Share of a picture's numbers at either end of their range that no photograph has here."""


def judge_float_model(cases: Sequence[Case]) -> FloatModel:
    """What the float networks are worth on synthetic blur.

    Args:
        cases: of all graphs, with the float model's answers.

    Raises:
        ReblurError: they answer what is no number, or mostly black and white: a file of them would be worth nothing.
    """
    for case in cases:
        if not all(np.isfinite(value).all() for value in case.outputs.values()):
            raise ReblurError(
                f"the float model answers no numbers on {case.graph}, {case.name}: its weights are damaged, or its "
                "training diverged"
            )
    known = [case for case in cases if case.name in (SYNTHETIC, SYNTHETIC_EVEN)]
    deblurring = [case for case in known if case.graph == "deblur"]
    found = FloatModel(
        gain_db=float(np.mean([float_gain_db(case) for case in deblurring])),
        sigma_error_px=float(np.mean([_error_px(case) for case in known if case.graph == "defocus"])),
        saturated=float(np.mean([_saturated(case) for case in deblurring])),
    )
    if found.saturated > MOST_SATURATED:
        raise ReblurError(f"{describe_float_model(found)}: its weights are damaged, or its training diverged")
    return found


def describe_float_model(found: FloatModel) -> str:
    """One sentence."""
    if found.gain_db < -LEAST_GAIN_DB:
        gain = f"makes synthetic blur {-found.gain_db:.2f} dB worse"
    elif found.gain_db < LEAST_GAIN_DB:
        gain = f"does nothing about synthetic blur ({found.gain_db:+.2f} dB)"
    else:
        gain = f"gains {found.gain_db:.2f} dB on synthetic blur"
    saturated = f"{100.0 * found.saturated:.1f} % of its answer is saturated"
    return f"the float model {gain}, finds its sigma to {found.sigma_error_px:.2f} px, and {saturated}"


def _error_px(case: Case) -> float:
    """Mean absolute error of the float model's map."""
    (answer,), (truth,) = case.outputs.values(), case.truth.values()
    return float(np.mean(np.abs(case.at_truth(answer) - truth)))


def _saturated(case: Case) -> float:
    """Share of the answer's numbers at either end of the range, beyond what the truth has of them."""
    (answer,), (truth,) = case.outputs.values(), case.truth.values()
    return max(0.0, _at_the_ends(answer) - _at_the_ends(truth))


def _at_the_ends(picture: np.ndarray) -> float:
    return float(np.mean((picture <= 0.0) | (picture >= 1.0)))
