"""Refocuses a photograph by manifest.json alone: NumPy, Pillow and LiteRT, and nothing of Reblur's.

What is written here was taken from the manifest and its schema, so it is also the shortest description of what an
application in another language has to do.

    python reader.py artifacts photo.jpg 0.5 0.4 1.4 refocused.png
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image, ImageOps

Array = NDArray[Any]
KNOWN = {
    "schema_version": 5,
    "smoothing": "fast weighted guided filter",
    "optics": "signed thin lens",
    "highlights": "isolated clipped pixels",
}


class Reader:
    """One export, and the TFLite files of one of its pipelines."""

    def __init__(self, folder: Path, precision: str) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        conventions = self.manifest["conventions"]
        self.smoothing, self.optics, self.highlights, self.agreement = (
            conventions[name] for name in ("smoothing", "optics", "highlights", "agreement")
        )
        found = {"schema_version": self.manifest["schema_version"]}
        found |= {name: conventions[name]["kind"] for name in ("smoothing", "optics", "highlights")}
        if found != KNOWN:
            raise SystemExit(f"this export is of another kind: {found}")
        self.sigma_max_px = self.manifest["sigma_max_px"]
        (pipeline,) = (
            p
            for p in self.manifest["pipelines"]
            if (p["backend"], p["precision"], p["status"]) == ("tflite", precision, "passed")
            and (p["height_px"], p["width_px"]) == tuple(self.manifest["sizes"][0].values())
        )
        artifacts = {artifact["id"]: artifact for artifact in self.manifest["artifacts"]}
        self.artifacts = {graph: artifacts[pipeline[graph]] for graph in ("defocus", "deblur", "refocus")}
        self.calls = {graph: self._open(artifact) for graph, artifact in self.artifacts.items()}

    def _open(self, artifact: dict[str, Any]) -> Any:
        for file in artifact["files"]:
            content = (self.folder / file["path"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise SystemExit(f"{file['path']} is another file")
        interpreter = Interpreter(str(self.folder / artifact["path"]), num_threads=1)
        interpreter.allocate_tensors()
        self._kept = [*getattr(self, "_kept", []), interpreter]
        return interpreter.get_signature_runner(artifact["entry"])

    def read(self, path: Path) -> Array:
        """(1, 3, h, w) at the working size."""
        policy = self.manifest["resize"]
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        picture = np.asarray(image).astype(np.float32).transpose(2, 0, 1) / np.float32(255.0)
        height, width = picture.shape[1:]
        scale = min(1.0, policy["long_side_px"] / max(height, width))
        graph = tuple(self.manifest["sizes"][0].values())
        fits = max(min(a / height, b / width) for a, b in (graph, graph[::-1]))
        if fits >= policy["one_call_share"] * scale:
            scale = min(fits, scale)
        size = max(1, round(height * scale)), max(1, round(width * scale))  # half to even, as the manifest says
        if size != (height, width):
            planes = [Image.fromarray(plane).resize(size[::-1], Image.Resampling.LANCZOS) for plane in picture]
            picture = np.clip(np.stack([np.asarray(plane) for plane in planes]), *policy["range"])
        return picture[None]

    def run(self, graph: str, **inputs: Array) -> Array:
        """A graph over (1, C, h, w) arrays of any size, in tiles, clipped to its output's range."""
        artifact, halo = self.artifacts[graph], self.manifest["graphs"][graph]["halo_px"]
        (meaning,) = self.manifest["graphs"][graph]["outputs"]
        step_px = self.manifest["tiling"]["alignment_px"]
        tile = {axis: artifact["inputs"][0]["shape"][artifact["inputs"][0]["layout"].index(axis)] for axis in "HW"}
        sides = next(iter(inputs.values())).shape[2:]
        padded = [
            t if s <= t else t + -(-(s - t) // step_px) * step_px for s, t in zip(sides, tile.values(), strict=True)
        ]
        pads = [(0, 0), (0, 0), *((0, p - s) for p, s in zip(padded, sides, strict=True))]
        whole = {name: np.pad(value, pads, mode="edge") for name, value in inputs.items()}
        answer = np.zeros((1, meaning["channels"], *padded), np.float32)
        for top, keep_y in _spans(padded[0], tile["H"], halo, step_px):
            for left, keep_x in _spans(padded[1], tile["W"], halo, step_px):
                window = (..., slice(top, top + tile["H"]), slice(left, left + tile["W"]))
                part = self._call(graph, {name: value[window] for name, value in whole.items()})
                rows = slice(keep_y.start - top, keep_y.stop - top)
                columns = slice(keep_x.start - left, keep_x.stop - left)
                answer[..., keep_y, keep_x] = part[..., rows, columns]
        return np.clip(answer[..., : sides[0], : sides[1]], *meaning["range"])

    def _call(self, graph: str, inputs: dict[str, Array]) -> Array:
        artifact = self.artifacts[graph]
        names = self.calls[graph].get_input_details()
        given = {}
        for tensor in artifact["inputs"]:
            axes = ["NCHW".index(axis) for axis in tensor["layout"]]
            given[tensor["name"]] = np.ascontiguousarray(inputs[tensor["name"]].transpose(axes), dtype=tensor["dtype"])
        assert set(given) == set(names)
        (output,) = artifact["outputs"]
        return self.calls[graph](**given)[output["name"]].transpose([output["layout"].index(axis) for axis in "NCHW"])

    def confidence(self, picture: Array) -> tuple[Array, Array]:
        """Luma, (h, w), and how far blur can be told in each block."""
        luma = np.tensordot(np.float32(self.smoothing["luma"]), picture[0], 1)
        down, across = np.zeros_like(luma), np.zeros_like(luma)
        down[1:-1], across[:, 1:-1] = (luma[2:] - luma[:-2]) / 2, (luma[:, 2:] - luma[:, :-2]) / 2
        energy = self.blocks(down**2 + across**2)
        return luma, energy / (energy + self.smoothing["flat_gradient"] ** 2) + self.smoothing["confidence_floor"]

    def blocks(self, values: Array) -> Array:
        """Means over blocks; the last row and column are repeated to whole ones."""
        n = self.smoothing["reduction"]
        values = np.pad(values, [(0, -size % n) for size in values.shape], mode="edge")
        return values.reshape(values.shape[0] // n, n, values.shape[1] // n, n).mean((1, 3))

    def enlarge(self, blocks: Array, shape: tuple[int, ...]) -> Array:
        """Bilinear between the blocks' middles."""
        for axis in (0, 1):
            at = (np.arange(shape[axis]) + 0.5) / self.smoothing["reduction"] - 0.5
            places = np.arange(blocks.shape[axis])
            blocks = np.apply_along_axis(lambda line, at=at, places=places: np.interp(at, places, line), axis, blocks)
        return blocks

    def smooth(self, sigma_px: Array, picture: Array) -> Array:
        """(h, w) -> (h, w): the manifest's formula."""
        rules = self.smoothing
        luma, confidence = self.confidence(picture)
        guide, values = self.blocks(luma), self.blocks(sigma_px)
        radius = max(rules["least_radius"], round(rules["radius"] * max(sigma_px.shape) / rules["reduction"]))
        around = _box_mean(confidence * values, rules["wider"] * radius) / _box_mean(
            confidence, rules["wider"] * radius
        )
        weights = confidence + rules["wider_weight"]
        values = (confidence * values + rules["wider_weight"] * around) / weights
        total = _box_mean(weights, radius)

        def mean(of: Array) -> Array:
            return _box_mean(weights * of, radius) / total

        variance = np.maximum(mean(guide * guide) - mean(guide) ** 2, 0.0)
        slope = (mean(guide * values) - mean(guide) * mean(values)) / (variance + rules["epsilon"])
        offset = mean(values) - slope * mean(guide)
        smooth = self.enlarge(mean(slope), luma.shape) * luma + self.enlarge(mean(offset), luma.shape)
        return np.clip(smooth, 0.0, self.sigma_max_px).astype(np.float32)

    def target(self, defocus_px: Array, picture: Array, focus_xy: tuple[float, float], f_number: float) -> Array:
        """(h, w) -> (h, w): what the refocusing graph is asked for."""
        confidence = self.confidence(picture)[1]
        rows, columns = confidence.shape
        column, row = min(math.floor(focus_xy[0] * columns), columns - 1), min(math.floor(focus_xy[1] * rows), rows - 1)
        radius = max(self.optics["least_tap_radius"], round(self.optics["tap_radius"] * max(rows, columns)))
        at = [
            np.arange(max(0, middle - radius), min(n, middle + radius + 1))
            for middle, n in ((row, rows), (column, columns))
        ]
        pixels = [
            np.minimum(np.floor((i + 0.5) * size / n).astype(int), size - 1)
            for i, n, size in zip(at, confidence.shape, defocus_px.shape, strict=True)
        ]
        tapped = np.average(defocus_px[np.ix_(*pixels)], weights=confidence[np.ix_(*at)])
        difference = defocus_px - tapped
        low, high = self.optics["in_focus_px"]
        counted = np.clip((np.abs(difference) - low) / (high - low), 0.0, 1.0)
        gain = self.optics["reference_f_number"] / f_number
        limits = self.manifest["graphs"]["refocus"]["inputs"][1]["range"]
        return np.clip(gain * counted * difference, *limits).astype(np.float32)

    def light_up(self, sharp: Array) -> Array:
        """(1, 3, h, w) -> the same, its lamps brighter."""
        rules = self.highlights
        low, high = rules["clipped"]
        clipped = np.clip((sharp[0].min(0) - low) / (high - low), 0.0, 1.0)
        blocks = self.blocks(clipped)
        crowd = _box_mean(blocks, max(1, round(rules["around"] * max(blocks.shape))))
        alone = self.enlarge(np.clip(1.0 - crowd / rules["crowded"], 0.0, 1.0), clipped.shape)
        return (sharp * np.sqrt(1.0 + (rules["largest_light"] - 1.0) * clipped * alone)).astype(np.float32)

    def blur(self, sharp: Array, target_px: Array) -> Array:
        """(1, 3, h, w), (h, w) -> (1, 3, h, w), of a picture no larger than the graph."""
        shape = self.artifacts["refocus"]["inputs"][0]
        sides = [shape["shape"][shape["layout"].index(axis)] for axis in "HW"]
        height, width = target_px.shape
        pads = [(0, 0), (0, 0), (0, sides[0] - height), (0, sides[1] - width)]
        inputs = {"sharp": sharp, "target_sigma_px": target_px[None, None]}
        wide = {name: np.pad(value, pads, mode="symmetric") for name, value in inputs.items()}
        return np.clip(self._call("refocus", wide)[..., :height, :width], 0.0, 1.0)

    def refocus(self, picture: Array, focus_xy: tuple[float, float], f_number: float) -> Array:
        """(1, 3, h, w) -> the same, refocused."""
        sigma = self.run("defocus", image=picture)
        sharp = self.run("deblur", image=picture, sigma_px=sigma)
        if np.ptp(picture, axis=1).max() <= self.manifest["conventions"]["grey_within"]:
            sharp = sharp.mean(axis=1, keepdims=True).repeat(3, axis=1)
        defocus = self.smooth(sigma[0, 0], picture)
        target = self.target(defocus, picture, focus_xy, f_number)
        blurred = self.blur(self.light_up(sharp), target)
        rule = self.agreement
        kept = np.clip((rule["to_px"] - np.abs(target - defocus)) / (rule["to_px"] - rule["from_px"]), 0.0, 1.0)
        return blurred + kept * (picture - blurred)

    def golden(self, tensor: dict[str, Any]) -> Array:
        """A golden vector: bytes divided by their divisor, or float32."""
        content = (self.folder / tensor["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == tensor["sha256"]
        numbers = np.frombuffer(content, {"uint8": "u1", "int8": "i1", "float32": "<f4"}[tensor["dtype"]]).reshape(
            tensor["shape"]
        )
        return numbers.astype(np.float32) / np.float32(tensor.get("divisor", 1.0))


def _spans(size: int, tile: int, halo: int, alignment: int) -> list[tuple[int, slice]]:
    """Start of each tile along an axis, and what is kept of it."""
    step = (tile - 2 * halo) // alignment * alignment
    starts = [0]
    while starts[-1] + tile < size:
        starts.append(min(starts[-1] + step, size - tile))
    ends = [start + tile - halo for start in starts[:-1]] + [size]
    return [(start, slice(begin, end)) for start, begin, end in zip(starts, [0, *ends], ends, strict=False)]


def _box_mean(values: Array, radius: int) -> Array:
    """Mean over a square that is cut off at the border, in float64."""
    for axis in (0, 1):
        size = values.shape[axis]
        sums = np.insert(np.cumsum(values.astype(np.float64), axis), 0, 0.0, axis)
        high, low = np.minimum(np.arange(size) + radius + 1, size), np.maximum(np.arange(size) - radius, 0)
        shape = (-1, 1) if axis == 0 else (1, -1)
        values = (sums.take(high, axis) - sums.take(low, axis)) / (high - low).reshape(shape)
    return values


if __name__ == "__main__":
    folder, photo, x, y, aperture, out = sys.argv[1:]
    reader = Reader(Path(folder), "fp32")
    result = reader.refocus(reader.read(Path(photo)), (float(x), float(y)), float(aperture))
    Image.fromarray(np.rint(result[0].transpose(1, 2, 0) * 255.0).astype(np.uint8)).save(out)
