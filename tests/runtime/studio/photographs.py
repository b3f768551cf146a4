"""Photographs for the studio's browser tests, and what the Python runtime makes of them.

python -m tests.runtime.studio.photographs ARTIFACTS    writes build/studio/
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from runtime.photos.photo import read_photo, resize
from runtime.refocusing.pipeline import RefocusPipeline

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "build" / "studio"
SAMPLES = ROOT / "runtime" / "studio" / "public" / "samples"
PHOTOGRAPHS = {
    "astronaut": (ROOT / "runtime" / "examples" / "astronaut.jpg", (0.43, 0.20)),
    "coffee": (SAMPLES / "coffee.jpg", (0.45, 0.35)),
    "cat": (SAMPLES / "cat.jpg", (0.40, 0.30)),
}
"""Name -> the file, and the point to focus on."""
F_NUMBER = 0.8
ORIENTATION, MAKE, PIXEL_WIDTH, EXIF_IFD = 274, 271, 0xA002, 0x8769


def write_twelve_megapixels(path: Path) -> None:
    """A 12 megapixel photograph as a phone writes it: stored lying, to be turned upright, with a camera's name."""
    rgb = read_photo(PHOTOGRAPHS["astronaut"][0]).rgb[:, 64:448]
    large = resize(rgb, 4000, 3000)
    grain = np.random.default_rng(5).normal(0.0, 0.01, large.shape).astype(np.float32)
    image = Image.fromarray(np.rint(np.clip(large + grain, 0.0, 1.0) * 255.0).astype(np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = 6, "Reblur"
    exif.get_ifd(EXIF_IFD)[PIXEL_WIDTH] = 4000
    image.transpose(Image.Transpose.ROTATE_90).save(path, quality=92, exif=exif)


def write_expected(artifacts: Path) -> None:
    """Each photograph refocused for the screen, as raw RGB of 8 bits."""
    pipeline = RefocusPipeline.open(artifacts, backend="tflite", num_threads=2)
    expected = []
    for name, (path, focus) in PHOTOGRAPHS.items():
        photo = read_photo(path)
        pipeline.analyse(photo)
        picture = pipeline.refocus(focus, F_NUMBER)
        (FOLDER / f"{name}.rgb").write_bytes(np.rint(picture * 255.0).astype(np.uint8).tobytes())
        height, width = picture.shape[:2]
        at = {"path": str(path.relative_to(ROOT)), "focus": {"x": focus[0], "y": focus[1]}}
        expected.append({"name": name, "height": height, "width": width, **at})
    document = {"f_number": F_NUMBER, "precision": pipeline.precision, "photographs": expected}
    (FOLDER / "expected.json").write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_twelve_megapixels(FOLDER / "12mp.jpg")
    write_expected(Path(sys.argv[1]))
