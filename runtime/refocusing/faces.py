"""The largest face, found by OpenCV where it is installed with its detector; OpenCV 5 comes without one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from runtime.photos.photo import as_samples, resize
from runtime.refocusing.working_size import working_size
from runtime.system.arrays import FloatArray

CASCADE = "haarcascade_frontalface_alt2.xml"
"""Of those that come with OpenCV 4 the one that took nothing else for a face (``find_face``)."""
LONG_SIDE_PX = 1024
SMALLEST = 0.08
"""Side of the smallest face that is looked for, relative to the picture's short side."""
STEP, AGREEING = 1.1, 6
"""Ratio of the sizes at which faces are looked for, and how many finds beside each other make one."""


def find_face(picture: FloatArray) -> tuple[float, float] | None:
    """Middle of the largest face.

    Of 45 photographs and a portrait in the tests' and trials' data the cascade finds the two faces and nothing else;
    OpenCV's default one finds three more faces that are none.

    Args:
        picture: (H, W, 3) sRGB in [0, 1].

    Returns:
        x rightwards and y downwards, both in [0, 1]; None where there is no face, or no detector is installed.
    """
    detector = _detector()
    if detector is None:
        return None
    height, width = picture.shape[:2]
    grey = resize(picture.mean(axis=2), *working_size(height, width, LONG_SIDE_PX))
    least = max(1, int(SMALLEST * min(grey.shape)))
    found = detector.detectMultiScale(
        as_samples(grey, np.dtype(np.uint8)), scaleFactor=STEP, minNeighbors=AGREEING, minSize=(least, least)
    )
    if len(found) == 0:
        return None
    left, top, across, down = max(found, key=lambda box: int(box[2]))
    return float(left + across / 2) / grey.shape[1], float(top + down / 2) / grey.shape[0]


def _detector() -> Any:
    try:
        opencv: Any = import_module("cv2")
        path = Path(opencv.data.haarcascades) / CASCADE
        return opencv.CascadeClassifier(str(path)) if path.is_file() else None
    except (ImportError, AttributeError):
        return None
