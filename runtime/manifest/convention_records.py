"""The parts of manifest.json that say what happens between the graphs: sizes, tiles, the map's smoothing, the optics.

``kind`` names what is done; a reader that does not know it must not go on. Numbers are the runtime's own constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How a picture of any size goes through graphs of a fixed one: a tile is as large as the file's tensors."""

    alignment_px: int
    """Tiles start at multiples of this; a picture is made larger to a tile and a multiple of this beyond it."""
    padding: Literal["edge"]
    """What is put beyond a picture's right and lower side: its last column and row, repeated."""
    inner_halo: Literal["discard"]
    """What becomes of a tile's outermost ``Graph.halo_px`` pixels where another tile lies: they are not kept."""


@dataclass(frozen=True, kw_only=True)
class ResizePolicy:
    """How a photograph is brought to the size at which the graphs see it, and its tiles are cut from."""

    long_side_px: int
    """Longest side of the working size; a larger photograph is made smaller to it, keeping its proportions."""
    enlarge: bool
    """Whether a smaller photograph is made larger."""
    rounding: Literal["half to even"]
    """Of the working size's shorter side, at least 1: 2.5 becomes 2."""
    filter: Literal["lanczos3"]
    """Resampling, widened by the factor of reduction so that nothing aliases."""
    grid: Literal["pixel centers"]
    """What is aligned: pixel i of n covers i/n to (i+1)/n of the side."""
    dtype: Literal["float32"]
    """Of the numbers in between; 8-bit rounding on the way costs 59 dB."""
    range: tuple[float, float]
    """What the result is clipped to, since the filter overshoots."""
    values: Literal["sRGB"]
    """What is resampled: the gamma-coded values as they are, not linear light."""
    color_management: Literal["none"]
    """What is done about a profile: the numbers are taken as they are. A Display P3 photograph keeps them, and its
    profile goes with the result."""
    orientation: Literal["upright"]
    """Rows run from the top of the scene as it was seen: the EXIF orientation is applied before."""


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How the estimated map is spread from where blur can be seen to where it cannot: sigma_px -> defocus_px.

    In float64. With w the confidence, m(x) = mean(w x) / mean(w) and mean a box's: slope = (m(g v) - m(g) m(v)) /
    (max(m(g g) - m(g)^2, 0) + epsilon), offset = m(v) - slope m(g), result = m(slope) g + m(offset), for the map v and
    the luma g; clipped to 0 and ``Manifest.sigma_max_px``.
    """

    kind: Literal["weighted guided filter"]
    """He, Sun and Tang 2010, section 3.1, with a weight for each pixel."""
    radius: float
    """Half the side of the box, relative to the working size's long side; rounded half to even."""
    least_radius_px: int
    """Smallest such half."""
    epsilon: float
    """Variance of luma below which a box counts as flat."""
    border: Literal["cut off"]
    """What a box does at the border: it is smaller there, and so is the number that its sum is divided by."""
    luma: tuple[float, float, float]
    """Weights of red, green and blue, gamma-coded as they are."""
    gradient: Literal["central differences"]
    """Of luma, in rows and columns; one-sided at the border."""
    confidence_radius_px: int
    """Half the side of the box over which the gradient's square is averaged: e."""
    flat_gradient: float
    """Confidence is e / (e + flat_gradient^2) + confidence_floor."""
    confidence_floor: float
    """Where nothing near is textured, values still count."""


@dataclass(frozen=True, kw_only=True)
class Optics:
    """From the map to what the refocusing graph is asked for: defocus_px -> target_sigma_px.

    target = clip((reference_f_number / f_number) |defocus - defocus at the tap|, 0, Manifest.sigma_max_px).
    """

    kind: Literal["thin lens"]
    """Blur is linear in the difference of inverse depths, so in that of defocus."""
    reference_f_number: float
    """At this aperture blur differs as in the photograph."""
    side: Literal["all behind"]
    """An estimated sigma has no sign: everything blurred is taken to lie behind the plane of focus."""
    tap_radius: float
    """Half the side of the window that stands for the tapped point, relative to the long side; rounded half to even.
    The window's middle is pixel floor(x width), floor(y height), at most the last; it is cut off at the border."""
    least_tap_radius_px: int
    """Smallest such half."""
    tap_value: Literal["mean weighted by confidence"]
    """What the window gives; of a map that is known otherwise, which has no confidence, the median."""


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What no file of a graph says."""

    sigma_unit: Literal["px of the working size"]
    """Of every sigma: standard deviation of a Gaussian, in pixels of the picture that the graphs see."""
    outputs: Literal["clip to range"]
    """What graphs answer may leave ``TensorMeaning.range`` by a little: readers clip it."""
    smoothing: Smoothing
    """Between the estimator and the optics."""
    optics: Optics
    """Between a tap and the refocusing graph."""
