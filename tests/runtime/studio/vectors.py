"""What the Python runtime makes of small inputs, for the studio's TypeScript to make the same of them.

python -m tests.runtime.studio.vectors    writes build/studio-vectors.json, which `make studio-test` reads
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from runtime.photos import exif
from runtime.photos.photo import Photo, resize
from runtime.refocusing.autofocus import automatic_focus
from runtime.refocusing.defocus_map import smooth_defocus
from runtime.refocusing.enlarging import enlarged_part, resize_map
from runtime.refocusing.highlights import recovered
from runtime.refocusing.optics import target_sigma_px
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.tiling import TiledGraph, padded_size, spans
from runtime.system.arrays import FloatArray
from tests.runtime.refocusing.working_sizes import working_size_facts

PATH = Path(__file__).parents[3] / "build" / "studio-vectors.json"
SIGMA_MAX_PX, TARGET_MAX_PX = 6.0, 32.0
TILE_PX = (96, 160)
"""Height and width of the graphs that stand in for the networks."""


def vectors() -> dict[str, Any]:
    """All cases."""
    rng = np.random.default_rng(17)
    picture = smooth_noise(rng, 26, 35)
    sigma = (smooth_noise(rng, 26, 35)[..., 0] * np.float32(5.0)).astype(np.float32)
    defocus, confidence = smooth_defocus(sigma, picture, SIGMA_MAX_PX)
    lamps = np.minimum(picture + (rng.random((26, 35, 1)) > 0.97), 1.0).astype(np.float32)
    large, large_sigma = smooth_noise(rng, 40, 51), smooth_noise(rng, 40, 51)[..., 0]
    return {
        "picture": _raster(picture),
        "sigma_px": _raster(sigma),
        "smoothing": {"defocus_px": _raster(defocus), "confidence": _raster(confidence)},
        "optics": [
            {
                "focus": list(focus) if isinstance(focus, tuple) else focus,
                "f_number": f_number,
                "target_sigma_px": _raster(target_sigma_px(defocus, focus, f_number, TARGET_MAX_PX, confidence)),
            }
            for focus, f_number in (((0.2, 0.7), 1.4), ((1.0, 1.0), 0.5), (0.8, 2.8))
        ],
        "lamps": {"sharp": _raster(lamps), "lit": _raster(recovered(lamps))},
        "resize": {
            "of": _raster(large),
            "lanczos": _raster(resize(large, 17, 23)),
            "box": _raster(resize_map(large[..., 0], 13, 20)),
            "part": _raster(enlarged_part(large, (93, 130), (slice(20, 61), slice(37, 130)))),
        },
        "autofocus": {"sigma_px": _raster(large_sigma), "focus": list(automatic_focus(large, large_sigma))},
        "working_sizes": working_size_facts(),
        "spans": [
            {"size": size, "tile": tile, "halo": halo, "padded": (padded := padded_size(size, tile)),
             "spans": [list(span) for span in spans(padded, tile, halo)]}
            for size, tile, halo in ((100, 256, 16), (1000, 256, 48), (1024, 768, 112))
        ],
        "photograph": photograph(rng),
        "exif": [exif_case(endian, orientation) for endian, orientation in (("<", 6), (">", 3), ("<", 77))],
    }  # fmt: skip


def photograph(rng: np.random.Generator) -> dict[str, Any]:
    """A photograph through the whole pipeline, with graphs that are one formula each: see ``stand_ins``."""
    samples = np.rint(smooth_noise(rng, 150, 210, cells=9) * 255.0).astype(np.uint8)
    pipeline = RefocusPipeline(
        stand_ins(), sigma_max_px=SIGMA_MAX_PX, target_max_px=TARGET_MAX_PX, working_long_side_px=70
    )
    photo = Photo(samples=samples)
    analysis = pipeline.analyse(photo)
    focus, f_number = (0.4, 0.6), 0.8
    return {
        "samples": {"height": 150, "width": 210, "channels": 3, "data": samples.ravel().tolist()},
        "focus": list(focus),
        "f_number": f_number,
        "long_side_px": 70,
        "defocus_px": _raster(analysis.defocus_px),
        "screen": _raster(pipeline.refocus(focus, f_number)),
        "full": pipeline.refocus_photo(photo, focus, f_number)[::3, ::3].ravel().tolist(),
    }


def exif_case(endian: str, orientation: int) -> dict[str, Any]:
    """A photograph's EXIF, and what the runtime makes of it: upright, without its thumbnail, of another size."""
    block = exif_block(endian, orientation)
    image = Image.new("RGB", (40, 40))
    image.info["exif"] = b"Exif\0\0" + block
    upright, was = exif.read_upright(image)
    assert upright is not None
    resized = exif.with_size(upright, 1234, 987)
    start = len(exif.PREFIX)
    return {
        "block": block.hex(),
        "orientation": was,
        "upright": upright[start:].hex(),
        "resized": resized[start:].hex(),
    }


