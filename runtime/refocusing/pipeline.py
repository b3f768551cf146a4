"""From a photograph to refocused pictures: an analysis once per photograph, then one graph per tap.

pipeline = RefocusPipeline.open("artifacts")
pipeline.analyse(read_photo("photo.jpg"))
picture = pipeline.refocus((0.52, 0.31), 1.4)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.backends import open_artifact
from runtime.manifest.manifest import Manifest
from runtime.manifest.signature import verify_manifest
from runtime.photos.photo import Photo, resize
from runtime.refocusing import optics
from runtime.refocusing.defaults import WORKING_LONG_SIDE_PX
from runtime.refocusing.guided_filter import guided_filter, texture_confidence
from runtime.refocusing.tiling import TiledGraph, run_tiled, tile_count
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError

SMOOTHING_RADIUS = 1 / 24
"""Half the side of the window over which the defocus map is spread, relative to the long side."""
LEAST_SMOOTHING_RADIUS_PX = 2
SMOOTHING_EPSILON = 1e-2
"""Variance of luma below which a window counts as flat."""
LUMA_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)
GRAPHS = ("defocus", "deblur", "refocus")


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a photograph before anything is tapped, at its working size (h, w)."""

    sigma_px: FloatArray
    """(h, w) estimated blur sigma of the photograph, in pixels of the working size."""
    defocus_px: FloatArray
    """(h, w) the same, spread from textured to flat places along the picture's edges: what the optics go by."""
    confidence: FloatArray
    """(h, w) how far blur can be told there: see ``guided.texture_confidence``."""
    sharp: FloatArray
    """(h, w, 3) sRGB in [0, 1]: all in focus."""
    photo_size_px: tuple[int, int]
    """Height and width of the photograph itself."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width of the working size."""
        height, width = self.sigma_px.shape
        return height, width


