"""What happens to a photograph around the graphs, written down for readers of the manifest in other languages."""

from __future__ import annotations

from runtime.manifest.convention_records import (
    Agreement,
    Conventions,
    Highlights,
    Optics,
    ResizePolicy,
    Smoothing,
    Tiling,
)
from runtime.refocusing import defocus_map, highlights, optics, pipeline
from runtime.refocusing.defaults import REFERENCE_F_NUMBER, WORKING_LONG_SIDE_PX
from runtime.refocusing.tiling import ALIGNMENT_PX
from runtime.refocusing.working_size import ONE_CALL_SHARE

RESIZE = ResizePolicy(
    long_side_px=WORKING_LONG_SIDE_PX,
    enlarge=False,
    one_call_share=ONE_CALL_SHARE,
    rounding="half to even",
    filter="lanczos3",
    grid="pixel centers",
    dtype="float32",
    range=(0.0, 1.0),
    values="sRGB",
    color_management="none",
    orientation="upright",
)
"""What ``runtime.photos.photo.resize`` and ``runtime.refocusing.pipeline`` do."""

TILING = Tiling(alignment_px=ALIGNMENT_PX, padding="edge", inner_halo="discard")
"""What ``runtime.refocusing.tiling`` does."""

_RED, _GREEN, _BLUE = (round(float(weight), 6) for weight in defocus_map.LUMA_WEIGHTS)

CONVENTIONS = Conventions(
    sigma_unit="px of the working size",
    outputs="clip to range",
    smoothing=Smoothing(
        kind="fast weighted guided filter",
        reduction=defocus_map.REDUCTION,
        radius=defocus_map.RADIUS,
        least_radius=defocus_map.LEAST_RADIUS,
        wider=defocus_map.WIDER,
        wider_weight=defocus_map.WIDER_WEIGHT,
        epsilon=defocus_map.EPSILON,
        border="cut off",
        luma=(_RED, _GREEN, _BLUE),
        gradient="central differences, 0 at the border",
        flat_gradient=defocus_map.FLAT_GRADIENT,
        confidence_floor=defocus_map.CONFIDENCE_FLOOR,
    ),
    optics=Optics(
        kind="signed thin lens",
        reference_f_number=REFERENCE_F_NUMBER,
        side="all behind",
        in_focus_px=optics.IN_FOCUS_PX,
        tap_radius=optics.TAP_RADIUS,
        least_tap_radius=optics.LEAST_TAP_RADIUS_PX,
        tap_value="mean weighted by confidence",
    ),
    highlights=Highlights(
        kind="isolated clipped pixels",
        clipped=highlights.CLIPPED,
        largest_light=highlights.LARGEST_LIGHT,
        around=highlights.AROUND,
        crowded=highlights.CROWDED,
    ),
    grey_within=pipeline.GREY_WITHIN,
    agreement=Agreement(from_px=pipeline.AGREES_PX[0], to_px=pipeline.AGREES_PX[1]),
)
"""What ``runtime.refocusing`` does."""
