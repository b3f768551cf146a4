"""Runs the refocusing graph on a picture of any size, though the graph has one size and blur reaches far.

A picture that fits is one call. A larger one is refocused at the size that fits, and that is enlarged: blur has no
detail to lose. What is sharp keeps every pixel it had, and only where the blur is too small to have been seen at the
smaller size does the graph run again, at full size, on tiles with a margin for that little blur. Where a blurred
foreground spreads over what is sharp, detail fades by as much as it is covered.

Where lights are to be discs (see ``discs``), they are taken out first, and their light is added last, at either size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from runtime.photos.photo import resize
from runtime.refocusing.defaults import DISC, GAUSSIAN
from runtime.refocusing.discs import Lights, scattered, with_light, without_lights
from runtime.refocusing.enlarging import Part, enlarged_part, resize_map
from runtime.refocusing.tiling import TiledGraph, fitting_scale
from runtime.system.ahead import computed_ahead
from runtime.system.arrays import FloatArray, between, ramp

IN_FOCUS_PX = 0.3
"""Largest sigma that leaves a pixel as it is."""
FRONT_PX = (1.0, 1.9)
"""Sigma in front of the plane of focus at which a pixel begins to spread over others, and does wholly."""
SEEN_PX = (1.4, 2.2)
"""Sigma, in pixels of the smaller picture, from which its blur begins to be taken, and is taken alone.
Likewise discs in the place of blurred lights."""
REACH, MARGIN_PX = 3.5, 16
"""A tile's margin is so many of the largest sigmas that are rendered in it, and so much more."""
GRID_PX = 32
"""Tiles start at multiples of this, as the graph's smallest level does."""
NOTHING = np.float32(1e-3)
"""Added to code values of which a quotient is taken."""
COVERED = (0.9, 0.98)
"""How much of a place shows from which it begins to count as not covered by anything in front, and does wholly."""


def refocused(graph: TiledGraph, sharp: FloatArray, target_px: FloatArray, bokeh: str = GAUSSIAN) -> FloatArray:
    """Blur a picture by a sigma of its own at each pixel.

    Args:
        graph: "refocus".
        sharp: (h, w, 3) sRGB, all in focus.
        target_px: (h, w) signed sigma in pixels.
        bokeh: of ``defaults.BOKEH``: what lights become that are out of focus.

    Returns:
        (h, w, 3) sRGB in [0, 1].
    """
    height, width = target_px.shape
    if fitting_size(graph.size_px, height, width) == (height, width):
        rest, lights = _separated(sharp, target_px, bokeh)
        picture = one_call(graph, rest, target_px)
        if lights is None:
            return picture
        return with_light(picture, scattered(lights, target_px, *_covering(graph, target_px)))
    base = base_of(graph, sharp, target_px, bokeh)
    result = np.empty((height, width, 3), np.float32)
    for part, picture in at_size(graph, base, (height, width), lambda part: sharp[part]):
        result[part] = picture
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Base:
    """A picture refocused at a size that the graph takes in one call."""

    sharp: FloatArray
    """(h, w, 3) sRGB, all in focus, without the lights that are drawn as discs."""
    target_px: FloatArray
    """(h, w) signed sigma, in its own pixels."""
    picture: FloatArray
    """(h, w, 3) refocused, likewise without them."""
    shows: FloatArray
    """(h, w) in [0, 1]: how much of a place shows behind what is spread over it."""
    discs: FloatArray | None
    """(h, w, 3) their light; None where nothing is drawn as a disc."""
    kept: FloatArray | None
    """(h, w, 3) in [0, 1], and None likewise: what code values were multiplied by where lights were taken out."""


