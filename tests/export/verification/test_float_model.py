from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from export.data.golden_cases import Case
from export.verification.float_model import describe_float_model, judge_float_model

SHAPE = (1, 3, 8, 8)


def cases(answer: float = 0.6, sigma_px: float = 2.2) -> list[Case]:
    """A grey picture of 0.5 whose truth is 0.7, and a true sigma of 2 px."""
    image = np.full(SHAPE, 0.5, np.float32)
    return [
        Case(
            graph="deblur",
            name="synthetic",
            inputs={"image": image, "sigma_px": np.ones((1, 1, 8, 8), np.float32)},
            outputs={"sharp": np.full(SHAPE, answer, np.float32)},
            truth={"sharp": np.full(SHAPE, 0.7, np.float32)},
        ),
        Case(
            graph="defocus",
            name="synthetic-even",
            inputs={"image": image},
            outputs={"sigma_px": np.full((1, 1, 8, 8), sigma_px, np.float32)},
            truth={"sigma_px": np.full((1, 1, 8, 8), 2.0, np.float32)},
        ),
    ]


def test_gain_and_error_are_those_against_the_truth() -> None:
    found = judge_float_model(cases())
    assert found.gain_db == pytest.approx(6.02, abs=0.01)  # half the error
    assert found.sigma_error_px == pytest.approx(0.2, abs=1e-6)
    assert found.saturated == 0.0
    expected = (
        "the float model gains 6.02 dB on synthetic blur, finds its sigma to 0.20 px, and 0.0 % of its answer is "
    )
    assert describe_float_model(found) == f"{expected}saturated"


@pytest.mark.parametrize(
    ("answer", "words"), [(0.5, "does nothing about synthetic blur"), (0.3, "makes synthetic blur 6.02 dB worse")]
)
def test_a_model_that_does_nothing_or_harm_is_called_so(answer: float, words: str) -> None:
    assert words in describe_float_model(judge_float_model(cases(answer)))


def test_a_ruined_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"100\.0 % of its answer is saturated: its weights are damaged"):
        judge_float_model(cases(answer=1.0))
    with pytest.raises(ValueError, match="answers no numbers on defocus, synthetic-even"):
        judge_float_model(cases(sigma_px=np.nan))


def test_what_the_truth_has_of_black_and_white_is_not_held_against_it() -> None:
    deblur, defocus = cases(answer=1.0)
    white = dataclasses.replace(deblur, truth={"sharp": np.ones(SHAPE, np.float32)})
    assert judge_float_model([white, defocus]).saturated == 0.0
