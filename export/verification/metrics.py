"""The figures that parity is judged by: one function each, of a case and what a file answered to it.

Against the float reference:
    psnr_db: of the whole picture. Since the deblurring network adds a small residual to its input, a file that did
        nothing at all would still reach 30 dB and more, hence the next one.
    residual_snr_db: of what the network added, 10 lg(sum (reference - image)^2 / sum (output - reference)^2).
        A file that does nothing has 0 dB. It is asked for where the picture is blurred and the residual is what
        counts; a sharp picture's right residual may be arbitrarily small, and with it any ratio to it.
    mean_px, p99_px: mean and 99th percentile of the absolute error of a sigma map, in pixels.
    shift_px: how far the sigma map lies beside the reference's, in pixels of the picture: of its error that part which
        follows the map's slope, by least squares. A map is so smooth that a shift drowns in the error of int8.

Against the truth, where it is known:
    loss_db: PSNR of the float reference against the truth, minus that of the file.
    gain_kept: what the file gains in PSNR over the blurred picture, relative to what the float reference gains. It
        means nothing where the float reference gains next to nothing.
    loss_px: mean absolute error of the file's sigma map, minus that of the float reference's.
    exact_psnr_db: PSNR against the truth itself: of the blur, which can be done exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from export.data.golden_cases import Case
from runtime import metrics
from runtime.manifest.golden_records import Statistic
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError


def psnr_db(case: Case, output: FloatArray) -> float:
    """``runtime.metrics.psnr_db`` against the reference."""
    return metrics.psnr_db(output, _expected(case))


def residual_snr_db(case: Case, output: FloatArray) -> float:
    """Signal-to-noise ratio of output - image; infinite for equal pictures, minus infinite for no residual."""
    residual = _residual(case)
    signal, noise = float(np.sum(residual**2)), float(np.sum(_error(case, output) ** 2))
    if noise == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / noise) if signal > 0.0 else -math.inf


def mean_px(case: Case, output: FloatArray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(_error(case, output))))


def p99_px(case: Case, output: FloatArray) -> float:
    """99th percentile of the absolute error."""
    return float(np.quantile(np.abs(_error(case, output)), 0.99))


def shift_px(case: Case, output: FloatArray) -> float:
    """Displacement along the rows or along the columns, whichever is larger; asked of answers at every pixel only."""
    expected = _expected(case).astype(np.float64)
    down, across = np.gradient(expected, axis=(2, 3))
    causes = np.stack([np.ones(expected.size), expected.ravel(), down.ravel(), across.ravel()], axis=1)
    found, *_ = np.linalg.lstsq(causes, _error(case, output).ravel(), rcond=None)
    return float(np.max(np.abs(found[2:])))


def loss_db(case: Case, output: FloatArray) -> float:
    """What is lost in PSNR against the truth; negative where the file is nearer to it than the float reference."""
    return exact_psnr_db(case, _expected(case)) - exact_psnr_db(case, output)


def gain_kept(case: Case, output: FloatArray) -> float:
    """Gain over the input picture relative to the float reference's: 1 for the same, 0 for a file that does nothing."""
    return 1.0 - loss_db(case, output) / float_gain_db(case)


def float_gain_db(case: Case) -> float:
    """How much nearer to the truth the float reference's answer is than the input picture."""
    image = case.sampled(case.inputs["image"])
    return exact_psnr_db(case, _expected(case)) - exact_psnr_db(case, image)


def loss_px(case: Case, output: FloatArray) -> float:
    """What is lost in mean absolute error against the true map; negative where the file is nearer to it."""
    truth = _truth(case).astype(np.float64)

    def error_px(value: FloatArray) -> float:
        return float(np.mean(np.abs(case.at_truth(value) - truth)))

    return error_px(output) - error_px(_expected(case))


def exact_psnr_db(case: Case, output: FloatArray) -> float:
    """``runtime.metrics.psnr_db`` against the truth, at the pixels that it has."""
    return metrics.psnr_db(case.at_truth(output), _truth(case))


METRICS: dict[str, Callable[[Case, FloatArray], float]] = {
    "psnr_db": psnr_db,
    "residual_snr_db": residual_snr_db,
    "loss_db": loss_db,
    "gain_kept": gain_kept,
    "mean_px": mean_px,
    "p99_px": p99_px,
    "shift_px": shift_px,
    "loss_px": loss_px,
    "exact_psnr_db": exact_psnr_db,
}
"""Each takes the case and the output at the pixels that the case's own outputs have."""
HIGHER_IS_BETTER: frozenset[str] = frozenset({"psnr_db", "residual_snr_db", "gain_kept", "exact_psnr_db"})
ERRORS: dict[str, Callable[[Case, float], tuple[Statistic, float]]] = {
    "psnr_db": lambda _, db: ("rms", 10.0 ** (-db / 20.0)),
    "residual_snr_db": lambda case, db: ("rms", float(np.sqrt(np.mean(_residual(case) ** 2))) * 10.0 ** (-db / 20.0)),
    "mean_px": lambda _, px: ("mean", px),
    "p99_px": lambda _, px: ("p99", px),
}
"""Metric against the float reference -> the statistic of absolute errors that it stands for, and the largest value at
a threshold."""


def _expected(case: Case) -> FloatArray:
    (value,) = case.outputs.values()
    return value


def _truth(case: Case) -> FloatArray:
    if not case.truth:
        raise ReblurError(f"{case.graph} {case.name} should have a truth to be judged by, it has none")
    (value,) = case.truth.values()
    return value


def _residual(case: Case) -> NDArray[np.float64]:
    """What the reference adds to the picture."""
    return _expected(case).astype(np.float64) - case.sampled(case.inputs["image"])


def _error(case: Case, output: FloatArray) -> NDArray[np.float64]:
    return output.astype(np.float64) - _expected(case)
