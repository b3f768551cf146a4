"""How a photograph gets to the graphs, written down for readers of the manifest in other languages."""

from __future__ import annotations

from runtime.manifest.records import ResizePolicy, Tiling
from runtime.refocusing.defaults import WORKING_LONG_SIDE_PX
from runtime.refocusing.tiling import ALIGNMENT_PX

RESIZE = ResizePolicy(
    long_side_px=WORKING_LONG_SIDE_PX, enlarge=False, filter="lanczos3", values="sRGB", orientation="upright"
)
"""What ``runtime.refocusing.pipeline`` does."""


TILING = Tiling(alignment_px=ALIGNMENT_PX, padding="edge", inner_halo="discard")
"""What ``runtime.refocusing.tiling`` does."""