def base_of(graph: TiledGraph, sharp: FloatArray, target_px: FloatArray, bokeh: str = GAUSSIAN) -> Base:
    """Refocus a picture at its own size or the largest that fits; likewise how its front layer covers the rest.

    Args:
        graph: "refocus".
        sharp: (H, W, 3) sRGB, all in focus; lamps are above 1.
        target_px: (H, W) signed sigma in pixels.
        bokeh: as for ``refocused``.
    """
    height, width = target_px.shape
    small = fitting_size(graph.size_px, height, width)
    if small != (height, width):
        sharp = shrunk(sharp, *small)
        target_px = resize_map(target_px, *small) * np.float32(small[1] / width)
    rest, lights = _separated(sharp, target_px, bokeh)
    picture = one_call(graph, rest, target_px)
    front, shows = _covering(graph, target_px)
    discs = kept = None
    if lights is not None:
        discs = scattered(lights, target_px, front, shows)
        kept, there = np.ones_like(rest), (lights.rows, lights.columns)
        kept[there] = (rest[there] + NOTHING) / (sharp[there] + NOTHING)
    return Base(sharp=rest, target_px=target_px, picture=picture, shows=shows, discs=discs, kept=kept)


def shrunk(sharp: FloatArray, height: int, width: int) -> FloatArray:
    """(H, W, 3) sRGB with lamps above 1 -> (height, width, 3)."""
    brightest = np.float32(max(1.0, float(sharp.max())))  # a lamp's, which resizing would clip
    return resize(sharp / brightest, height, width) * brightest


def _separated(sharp: FloatArray, target_px: FloatArray, bokeh: str) -> tuple[FloatArray, Lights | None]:
    """What the graph is to blur, (h, w, 3) sRGB, and what is to be drawn as discs, if there is any."""
    if bokeh != DISC:
        return sharp, None
    found = without_lights(sharp * sharp, ramp(np.abs(target_px), *SEEN_PX))
    return (sharp, None) if found is None else (np.sqrt(found[0]), found[1])


