"""Refocusing against scenes whose exact answer is known, beside other ways to do it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate
from torch import Tensor

from benchmarks.scoring import lights
from benchmarks.scoring.beside import beside, write, write_row
from export.data.layered_scenes import SCENES, gaussian_blur, seen_in_focus, seen_through_a_lens
from export.data.pictures import load_picture
from runtime.backends import open_artifact
from runtime.backends.base import cpu_threads
from runtime.manifest.manifest import Manifest
from runtime.refocusing.defaults import BOKEH
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.rendering import refocused
from runtime.refocusing.tiling import TiledGraph
from runtime.system.arrays import FloatArray
from train.evaluation.metrics import rank_correlation
from train.optics.light import decode, encode

Renderer = Callable[[Tensor, Tensor], Tensor]
"""(1, 3, H, W) sRGB all in focus, (1, 1, H, W) signed sigma in pixels -> (1, 3, H, W)."""
BAND = 3.0
"""Width of the band around outlines, in sigmas."""
F_NUMBERS = (16.0, 8.0, 5.6, 4.0, 2.8, 2.0, 1.4, 1.0)
TAPS, TAP_PX = 9, (768, 1024)
TAP_MEGAPIXELS = TAP_PX[0] * TAP_PX[1] / 1e6
PER_MEGAPIXEL = "ms per megapixel"


def measure(directory: Path, size_px: tuple[int, int], threads: int | None, pictures: Path | None) -> dict[str, Any]:
    """Everything that the command prints.

    Raises:
        ReblurError: there is no export.
    """
    torch.set_num_threads(cpu_threads(threads))
    graphs = _graphs(directory, threads, ("refocus", "preview"))
    ways: dict[str, Renderer] = {f"ours: {name}": _of(graph) for name, graph in graphs.items()}
    ways |= {"gather, exact": gather, "scatter": scatter, "OpenCV stack of 8": opencv_stack}
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {cpu_threads(threads)} threads",
        "size_px": size_px,
        "scenes": _scenes(ways, size_px, pictures),
        "lights": lights.score(graphs["refocus"], size_px),
        "lights_of_layers": lights.score_scenes(graphs["refocus"], size_px),
        "lvcorr": lvcorr(directory, threads),
        "tap": _taps(graphs, directory, threads),
        "tap_at_night": _taps_at_night(directory, threads),
    }


def _graphs(directory: Path, threads: int | None, names: Sequence[str]) -> dict[str, TiledGraph]:
    manifest = Manifest.load(directory, with_checks=False)
    return {
        name: TiledGraph.of(open_artifact(artifact, directory, threads), manifest.graphs[name].halo_px)
        for name in names
        for artifact in manifest.artifacts
        if artifact.id == f"{name}-tflite-fp32"
    }


def beside_others(
    directory: Path, triples: Sequence[tuple[Path, Path, Path]], threads: int | None, pictures: Path | None
) -> list[dict[str, Any]]:
    """Pictures all in focus, refocused as others did; see ``benchmarks.scoring.beside``.

    Args:
        directory: that an export wrote.
        triples: the picture all in focus, its depth, and what others made of it.
        threads: CPU threads.
        pictures: where the three are written side by side, if anywhere.

    Raises:
        ReblurError: there is no export, or a picture cannot be read.
    """
    graph = _graphs(directory, threads, ("refocus",))["refocus"]
    rows = []
    for sharp, depth, theirs in triples:
        found = beside(sharp, depth, theirs, partial(refocused, graph))
        rows.append(
            {
                "picture": found.name,
                "focus": found.focus,
                "strength, px of 1024": 1024.0 * found.strength,
                "ours against theirs, dB": found.psnr_db,
                "unblurred against theirs, dB": found.unblurred_db,
            }
        )
        if pictures is not None:
            write(found, pictures)
    return rows


def in_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """What ``beside_others`` gives, for people."""
    return tabulate(rows, headers="keys", floatfmt=".2f")


def in_tables(found: Mapping[str, Any]) -> str:
    """What was measured, for people."""
    height, width = found["size_px"]
    scenes = tabulate(found["scenes"], headers="keys", floatfmt=".1f")
    at_night, of_layers = (
        tabulate(found[name], headers="keys", floatfmt=".1f") for name in ("lights", "lights_of_layers")
    )
    taps = tabulate([*found["tap"], *found["tap_at_night"]], headers="keys", floatfmt=".0f")
    return (
        f"{found['machine']}; scenes of {width}x{height}, PSNR in dB\n\n{scenes}\n\n"
        f"against a lens of even discs: lamps at night, and a picture by day\n\n{at_night}\n\n{of_layers}\n\n"
        f"LVCorr over f/{F_NUMBERS[0]:g} to f/{F_NUMBERS[-1]:g}: {found['lvcorr']:.3f}\n\n{taps}"
    )


def _of(graph: TiledGraph) -> Renderer:
    def render(sharp: Tensor, sigma_px: Tensor) -> Tensor:
        picture = refocused(graph, _picture(sharp), sigma_px[0, 0].numpy())
        return torch.from_numpy(picture).permute(2, 0, 1)[None]

    return render


def _scenes(ways: Mapping[str, Renderer], size_px: tuple[int, int], pictures: Path | None) -> list[dict[str, Any]]:
    from skimage.metrics import structural_similarity

    background, subject = load_picture("motorcycle", *size_px), load_picture("astronaut", *size_px)
    rows = []
    for name, scene in SCENES.items():
        layers = scene.layers(background, subject)
        sharp, sigma_px = seen_in_focus(layers)
        truth, near = seen_through_a_lens(layers), band(sigma_px)
        answers = {}
        for way, render in ways.items():
            started = time.perf_counter()
            answers[way] = answer = render(sharp, sigma_px)
            taken = time.perf_counter() - started
            ssim = structural_similarity(_picture(answer), _picture(truth), channel_axis=2, data_range=1.0)
            rows.append(
                {
                    "scene": name,
                    "by": way,
                    "all": _psnr_db(answer, truth, torch.ones_like(near)),
                    "outlines": _psnr_db(answer, truth, near),
                    "elsewhere": _psnr_db(answer, truth, ~near),
                    "SSIM": f"{ssim:.3f}",
                    "ms": 1000.0 * taken,
                }
            )
        if pictures is not None:
            row = [sharp, *answers.values(), truth]
            write_row(pictures / f"{name}.png", [_picture(picture) for picture in row])
    return rows


def band(sigma_px: Tensor) -> Tensor:
    """Within ``BAND`` sigmas of an outline, (1, 1, H, W)."""
    edges = torch.zeros_like(sigma_px)
    edges[..., 1:] += (sigma_px[..., 1:] != sigma_px[..., :-1]).float()
    edges[..., 1:, :] += (sigma_px[..., 1:, :] != sigma_px[..., :-1, :]).float()
    reach = int(BAND * float(sigma_px.abs().max()))
    return torch.nn.functional.max_pool2d(edges, 2 * reach + 1, 1, reach) > 0.0


def gather(sharp: Tensor, sigma_px: Tensor) -> Tensor:
    """The exact Gaussian of each pixel's own sigma, without occlusion: one blur for each sigma that occurs."""
    light, result = decode(sharp.double()), torch.zeros_like(sharp, dtype=torch.float64)
    for sigma in sigma_px.abs().unique():
        result = torch.where(sigma_px.abs() == sigma, gaussian_blur(light, float(sigma)), result)
    return encode(result.clamp(max=1.0)).float()


