"""How a photograph gets to the graphs, written down for readers of the manifest in other languages."""

from __future__ import annotations

from runtime.pipeline import WORKING_LONG_SIDE_PX
from runtime.schema import ResizePolicy, Tiling
from runtime.tiling import ALIGNMENT_PX

RESIZE = ResizePolicy(
    long_side_px=WORKING_LONG_SIDE_PX, enlarge=False, filter="lanczos3", values="sRGB", orientation="upright"
)
"""What ``runtime.pipeline`` does."""


TILING = Tiling(alignment_px=ALIGNMENT_PX, padding="edge", inner_halo="discard")
"""What ``runtime.tiling`` does."""
