from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from runtime.photos.photo import MIN_SIDE_PX, Photo, read_photo, resize, write_photo

HEIGHT, WIDTH = 40, 60

# What a camera stores so that a viewer sees the same upright picture, by EXIF Orientation (CIPA DC-008).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # a viewer turns it back by 90 degrees clockwise
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def gradient(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A smooth uint8 picture in which no two corners are alike."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 60)], -1).astype(np.uint8)


def encode_png16(samples: np.ndarray, colour_type: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG written by hand, unfiltered: independent of the writer under test."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = WIDTH
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageHeight] = HEIGHT
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("extension", ["png", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_read_upright(tmp_path: Path, orientation: int, extension: str) -> None:
    upright = Image.fromarray(gradient())
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    path = tmp_path / f"photo.{extension}"
    stored.save(path, exif=exif_of(orientation), quality=100, subsampling=0)
    photo = read_photo(path)
    assert photo.rgb.shape == (HEIGHT, WIDTH, 3)
    assert photo.rgb.dtype == np.float32
    np.testing.assert_allclose(photo.rgb * 255, gradient(), atol=0.01 if extension == "png" else 8)
    kept = Image.Exif()
    kept.load(photo.exif or b"")
    assert kept[ExifTags.Base.Orientation] == 1
    assert kept[ExifTags.Base.Make] == "Maker"


def test_exif_and_profile_survive_and_the_size_is_updated(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    profile = srgb_profile()
    Image.fromarray(gradient()).save(source, exif=exif_of(6), icc_profile=profile)
    photo = read_photo(source)
    for name in ("out.jpg", "out.png"):
        write_photo(tmp_path / name, resize(photo.rgb, 30, 20), like=photo)
        with Image.open(tmp_path / name) as written:
            exif = written.getexif()
            assert written.size == (20, 30)
            assert written.info["icc_profile"] == profile
            assert exif[ExifTags.Base.Orientation] == 1
            assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
            details = exif.get_ifd(ExifTags.IFD.Exif)
            assert details[ExifTags.Base.ExifImageWidth] == 20
            assert details[ExifTags.Base.ExifImageHeight] == 30


@pytest.mark.parametrize(
    ("mode", "has_alpha"),
    [("1", False), ("L", False), ("LA", True), ("P", False), ("RGB", False), ("RGBA", True)],
)
def test_8_bit_png_modes(tmp_path: Path, mode: str, has_alpha: bool) -> None:
    image = Image.fromarray(gradient()).convert(mode)
    if has_alpha:
        image.putalpha(Image.fromarray(np.maximum(gradient()[..., 0], 1)))  # under 0 nothing is seen
    image.save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    np.testing.assert_array_equal(np.round(photo.rgb * 255), np.asarray(image.convert("RGB")))
    assert photo.bit_depth == 8
    if has_alpha:
        assert photo.alpha is not None
        np.testing.assert_array_equal(np.round(photo.alpha * 255), np.maximum(gradient()[..., 0], 1))
    else:
        assert photo.alpha is None


def test_palette_transparency_becomes_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (WIDTH, HEIGHT), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "photo.png", transparency=0)
    photo = read_photo(tmp_path / "photo.png")
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0.0
    assert photo.alpha.sum() == HEIGHT * WIDTH - 1


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
def test_16_bit_png_keeps_every_bit(tmp_path: Path, colour_type: int, channels: int) -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH, channels), dtype=np.uint16)
    (tmp_path / "photo.png").write_bytes(encode_png16(samples, colour_type))
    photo = read_photo(tmp_path / "photo.png")
    assert photo.bit_depth == 16
    colour = samples[..., :3] if channels >= 3 else np.repeat(samples[..., :1], 3, axis=2)
    np.testing.assert_array_equal(np.round(photo.rgb * 65535.0), colour)
    if channels in (2, 4):
        assert photo.alpha is not None
        np.testing.assert_array_equal(np.round(photo.alpha * 65535.0), samples[..., -1])

    write_photo(tmp_path / "out.png", photo.rgb, like=photo)
    again = read_photo(tmp_path / "out.png")
    assert again.bit_depth == 16
    np.testing.assert_array_equal(again.rgb, photo.rgb)
    if photo.alpha is not None:
        np.testing.assert_array_equal(again.alpha, photo.alpha)


def test_16_bit_colour_key_becomes_alpha(tmp_path: Path) -> None:
    samples = np.full((HEIGHT, WIDTH, 3), 1000, np.uint16)
    samples[0, 0] = (1000, 1000, 1001)  # differs in a low byte only
    key = struct.pack(">4sHHH", b"tRNS", 1000, 1000, 1001)
    extra = struct.pack(">I", 6) + key + struct.pack(">I", zlib.crc32(key))
    (tmp_path / "photo.png").write_bytes(encode_png16(samples, 2, extra))
    alpha = read_photo(tmp_path / "photo.png").alpha
    assert alpha is not None
    assert alpha[0, 0] == 0.0
    assert alpha.sum() == HEIGHT * WIDTH - 1


def test_16_bit_png_keeps_exif_orientation_and_profile(tmp_path: Path) -> None:
    photo = Photo(
        samples=(gradient() / 255.0).astype(np.float32),
        exif=exif_of(6).tobytes(),
        icc_profile=srgb_profile(),
        bit_depth=16,
    )
    write_photo(tmp_path / "photo.png", photo.rgb, like=photo)
    again = read_photo(tmp_path / "photo.png")
    assert again.rgb.shape == (WIDTH, HEIGHT, 3)  # the block says 6, so it is turned once more
    np.testing.assert_allclose(again.rgb, np.rot90(photo.rgb, -1), atol=1e-5)
    assert again.icc_profile == photo.icc_profile
    assert again.exif is not None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpeg_of_other_modes_becomes_rgb_without_its_profile(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.repeat(gradient()[..., :1], 3, axis=2))
    profile = bytearray(srgb_profile())
    profile[16:20] = b"GRAY"
    grey.convert(mode).save(tmp_path / "photo.jpg", quality=100, icc_profile=bytes(profile))
    photo = read_photo(tmp_path / "photo.jpg")
    np.testing.assert_allclose(photo.rgb * 255, np.asarray(grey), atol=8)
    assert photo.icc_profile is None


def test_malformed_exif_counts_as_none(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "photo.jpg", exif=b"Exif\0\0MM\0*garbage")
    with pytest.warns(UserWarning, match="EXIF cannot be read, it is left out"):
        assert read_photo(tmp_path / "photo.jpg").exif is None


def test_alpha_is_resized_for_png_and_dropped_for_jpeg(tmp_path: Path) -> None:
    half = np.zeros((80, 120), np.float32)
    half[:, 60:] = 1.0
    photo = Photo(samples=(gradient(80, 120) / 255.0).astype(np.float32), alpha=half)
    small = resize(photo.rgb, 40, 60)
    write_photo(tmp_path / "out.png", small, like=photo)
    with pytest.warns(UserWarning, match="a JPEG has no transparency: the ground is white"):
        write_photo(tmp_path / "out.jpg", small, like=photo)
    alpha = read_photo(tmp_path / "out.png").alpha
    assert alpha is not None
    assert alpha.shape == (40, 60)
    assert alpha[5, 10] == 0.0
    assert alpha[5, 50] == 1.0
    assert read_photo(tmp_path / "out.jpg").alpha is None


def saved(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def jpeg_bytes(height: int = HEIGHT, width: int = WIDTH) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(gradient(height, width)).save(buffer, "JPEG")
    return buffer.getvalue()


def bomb_png(side: int) -> bytes:
    """A PNG that says it is side x side and holds nothing."""
    return encode_png16(np.zeros((1, 1, 1), np.uint16), 0).replace(
        struct.pack(">II", 1, 1), struct.pack(">II", side, side)
    )


def fixed_crc(png: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(png[12:29]))
    return png[:29] + crc + png[33:]


UNREADABLE = {
    "missing": (lambda folder: folder / "no.jpg", "no photograph at"),
    "folder": (lambda folder: folder, "is a folder"),
    "text": (saved("a.jpg", b"not a picture at all"), "is no JPEG, PNG, WebP, AVIF or HEIC picture"),
    "empty": (saved("a.jpg", b""), "is no JPEG, PNG, WebP, AVIF or HEIC picture"),
    "gif": (saved("a.png", b"GIF89a" + bytes(40)), "is no JPEG, PNG, WebP, AVIF or HEIC picture"),
    "cut short": (saved("a.jpg", jpeg_bytes()[:-200]), "damaged or cut short"),
    "cut PNG": (saved("a.png", encode_png16(np.ones((64, 64, 3)), 2)[:90]), "damaged or cut short"),
    "tiny": (saved("a.jpg", jpeg_bytes(1, 1)), "at least 32 px a side, got 1x1"),
    "narrow": (saved("a.jpg", jpeg_bytes(MIN_SIDE_PX - 1, 100)), "got 100x31"),
    "bomb": (saved("a.png", fixed_crc(bomb_png(12500))), "at most 150 megapixels"),
    "big bomb": (saved("a.png", fixed_crc(bomb_png(30000))), "at most 150 megapixels"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    make, sentence = UNREADABLE[case]
    with pytest.raises(ValueError, match=sentence) as caught:
        read_photo(make(tmp_path))
    assert "\n" not in str(caught.value)


def photo_at(path: Path) -> Photo:
    Image.fromarray(gradient()).save(path)
    return read_photo(path)


def test_the_photograph_itself_is_never_overwritten(tmp_path: Path) -> None:
    photo = photo_at(tmp_path / "photo.png")
    before = (tmp_path / "photo.png").read_bytes()
    (tmp_path / "link.png").symlink_to(tmp_path / "photo.png")
    for name in ("photo.png", "link.png"):
        with pytest.raises(ValueError, match="is the photograph itself"):
            write_photo(tmp_path / name, photo.rgb, like=photo)
    assert (tmp_path / "photo.png").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("out.tif", "expected a name ending in"),
        ("out", "expected a name ending in"),
        ("no/out.jpg", "there is no folder"),
    ],
)
def test_unusable_output_names(tmp_path: Path, name: str, sentence: str) -> None:
    photo = photo_at(tmp_path / "photo.png")
    with pytest.raises(ValueError, match=sentence):
        write_photo(tmp_path / name, photo.rgb, like=photo)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_at(tmp_path / "photo.png")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match=r"cannot write .*out\.jpg: No space left on device"):
        write_photo(tmp_path / "out.jpg", photo.rgb, like=photo)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def test_an_unwritable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = photo_at(tmp_path / "photo.png")

    def refuse(*_: object, **__: object) -> None:  # a locked folder would not stop a test that runs as root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    with pytest.raises(ValueError, match=r"cannot write .*out\.jpg: Permission denied"):
        write_photo(tmp_path / "out.jpg", photo.rgb, like=photo)


def test_resize_of_a_constant_is_constant() -> None:
    np.testing.assert_allclose(resize(np.full((40, 60, 3), 0.25, np.float32), 17, 23), 0.25, atol=1e-6)


def test_resize_averages_what_it_cannot_show() -> None:
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1.0  # finer than the small picture can hold: it must turn grey, not alias
    small = resize(stripes, 16, 16)
    np.testing.assert_allclose(small, 0.5, atol=0.05)
