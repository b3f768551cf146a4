"""Depth in JPEGs as phones write it: files made here, byte by byte, after the two specifications."""

from __future__ import annotations

import base64
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.photos.depth import EXTENSION, XMP, embedded_depth
from runtime.photos.photo import read_photo

FAR = np.linspace(0, 255, 48, dtype=np.uint8)[None].repeat(32, axis=0)
"""Near on the left, far on the right."""


def jpeg(tmp_path: Path, *segments: bytes, behind: bytes = b"") -> Path:
    buffer = io.BytesIO()
    Image.fromarray(np.full((64, 96, 3), 90, np.uint8)).save(buffer, "JPEG")
    plain = buffer.getvalue()
    app1 = b"".join(b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment for segment in segments)
    path = tmp_path / "photo.jpg"
    path.write_bytes(plain[:2] + app1 + plain[2:] + behind)
    return path


def png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def packet(attributes: str, inner: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def gdepth(tmp_path: Path, format_: str, near: float = 0.5, far: float = 5.0) -> Path:
    space = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
    main = packet(f'{space} GDepth:Format="{format_}" GDepth:Near="{near}" GDepth:Far="{far}" GDepth:Mime="image/png"')
    rest = packet(f'{space} GDepth:Data="{base64.b64encode(png(FAR)).decode()}"')
    guid, middle = b"0123456789ABCDEF" * 2, len(rest) // 2
    pieces = [
        EXTENSION + guid + struct.pack(">II", len(rest), at) + piece
        for at, piece in ((middle, rest[middle:]), (0, rest[:middle]))
    ]
    return jpeg(tmp_path, XMP + main, *pieces)


def test_gdepth_in_pieces_in_any_order(tmp_path: Path) -> None:
    depth = embedded_depth(gdepth(tmp_path, "RangeInverse"))
    assert depth is not None
    assert depth.kind == "GDepth, RangeInverse"
    np.testing.assert_allclose(depth.disparity[0], 1.0 - FAR[0] / 255.0, atol=1e-6)


def test_linear_range_is_made_even_in_inverse_distance(tmp_path: Path) -> None:
    depth = embedded_depth(gdepth(tmp_path, "RangeLinear", 1.0, 3.0))
    assert depth is not None
    assert (depth.disparity[0, 0], depth.disparity[0, -1]) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    middle = 1.0 + 2.0 * FAR[0, 24] / 255.0
    assert depth.disparity[0, 24] == pytest.approx((1.0 / middle - 1.0 / 3.0) / (1.0 - 1.0 / 3.0), abs=1e-5)


def test_dynamic_depth_behind_the_photograph(tmp_path: Path) -> None:
    picture, other = png(FAR), b"other things"
    items = "".join(
        f'<rdf:li><Container:Item Item:Mime="image/png" Item:Semantic="{name}" Item:Length="{length}"/></rdf:li>'
        for name, length in (("Primary", 0), ("Depth", len(picture)), ("Confidence", len(other)))
    )
    spaces = (
        'xmlns:DepthMap="http://ns.google.com/photos/dd/1.0/depthmap/" '
        'xmlns:Container="http://ns.google.com/photos/dd/1.0/container/" '
        'xmlns:Item="http://ns.google.com/photos/dd/1.0/item/" DepthMap:Format="RangeInverse"'
    )
    inner = f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>"
    depth = embedded_depth(jpeg(tmp_path, XMP + packet(spaces, inner), behind=picture + other))
    assert depth is not None
    assert depth.kind == "Dynamic Depth, RangeInverse"
    assert depth.disparity[0, 0] > 0.99 > 0.01 > depth.disparity[0, -1]


def test_a_photograph_without_any(tmp_path: Path) -> None:
    assert embedded_depth(jpeg(tmp_path)) is None
    assert embedded_depth(jpeg(tmp_path, XMP + packet('xmlns:a="b" a:c="d"'))) is None
    (tmp_path / "photo.png").write_bytes(png(FAR))
    assert embedded_depth(tmp_path / "photo.png") is None


@pytest.mark.parametrize("damage", ["xml", "picture", "format", "order"])
def test_what_cannot_be_read_is_told_and_not_used(tmp_path: Path, damage: str) -> None:
    space = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
    data = base64.b64encode(b"no picture" if damage == "picture" else png(FAR)).decode()
    format_ = "RangeLogarithmic" if damage == "format" else "RangeLinear"
    content = packet(f'{space} GDepth:Format="{format_}" GDepth:Near="3" GDepth:Far="1" GDepth:Data="{data}"')
    path = jpeg(tmp_path, XMP + (content[:-20] if damage == "xml" else content))
    with pytest.warns(UserWarning, match=r"photo\.jpg carries cannot be read \(.*\), it is not used"):
        assert embedded_depth(path) is None


def test_a_turned_photograph_has_its_depth_turned(tmp_path: Path) -> None:
    path = gdepth(tmp_path, "RangeInverse")
    exif = Image.Exif()
    exif[274] = 6
    block = exif.tobytes()
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:])
    photo = read_photo(path)
    assert photo.depth is not None
    assert (photo.size_px, photo.depth.disparity.shape) == ((96, 64), (48, 32))
    assert photo.depth.disparity[0, 0] > 0.99 > 0.01 > photo.depth.disparity[-1, 0]
