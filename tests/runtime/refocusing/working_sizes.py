"""Sizes of photographs and what they are worked on at, for every language that follows the manifest."""

from __future__ import annotations

from runtime.refocusing.working_size import ONE_CALL_SHARE

LONG_SIDE_PX, GRAPH_PX = 1024, (768, 1024)
WORKING_SIZES = {
    (3000, 4000): (768, 1024),
    (3008, 4000): (768, 1021),
    (3072, 4080): (768, 1020),
    (4080, 3072): (1020, 768),
    (2048, 2560): (768, 960),
    (2040, 2500): (836, 1024),
    (3000, 3000): (1024, 1024),
    (2250, 4001): (576, 1024),
    (600, 800): (600, 800),
    (780, 1024): (768, 1008),
    (1, 4000): (1, 1024),
}
"""(height, width) of the photograph -> of its working size; with graphs of ``GRAPH_PX``."""


def working_size_facts() -> dict[str, object]:
    """The same as JSON has it: the graph, and rows of photograph and working size."""
    return {
        "graph": list(GRAPH_PX),
        "long_side_px": LONG_SIDE_PX,
        "one_call_share": ONE_CALL_SHARE,
        "cases": [[*photo, *working] for photo, working in WORKING_SIZES.items()],
    }
