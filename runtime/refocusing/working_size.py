"""The size at which a photograph is looked at and, for a screen, refocused."""

from __future__ import annotations

from runtime.photos.photo import Photo, resize
from runtime.refocusing.tiling import fitting_scale
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

LEAST_LONG_SIDE_PX = 32
ONE_CALL_SHARE = 0.9375
"""A size that a graph takes in one call is preferred to one that is larger by no more than this leaves: cameras whose
pictures are a little taller than 4:3 (4080 x 3072, 4000 x 3008), and 5:4."""


def working_size(height: int, width: int, long_side_px: int, fits_px: tuple[int, int] | None = None) -> tuple[int, int]:
    """Height and width at which a photograph of this size is worked on; never enlarged.

    Args:
        height: of the photograph.
        width: of the photograph.
        long_side_px: what the long side is limited to.
        fits_px: height and width of the graphs; where a picture that fits into them, lying or standing, has at least
            ``ONE_CALL_SHARE`` of the sides, it is taken: the rest would cost several calls in place of one.
    """
    scale = min(1.0, long_side_px / max(height, width))
    if fits_px is not None:
        fits = fitting_scale(fits_px, height, width)
        if ONE_CALL_SHARE * scale <= fits < scale:
            scale = fits
    return max(1, round(height * scale)), max(1, round(width * scale))


def at_working_size(image: Photo | FloatArray, height: int, width: int) -> FloatArray:
    """(height, width, 3) sRGB in [0, 1] of a photograph or a picture."""
    if isinstance(image, Photo):
        return image.rgb if image.size_px == (height, width) else resize(image.samples, height, width)
    return image if image.shape[:2] == (height, width) else resize(image, height, width)


def check_long_side(long_side_px: int) -> None:
    """Refuse pictures that are too small to be told anything of.

    Raises:
        ReblurError: this one would be.
    """
    if long_side_px < LEAST_LONG_SIDE_PX:
        raise ReblurError(f"the long side must be at least {LEAST_LONG_SIDE_PX} px, got {long_side_px}")