def scatter(sharp: Tensor, sigma_px: Tensor) -> Tensor:
    """Every pixel spread by its own Gaussian, and the sum divided by that of the weights: the textbook's renderer."""
    light = decode(sharp.double())
    total, weight = torch.zeros_like(light), torch.zeros_like(light[:, :1])
    for sigma in sigma_px.abs().unique():
        own = (sigma_px.abs() == sigma).double()
        spread = gaussian_blur(torch.cat([light * own, own], 1), float(sigma))
        total, weight = total + spread[:, :3], weight + spread[:, 3:]
    return encode((total / weight.clamp(min=1e-6)).clamp(max=1.0)).float()


def opencv_stack(sharp: Tensor, sigma_px: Tensor) -> Tensor:
    """Eight evenly blurred copies by OpenCV, between which each pixel interpolates."""
    import cv2

    light = decode(sharp)[0].permute(1, 2, 0).contiguous().numpy()
    wanted = sigma_px[0, 0].abs().numpy()
    sigmas = np.linspace(0.0, max(float(wanted.max()), 1.0), 8)
    copies = [light if sigma == 0.0 else cv2.GaussianBlur(light, (0, 0), float(sigma)) for sigma in sigmas]
    place = np.clip(wanted / (sigmas[1] - sigmas[0]), 0.0, 7.0)
    low = np.minimum(place.astype(int), 6)
    stack, rows, columns = np.stack(copies), *np.indices(wanted.shape)
    share = (place - low)[..., None]
    result = stack[low, rows, columns] * (1.0 - share) + stack[low + 1, rows, columns] * share
    return encode(torch.from_numpy(result.astype(np.float32)).permute(2, 0, 1)[None].clamp(max=1.0))


