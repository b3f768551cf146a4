"""Lights out of focus as discs: their light is taken out of the picture and spread as a lens spreads it.

A lens makes an even disc of a point, and the eye sees the shape of a blur where something stands out from what is
darker: lamps (see ``highlights``), windows, glints, sky between leaves. Such lights are scattered, each pixel as a disc
of its own radius, and all else is left to the refocusing graph, whose Gaussian has the same variance. The light of both
together is that of the picture, so nothing is lost where a light was none.

A disc's rows are runs: each pixel adds the steps at their ends, and one running sum along the rows draws all of them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.refocusing.defocus_map import REDUCTION, block_mean, box_mean, enlarged
from runtime.refocusing.enlarging import Part
from runtime.refocusing.highlights import AROUND
from runtime.system.arrays import FloatArray, ramp

RADIUS = 2.0
"""Of a disc, in sigmas of the Gaussian that spreads as far: each has the variance sigma ** 2 along either axis."""
SURROUNDINGS = 2.0
"""How many times as bright as the mean around it a pixel must be to stand out,"""
STANDS_OUT = (0.05, 0.15)
"""and by how much more, where white is 1, it begins to count as a light, and does wholly."""
GLOW_PX = 2
"""How far around a light what is brighter than its surroundings is of it, too."""
TAKES_PART = (0.35, 0.7)
"""Sigma of a place, relative to that of a light, from which the light begins to shine there, and does wholly: what is
sharper stands before it. The refocusing graph goes by the same, relative to the smallest sigma that a level is for."""
OCCLUSION_RATIO = 1.4
"""Lights whose sigmas differ by less are hidden by the same things."""
STEPS_A_PX = 8
"""Radii are rounded to so many steps in a pixel."""
SUBROWS = 8
"""Lines across each row of pixels on which a disc's edge is measured."""
LEAST_LIGHT, ROUNDING = 1e-3, 1e-9
"""Light above its surroundings with which a pixel is worth a disc, and what a running sum may leave of none."""
MOST_STEPS = 1_000_000
"""Steps of runs that are added up at a time; of more, lights are merged where that cannot be seen."""
MERGED_PX, MERGED_RADIUS = (3, 9), 4.0
"""Sides of blocks whose pixels may become one, on discs at least so many times as large in radius."""


class Lights(NamedTuple):
    """Pixels whose light is to be spread, n of them."""

    rows: NDArray[np.intp]
    """(n,)"""
    columns: NDArray[np.intp]
    """(n,)"""
    light: NDArray[np.float64]
    """(n, 3), 0 or more."""

    def where(self, there: slice | NDArray[np.bool_]) -> Lights:
        """Some of them."""
        return Lights(self.rows[there], self.columns[there], self.light[there])


def without_lights(light: FloatArray, share: FloatArray) -> tuple[FloatArray, Lights] | None:
    """Take lights out of a picture: what they are brighter than their surroundings.

    Args:
        light: (h, w, 3), 0 or more, white is 1 and lamps are brighter.
        share: (h, w) in [0, 1]: how much of a light that stands there is to be taken.

    Returns:
        (h, w, 3) what is left, and what was taken; their sum is ``light``. None where nothing is to be taken.
    """
    red, green, blue = np.moveaxis(light, 2, 0)
    brightness = np.maximum(np.maximum(red, green), blue)
    radius = max(1, round(AROUND * max(brightness.shape) / REDUCTION))
    mean = enlarged(box_mean(block_mean(brightness), radius), brightness.shape)
    out = ramp((brightness - SURROUNDINGS * mean).astype(np.float32), *STANDS_OUT)
    if not (out * share).any():
        return None
    out = _grown(out, GLOW_PX)
    part = out * share
    rows, columns = np.nonzero(part)
    blocks = rows // REDUCTION, columns // REDUCTION
    around = np.stack([plane[blocks] for plane in _beside((red, green, blue), out, radius)], axis=1)
    taken = part[rows, columns, None] * np.maximum(light[rows, columns] - around, 0.0)
    lights = Lights(rows, columns, taken.astype(np.float64)).where(taken.max(axis=1) > LEAST_LIGHT)
    rest, there = light.copy(), (lights.rows, lights.columns)
    rest[there] = np.maximum(rest[there] - lights.light, 0.0)
    return rest, lights


