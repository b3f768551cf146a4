"""Optical flow between the two whole pictures of a real pair, robust to large displacement and large blur.

Two shots of one scene differ mostly by one affine motion (a moved camera, the breathing of a refocused lens), which
can be measured even where one picture is badly blurred. What is left is small: dense flow measures it where it can,
and where forward and backward flow contradict each other it is filled in from around, and from the affine motion
far from any measurement.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.alignment import Map, flow_between, move
from train.data.photos import Picture

Affine = NDArray[np.float64]
"""(2, 3): position p of one picture -> M[:, :2] p + M[:, 2] of the other, pixels, x first."""

LEVELS_PX = (128, 256, 512)
"""Longer sides at which the affine motion is estimated, coarse to fine; more does not make it more exact."""
LARGEST_SHARE = 0.25
"""An affine motion that moves a corner by more than this share of the longer side is an estimate gone astray."""
RESIDUAL_MAX_PX = 8.0
"""Flow beyond the affine motion that is larger than this is not believed."""
CONSISTENT_PX = 1.0
"""Nor is flow that the flow back does not undo to within this."""
OUTLIER_PX = 2.0
"""Nor flow this far from the mean around it."""
FILL_WINDOW_PX = 24.0
"""Standard deviation of the window that mean is taken in."""
FILL_STRIDE = 6
"""That mean is taken on every sixth pixel."""
FILL_PRIOR = 0.05
"""Weight of "nothing but the affine motion" in the mean; 1 is that of a window full of measurements."""


class PairFlow(NamedTuple):
    """Flow of a pair, both ways."""

    to_sharp: Map
    """(2, H, W) px, x first: blurry(p) shows what sharp(p + flow(p)) shows."""
    to_blurry: Map
    """(2, H, W) px, the other way round."""


def picture_flow(blurry: Picture, sharp: Picture) -> PairFlow:
    """Flow between two pictures of one size, each (H, W, 3), sRGB in [0, 1]."""
    motion = global_motion(blurry, sharp)
    grid = _grid(*blurry.shape[:2])
    moved = np.clip(move(sharp, _apply(motion, grid) - grid), 0, 1)
    forward, backward = flow_between(blurry, moved), flow_between(moved, blurry)
    forward, backward = believable(forward, backward), believable(backward, forward)
    to_sharp = _apply(motion, grid + forward) - grid
    # A place q of the sharp picture lies at u in the moved one, where ``backward`` lives.
    u = _apply(_inverse(motion), grid)
    to_blurry = u + move_field(backward, u - grid) - grid
    return PairFlow(to_sharp.astype(np.float32), to_blurry.astype(np.float32))


def global_motion(a: Picture, b: Picture) -> Affine:
    """The affine motion M under which a(p) looks most like b(M p), whatever their exposure and their blur.

    Maximises the enhanced correlation coefficient (Evangelidis and Psarakis 2008), coarse to fine; the identity
    where there is nothing to hold on to.
    """
    height, width = a.shape[:2]
    motion = np.eye(3)
    for level_px in LEVELS_PX:
        shrink = max(1.0, max(height, width) / level_px)
        size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        small_a, small_b = (
            cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
            for picture in (a, b)
        )
        # From pixel centres of the small picture to those of the large one.
        sx, sy = width / size[0], height / size[1]
        enlarge = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1]])
        start = (np.linalg.inv(enlarge) @ motion @ enlarge)[:2].astype(np.float32)
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
        try:
            _, found = cv2.findTransformECC(small_a, small_b, start, cv2.MOTION_AFFINE, criteria)
        except cv2.error:  # it did not converge: a flat picture, or nothing in common at this size
            continue
        candidate = enlarge @ np.vstack([found, [0, 0, 1]]) @ np.linalg.inv(enlarge)
        if _largest_move_px(candidate, height, width) <= LARGEST_SHARE * max(height, width):
            motion = candidate
    return motion[:2]


def believable(flow: Map, back: Map) -> Map:
    """A small flow, (2, H, W) px, kept where ``back`` undoes it and filled in smoothly elsewhere."""
    there_and_back = np.linalg.norm(flow + move_field(back, flow), axis=0)
    consistent = (there_and_back < CONSISTENT_PX) & (np.linalg.norm(flow, axis=0) < RESIDUAL_MAX_PX)
    weight = consistent.astype(np.float32)
    total = _pooled(weight) + FILL_PRIOR
    around = np.stack([_pooled(component * weight) / total for component in flow])
    kept = consistent & (np.linalg.norm(flow - around, axis=0) < OUTLIER_PX)
    return np.where(kept, flow, around)


def move_field(field: Map, flow: Map) -> Map:
    """Sample ``field``, (2, H, W), at p + flow(p), bilinearly."""
    moved = move(np.ascontiguousarray(field.transpose(1, 2, 0)), flow.astype(np.float32), cv2.INTER_LINEAR)
    return np.ascontiguousarray(moved.transpose(2, 0, 1))


def _pooled(field: Map) -> Map:
    """Gaussian mean, made on a smaller grid: a field this smooth needs no more, and it costs a tenth."""
    height, width = field.shape
    size = (-(-width // FILL_STRIDE), -(-height // FILL_STRIDE))
    small = cv2.resize(field, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), FILL_WINDOW_PX / FILL_STRIDE, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _grid(height: int, width: int) -> Map:
    """(2, H, W): x and y of each pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x, y])


def _apply(motion: Affine, positions: Map) -> Map:
    """Where the motion takes positions (2, H, W); in float64 inside, since whole pictures are large."""
    x, y = positions.astype(np.float64)
    return np.stack([row[0] * x + row[1] * y + row[2] for row in motion]).astype(np.float32)


def _inverse(motion: Affine) -> Affine:
    return np.asarray(cv2.invertAffineTransform(motion), np.float64)


def _largest_move_px(motion: NDArray[np.float64], height: int, width: int) -> float:
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64).T
    moves = np.linalg.norm((motion @ corners - corners)[:2], axis=0)
    return float(moves.max()) if np.isfinite(moves).all() else np.inf
