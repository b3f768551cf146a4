"""Pictures for a finger that drags: the quick graph, on the photograph at half the working size where there is one.

A graph has one size, and a smaller picture costs it as much. So of the preview graphs of an export the smallest is
taken that half the working size fits into, and the picture is as large as that takes in one call. An export of several
sizes has a small one: ``reblur export --size 768x1024,384x512``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from runtime.manifest.records import Artifact, Pipeline
from runtime.photos.photo import resize
from runtime.refocusing.enlarging import resize_map
from runtime.refocusing.rendering import fitting_size, one_call, shrunk
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray, between

PREVIEW = "preview"
"""The graph's name."""


def smallest_preview(artifacts: Iterable[Artifact], pipeline: Pipeline, long_side_px: int) -> Artifact | None:
    """The smallest preview graph of a pipeline's kind that half this long side fits into; else the largest, if any.

    Args:
        artifacts: of an export.
        pipeline: says the format and what it was lowered for.
        long_side_px: of the working size.
    """
    kind = pipeline.backend, pipeline.delegate
    there = [a for a in artifacts if a.graph == PREVIEW and (a.format, a.delegate) == kind and a.status == "passed"]
    there.sort(key=lambda artifact: int(np.prod(artifact.size_px)))
    large_enough = [artifact for artifact in there if max(artifact.size_px) >= long_side_px / 2]
    return next(iter(large_enough or there[-1:]), None)


class Previewer:
    """Previews of one photograph.

    Args:
        graph: "preview".
        lit: (h, w, 3) sRGB, all in focus; lamps are above 1.
        picture: (h, w, 3) sRGB in [0, 1]: the photograph.
    """

    def __init__(self, graph: TiledGraph, lit: FloatArray, picture: FloatArray) -> None:
        self._graph = graph
        self._size_px = fitting_size(graph.size_px, *picture.shape[:2])
        self._lit = shrunk(lit, *self._size_px)
        self._picture = resize(picture, *self._size_px)

    def __call__(self, target_px: FloatArray, kept: FloatArray | None) -> FloatArray:
        """The photograph refocused, (h', w', 3) sRGB in [0, 1].

        Args:
            target_px: (h, w) signed sigma in pixels; the quick graph does not see the sign.
            kept: (h, w) in [0, 1]: how far the photograph stays as it is; None for nowhere.
        """
        scale = np.float32(self._size_px[1] / target_px.shape[1])
        result = one_call(self._graph, self._lit, resize_map(target_px, *self._size_px) * scale)
        if kept is None:
            return result
        return between(result, self._picture, resize_map(kept, *self._size_px)[..., None])