def scattered(lights: Lights, target_px: FloatArray, front: FloatArray, shows: FloatArray) -> FloatArray:
    """Spread lights.

    Args:
        lights: their pixels; sigma is above 0 there.
        target_px: (h, w) signed sigma in pixels, negative in front of the plane of focus.
        front: (h, w) in [0, 1]: how far a pixel is of what spreads in front of the plane of focus.
        shows: (h, w) in [0, 1]: how much of a place shows behind that.

    Returns:
        (h, w, 3) light to be added to the picture; what falls beyond its edges, or behind what hides it, is lost.
    """
    sigma_px = target_px[lights.rows, lights.columns].astype(np.float64)
    result = np.zeros((3, *target_px.shape), np.float32)
    steps = np.floor(np.log(np.abs(sigma_px)) / math.log(OCCLUSION_RATIO))
    for sign in (-1.0, 1.0):
        for step in np.unique(steps[sigma_px * sign > 0.0]):
            there = (steps == step) & (sigma_px * sign > 0.0)
            part, discs = _drawn(lights.where(there), RADIUS * np.abs(sigma_px[there]), target_px.shape)
            if sign > 0.0:
                discs *= shows[part] * _takes_part(target_px, front, float(sigma_px[there].mean()), part)
            result[:, *part] += discs
    return result.transpose(1, 2, 0)


def with_light(picture: FloatArray, light: FloatArray) -> FloatArray:
    """Light (h, w, 3) added to a picture (h, w, 3), sRGB in [0, 1], whose light is its square, as in the graph."""
    red, green, blue = np.moveaxis(light > 0.0, 2, 0)
    there = red | green | blue
    result = picture.copy()
    result[there] = np.sqrt(np.minimum(picture[there] ** 2 + light[there], 1.0))
    return result


def _takes_part(target_px: FloatArray, front: FloatArray, sigma_px: float, part: Part) -> FloatArray:
    """How far lights of this sigma shine in a part, in [0, 1]; under the front layer as far as they do beside it."""
    if not front[part].any():
        return ramp(target_px[part] / np.float32(sigma_px), *TAKES_PART)
    takes = ramp(target_px / np.float32(sigma_px), *TAKES_PART)
    radius = max(1, math.ceil(-RADIUS * float(target_px.min()) / REDUCTION))
    (beside,) = _beside((takes,), front, radius)
    return (takes + front * (enlarged(beside, takes.shape) - takes))[part]


def _beside(planes: Sequence[FloatArray], left_out: FloatArray, radius: int) -> list[NDArray[np.float64]]:
    """Means of what is not left out, (h, w) in [0, 1], in windows of this radius of blocks: (h', w') for each plane."""
    counts = np.float32(1.0) - left_out
    total = box_mean(block_mean(counts), radius) + ROUNDING
    return [box_mean(block_mean(plane * counts), radius) / total for plane in planes]


def _drawn(lights: Lights, radii_px: NDArray[np.float64], size_px: tuple[int, ...]) -> tuple[Part, FloatArray]:
    """Discs of lights with about the same radius: the part of the picture that they lie in, and (3, h', w') light."""
    lights, radii_px = _merged(lights, radii_px, size_px)
    reach = math.ceil(float(radii_px.max())) + 1
    top, left = int(lights.rows.min()) - reach, int(lights.columns.min()) - reach
    height, width = int(lights.rows.max()) + reach + 1 - top, int(lights.columns.max()) + reach + 2 - left
    steps = np.zeros((3, height * width))
    for where, light in _steps(lights, radii_px, top, left, width):
        for plane, values in zip(steps, light, strict=True):
            plane += np.bincount(where, values, height * width)
    part = slice(max(0, top), min(size_px[0], top + height)), slice(max(0, left), min(size_px[1], left + width))
    inside = (
        slice(part[0].start - top, part[0].stop - top),
        slice(part[1].start - left, part[1].stop - left),
    )
    discs = steps.reshape(3, height, width)[:, inside[0]].cumsum(axis=2)[..., inside[1]].astype(np.float32)
    discs[discs < ROUNDING] = 0.0
    return part, discs


