"""Photographs as arrays and back: upright, with EXIF and ICC profile carried along; see ``encodings`` for the formats.

Pixels stay in the colour space of the photograph's own ICC profile, which is passed on unchanged; without one
it is sRGB by convention. The networks take the numbers as they are: a Display P3 photograph keeps its colours
and merely looks a little less saturated to them.
"""

from __future__ import annotations

import dataclasses
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from runtime.photos import exif, jpeg_stream, png16, png_stream
from runtime.photos.coverage import with_visible_colours
from runtime.photos.depth import Depth, depth_of
from runtime.photos.encodings import NAMES, READABLE, encoding_of, looks_like_heif, with_heif
from runtime.photos.extras import NO_EXTRAS, Extras, fits_jpeg, read_extras
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically

MIN_SIDE_PX = 32
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # a long text is no reason to refuse a picture
MAX_MEGAPIXELS = 150
"""Larger pictures are refused before they are decoded (Pillow itself draws the line a little further on)."""

Samples: TypeAlias = NDArray[Any]
"""Pixels as a file has them, uint8 or uint16, or as they are computed with, float32 in [0, 1]."""

_UPRIGHT: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
"""EXIF Orientation -> what turns the stored pixels upright (CIPA DC-008, table of tag 274)."""

_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
"""Markers before a JPEG's size and bits a sample."""
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error, zlib.error)
"""What Pillow raises on damaged files, depending on where the damage is."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph, upright."""

    samples: Samples
    """(H, W, 3) gamma-encoded (sRGB, or the space of ``icc_profile``): whole numbers up to the largest of their type,
    or float32 in [0, 1]."""
    alpha: FloatArray | None = None
    """(H, W) in [0, 1], or None when the picture has no transparency."""
    exif: bytes | None = None
    """EXIF block with Orientation 1 (the pixels are upright already), or None."""
    icc_profile: bytes | None = None
    """ICC profile as it was in the file, or None; a profile that is not for RGB pixels is left out."""
    bit_depth: int = 8
    """Bits a sample in the file: 8 or 16."""
    path: Path | None = None
    """Where it was read from."""
    depth: Depth | None = None
    """What it carries of a depth camera or a phone's portrait mode, upright; of any size."""
    extras: Extras = NO_EXTRAS
    """What else is carried along."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def rgb(self) -> FloatArray:
        """(H, W, 3) in [0, 1]; made anew at each call."""
        return as_floats(self.samples)

    def part(self, part: tuple[slice, slice]) -> FloatArray:
        """Some rows and columns of ``rgb``."""
        return as_floats(self.samples[part])

    def as_samples(self, rgb: FloatArray) -> Samples:
        """A picture in [0, 1] in the type of the photograph's own samples."""
        return as_samples(rgb, self.samples.dtype)