def lvcorr(directory: Path, threads: int | None) -> float:
    """Rank correlation of the blur asked for with how little the Laplacian of the result varies, over ``F_NUMBERS``."""
    pipeline = RefocusPipeline.open(directory, "tflite", "fp32", num_threads=threads)
    picture = _picture(load_picture("astronaut", 512, 512))
    analysis = pipeline.analyse(picture)
    rows = np.linspace(0.0, 1.0, analysis.size_px[0], dtype=np.float32)[:, None]
    depth = np.broadcast_to(10.0 * rows, analysis.size_px).copy()
    variances = [
        float(np.var(_laplacian(pipeline.refocus((0.5, 0.0), f_number, defocus_px=depth)[256:])))
        for f_number in F_NUMBERS
    ]
    return rank_correlation(1.0 / torch.tensor(F_NUMBERS), -torch.tensor(variances))


def _laplacian(picture: FloatArray) -> FloatArray:
    luma = picture.mean(axis=2)
    return 4.0 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]


def _taps(graphs: Mapping[str, TiledGraph], directory: Path, threads: int | None) -> list[dict[str, Any]]:
    """Median time of a tap on a 1 megapixel picture, optics and picture out included."""
    pipelines = {}
    for name, graph in graphs.items():
        pipelines[name] = pipeline = RefocusPipeline.open(directory, "tflite", "fp32", num_threads=threads)
        pipeline.use("refocus", graph)
    picture = _picture(load_picture("astronaut", *TAP_PX))
    rows = np.linspace(-1.0, 1.0, TAP_PX[0], dtype=np.float32)[:, None]
    depth = np.broadcast_to(24.0 * rows, TAP_PX).copy()
    started = time.perf_counter()
    for pipeline in pipelines.values():
        pipeline.analyse(picture)
    opened = (time.perf_counter() - started) / len(pipelines)
    drag = pipelines["refocus"]
    height, width = drag.preview((0.5, 0.5), 1.4, defocus_px=depth).shape[:2]
    return [
        {"what": "first open, fp32", PER_MEGAPIXEL: 1000.0 * opened / TAP_MEGAPIXELS},
        *_in_turns(
            {
                **{
                    f"tap, {name}": partial(pipeline.refocus, (0.5, 0.5), 1.4, defocus_px=depth)
                    for name, pipeline in pipelines.items()
                },
                f"while a finger drags, {width}x{height}": partial(drag.preview, (0.5, 0.5), 1.4, defocus_px=depth),
            }
        ),
    ]


def _taps_at_night(directory: Path, threads: int | None) -> list[dict[str, Any]]:
    """Median time of a tap on a 1 megapixel picture with lamps, everything behind, for each way that they are drawn."""
    pipeline = RefocusPipeline.open(directory, "tflite", "fp32", num_threads=threads)
    pipeline.analyse(np.minimum(lights.night(TAP_PX, 0.0).sharp, 1.0))
    depth = np.linspace(0.0, 24.0, TAP_PX[0], dtype=np.float32)[:, None] * np.ones(TAP_PX, np.float32)
    tap = partial(pipeline.refocus, (0.5, 0.0), 2.0, defocus_px=depth)
    return _in_turns({f"tap at night, {bokeh}": partial(tap, bokeh=bokeh) for bokeh in BOKEH})


def _in_turns(ways: Mapping[str, Callable[[], object]]) -> list[dict[str, Any]]:
    """Median time of each of some ways to do a tap, ``TAPS`` times one after the other."""
    times: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(TAPS):
        for what, run in ways.items():
            started = time.perf_counter()
            run()
            times[what].append(time.perf_counter() - started)
    return [
        {"what": what, PER_MEGAPIXEL: 1000.0 * float(np.median(taken)) / TAP_MEGAPIXELS}
        for what, taken in times.items()
    ]


def _psnr_db(first: Tensor, second: Tensor, where: Tensor) -> float:
    errors = ((first - second) ** 2).mean(dim=1, keepdim=True)
    return float(-10.0 * torch.log10(errors[where].mean())) if bool(where.any()) else float("nan")


def _picture(planes: Tensor) -> FloatArray:
    return planes[0].permute(1, 2, 0).clamp(0.0, 1.0).contiguous().numpy()