class RefocusPipeline:
    """The three graphs of one back end, and the analysis of one photograph.

    Args:
        graphs: "defocus", "deblur" and "refocus".
        sigma_max_px: the largest sigma that the graphs know.
        precision: of the networks, for people.
        working_long_side_px: photographs with a longer side are scaled down to it; smaller ones are left as
            they are.
    """

    def __init__(
        self,
        graphs: Mapping[str, TiledGraph],
        *,
        sigma_max_px: float,
        precision: str = "",
        working_long_side_px: int = WORKING_LONG_SIDE_PX,
    ) -> None:
        if working_long_side_px < 32:
            raise ReblurError(f"the long side must be at least 32 px, got {working_long_side_px}")
        self.sigma_max_px = sigma_max_px
        self.precision = precision
        self.working_long_side_px = working_long_side_px
        self._graphs = {name: graphs[name] for name in GRAPHS}
        self._analysis: Analysis | None = None

    @classmethod
    def open(
        cls,
        artifacts_dir: Path | str,
        backend: str = "tflite",
        precision: str | None = None,
        *,
        num_threads: int | None = None,
        working_long_side_px: int = WORKING_LONG_SIDE_PX,
        public_key: Path | str | None = None,
    ) -> RefocusPipeline:
        """Load the three graphs of a back end from an export folder.

        Args:
            artifacts_dir: the folder with manifest.json.
            backend: "tflite", "executorch", "onnx" or "coreml".
            precision: "fp32", "fp16" or "int8", as far as the back end has it; None takes the finest.
            num_threads: CPU threads; None leaves the choice to the back end.
            working_long_side_px: longest side to work at.
            public_key: PEM file; the folder must be signed with its other half. None asks for no signature.

        Raises:
            ReblurError: no export there, no valid signature, no such pipeline in it, altered files, or a missing
                interpreter.
        """
        directory = Path(artifacts_dir)
        if public_key is not None:
            verify_manifest(directory, public_key)
        manifest = Manifest.load(directory, with_checks=False)
        pipeline = manifest.pipeline(backend, precision)
        runners = {
            graph: open_artifact(manifest.artifact(getattr(pipeline, graph)), directory, num_threads)
            for graph in GRAPHS
        }
        graphs = {name: TiledGraph.of(runner, manifest.graphs[name].halo_px) for name, runner in runners.items()}
        return cls(
            graphs,
            sigma_max_px=manifest.sigma_max_px,
            precision=runners["deblur"].artifact.precision,
            working_long_side_px=working_long_side_px,
        )

    def analyse(
        self, image: Photo | FloatArray, on_progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Analysis:
        """Estimate the defocus map of a photograph and remove its blur. Keeps the result for ``refocus``.

        Args:
            image: a photograph, or (H, W, 3) sRGB in [0, 1].
            on_progress: called with the tiles done and their total.

        Raises:
            ReblurError: an array that is no such picture.
        """
        rgb = _checked(image.rgb if isinstance(image, Photo) else image)
        height, width = working_size(rgb.shape[0], rgb.shape[1], self.working_long_side_px)
        picture = rgb if rgb.shape[:2] == (height, width) else resize(rgb, height, width)
        total = sum(self._tile_count(graph, height, width) for graph in ("defocus", "deblur"))
        done = 0

        def on_tile() -> None:
            nonlocal done
            done += 1
            on_progress(done, total)

        planes = _to_planes(picture)
        sigma = self._run("defocus", {"image": planes}, on_tile)
        sigma = np.clip(sigma, 0.0, self.sigma_max_px)
        sharp = self._run("deblur", {"image": planes, "sigma_px": sigma}, on_tile)
        luma = picture @ LUMA_WEIGHTS
        confidence = texture_confidence(luma)
        self._analysis = Analysis(
            sigma_px=sigma[0, 0],
            defocus_px=smooth_defocus(sigma[0, 0], luma, confidence, self.sigma_max_px),
            confidence=confidence,
            sharp=_from_planes(sharp),
            photo_size_px=(rgb.shape[0], rgb.shape[1]),
        )
        return self._analysis

    def refocus(
        self, focus_xy: tuple[float, float], aperture: float, *, defocus_px: FloatArray | None = None
    ) -> FloatArray:
        """Focus the analysed photograph on a point.

        Args:
            focus_xy: the point, x rightwards and y downwards, both in [0, 1].
            aperture: f-number, relative to ``optics.REFERENCE_F_NUMBER``; smaller blurs more.
            defocus_px: (h, w) signed defocus at the working size, where it is known better than by the
                estimate (see ``optics.defocus_from_disparity``).

        Returns:
            (h, w, 3) sRGB in [0, 1], at the working size.

        Raises:
            ReblurError: nothing was analysed, the point is outside the picture, or the aperture is not above
                0.
        """
        if self._analysis is None:
            raise ReblurError("there is no photograph to refocus: call analyse first")
        optics.check_tap(focus_xy, aperture)
        known, confidence = defocus_px, None
        if known is None:
            known, confidence = self._analysis.defocus_px, self._analysis.confidence
        if known.shape != self._analysis.size_px:
            raise ReblurError(f"defocus_px must have the working size {self._analysis.size_px}, got {known.shape}")
        target = optics.target_sigma_px(known, focus_xy, aperture, self.sigma_max_px, confidence)
        inputs = {"sharp": _to_planes(self._analysis.sharp), "target_sigma_px": target[None, None]}
        return _from_planes(self._run("refocus", inputs))

    def _run(
        self, graph: str, inputs: Mapping[str, FloatArray], on_tile: Callable[[], None] = lambda: None
    ) -> FloatArray:
        """Run one graph in tiles; its only output, (1, C, h, w)."""
        tiled = self._graphs[graph]
        results = run_tiled(tiled.run, inputs, tiled.size_px, tiled.halo_px, on_tile)
        (result,) = results.values()
        return result

    def _tile_count(self, graph: str, height: int, width: int) -> int:
        tiled = self._graphs[graph]
        return tile_count(height, width, tiled.size_px, tiled.halo_px)


def working_size(height: int, width: int, long_side_px: int) -> tuple[int, int]:
    """Height and width with the long side limited to ``long_side_px``; never enlarged."""
    scale = min(1.0, long_side_px / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def smooth_defocus(sigma_px: FloatArray, luma: FloatArray, confidence: FloatArray, sigma_max_px: float) -> FloatArray:
    """The defocus map spread from where blur can be seen to where it cannot, along the picture's edges: (h, w)."""
    radius_px = max(LEAST_SMOOTHING_RADIUS_PX, round(SMOOTHING_RADIUS * max(sigma_px.shape)))
    smooth = guided_filter(sigma_px, luma, confidence, radius_px, SMOOTHING_EPSILON)
    return np.clip(smooth, 0.0, sigma_max_px)


def _checked(rgb: FloatArray) -> FloatArray:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or not np.issubdtype(rgb.dtype, np.floating):
        raise ReblurError(f"expected an (H, W, 3) picture of floats in [0, 1], got {rgb.dtype} {rgb.shape}")
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= 0.0 and high <= 1.0):
        raise ReblurError(f"expected a picture with values in [0, 1], got {low:g} to {high:g}")
    return rgb.astype(np.float32, copy=False)


def _to_planes(picture: FloatArray) -> FloatArray:
    """(h, w, 3) -> (1, 3, h, w)."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1))[None]


def _from_planes(planes: FloatArray) -> FloatArray:
    """(1, 3, h, w) -> (h, w, 3), clipped to [0, 1]."""
    return np.ascontiguousarray(np.clip(planes[0].transpose(1, 2, 0), 0.0, 1.0))