def _steps(
    lights: Lights, radii_px: NDArray[np.float64], top: int, left: int, width: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Places, in a flat picture of this width that begins there, and how much the light rises: (n,) and (3, n)."""
    radii = np.rint(radii_px * STEPS_A_PX).astype(int)
    at = (lights.rows - top) * width + (lights.columns - left)
    places, rises, count = list[NDArray[np.intp]](), list[NDArray[np.float64]](), 0
    for radius in np.unique(radii):
        down, right, rise = disc_steps(int(radius))
        same = np.flatnonzero(radii == radius)
        for some in np.array_split(same, -(-len(same) * len(rise) // MOST_STEPS)):
            places.append((at[some, None] + (down * width + right)).ravel())
            rises.append((lights.light[some].T[..., None] * rise).reshape(3, -1))
            count += len(places[-1])
            if count >= MOST_STEPS:
                yield np.concatenate(places), np.concatenate(rises, axis=1)
                places, rises, count = [], [], 0
    if count:
        yield np.concatenate(places), np.concatenate(rises, axis=1)


@functools.lru_cache(maxsize=1024)
def disc_steps(radius: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Where the rows of an even disc rise and fall, and by how much; its light is 1.

    Args:
        radius: in steps of 1 / ``STEPS_A_PX`` px, above 0.

    Returns:
        (n,) rows and (n,) columns relative to its middle, (n,) how much more light there is than one pixel to the left.
    """
    radius_px = radius / STEPS_A_PX
    reach = math.ceil(radius_px + 0.5)
    lines = (np.arange((2 * reach + 1) * SUBROWS) + 0.5) / SUBROWS - reach - 0.5
    half_widths = np.sqrt(np.maximum(radius_px**2 - lines**2, 0.0))
    columns = np.arange(-reach, reach + 1)
    covered = np.minimum(columns + 0.5, half_widths[:, None]) - np.maximum(columns - 0.5, -half_widths[:, None])
    coverage = np.maximum(covered, 0.0).reshape(2 * reach + 1, SUBROWS, -1).mean(axis=1)
    rises = np.diff(coverage / coverage.sum(), axis=1, prepend=0.0, append=0.0)
    down, right = np.nonzero(rises)
    return down - reach, right - reach, rises[down, right]


def _merged(
    lights: Lights, radii_px: NDArray[np.float64], size_px: tuple[int, ...]
) -> tuple[Lights, NDArray[np.float64]]:
    """Fewer lights that draw about the same discs, where there are very many: pixels of a block become one."""
    radius_px, side = float(radii_px.mean()), 1
    steps = len(radii_px) * len(disc_steps(round(radius_px * STEPS_A_PX))[0])
    for larger in MERGED_PX:
        if steps > MOST_STEPS * side**2 and radius_px >= MERGED_RADIUS * larger:
            side = larger
    if side == 1:
        return lights, radii_px
    blocks = lights.rows // side * -(-size_px[1] // side) + lights.columns // side
    _, block = np.unique(blocks, return_inverse=True)
    weights = lights.light.sum(axis=1)
    total = np.bincount(block, weights)
    light = np.stack([np.bincount(block, plane) for plane in lights.light.T], axis=1).astype(np.float64)
    rows, columns = (
        np.rint(np.bincount(block, weights * at) / total).astype(np.intp) for at in (lights.rows, lights.columns)
    )
    return Lights(rows, columns, light), np.asarray(np.bincount(block, weights * radii_px) / total, np.float64)


def _grown(x: FloatArray, by_px: int) -> FloatArray:
    """(h, w): the largest value of a square window that reaches so far."""
    padded = np.pad(x, by_px, mode="edge")
    rows = np.maximum.reduce([padded[i : i + x.shape[0]] for i in range(2 * by_px + 1)])
    return np.maximum.reduce([rows[:, i : i + x.shape[1]] for i in range(2 * by_px + 1)])
