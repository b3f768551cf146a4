"""What happens to a photograph around the graphs, written down for readers of the manifest in other languages."""

from __future__ import annotations

from runtime.manifest.convention_records import Conventions, Optics, ResizePolicy, Smoothing, Tiling
from runtime.refocusing import guided_filter, optics, pipeline
from runtime.refocusing.defaults import REFERENCE_F_NUMBER, WORKING_LONG_SIDE_PX
from runtime.refocusing.tiling import ALIGNMENT_PX

RESIZE = ResizePolicy(
    long_side_px=WORKING_LONG_SIDE_PX,
    enlarge=False,
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

_RED, _GREEN, _BLUE = (round(float(weight), 6) for weight in pipeline.LUMA_WEIGHTS)

CONVENTIONS = Conventions(
    sigma_unit="px of the working size",
    outputs="clip to range",
    smoothing=Smoothing(
        kind="weighted guided filter",
        radius=pipeline.SMOOTHING_RADIUS,
        least_radius_px=pipeline.LEAST_SMOOTHING_RADIUS_PX,
        epsilon=pipeline.SMOOTHING_EPSILON,
        border="cut off",
        luma=(_RED, _GREEN, _BLUE),
        gradient="central differences",
        confidence_radius_px=guided_filter.CONFIDENCE_RADIUS_PX,
        flat_gradient=guided_filter.FLAT_GRADIENT,
        confidence_floor=guided_filter.CONFIDENCE_FLOOR,
    ),
    optics=Optics(
        kind="thin lens",
        reference_f_number=REFERENCE_F_NUMBER,
        side="all behind",
        tap_radius=optics.TAP_RADIUS,
        least_tap_radius_px=optics.LEAST_TAP_RADIUS_PX,
        tap_value="mean weighted by confidence",
    ),
)
"""What ``runtime.refocusing.pipeline``, ``guided_filter`` and ``optics`` do."""
