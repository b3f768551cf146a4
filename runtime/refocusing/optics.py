"""Thin-lens optics: from a tapped point and an aperture to the blur of every pixel.

A thin lens of f-number N focused at distance z_f images a point at distance z as a disc of radius

    c = (K / N) |1/z - 1/z_f|,

with K the same for the whole picture: blur is linear in inverse depth. Let the photograph's own signed
defocus be s = (K / N0) (1/z_0 - 1/z), in pixels of sigma, z_0 being where it was focused. Focus on the point
t and set the f-number to N, and K, N0 and z_0 all drop out:

    target(p) = (N0 / N) (s(p) - s(t)),

above 0 behind the plane of focus and below it in front. N0 is unknown, too, so apertures are relative: at
``REFERENCE_F_NUMBER`` the picture has the photograph's own differences in blur, at half of it twice as much.

**Near or far.** The estimated defocus map is |s|: a single photograph does not tell whether a blurred point
lies in front of the plane of focus or behind it. Everything blurred is taken to lie *behind* it (s = |s|), as
in a portrait that is focused on the person; a tap on the background therefore puts the person in front. Where
that is wrong, give a signed defocus map or a disparity map instead.

**Depth of field.** Differences that an estimate cannot tell from none are taken for none, so that what is
tapped stays as sharp as it is.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from runtime.refocusing.defaults import REFERENCE_F_NUMBER
from runtime.system.arrays import FloatArray, ramp
from runtime.system.errors import ReblurError

Focus: TypeAlias = tuple[float, float] | float
"""What is to be sharp: a point of the picture, or a defocus in pixels."""
TAP_RADIUS = 0.03
"""Half the side of the window that stands for the tapped point, relative to the long side: a finger's width."""

LEAST_TAP_RADIUS_PX = 1
IN_FOCUS_PX = (0.15, 0.45)
"""Difference in defocus up to which there is none, and from which it counts wholly."""


def check_tap(focus: Focus, f_number: float) -> None:
    """Refuse a point outside the picture, a defocus that is no number, and an impossible aperture.

    Raises:
        ReblurError: says which.
    """
    if isinstance(focus, float):
        if not math.isfinite(focus):
            raise ReblurError(f"focus must be a defocus in pixels, got {focus:g}")
    elif len(focus) != 2 or not all(0.0 <= coordinate <= 1.0 for coordinate in focus):
        shown = ",".join(f"{coordinate:g}" for coordinate in focus)
        raise ReblurError(f"focus must be x,y within the picture, both in [0, 1], got {shown}")
    if not (math.isfinite(f_number) and f_number > 0.0):
        raise ReblurError(f"aperture must be an f-number above 0, such as 1.4, got {f_number:g}")


def defocus_at(defocus_px: FloatArray, focus_xy: tuple[float, float], confidence: FloatArray | None = None) -> float:
    """Defocus at a point, from a small window around it, which noise and a tap beside the eye do not move.

    Args:
        defocus_px: (H, W).
        focus_xy: x rightwards and y downwards, both in [0, 1].
        confidence: (H', W') of the same picture, perhaps at a smaller size, above 0: how far each value is to be
            trusted, for an estimated map. The mean weighted by it is taken; without it the median.
    """
    if confidence is None:
        return float(np.median(defocus_px[_window(defocus_px.shape, focus_xy)]))
    window = _window(confidence.shape, focus_xy)
    rows, columns = (
        np.clip(((np.arange(s.start, s.stop) + 0.5) * large / small).astype(np.intp), 0, large - 1)
        for s, large, small in zip(window, defocus_px.shape, confidence.shape, strict=True)
    )
    return float(np.average(defocus_px[rows[:, None], columns], weights=confidence[window]))


def _window(shape: tuple[int, ...], focus_xy: tuple[float, float]) -> tuple[slice, slice]:
    """Rows and columns around a point of a map of this size."""
    height, width = shape
    column = min(int(focus_xy[0] * width), width - 1)
    row = min(int(focus_xy[1] * height), height - 1)
    radius = max(LEAST_TAP_RADIUS_PX, round(TAP_RADIUS * max(height, width)))
    return (
        slice(max(0, row - radius), min(height, row + radius + 1)),
        slice(max(0, column - radius), min(width, column + radius + 1)),
    )


def target_sigma_px(
    defocus_px: FloatArray,
    focus: Focus,
    f_number: float,
    sigma_max_px: float,
    confidence: FloatArray | None = None,
) -> FloatArray:
    """Blur that each pixel gets when the lens is focused on a point.

    Args:
        defocus_px: (H, W) defocus of the photograph as a blur sigma in pixels; signed (behind the plane of
            focus is positive), or the unsigned map of a single photograph, which puts everything behind.
        focus: the point, x rightwards and y downwards, both in [0, 1]; or the defocus itself that is to be sharp.
        f_number: relative aperture; blur grows as 1 / f_number.
        sigma_max_px: the largest sigma that can be rendered; beyond it blur is cut off.
        confidence: see ``defocus_at``.

    Returns:
        (H, W) sigma in pixels, in [-sigma_max_px, sigma_max_px], negative in front of the plane of focus; 0 at the
        point.

    Raises:
        ReblurError: the point is outside the picture or the aperture is not above 0.
    """
    check_tap(focus, f_number)
    at = focus if isinstance(focus, float) else defocus_at(defocus_px, focus, confidence)
    gain = np.float32(REFERENCE_F_NUMBER / f_number)
    difference = defocus_px - np.float32(at)
    target = ramp(np.abs(difference), *IN_FOCUS_PX)
    target *= gain
    target *= difference
    return np.clip(target, -sigma_max_px, sigma_max_px, out=target)


def defocus_from_disparity(disparity: FloatArray, range_px: float) -> FloatArray:
    """Signed defocus for a map of relative inverse depth, as from a depth camera or a depth network.

    The scale is a choice, since relative disparity has none: over the map's whole range, 0 to 1, blur differs
    by ``range_px`` at ``REFERENCE_F_NUMBER``.

    Args:
        disparity: (H, W) in [0, 1], larger is nearer; of the reverse, near and far change places.
        range_px: that difference, in pixels of sigma.

    Returns:
        (H, W) signed defocus in pixels of sigma, 0 at the nearest.
    """
    return ((1.0 - disparity) * range_px).astype(np.float32)
