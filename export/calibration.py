"""Representative inputs for int8: pictures sharp, evenly blurred and blurred more towards one corner.

The blur is the refocusing graph's own: it follows the exact one to 70 dB on maps as smooth as these and takes a
hundredth of the time. The sigma maps are the float estimator's, as in use, and for the uneven ones also the true
map, which reaches the largest sigma there is.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from export.graphs import GraphSpec
from export.pictures import CALIBRATION_PICTURES, color_patches, diagonal_ramp, load_picture
from export.quantize import Samples

EVEN_SIGMA_PX = 1.2
"""A blur that the networks meet often."""


def calibration_samples(specs: Mapping[str, GraphSpec], height: int, width: int) -> dict[str, Samples]:
    """Inputs of the graphs that have an int8 recipe, by graph; the same on every machine and every day.

    Args:
        specs: the graphs, all three.
        height: of every tensor, in pixels.
        width: of every tensor, in pixels.

    Returns:
        For "defocus" (image,), for "deblur" (image, sigma_px); each (1, C, H, W) float32.
    """
    sigma_max_px = specs["defocus"].outputs[0].range[1]
    ramp_px = diagonal_ramp(height, width, sigma_max_px)
    even_px = torch.full_like(ramp_px, EVEN_SIGMA_PX)
    images: list[Tensor] = [color_patches(height, width)]
    with_true_map: list[tuple[Tensor, ...]] = []
    with torch.no_grad():
        for name in CALIBRATION_PICTURES:
            picture = load_picture(name, height, width)
            uneven = specs["refocus"].module(picture, ramp_px)
            images += [picture, specs["refocus"].module(picture, even_px), uneven]
            with_true_map.append((uneven, ramp_px))
        estimated = [(image, specs["defocus"].module(image)) for image in images]
    return {"defocus": [(image,) for image in images], "deblur": [*estimated, *with_true_map]}