def _covering(graph: TiledGraph, target_px: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(h, w) in [0, 1]: the front layer, and how much shows behind it when it is spread."""
    front = ramp(-target_px, *FRONT_PX)
    if not front.any():
        return front, np.ones_like(target_px)
    # A picture of the front layer itself, white on black, comes out as its coverage; the graph squares it.
    white = np.repeat(front[..., None], 3, axis=2)
    return front, np.clip(1.0 - one_call(graph, white, target_px)[..., 0] ** 2, 0.0, 1.0)


def at_size(
    graph: TiledGraph, base: Base, size_px: tuple[int, int], sharp_of: Callable[[Part], FloatArray]
) -> Iterator[tuple[Part, FloatArray]]:
    """The refocused picture at a larger size, part by part.

    Args:
        graph: "refocus".
        base: the same at a size that fits.
        size_px: height and width wanted.
        sharp_of: gives a part, with everything in focus, lamps included, (h', w', 3).

    Yields:
        Each part, and its pixels in [0, 1].
    """
    enlarge = _Enlarger(base, size_px)
    for part, picture in _without_discs(graph, base, size_px, sharp_of, enlarge):
        yield part, picture if base.discs is None else with_light(picture, enlarge("discs", part))


def _without_discs(
    graph: TiledGraph,
    base: Base,
    size_px: tuple[int, int],
    sharp_of: Callable[[Part], FloatArray],
    enlarge: _Enlarger,
) -> Iterator[tuple[Part, FloatArray]]:
    """As ``at_size``, before the light of the discs is added."""
    ratio = size_px[1] / base.target_px.shape[1]
    seen_from, seen_alone = (sigma * ratio for sigma in SEEN_PX)
    margin = -(-int(REACH * seen_alone + MARGIN_PX) // GRID_PX) * GRID_PX
    if min(graph.size_px) < 2 * margin + GRID_PX:
        margin = 0  # no room for tiles: what is little blurred passes over from the one picture to the other

    one_at_a_time = Lock()

    def rest_of(part: Part) -> FloatArray:
        return sharp_of(part) if base.kept is None else sharp_of(part) * enlarge("kept", part)

    def rendered(part: Part) -> FloatArray:
        wide, inside = _widened(part, size_px, margin)
        least, most, uncovered = enlarge.extremes(part)
        if least * ratio >= seen_alone:
            return enlarge("picture", part)
        target_px = enlarge("target_px", wide) * np.float32(ratio)
        sigma_px = np.abs(target_px[inside])
        if most * ratio <= IN_FOCUS_PX:
            result = rest_of(part)
            own = result
        else:
            sharp = rest_of(wide)
            own = sharp[inside]
            if margin:
                np.clip(target_px, -seen_alone, seen_alone, out=target_px)
                with one_at_a_time:
                    small = one_call(graph, sharp, target_px)[inside]
                passed = ramp(sigma_px, seen_from, seen_alone)
            else:
                small, passed = own, ramp(sigma_px, IN_FOCUS_PX, seen_from)
            result = between(small, enlarge("picture", part), passed[..., None])
        if uncovered < COVERED[1]:
            shows = enlarge("shows", part)[..., None]
            detail = own - enlarge("sharp", part)
            detail *= shows * (1.0 - ramp(sigma_px, IN_FOCUS_PX, seen_from))[..., None]
            detail += enlarge("picture", part)
            result = between(detail, result, ramp(shows, *COVERED))
        return np.clip(result, 0.0, 1.0)

    # While the graph computes one part, others are enlarged and put together.
    yield from computed_ahead(rendered, _parts(size_px, graph.size_px, margin))


def one_call(graph: TiledGraph, sharp: FloatArray, target_px: FloatArray) -> FloatArray:
    """Refocus a picture that is no larger than the graph, in either orientation; see ``TiledGraph.whole``."""
    inputs = {"sharp": sharp.transpose(2, 0, 1)[None], "target_sigma_px": target_px[None, None]}
    (planes,) = graph.whole(inputs).values()
    return np.clip(planes[0].transpose(1, 2, 0), 0.0, 1.0)


def fitting_size(size_px: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """The picture's own size where a graph of this size takes it in one call, else the largest that fits."""
    scale = fitting_scale(size_px, height, width)
    if scale >= 1.0:
        return height, width
    return max(1, int(height * scale)), max(1, int(width * scale))


class _Enlarger:
    """Parts of a base's arrays, bilinearly at a larger size."""

    def __init__(self, base: Base, size_px: tuple[int, int]) -> None:
        self._arrays: dict[str, FloatArray] = {
            name: values
            for name in ("sharp", "target_px", "picture", "shows", "discs", "kept")
            if (values := getattr(base, name)) is not None
        }
        self._sigma_px = np.abs(base.target_px)
        self._size_px = size_px
        self._scale = [n / size for n, size in zip(base.target_px.shape, size_px, strict=True)]

    def __call__(self, name: str, part: Part) -> FloatArray:
        """A part of the array of this name."""
        return enlarged_part(self._arrays[name], self._size_px, part)

    def extremes(self, part: Part) -> tuple[float, float, float]:
        """Of a part: the least and the largest sigma in the base's pixels, and how much of it shows at the least."""
        near = tuple(
            slice(max(0, int(s.start * scale) - 1), int(s.stop * scale) + 2)
            for s, scale in zip(part, self._scale, strict=True)
        )
        sigma_px = self._sigma_px[near]
        return float(sigma_px.min()), float(sigma_px.max()), float(self._arrays["shows"][near].min())


def _parts(size_px: tuple[int, int], tile_px: tuple[int, int], margin: int) -> Iterator[Part]:
    """Parts that with their margins fit the graph, in the orientation that the picture has."""
    tile = tile_px if (size_px[0] >= size_px[1]) == (tile_px[0] >= tile_px[1]) else tile_px[::-1]
    steps = [(t - 2 * margin) // GRID_PX * GRID_PX or t for t in tile]
    for top in range(0, size_px[0], steps[0]):
        for left in range(0, size_px[1], steps[1]):
            yield slice(top, min(size_px[0], top + steps[0])), slice(left, min(size_px[1], left + steps[1]))


def _widened(part: Part, size_px: tuple[int, int], margin: int) -> tuple[Part, Part]:
    """A part with a margin on all sides within the picture, and where the part lies in that."""
    rows, columns = (
        slice(max(0, s.start - margin), min(n, s.stop + margin)) for s, n in zip(part, size_px, strict=True)
    )
    return (rows, columns), (
        slice(part[0].start - rows.start, part[0].stop - rows.start),
        slice(part[1].start - columns.start, part[1].stop - columns.start),
    )
