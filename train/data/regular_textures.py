"""Regular textures: meshes, ribs, weave, print. Blur is told by edges of all kinds, and these have edges of one.

A sharp corrugated sheet looks like a blurred grating. Whoever has never seen one in focus takes it for blur.
Coordinates are in pixels, grey values in [0, 1]; ``period_px`` is from one wire, rib, thread or line to the next.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.floating]
"""Grey values or coordinates, (H, W)."""
WORDS = "the quick brown fox jumps over 0123456789 and rests"
PRINT_SHARE = 0.55
"""Height of a line of print against the distance to the next."""


def mesh(x: Grey, y: Grey, period_px: float) -> Grey:
    """Wires an eighth of the period wide, both ways."""
    wire = period_px / 8.0
    return np.where((x % period_px < wire) | (y % period_px < wire), 0.15, 0.75)


def corrugation(x: Grey, y: Grey, period_px: float) -> Grey:
    """Sheet metal: round ribs lit from one side, slightly tilted."""
    phase = 2.0 * np.pi * (x + 0.05 * y) / period_px
    return 0.55 + 0.25 * np.sin(phase) + 0.08 * np.sign(np.sin(phase + 0.6))


def cloth(x: Grey, y: Grey, period_px: float) -> Grey:
    """Plain weave: threads pass over one another in turn."""
    over = (np.floor(x / period_px) + np.floor(y / period_px)) % 2 == 0
    return 0.3 + 0.45 * np.sin(np.pi * (np.where(over, x, y) % period_px) / period_px)


def stripes(x: Grey, y: Grey, period_px: float) -> Grey:
    """Bars as wide as the gaps between them."""
    return np.where(x % period_px < 0.5 * period_px, 0.2, 0.8)


def text(x: Grey, y: Grey, period_px: float) -> Grey:
    """Lines of print, black on paper; always level, whatever way the coordinates are turned."""
    height, width = x.shape
    per_pixel = 1.0 / max(float(np.hypot(x[0, 1] - x[0, 0], y[0, 1] - y[0, 0])), 1e-6)
    step = max(4, round(period_px * per_pixel))
    page = np.full((height, width), 235, np.uint8)  # of bytes: OpenCV writes on no other
    (_, tall), _ = cv2.getTextSize(WORDS, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = PRINT_SHARE * step / tall
    for baseline in range(step, height + step, step):
        cv2.putText(page, WORDS, (step // 3, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, 20, max(1, step // 9))
    return page / 255.0


TEXTURES: dict[str, Callable[[Grey, Grey, float], Grey]] = {
    "mesh": mesh,
    "corrugation": corrugation,
    "woven cloth": cloth,
    "stripes": stripes,
    "text": text,
}
"""Name -> (x, y, period_px) -> grey."""


def paint_over(picture: Grey, rng: np.random.Generator, periods_px: tuple[float, float]) -> Grey:
    """Lay one regular texture over a part of a picture, in two colours of its own.

    Args:
        picture: (S, S, 3), sRGB in [0, 1].
        rng: what is drawn, the part, the colours and the period are drawn from it.
        periods_px: shortest and longest period.

    Returns:
        The picture (S, S, 3) with a polygon of texture that covers about half of it.
    """
    side = len(picture)
    draw = list(TEXTURES.values())[int(rng.integers(len(TEXTURES)))]
    low, high = np.log(periods_px)
    angle, period_px = rng.uniform(0.0, 2.0 * np.pi), float(np.exp(rng.uniform(low, high)))
    across, down = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    x, y = (np.cos(angle) * across + np.sin(angle) * down, np.cos(angle) * down - np.sin(angle) * across)
    grey = draw(x - x.min(), y - y.min(), period_px)[..., None]
    dark, light = np.sort(rng.uniform(0.05, 0.95, (2, 1, 1, 3)), axis=0)
    if rng.uniform() < 0.5:
        dark, light = dark.mean(-1, keepdims=True), light.mean(-1, keepdims=True)
    corners = 0.5 * side + 0.62 * side * _polygon(rng)
    part = np.zeros((side, side), np.uint8)
    cv2.fillPoly(part, [np.round(corners * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    share = part[..., None] / 255.0
    return picture * (1.0 - share) + (dark + (light - dark) * grey) * share


def _polygon(rng: np.random.Generator) -> NDArray[np.float64]:
    """(K, 2) corners in order, on or inside the unit circle."""
    angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, int(rng.integers(4, 8))))
    return np.stack([np.cos(angles), np.sin(angles)], -1) * rng.uniform(0.6, 1.0, (len(angles), 1))
