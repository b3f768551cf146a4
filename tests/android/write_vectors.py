"""Writes what the Python runtime computes, small, for the Android demo's Kotlin to be held against.

python -m tests.android.write_vectors            the checked-in vectors
python -m tests.android.write_vectors --photos artifacts OUT      three photographs, refocused, for one export
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.photos.photo import _UPRIGHT, Photo, read_photo, resize
from runtime.refocusing import enlarging, optics, rendering
from runtime.refocusing.defocus_map import smooth_defocus
from runtime.refocusing.highlights import recovered
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.tiling import TiledGraph, padded_size, spans
from tests.runtime.refocusing.working_sizes import working_size_facts

RESOURCES = Path(__file__).resolve().parents[2] / "android_demo" / "core" / "src" / "test" / "resources" / "vectors"
PHOTOS = Path(__file__).resolve().parents[2] / "runtime" / "examples"
GRAPH_PX = (96, 128)
SIGMA_MAX_PX, TARGET_MAX_PX = 6.0, 32.0
TAPS = {"astronaut": (0.45, 0.2), "astronaut_face": (0.5, 0.4), "astronaut_flag": (0.15, 0.3)}
APERTURE = 1.2
LARGE_PX = 1500
"""Long side of the photograph that is refocused at its own size, larger than the working size."""

Array = NDArray[np.float32]


class Vectors:
    """Arrays by name: one raw file, little endian, and its table of contents."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def add(self, name: str, array: NDArray[Any]) -> None:
        """(H, W, C) and (H, W) are stored as (C, H, W) and (1, H, W)."""
        if array.ndim == 3:
            array = array.transpose(2, 0, 1)
        self.arrays[name] = np.ascontiguousarray(array if array.ndim == 3 else array[None], np.float32)

    def write(self, folder: Path, facts: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        contents, offset = {}, 0
        for name, array in self.arrays.items():
            contents[name] = {"offset": offset, "shape": list(array.shape)}
            offset += array.size
        (folder / "vectors.json").write_text(json.dumps({**facts, "arrays": contents}, indent=1) + "\n")
        (folder / "vectors.f32").write_bytes(b"".join(array.astype("<f4").tobytes() for array in self.arrays.values()))


def picture_of(rng: np.random.Generator, height: int, width: int) -> Array:
    """(height, width, 3) with coarse shapes, fine grain and a few lamps."""
    coarse = rng.random((height // 8 + 1, width // 8 + 1, 3), np.float32) * np.float32(0.8)
    picture = resize(coarse, height, width) + rng.random((height, width, 3), np.float32) * np.float32(0.1)
    for row, column in rng.integers(4, (height - 4, width - 4), (3, 2)):
        picture[row - 1 : row + 1, column - 1 : column + 1] = 1.0
    return np.clip(picture, 0.0, 1.0).astype(np.float32)


def toy_graph(inputs: Any) -> dict[str, Array]:
    """A refocusing graph that any language has in a line: each pixel towards grey, by its sigma."""
    share = np.minimum(np.abs(inputs["target_sigma_px"]) / np.float32(4.0), 1.0)
    return {"refocused": (inputs["sharp"] + share * (np.float32(0.25) - inputs["sharp"])).astype(np.float32)}


def small_vectors() -> tuple[Vectors, dict[str, Any]]:
    """Every step of the shared logic."""
    rng, vectors = np.random.default_rng(15), Vectors()
    picture = picture_of(rng, 61, 83)
    sigma = resize(rng.random((7, 9), np.float32), 61, 83) * np.float32(SIGMA_MAX_PX)
    defocus, confidence = smooth_defocus(sigma, picture, SIGMA_MAX_PX)
    vectors.add("picture", picture)
    vectors.add("sigma", sigma)
    vectors.add("defocus", defocus)
    vectors.add("confidence", confidence)
    vectors.add("target", optics.target_sigma_px(defocus, (0.7, 0.2), 1.4, TARGET_MAX_PX, confidence))
    vectors.add("target_measured", optics.target_sigma_px(defocus, (0.99, 1.0), 0.9, TARGET_MAX_PX))
    vectors.add("lit", recovered(picture))
    vectors.add("lanczos", np.stack([resize(picture[..., c], 25, 31) for c in range(3)], axis=-1))
    vectors.add("box", enlarging.resize_map(sigma, 23, 29))
    part = (slice(11, 90), slice(40, 161))
    vectors.add("enlarged", enlarging.enlarged_part(picture, (130, 170), part))
    for orientation, turn in _UPRIGHT.items():
        vectors.add(f"upright_{orientation}", turn(np.arange(6, dtype=np.float32).reshape(2, 3)))
    _full_size(vectors, rng)
    facts = {
        "enlarged_part": [11, 90, 40, 161],
        "working_sizes": working_size_facts(),
        "spans": [
            {
                "size": padded_size(size, tile),
                "asked": size,
                "tile": tile,
                "halo": halo,
                "spans": [list(span) for span in spans(padded_size(size, tile), tile, halo)],
            }
            for size, tile, halo in ((100, 256, 112), (256, 256, 112), (300, 256, 64), (1024, 512, 112), (777, 256, 64))
        ],
    }
    return vectors, facts


def _full_size(vectors: Vectors, rng: np.random.Generator) -> None:
    """A picture larger than its graph: with blur in front of and behind a sharp middle."""
    graph = TiledGraph(run=toy_graph, size_px=GRAPH_PX, halo_px=16)
    large = recovered(picture_of(rng, 150, 233))
    assert large.max() > 1.0  # lamps
    target = np.linspace(-5.0, 9.0, 233, dtype=np.float32)[None] * np.linspace(0.1, 1.0, 150, dtype=np.float32)[:, None]
    vectors.add("large", large)
    vectors.add("large_target", target)
    vectors.add("large_refocused", rendering.refocused(graph, large, target))


def photographs(artifacts: Path) -> tuple[Vectors, dict[str, Any]]:
    """The whole pipeline: three photographs at the working size, one of them enlarged and at its own size."""
    pipeline, vectors = RefocusPipeline.open(artifacts, "tflite", "fp32", num_threads=1), Vectors()
    cases = []
    for name, tap in TAPS.items():
        photo = read_photo(PHOTOS / f"{name}.jpg")
        if name == "astronaut_face":
            scale = LARGE_PX / max(photo.size_px)
            large = resize(photo.samples, round(photo.size_px[0] * scale), round(photo.size_px[1] * scale))
            photo = Photo(samples=np.rint(large * 255.0).astype(np.uint8))
        pipeline.analyse(photo)
        vectors.add(f"{name}.photo", photo.rgb)
        vectors.add(f"{name}.refocused", pipeline.refocus(tap, APERTURE))
        if name == "astronaut_face":
            full = pipeline.refocus_photo(photo, tap, APERTURE)
            vectors.add(f"{name}.full", full.astype(np.float32) / np.float32(255.0))
        cases.append({"name": name, "focus_xy": list(tap), "f_number": APERTURE})
    return vectors, {"cases": cases}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", nargs=2, type=Path, metavar=("ARTIFACTS", "OUT"))
    options = parser.parse_args()
    if options.photos:
        artifacts, out = options.photos
        vectors, facts = photographs(artifacts)
        vectors.write(out, facts)
    else:
        vectors, facts = small_vectors()
        vectors.write(RESOURCES, facts)


if __name__ == "__main__":
    main()
