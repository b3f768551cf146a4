"""One homography and one exposure for a whole picture: how a misaligned ground truth is brought to its input.

Figures on misaligned sets need an alignment that cannot flatter the network. Published code for such sets (SDD)
moves the ground truth onto each *output* by dense flow before comparing: whatever the output does to geometry, the
ground truth follows, and a network that shifts its input by two pixels scores as well as one that does not. Here
the warp is estimated once, between the blurry *input* and the ground truth, has eight numbers for the whole
picture, and serves input and output alike. A shifted output then stays shifted, and costs what it should.
What is left over is parallax, which no global warp removes; it weighs on input and output alike.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from train.data.photos import Picture
from train.data.srgb import to_linear, to_srgb
from train.evaluation.metrics import Mask

COARSEST_PX = 160
"""Shorter side of the coarsest level, where the search starts from no displacement at all."""
ITERATIONS = 60
PRECISION = 1e-5
LARGEST_MOVE = 0.1
"""A corner that moves by more than this share of the diagonal means that the search went astray."""
MIN_CORRELATION = 0.5
BORDER_PX = 4
"""Pixels this close to where the warped ground truth ends do not count: interpolation reaches over the edge."""
CLIPPED_FROM = 0.98
"""Linear light from which on a sensor may have clipped."""
CLIPPED_REACH_PX = 12
"""Exposure is fitted without what lies this close to clipped light: in the blurry picture that light is spread over
it. Single pixels are never dropped by their value, which would favour the brighter picture."""

Homography = FloatArray
"""(3, 3): the blurry picture at (x, y, 1) shows what the ground truth shows at H (x, y, 1), in pixels."""


class Aligned(NamedTuple):
    """A ground truth that lies on its input."""

    truth: Picture
    """(H, W, 3), sRGB in [0, 1], in the input's geometry and exposure."""
    mask: Mask
    """(H, W), where the ground truth has anything to show."""
    homography: Homography
    gains: tuple[float, float, float]
    """What linear red, green and blue were multiplied by."""


def align_truth(truth: Picture, blurry: Picture) -> Aligned:
    """Move a ground truth onto a blurry picture, and fit its exposure and white balance.

    Both (H, W, 3), sRGB in [0, 1], of one size.

    Raises:
        ReblurError: no plausible homography was found.
    """
    homography = find_homography(blurry, truth)
    height, width = blurry.shape[:2]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(truth, homography, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    inside = cv2.warpPerspective(
        np.ones(truth.shape[:2], np.uint8), homography, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    inside = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)  # so that erosion sees the edge
    mask: Mask = cv2.erode(inside, np.ones((2 * BORDER_PX + 1,) * 2, np.uint8))[1:-1, 1:-1] > 0
    clipped = np.clip(np.asarray(moved, np.float32), 0, 1)
    gains = exposure_gains(clipped, blurry, mask)
    balanced = to_srgb(to_linear(clipped) * np.array(gains, np.float32))
    return Aligned(balanced, mask, homography, gains)


def find_homography(blurry: Picture, truth: Picture) -> Homography:
    """The homography of a pair by ECC (Evangelidis and Psarakis 2008), from coarse to fine.

    ECC maximises a correlation, so exposure does not matter; both pictures are smoothed alike, so that the blur of
    one matters little.

    Raises:
        ReblurError: the search did not converge or ended far from the start.
    """
    if blurry.shape != truth.shape:
        raise ReblurError(f"a pair must have one size, got {blurry.shape[:2]} and {truth.shape[:2]}")
    pyramid = [tuple(cv2.cvtColor(p.astype(np.float32), cv2.COLOR_RGB2GRAY) for p in (blurry, truth))]
    while min(pyramid[-1][0].shape) >= 2 * COARSEST_PX:
        pyramid.append(tuple(cv2.pyrDown(p) for p in pyramid[-1]))
    homography = np.eye(3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, PRECISION)
    correlation = 0.0
    for level, (fixed, moving) in reversed(list(enumerate(pyramid))):
        try:
            correlation, found = cv2.findTransformECC(fixed, moving, homography, cv2.MOTION_HOMOGRAPHY, criteria)
        except cv2.error as error:
            raise ReblurError("no global alignment found: the search did not converge") from error
        homography = np.asarray(found, np.float32)
        if level:
            homography = _to_twice_the_size(homography)
    move = largest_corner_move(homography, blurry.shape[1], blurry.shape[0])
    if move > LARGEST_MOVE or correlation < MIN_CORRELATION:
        raise ReblurError(
            f"no global alignment found: the best has a correlation of {correlation:.2f} and moves a corner by "
            f"{move:.0%} of the diagonal"
        )
    return homography


def exposure_gains(truth: Picture, blurry: Picture, mask: Mask) -> tuple[float, float, float]:
    """What to multiply the linear red, green and blue of ``truth`` by to expose it like ``blurry``.

    The ratio of the means: blur leaves a mean where it is, while a least-squares fit would darken the sharper picture.
    """
    light, wanted = to_linear(truth), to_linear(blurry)
    clipped = np.maximum(light, wanted).max(axis=2) >= CLIPPED_FROM
    near_clipped = cv2.dilate(clipped.astype(np.uint8), np.ones((2 * CLIPPED_REACH_PX + 1,) * 2, np.uint8)) > 0
    usable = mask & ~near_clipped
    if not usable.any():
        return 1.0, 1.0, 1.0
    gains = wanted[usable].mean(axis=0) / np.maximum(light[usable].mean(axis=0), 1e-6)
    return float(gains[0]), float(gains[1]), float(gains[2])


def largest_corner_move(homography: Homography, width: int, height: int) -> float:
    """How far the corner that moves most is moved, as a share of the diagonal."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    moved = homography.astype(np.float64) @ corners
    distance = np.hypot(*(moved[:2] / moved[2] - corners[:2]))
    return float(distance.max() / np.hypot(width, height))


def _to_twice_the_size(homography: Homography) -> Homography:
    """The same map in a picture of twice the size; a pixel's centre is at a whole number, as in OpenCV's pyramid."""
    scale = np.diag([2.0, 2.0, 1.0])
    return (scale @ homography @ np.linalg.inv(scale)).astype(np.float32)
