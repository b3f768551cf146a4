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
    one_call_share: float | None = None
    """Where a picture that fits into the graphs, lying or standing, has at least this share of the working size's
    sides, the working size is that picture's: one call takes it. None, before schema_minor 2: never."""
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

    On means over blocks (the last row and column repeated to whole blocks): g of luma, v of the map, e of the squared
    gradient; confidence c = e / (e + flat_gradient^2) + confidence_floor. With mean a box's, W the wider box's:
    w = c + wider_weight, u = (c v + wider_weight W(c v) / W(c)) / w, m(x) = mean(w x) / mean(w);
    slope = (m(g u) - m(g) m(u)) / (max(m(g g) - m(g)^2, 0) + epsilon), offset = m(u) - slope m(g). The result is
    m(slope) luma + m(offset) at full size, both enlarged bilinearly between the blocks' middles and constant beyond the
    outermost, clipped to 0 and ``Manifest.sigma_max_px``. Means of boxes in float64.
    """

    kind: Literal["fast weighted guided filter"]
    """He and Sun 2015, with a weight for each pixel."""
    reduction: int
    """Side of a block."""
    radius: float
    """Half the side of the box, relative to the working size's long side, of which the number of blocks is
    1 / reduction; rounded half to even."""
    least_radius: int
    """Smallest such half, in blocks."""
    wider: int
    """How many times that the half of the wider box is."""
    wider_weight: float
    """What the wider box's mean counts for."""
    epsilon: float
    """Variance of luma below which a box counts as flat."""
    border: Literal["cut off"]
    """What a box does at the border: it is smaller there, and so is the number that its sum is divided by."""
    luma: tuple[float, float, float]
    """Weights of red, green and blue, gamma-coded as they are."""
    gradient: Literal["central differences, 0 at the border"]
    """Of luma, in rows and columns."""
    flat_gradient: float
    """Gradient at which confidence is one half."""
    confidence_floor: float
    """Where nothing near is textured, values still count."""


@dataclass(frozen=True, kw_only=True)
class Optics:
    """From the map to what the refocusing graph is asked for: defocus_px -> target_sigma_px.

    With d = defocus - defocus at the tap and c = clip((|d| - in_focus_px[0]) / (in_focus_px[1] - in_focus_px[0]), 0,
    1): target = (reference_f_number / f_number) c d, clipped to the range of the graph's input; negative in front.
    """

    kind: Literal["signed thin lens"]
    """Blur is linear in the difference of inverse depths, so in that of defocus."""
    reference_f_number: float
    """At this aperture blur differs as in the photograph."""
    side: Literal["all behind"]
    """An estimated sigma has no sign: everything blurred is taken to lie behind the plane of focus."""
    in_focus_px: tuple[float, float]
    """Difference up to which there is none, and from which it counts wholly."""
    tap_radius: float
    """Half the side of the window of blocks that stands for the tapped point, relative to their long side; rounded half
    to even. The window's middle is block floor(x width), floor(y height), at most the last; cut off at the border."""
    least_tap_radius: int
    """Smallest such half."""
    tap_value: Literal["mean weighted by confidence"]
    """What the window gives, of the map at the pixel in each block's middle, floor((i + 1/2) pixels / blocks); of a map
    that is known otherwise, which has no confidence, the median over a window of pixels."""


@dataclass(frozen=True, kw_only=True)
class Highlights:
    """How lamps that the sensor clipped get brighter before they are blurred: sharp -> sharp, beyond 1.

    With k = clip((least channel - clipped[0]) / (clipped[1] - clipped[0]), 0, 1) and a = clip(1 - mean of k / crowded,
    0, 1), the mean over a box of blocks as ``Smoothing`` makes them, enlarged likewise: all channels times
    sqrt(1 + (largest_light - 1) k a).
    """

    kind: Literal["isolated clipped pixels"]
    """What is taken for a lamp."""
    clipped: tuple[float, float]
    """Least channel from which a pixel begins to count as clipped, and does wholly."""
    largest_light: float
    """Light that a lamp is given, where white is 1."""
    around: float
    """Half the side of the box, relative to the blocks' long side; at least 1, rounded half to even."""
    crowded: float
    """Part of the box which, clipped, makes a wall."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What stays the photograph: with d = |target_sigma_px - defocus_px|, the share clip((to - d) / (to - from), 0, 1).

    Only of an estimated map; one that is known otherwise does not say what the photograph's blur is.
    """

    from_px: float
    """Difference up to which all of it does."""
    to_px: float
    """Difference from which none does."""


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What no file of a graph says."""

    sigma_unit: Literal["px of the working size"]
    """Of every sigma: standard deviation of a Gaussian, in pixels of the picture that the graphs see."""
    outputs: Literal["clip to range"]
    """What graphs answer may leave ``TensorMeaning.range`` by a little: readers clip it."""
    grey_within: float
    """A picture none of whose channels differ by more anywhere is grey: what deblurring answers is made grey, too, each
    pixel by the mean of its channels."""
    smoothing: Smoothing
    """Between the estimator and the optics."""
    optics: Optics
    """Between a tap and the refocusing graph."""
    highlights: Highlights
    """Between the deblurring network and the refocusing graph."""
    agreement: Agreement
    """After the refocusing graph."""
