from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, features

from runtime.photos import encodings, photo
from runtime.photos.depth import INVERSE_Z, heif_depth
from runtime.photos.photo import Photo, read_photo, write_photo
from runtime.system.errors import ReblurError

MODERN = [".webp", ".avif", ".heic"]


def needed(extension: str) -> None:
    if extension == ".heic":
        pytest.importorskip("pillow_heif", reason="not run: needs pillow-heif (reblur[heif])")
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("not run: needs a Pillow with AVIF")


@pytest.fixture
def picture() -> Photo:
    """Smooth, with a transparent corner and EXIF that says who made it."""
    y, x = np.mgrid[0:64, 0:96].astype(np.float32)
    samples = np.stack([x / 96, y / 64, 0.5 + 0.25 * np.sin(x / 9)], axis=-1)
    alpha = np.ones((64, 96), np.float32)
    alpha[:16, :16] = 0.0
    made = Image.Exif()
    made[0x013B] = "Somebody"
    return Photo(samples=samples, alpha=alpha, exif=made.tobytes())


@pytest.mark.parametrize("extension", MODERN)
def test_a_picture_comes_back_with_what_belongs_to_it(extension: str, picture: Photo, tmp_path: Path) -> None:
    needed(extension)
    path = tmp_path / f"picture{extension}"
    write_photo(path, picture.samples, like=picture)
    found = read_photo(path)
    assert found.size_px == picture.size_px
    assert float(np.abs(found.rgb - picture.samples)[20:, 20:].mean()) < 0.01
    assert found.alpha is not None
    assert float(found.alpha[4, 4]) < 0.02
    assert found.exif is not None
    assert b"Somebody" in found.exif


@pytest.mark.parametrize("extension", MODERN)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_one_that_is_cut_short_is_refused(extension: str, share: float, picture: Photo, tmp_path: Path) -> None:
    needed(extension)
    path = tmp_path / f"picture{extension}"
    write_photo(path, picture.samples, like=picture)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ReblurError, match=r"damaged or cut short|cannot read|is no JPEG"):
        read_photo(path)


def test_a_heic_picture_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    for module in (encodings, photo):
        monkeypatch.setattr(module, "with_heif", lambda: False)
    with pytest.raises(ReblurError, match=r"is a HEIC picture: pip install 'reblur\[heif\]'"):
        read_photo(path)
    with pytest.raises(ReblurError, match=r"HEIC needs pillow-heif"):
        encodings.encoding_of(path)


def test_of_several_pictures_the_main_one_is_read_with_a_warning(tmp_path: Path) -> None:
    main, other = (Image.new("RGB", (64, 48), colour) for colour in ("red", "blue"))
    path = tmp_path / "ultra_hdr.jpg"
    main.save(path, "MPO", save_all=True, append_images=[other])
    with pytest.warns(UserWarning, match="holds several pictures: the main one is used, further pictures, such as a"):
        found = read_photo(path)
    assert found.rgb[24, 32].round(1).tolist() == [1.0, 0.0, 0.0]


class FakeDepth(NamedTuple):
    """As libheif hands an auxiliary picture on."""

    plane: np.ndarray
    info: dict[str, object]

    def to_pillow(self) -> Image.Image:
        return Image.fromarray(self.plane)


@pytest.mark.parametrize(
    ("kind", "near_is"), [({}, 1.0), ({"representation_type": INVERSE_Z}, 1.0), ({"representation_type": 2}, 0.0)]
)
def test_the_depth_of_a_heic_picture(kind: dict[str, object], near_is: float) -> None:
    plane = np.tile(np.arange(50, 90, dtype=np.uint8), (4, 1))
    found = heif_depth([FakeDepth(plane, {"metadata": kind})])
    assert found is not None
    assert found.disparity[0, -1] == near_is
    assert found.disparity[0, 0] == 1.0 - near_is
    assert heif_depth([]) is None
    assert heif_depth([FakeDepth(np.full((4, 4), 7, np.uint8), {"metadata": kind})]) is None
