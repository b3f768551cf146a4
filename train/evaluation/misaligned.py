"""What a network does on a pair that is not aligned: three ways to look, none of which is enough alone.

- **Plain**: output against ground truth as they lie. Misalignment costs input and output alike, often more than blur.
- **Aligned**: the ground truth brought to the *input* once (``global_alignment``), then compared with both.
- **Shift**: how far the output lies from its own input, block by block. Neither of the others tells a shifted
  output from a soft one; this does. A network trained with a plain pixel loss on misaligned pairs shows here.
- **By flow**, for comparison with published figures on SDD: the ground truth is moved onto the *output* by dense
  flow, as the published code does (with DIS here, PWC-Net there). It forgives any shift: read it beside the shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from runtime.system.errors import ReblurError
from train.data.alignment import flow_between, move
from train.data.photos import Picture
from train.evaluation.global_alignment import Aligned, align_truth
from train.evaluation.lpips_score import Perceptual
from train.evaluation.metrics import Mask, Scores, score, texture_mask

BLOCK_PX = 48
"""Side of the blocks a shift is measured in."""
TEXTURED_SHARE = 0.2
"""Share of a block that has to have texture."""
SUBPIXELS = 50
"""Steps a pixel is divided into."""


@dataclass(frozen=True)
class Shift:
    """Displacement of the blocks of an output against its input, on textured area of the input."""

    median_px: float
    """Of its length."""
    p95_px: float
    """95th percentile of its length."""
    mean_px: float
    """Length of the mean displacement: what is left when directions cancel is a shift of the picture as a whole."""


@dataclass(frozen=True)
class Compared:
    """Scores of an input and of the output made of it, against one ground truth."""

    input: Scores
    output: Scores


@dataclass(frozen=True)
class Misaligned:
    """The figures of one pair; ``aligned`` is None where no alignment was found, for ``reason``."""

    plain: Compared
    aligned: Compared | None
    reason: str | None
    by_flow: Compared
    shift: Shift | None
    """None where the input has no texture to measure on."""
    aligned_truth: Aligned | None
    """What ``aligned`` was measured against."""

    def truth_to_show(self, truth: Picture) -> Picture:
        """The ground truth as it should stand beside the output: aligned if that was possible."""
        return truth if self.aligned_truth is None else self.aligned_truth.truth


def measure(blurry: Picture, output: Picture, truth: Picture, perceptual: Perceptual | None = None) -> Misaligned:
    """Measure one pair; all pictures (H, W, 3), sRGB in [0, 1], of one size."""
    plain = Compared(score(blurry, truth, perceptual), score(output, truth, perceptual))
    aligned_truth, reason = None, None
    try:
        aligned_truth = align_truth(truth, blurry)
    except ReblurError as error:
        reason = str(error)
    aligned = None
    if aligned_truth is not None:
        against = aligned_truth.truth, perceptual, aligned_truth.mask
        aligned = Compared(score(blurry, *against), score(output, *against))
    by_flow = Compared(_by_flow(blurry, truth, perceptual), _by_flow(output, truth, perceptual))
    return Misaligned(plain, aligned, reason, by_flow, shift_of(output, blurry), aligned_truth)


def shift_of(output: Picture, blurry: Picture) -> Shift | None:
    """How far an output lies from its input, by phase correlation of textured blocks; None without texture.

    Not by dense flow: on repeated patterns (a barcode, a row of pins) flow finds the neighbour now and then, tens of
    pixels away, even between two pictures that lie on each other.

    Args:
        output: (H, W, 3), sRGB in [0, 1].
        blurry: its input.
    """
    from skimage.registration import phase_cross_correlation

    image = torch.from_numpy(np.ascontiguousarray(blurry.transpose(2, 0, 1)))[None]
    textured = texture_mask(image)[0, 0].numpy()
    window = np.outer(np.hanning(BLOCK_PX), np.hanning(BLOCK_PX))
    grey = [picture.mean(-1) for picture in (blurry, output)]
    found = []
    for y in range(0, blurry.shape[0] - BLOCK_PX + 1, BLOCK_PX // 2):
        for x in range(0, blurry.shape[1] - BLOCK_PX + 1, BLOCK_PX // 2):
            place = np.s_[y : y + BLOCK_PX, x : x + BLOCK_PX]
            if textured[place].mean() >= TEXTURED_SHARE:
                parts = [(picture[place] - picture[place].mean()) * window for picture in grey]
                found.append(phase_cross_correlation(*parts, upsample_factor=SUBPIXELS)[0])
    if not found:
        return None
    vectors = np.array(found)
    lengths = np.hypot(*vectors.T)
    return Shift(
        median_px=float(np.median(lengths)),
        p95_px=float(np.percentile(lengths, 95)),
        mean_px=float(np.hypot(*vectors.mean(0))),
    )


def _by_flow(picture: Picture, truth: Picture, perceptual: Perceptual | None) -> Scores:
    """Scores against the ground truth moved onto the picture itself by flow, where the flow stays inside."""
    flow = flow_between(picture, truth)
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width] + flow[::-1]
    inside: Mask = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return score(picture, np.clip(move(truth, flow), 0, 1), perceptual, inside)
