"""From a photograph to refocused pictures: an analysis once per photograph, then one graph per tap.

pipeline = RefocusPipeline.open("artifacts")
pipeline.analyse(photo := read_photo("photo.jpg"))
preview = pipeline.refocus((0.52, 0.31), 1.4)
samples = pipeline.refocus_photo(photo, (0.52, 0.31), 1.4)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.backends import check_artifact, open_artifact
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Artifact
from runtime.manifest.signature import verify_manifest
from runtime.photos.photo import Photo, Samples
from runtime.refocusing import optics
from runtime.refocusing.defaults import BOKEH, GAUSSIAN, WORKING_LONG_SIDE_PX
from runtime.refocusing.defocus_map import smooth_defocus
from runtime.refocusing.enlarging import Part, enlarged_part
from runtime.refocusing.graphs import Graphs, Opener
from runtime.refocusing.highlights import recovered
from runtime.refocusing.previewing import PREVIEW, Previewer, smallest_preview
from runtime.refocusing.rendering import at_size, base_of, refocused
from runtime.refocusing.tiling import TiledGraph
from runtime.refocusing.working_size import at_working_size, check_long_side, working_size
from runtime.system.arrays import FloatArray, between, ramp
from runtime.system.errors import ReblurError

NETWORKS = ("defocus", "deblur")
GRAPHS = (*NETWORKS, "refocus")
GREY_WITHIN = 2.5 / 255.0
"""Difference between channels that a JPEG or a resampling may make of none."""
AGREES_PX = (0.2, 0.4)
"""Difference between the blur asked for and the photograph's own up to which the photograph stays as it is, and from
which nothing of it is left."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a photograph before anything is tapped, at its working size (h, w)."""

    picture: FloatArray
    """(h, w, 3) sRGB in [0, 1]: the photograph."""
    sigma_px: FloatArray
    """(h, w) estimated blur sigma of the photograph, in pixels of the working size."""
    defocus_px: FloatArray
    """(h, w) the same, spread from textured to flat places along the picture's edges: what the optics go by."""
    confidence: FloatArray
    """(h', w') how far blur can be told, at a quarter of the size: see ``defocus_map.texture_confidence``."""
    sharp: FloatArray
    """(h, w, 3) sRGB in [0, 1]: all in focus."""
    lit: FloatArray
    """The same with lamps as bright as they may have been, see ``highlights``: what is blurred."""
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
        graphs: "defocus", "deblur" and "refocus", and "preview" for previews; each open, or what opens it when it is
            first needed.
        sigma_max_px: the largest sigma that the networks know.
        target_max_px: the largest that the refocusing graph renders.
        precision: of the networks, for people.
        working_long_side_px: photographs with a longer side are scaled down to it; smaller ones are left as
            they are.
        keep_networks: False closes the two networks after each analysis, which takes 300 MiB less; the next one opens
            them again.
    """

    def __init__(
        self,
        graphs: Mapping[str, TiledGraph | Opener],
        *,
        sigma_max_px: float,
        target_max_px: float,
        precision: str = "",
        working_long_side_px: int = WORKING_LONG_SIDE_PX,
        keep_networks: bool = True,
    ) -> None:
        check_long_side(working_long_side_px)
        self.sigma_max_px = sigma_max_px
        self.target_max_px = target_max_px
        self.precision = precision
        self.working_long_side_px = working_long_side_px
        self.keep_networks = keep_networks
        self._graphs = Graphs(graphs)
        self._analysis: Analysis | None = None
        self._previewer: Previewer | None = None

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
        keep_networks: bool = True,
    ) -> RefocusPipeline:
        """Load the two networks of a back end from an export folder; the other graphs follow once they are needed.

        Args:
            artifacts_dir: the folder with manifest.json.
            backend: "tflite", "executorch", "onnx" or "coreml".
            precision: "fp32", "fp16" or "int8", as far as the back end has it; None takes the finest.
            num_threads: CPU threads; None leaves the choice to the back end.
            working_long_side_px: longest side to work at.
            public_key: PEM file; the folder must be signed with its other half. None asks for no signature.
            keep_networks: as above.

        Raises:
            ReblurError: no export there, no valid signature, no such pipeline in it, altered files, or a missing
                interpreter.
        """
        directory = Path(artifacts_dir)
        if public_key is not None:
            verify_manifest(directory, public_key)
        manifest = Manifest.load(directory, with_checks=False)
        pipeline = manifest.pipeline(backend, precision)
        artifacts = {graph: manifest.artifact(getattr(pipeline, graph)) for graph in GRAPHS}
        quick = smallest_preview(manifest.artifacts, pipeline, working_long_side_px)
        if quick is not None:
            artifacts[PREVIEW] = quick

        def opener(artifact: Artifact) -> Opener:
            def open_graph() -> TiledGraph:
                runner = open_artifact(artifact, directory, num_threads)
                return TiledGraph.of(runner, manifest.graphs[artifact.graph].halo_px)

            return open_graph

        check_artifact(artifacts["refocus"], directory)  # now, though it is opened later
        opened = cls(
            {name: opener(artifact) for name, artifact in artifacts.items()},
            sigma_max_px=manifest.sigma_max_px,
            target_max_px=manifest.target_max_px,
            precision=artifacts["deblur"].precision,
            working_long_side_px=working_long_side_px,
            keep_networks=keep_networks,
        )
        opened._open_networks()
        return opened

    def use(self, name: str, graph: TiledGraph) -> None:
        """Use another graph in the place of one."""
        self._graphs[name] = graph
        self._previewer = None

    def working_size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a photograph of this size is analysed; see ``working_size``."""
        return working_size(height, width, self.working_long_side_px, self._graphs["defocus"].size_px)

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
        rgb = image if isinstance(image, Photo) else _checked(image)
        size = image.size_px if isinstance(image, Photo) else (image.shape[0], image.shape[1])
        picture = at_working_size(rgb, *self.working_size_of(*size))
        total = sum(self._graphs[graph].count(*picture.shape[:2]) for graph in NETWORKS)
        done = 0

        def on_tile() -> None:
            nonlocal done
            done += 1
            on_progress(done, total)

        planes = picture.transpose(2, 0, 1)[None]
        sigma = np.clip(self._run("defocus", {"image": planes}, on_tile), 0.0, self.sigma_max_px)
        sharp = self._run("deblur", {"image": planes, "sigma_px": sigma}, on_tile)
        sharp = np.clip(np.ascontiguousarray(sharp[0].transpose(1, 2, 0)), 0.0, 1.0)
        if is_grey(picture):
            sharp = np.repeat(sharp.mean(axis=2, keepdims=True), 3, axis=2)
        defocus, confidence = smooth_defocus(sigma[0, 0], picture, self.sigma_max_px)
        self._analysis = Analysis(
            picture=picture,
            sigma_px=np.ascontiguousarray(sigma[0, 0]),
            defocus_px=defocus,
            confidence=confidence,
            sharp=sharp,
            lit=recovered(sharp),
            photo_size_px=size,
        )
        self._previewer = None
        if not self.keep_networks:
            self._graphs.let_go(*NETWORKS)
        return self._analysis

    def preview(self, focus: optics.Focus, aperture: float, *, defocus_px: FloatArray | None = None) -> FloatArray:
        """Focus the analysed photograph on a point without occlusion and smaller: quickly, for a finger that drags.

        Args:
            focus: as for ``refocus``.
            aperture: as for ``refocus``.
            defocus_px: as for ``refocus``.

        Returns:
            (h', w', 3) sRGB in [0, 1]: as large as the preview graph takes in one call, at most the working size. See
            ``previewing``.

        Raises:
            ReblurError: as for ``refocus``, or the export has no preview graph.
        """
        analysis = self._analysed()
        target = self._target(analysis, focus, aperture, defocus_px)
        if self._previewer is None:
            self._previewer = Previewer(self._preview_graph(), analysis.lit, analysis.picture)
        return self._previewer(target, _agreement(target, analysis) if defocus_px is None else None)

    def refocus(
        self,
        focus: optics.Focus,
        aperture: float,
        *,
        defocus_px: FloatArray | None = None,
        bokeh: str = GAUSSIAN,
    ) -> FloatArray:
        """Focus the analysed photograph on a point: at the working size, as for a screen.

        Args:
            focus: the point, x rightwards and y downwards, both in [0, 1]; or the defocus, in pixels, of what is to be.
            aperture: f-number, relative to ``optics.REFERENCE_F_NUMBER``; smaller blurs more.
            defocus_px: (h, w) signed defocus at the working size, where it is known better than by the
                estimate (see ``optics.defocus_from_disparity``).
            bokeh: what lights out of focus become: "gaussian", which is what the graph makes of everything, or "disc".

        Returns:
            (h, w, 3) sRGB in [0, 1], at the working size.

        Raises:
            ReblurError: nothing was analysed, the point is outside the picture, the aperture is not above 0, or
                there is no such bokeh.
        """
        check_bokeh(bokeh)
        analysis = self._analysed()
        target = self._target(analysis, focus, aperture, defocus_px)
        result = refocused(self._graphs["refocus"], analysis.lit, target, bokeh)
        if defocus_px is not None:
            return result
        return between(result, analysis.picture, _agreement(target, analysis)[..., None])

    def refocus_photo(
        self,
        photo: Photo,
        focus: optics.Focus,
        aperture: float,
        *,
        defocus_px: FloatArray | None = None,
        bokeh: str = GAUSSIAN,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Samples:
        """Focus the analysed photograph on a point, at its own size.

        What is in focus is the photograph itself and what the deblurring added at the working size, enlarged; so
        sharp places keep every pixel that they had. See ``rendering`` for the rest.

        Args:
            photo: the one that was analysed.
            focus: as for ``refocus``.
            aperture: as for ``refocus``.
            defocus_px: as for ``refocus``.
            bokeh: as for ``refocus``.
            on_progress: called with the rows done and their total.

        Returns:
            (H, W, 3), of the photograph's own type of samples.

        Raises:
            ReblurError: as for ``refocus``, or it is another photograph.
        """
        check_bokeh(bokeh)
        analysis = self._analysed()
        if photo.size_px != analysis.photo_size_px:
            raise ReblurError("this is not the photograph that was analysed: call analyse with it first")
        if photo.size_px == analysis.size_px:
            picture = self.refocus(focus, aperture, defocus_px=defocus_px, bokeh=bokeh)
            on_progress(photo.size_px[0], photo.size_px[0])
            return photo.as_samples(picture)
        target = self._target(analysis, focus, aperture, defocus_px)
        graph = self._graphs["refocus"]
        base = base_of(graph, analysis.lit, target, bokeh)
        added = analysis.sharp - analysis.picture
        kept = _agreement(target, analysis) if defocus_px is None else np.zeros_like(target)
        lamps: FloatArray | None = None
        if analysis.lit is not analysis.sharp:
            lamps = (analysis.lit / np.maximum(analysis.sharp, 1e-3)).astype(np.float32)

        def sharp_of(part: Part) -> FloatArray:
            sharp = enlarged_part(added, photo.size_px, part)
            sharp += photo.part(part)
            np.clip(sharp, 0.0, 1.0, out=sharp)
            return sharp if lamps is None else sharp * enlarged_part(lamps, photo.size_px, part)

        result = np.empty_like(photo.samples)
        for part, picture in at_size(graph, base, photo.size_px, sharp_of):
            share = enlarged_part(kept, photo.size_px, part)[..., None]
            if share.any():
                picture = between(picture, photo.part(part), share)
            result[part] = photo.as_samples(picture)
            on_progress(part[0].stop, photo.size_px[0])
        return result

    def _open_networks(self) -> None:
        for name in NETWORKS:
            _ = self._graphs[name]

    def _preview_graph(self) -> TiledGraph:
        if PREVIEW not in self._graphs:
            raise ReblurError("this export has no preview graph: export again with preview among --graphs")
        return self._graphs[PREVIEW]

    def _analysed(self) -> Analysis:
        if self._analysis is None:
            raise ReblurError("there is no photograph to refocus: call analyse first")
        return self._analysis

    def _target(
        self, analysis: Analysis, focus: optics.Focus, aperture: float, defocus_px: FloatArray | None
    ) -> FloatArray:
        """(h, w) what the refocusing graph is asked for."""
        optics.check_tap(focus, aperture)
        if defocus_px is None:
            return optics.target_sigma_px(analysis.defocus_px, focus, aperture, self.target_max_px, analysis.confidence)
        if defocus_px.shape != analysis.size_px:
            raise ReblurError(f"defocus_px must have the working size {analysis.size_px}, got {defocus_px.shape}")
        return optics.target_sigma_px(defocus_px, focus, aperture, self.target_max_px)

    def _run(
        self, graph: str, inputs: Mapping[str, FloatArray], on_tile: Callable[[], None] = lambda: None
    ) -> FloatArray:
        """Run one graph in tiles; its only output, (1, C, h, w)."""
        (result,) = self._graphs[graph].anywhere(inputs, on_tile).values()
        return result


def is_grey(picture: FloatArray) -> bool:
    """Whether a picture (h, w, 3) has no colour anywhere; then deblurring adds none, whatever it sees in a pattern."""
    red, green, blue = np.moveaxis(picture, 2, 0)
    pairs = ((red, green), (green, blue), (blue, red))
    return all(np.abs(one - other).max() <= GREY_WITHIN for one, other in pairs)


def _agreement(target_px: FloatArray, analysis: Analysis) -> FloatArray:
    """How far the blur asked for is what the photograph has: (h, w) in [0, 1]."""
    low, high = AGREES_PX
    return ramp(-np.abs(target_px - analysis.defocus_px), -high, -low)


def check_bokeh(bokeh: str) -> None:
    """Refuse what no light becomes.

    Raises:
        ReblurError: names what one does.
    """
    if bokeh not in BOKEH:
        raise ReblurError(f"bokeh must be {' or '.join(BOKEH)}, got {bokeh!r}")


def _checked(rgb: FloatArray) -> FloatArray:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or not np.issubdtype(rgb.dtype, np.floating):
        raise ReblurError(f"expected an (H, W, 3) picture of floats in [0, 1], got {rgb.dtype} {rgb.shape}")
    low, high = float(rgb.min()), float(rgb.max())
    if not (low >= 0.0 and high <= 1.0):
        raise ReblurError(f"expected a picture with values in [0, 1], got {low:g} to {high:g}")
    return rgb.astype(np.float32, copy=False)
