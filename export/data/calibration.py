"""Representative inputs for int8: photographs sharp, evenly blurred and blurred more towards one corner.

The blur is the refocusing graph's own, which is fast and follows the exact one closely on maps as smooth as these
(``tests/export/test_refocus.py``). The sigma maps are the float estimator's, as in use, and for the uneven ones
also the true map, which reaches the largest sigma there is. Test charts are left out on purpose: their saturated
edges would widen the ranges beyond what photographs need, and every step of eight bits with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from export.data.pictures import CALIBRATION_PICTURES, diagonal_ramp, load_picture
from export.graphs.specs import GraphSpec
from runtime.manifest.golden_vectors import mirrored

EVEN_SIGMA_PX = 1.2
"""A blur that the networks meet often."""
LARGEST_PX = 512
"""Side of the pictures that the search for int8 settings used."""


def calibration_samples(specs: Mapping[str, GraphSpec], height: int, width: int) -> dict[str, Samples]:
    """Inputs of the graphs that have an int8 recipe, by graph; the same on every machine and every day.

    Args:
        specs: the graphs, refocus among them.
        height: of every tensor, in pixels.
        width: of every tensor, in pixels.

    Returns:
        For "defocus" (image,), for "deblur" (image, sigma_px), for "fused" (image, target_sigma_px), whose map nothing
        quantised depends on; each (1, C, H, W) float32.
    """
    sigma_max_px = specs["defocus"].outputs[0].range[1]
    ramp_px = diagonal_ramp(height, width, sigma_max_px)
    even_px = torch.full_like(ramp_px, EVEN_SIGMA_PX)
    images: list[Tensor] = []
    with_true_map: list[tuple[Tensor, ...]] = []
    with torch.no_grad():
        for name in CALIBRATION_PICTURES:
            picture = _picture(name, height, width)
            uneven = specs["refocus"].module(picture, ramp_px)
            images += [picture, specs["refocus"].module(picture, even_px), uneven]
            with_true_map.append((uneven, ramp_px))
        estimated = [(image, specs["defocus"].module(image)) for image in images]
    return {
        "defocus": [(image,) for image in images],
        "deblur": [*estimated, *with_true_map],
        "fused": [(image, ramp_px) for image in images],
    }


def _picture(name: str, height: int, width: int) -> Tensor:
    """(1, 3, height, width): what a graph of ``LARGEST_PX`` sees, mirrored where there is room for more.

    So the ranges are those that the settings were chosen with, whatever the size of the graph.
    """
    picture = load_picture(name, min(height, LARGEST_PX), min(width, LARGEST_PX))
    return torch.from_numpy(mirrored(picture.numpy(), height, width))


Samples = Sequence[tuple[Tensor, ...]]
"""Representative inputs: for each sample one (B, C, H, W) tensor for each input of the graph."""