def exif_block(endian: str, orientation: int) -> bytes:
    """Maker, orientation, sizes in both directories that have them, and a thumbnail of four bytes."""
    entries, exif_at, maker_at, thumbnail_at = 4, 66, 96, 104
    first = struct.pack(f"{endian}HHIHH", 0x0112, 3, 1, orientation, 0)
    sizes = struct.pack(f"{endian}HHIHH", 0x0100, 3, 1, 40, 0) + struct.pack(f"{endian}HHII", 0x8769, 4, 1, exif_at)
    maker = struct.pack(f"{endian}HHII", 0x010F, 2, 7, maker_at)
    second_at = thumbnail_at + 4
    head = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(f"{endian}I", 8)
    directory = struct.pack(f"{endian}H", entries) + first + sizes + maker + struct.pack(f"{endian}I", second_at)
    block = (head + directory).ljust(exif_at, b"\0")
    inner = struct.pack(f"{endian}H", 2)
    inner += struct.pack(f"{endian}HHII", 0xA002, 4, 1, 40) + struct.pack(f"{endian}HHII", 0xA003, 4, 1, 40)
    block = (block + inner + b"\0" * 4).ljust(maker_at, b"\0")
    block = (block + b"Reblur\0").ljust(thumbnail_at, b"\0") + b"\xff\xd8\xff\xd9"
    thumbnail = struct.pack(f"{endian}HHII", 0x0201, 4, 1, thumbnail_at) + struct.pack(f"{endian}HHII", 0x0202, 4, 1, 4)
    return block + struct.pack(f"{endian}H", 2) + thumbnail + b"\0" * 4


def stand_ins() -> dict[str, TiledGraph]:
    """Graphs without weights: sigma is 6 times red; deblurring adds a tenth of the map; blurring goes to grey."""

    def defocus(x: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        return {"sigma_px": x["image"][:, :1] * np.float32(6.0)}

    def deblur(x: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        return {"sharp": x["image"] + x["sigma_px"] * np.float32(0.1) * (x["image"] - np.float32(0.5))}

    def refocus(x: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        share = np.minimum(np.abs(x["target_sigma_px"]) / np.float32(8.0), 1.0)
        return {"refocused": (x["sharp"] + share * (np.float32(0.4) - x["sharp"])).astype(np.float32)}

    return {graph.__name__: TiledGraph(run=graph, size_px=TILE_PX, halo_px=8) for graph in (defocus, deblur, refocus)}


def smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int = 5) -> FloatArray:
    """(height, width, 3) in [0, 1], with soft shapes."""
    coarse = rng.random((cells, cells, 3), dtype=np.float32)
    return resize(coarse, height, width)


def _raster(values: FloatArray) -> dict[str, Any]:
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    return {"height": height, "width": width, "channels": channels, "data": values.ravel().tolist()}


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(json.dumps(vectors()), encoding="utf-8")