def as_floats(samples: Samples) -> FloatArray:
    """Samples as float32 in [0, 1]."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(np.float32, copy=False)
    floats = samples.astype(np.float32)
    floats /= np.float32(np.iinfo(samples.dtype).max)
    return floats


def as_samples(rgb: FloatArray, dtype: np.dtype) -> Samples:
    """A picture as samples of a type, clipped to [0, 1]."""
    clipped = np.clip(rgb, 0.0, 1.0)
    if dtype == np.float32:
        return clipped
    clipped *= np.float32(np.iinfo(dtype).max)
    return np.rint(clipped, out=clipped).astype(dtype)


def read_photo(path: Path | str) -> Photo:
    """Read a picture: grey, RGB, palette or (JPEG) CMYK; with or without alpha; a PNG also with 16 bits.

    Of a file with several pictures (Ultra HDR, motion photo, burst) the main one is read, with a warning.

    An EXIF block that cannot be read is left out with a warning; an odd tag within one stays as it is. CMYK is
    converted without colour management.

    Raises:
        ReblurError: there is no such file, it is in no format that is read or damaged, or its size is out of bounds.
    """
    path = Path(path)
    if path.is_dir():
        raise ReblurError(f"{path} is a folder: expected a {NAMES} file")
    if not path.exists():
        raise ReblurError(f"no photograph at {path}: check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on size (the limit below is ours) and on malformed EXIF
            image = Image.open(path, formats=READABLE if with_heif() else READABLE[:-1])
    except UnidentifiedImageError as error:
        if looks_like_heif(path) and not with_heif():
            raise ReblurError(f"{path} is a HEIC picture: pip install 'reblur[heif]', or convert it to JPEG") from error
        raise ReblurError(f"{path} {_unknown(path)}") from error
    except Image.DecompressionBombError as error:
        raise ReblurError(f"{path} is too large: expected at most {MAX_MEGAPIXELS} megapixels") from error
    except _DAMAGED as error:
        raise ReblurError(f"cannot read {path}: {_reason(error)}") from error
    with image:
        _check_size(image, path)
        if image.format == "PNG" and (fault := png_stream.fault_of(path)):
            raise ReblurError(f"{path} is damaged or cut short ({fault}): copy it again")
        bit_depth = 16 if png16.is_16_bit(image) else 8  # first: reading EXIF may load the picture
        exif_block, orientation = exif.read_upright(image)
        try:
            pixels = _pixels_16_bit(image, path) if bit_depth == 16 else _pixels_8_bit(image)
        except _DAMAGED as error:
            raise ReblurError(f"{path} is damaged or cut short ({_reason(error)}): copy it again") from error
        upright = _UPRIGHT[orientation]
        pixels = np.ascontiguousarray(upright(pixels))
        if getattr(image, "n_frames", 1) > 1:
            what = "further pictures, such as a gain map, are" if image.format == "MPO" else "the others are"
            warnings.warn(f"{path} holds several pictures: the main one is used, {what} left out", stacklevel=2)
        depth = depth_of(image, path)
        if depth is not None:
            depth = dataclasses.replace(depth, disparity=np.ascontiguousarray(upright(depth.disparity)))
        samples, alpha = np.ascontiguousarray(pixels[..., :3]), None
        if pixels.shape[2] == 4:
            samples = with_visible_colours(samples, pixels[..., 3])
            alpha = as_floats(np.ascontiguousarray(pixels[..., 3]))
        return Photo(
            samples=samples,
            alpha=alpha,
            exif=exif_block,
            icc_profile=_rgb_profile(image),
            bit_depth=bit_depth,
            path=path,
            depth=depth,
            extras=read_extras(image, path),
        )


def write_photo(path: Path | str, rgb: Samples, *, like: Photo) -> None:
    """Write a picture, in the format of its extension, with what belongs to the photograph it was made from.

    EXIF (its pixel size updated), ICC profile and ``extras`` are kept as far as the format has them; alpha too, resized
    to the picture, and where the format has none the ground is white, with a warning; a PNG also keeps 16 bits a sample
    where the photograph had them. The file appears whole or not at all.

    Args:
        path: ends as one of ``encodings.ENCODINGS``; not the photograph itself.
        rgb: (H, W, 3), samples as they are to be written, or floats in [0, 1], clipped.
        like: the photograph.

    Raises:
        ReblurError: unknown extension, the file is the photograph itself, or it cannot be written.
    """
    path = Path(path)
    check_writable_as_photo(path, like)
    height, width = rgb.shape[:2]
    exif_block = exif.with_size(like.exif, width, height) if like.exif else None
    encoding = encoding_of(path)
    if exif_block is not None and encoding.format == "JPEG" and not fits_jpeg(exif_block):
        warnings.warn(f"EXIF of {len(exif_block)} bytes does not fit in a JPEG, it is left out", stacklevel=2)
        exif_block = None
    dtype = np.dtype(np.uint16 if encoding.format == "PNG" and like.bit_depth == 16 else np.uint8)
    samples = rgb if rgb.dtype == dtype else as_samples(as_floats(rgb), dtype)
    if like.alpha is not None:
        alpha = like.alpha if like.alpha.shape == (height, width) else resize(like.alpha, height, width)
        if encoding.alpha:
            samples = np.concatenate([samples, as_samples(alpha, dtype)[..., None]], axis=2)
        elif alpha.min() < 1.0:
            warnings.warn(f"a {encoding.format} has no transparency: the ground is white", stacklevel=2)
            white = np.float32(1.0)
            samples = as_samples(white - alpha[..., None] * (white - as_floats(samples)), dtype)
    if samples.dtype == np.uint16:
        write_atomically(path, like.extras.in_png(png16.encode(samples, exif_block, like.icc_profile)))
        return
    image = Image.fromarray(samples)
    buffer = io.BytesIO()
    try:
        kept = {"exif": exif_block or b"", "icc_profile": like.icc_profile}
        kept = {name: part for name, part in kept.items() if part} | like.extras.for_pillow(encoding.format)
        image.save(buffer, encoding.format, **encoding.options, **kept)
    except (OSError, ValueError) as error:
        raise ReblurError(f"cannot encode {path}: {_reason(error)}; try .png") from error
    write_atomically(path, like.extras.within(buffer.getvalue(), encoding.format))


def check_writable_as_photo(path: Path, like: Photo) -> None:
    """Refuse an output path before any work is done: its extension, its folder, the photograph itself.

    Raises:
        ReblurError: says which.
    """
    encoding_of(path)
    if not path.parent.is_dir():
        raise ReblurError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise ReblurError(f"cannot write {path}: it is a folder")
    if like.path is not None and path.exists() and like.path.exists() and path.samefile(like.path):
        raise ReblurError(f"{path} is the photograph itself: choose another name for the result")


def resize(pixels: Samples, height: int, width: int) -> FloatArray:
    """Resize with antialiasing (Lanczos), clipped to [0, 1].

    Args:
        pixels: (H, W) or (H, W, C), whole numbers or floats in [0, 1].
        height: new height in pixels.
        width: new width in pixels.

    Returns:
        (height, width) or (height, width, C) float32.
    """
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    resized = [_resized(planes[..., channel], height, width) for channel in range(planes.shape[2])]
    result = np.clip(np.stack(resized, axis=-1), 0.0, 1.0)
    return result[..., 0] if pixels.ndim == 2 else result


def _resized(plane: Samples, height: int, width: int) -> FloatArray:
    image = Image.fromarray(np.ascontiguousarray(as_floats(plane)))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def _unknown(path: Path) -> str:
    """What a file is that no reader takes, and what to do."""
    data = path.read_bytes()
    if not data.startswith(jpeg_stream.START):
        return f"is no {NAMES} picture: convert it to one of them first"
    for marker, payload in jpeg_stream.segments(data):
        if marker in _JPEG_FRAMES and payload and payload[0] != 8:
            return f"is a JPEG of {payload[0]} bits a sample, expected 8: convert it to a PNG first"
    return "begins as a JPEG, but its header is damaged: open it in another program and save it anew"


def _check_size(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if min(width, height) < MIN_SIDE_PX:
        raise ReblurError(f"{path} is too small: expected at least {MIN_SIDE_PX} px a side, got {width}x{height}")
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise ReblurError(f"{path} is too large: expected at most {MAX_MEGAPIXELS} megapixels, got {width}x{height}")


def _pixels_8_bit(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) or, with alpha, (H, W, 4)."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return np.asarray(image.convert(mode))


def _pixels_16_bit(image: Image.Image, path: Path) -> NDArray[np.uint16]:
    """(H, W, 3) or, with alpha, (H, W, 4)."""
    samples = png16.read_samples(path)
    transparent = image.info.get("transparency")  # a colour key: pixels of exactly this colour are transparent
    if transparent is not None:
        opaque = np.any(samples != np.array(transparent, np.uint16), axis=2, keepdims=True)
        samples = np.concatenate([samples, opaque.astype(np.uint16) * np.uint16(65535)], axis=2)
    if samples.shape[2] <= 2:  # grey, grey + alpha
        samples = np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], axis=2)
    return samples


def _rgb_profile(image: Image.Image) -> bytes | None:
    """The ICC profile, if it is one for RGB: a grey or CMYK profile does not fit the RGB pixels made here."""
    profile = image.info.get("icc_profile")
    return profile if profile and profile[16:20] == b"RGB " else None


def _reason(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).rstrip(".")
