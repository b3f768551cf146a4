"""From the command line of ``runtime.refocus`` to the pictures and what is said about them."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import NamedTuple

from runtime.photos.encodings import ENCODINGS
from runtime.photos.photo import Photo, check_writable_as_photo, read_photo, resize, write_photo
from runtime.refocusing import optics
from runtime.refocusing.autofocus import automatic_focus
from runtime.refocusing.depth_file import read_depth_file
from runtime.refocusing.faces import find_face
from runtime.refocusing.maps import SHARP, SIGMA, SIGMA_COLOUR, save_maps
from runtime.refocusing.pipeline import RefocusPipeline
from runtime.refocusing.sweep import check_sweep, sweep_frames, write_sweep
from runtime.refocusing.working_size import check_long_side, working_size
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.paths import check_folder_can_be_made, check_outputs, make_folder
from runtime.system.progress import ProgressLine

DISPARITY_RANGE = 12 / 1024
"""Difference in defocus over a map's whole range at the reference aperture, relative to the long side."""
AUTO = "auto"


class Taken(NamedTuple):
    """A photograph at the size asked for, the size that it has, and the depth from a file of its own."""

    photo: Photo
    full_size_px: tuple[int, int]
    disparity: FloatArray | None = None


@dataclasses.dataclass(frozen=True)
class Job:
    """One photograph and where its results go."""

    photo: Path
    out: Path
    maps: Path | None


def parse_focus(text: str) -> tuple[float, float] | None:
    """The point that a text such as 0.52,0.31 names; None for "auto".

    Raises:
        ReblurError: not two numbers.
    """
    if text == AUTO:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ReblurError(f"focus must be two numbers such as 0.52,0.31, or {AUTO}, got {text!r}") from error
    return x, y


def jobs_of(options: argparse.Namespace) -> list[Job]:
    """What is to be done: the photograph, or every picture of the folder.

    Raises:
        ReblurError: the folder holds none, or a result would take the place of something.
    """
    if not options.photo.is_dir():
        jobs = [Job(options.photo, options.out, options.save_maps)]
    elif options.sweep is not None or options.disparity is not None:
        raise ReblurError("--sweep and --disparity belong to one photograph: give a file in place of the folder")
    else:
        photos = sorted(path for path in options.photo.iterdir() if path.suffix.lower() in ENCODINGS)
        if not photos:
            raise ReblurError(f"{options.photo} holds no picture: expected files ending in {', '.join(ENCODINGS)}")
        check_folder_can_be_made(options.out)
        maps = options.save_maps
        jobs = [Job(path, options.out / path.name, maps and maps / path.name) for path in photos]
    outputs: dict[str, Path | None] = {}
    for job in jobs:
        outputs[f"the result of {job.photo.name}"] = job.out
        if job.maps is not None:
            check_folder_can_be_made(job.maps)
            names = {"blur map": SIGMA, "coloured blur map": SIGMA_COLOUR, "all-in-focus picture": SHARP}
            outputs |= {f"the {what} of {job.photo.name}": job.maps / name for what, name in names.items()}
    inputs = {f"the photograph {job.photo.name}": job.photo for job in jobs}
    check_outputs(outputs, {**inputs, "the disparity": options.disparity, "the key": options.public_key})
    return jobs


def refocus(options: argparse.Namespace) -> list[dict[str, object]]:
    """Do it; returns what was done with each photograph, or under "error" why nothing was.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written; of a folder's photographs, all.
    """
    focus = parse_focus(options.focus)
    optics.check_tap((0.5, 0.5) if focus is None else focus, options.aperture)
    if options.long_side is not None:
        check_long_side(options.long_side)
    if options.sweep is not None:
        check_sweep(options.out)
    jobs = jobs_of(options)
    watch = Stopwatch()
    first = None if options.photo.is_dir() else read_for(jobs[0], options)  # its faults are told before the rest
    watch.lap("read_s")
    pipeline = RefocusPipeline.open(
        options.artifacts,
        options.backend,
        options.precision,
        num_threads=options.threads,
        public_key=options.public_key,
        keep_networks=options.photo.is_dir(),
    )
    watch.lap("load_s")
    if first is not None:
        return [refocus_one(jobs[0], first, pipeline, focus, options, watch)]
    make_folder(options.out)
    done: list[dict[str, object]] = []
    for job in jobs:
        watch = Stopwatch()
        try:
            taken = read_for(job, options)
            watch.lap("read_s")
            done.append(refocus_one(job, taken, pipeline, focus, options, watch))
        except ReblurError as error:
            done.append({"photo": str(job.photo), "error": str(error)})
    if all("error" in one for one in done):
        raise ReblurError("; ".join(str(one["error"]) for one in done))
    return done


def read_for(job: Job, options: argparse.Namespace) -> Taken:
    """The photograph of a job, at the size asked for.

    Raises:
        ReblurError: it cannot be read, or its result could not be written.
    """
    photo = read_photo(job.photo)
    check_writable_as_photo(job.out, photo)
    full_size_px = photo.size_px
    disparity = options.disparity and read_depth_file(options.disparity, photo, options.disparity_is)
    if options.long_side is not None:
        photo = smaller(photo, *working_size(*full_size_px, options.long_side))
    return Taken(photo, full_size_px, disparity)


def refocus_one(
    job: Job,
    taken: Taken,
    pipeline: RefocusPipeline,
    focus: tuple[float, float] | None,
    options: argparse.Namespace,
    watch: Stopwatch,
) -> dict[str, object]:
    """Refocus one photograph; returns what was done.

    Raises:
        ReblurError: a file cannot be read or written.
    """
    photo = taken.photo
    with ProgressLine("analysing tile") as progress:
        analysis = pipeline.analyse(photo, progress)
    watch.lap("analysis_s")
    known, source = known_disparity(options, taken, analysis.size_px)
    defocus_px = None if known is None else optics.defocus_from_disparity(known, DISPARITY_RANGE * max(known.shape))
    chosen = focus or find_face(analysis.picture) or automatic_focus(analysis.picture, analysis.sigma_px)
    if options.sweep is not None:
        along = analysis.defocus_px if defocus_px is None else defocus_px
        frames = []
        with ProgressLine("frame") as progress:
            for frame in sweep_frames(
                pipeline, along, options.aperture, options.sweep, is_known=known is not None, bokeh=options.bokeh
            ):
                frames.append(frame)
                progress(len(frames), options.sweep)
        watch.lap("refocus_s")
        write_sweep(job.out, frames)
        size_px = analysis.size_px
    else:
        with ProgressLine("refocusing row") as progress:
            picture = pipeline.refocus_photo(
                photo, chosen, options.aperture, defocus_px=defocus_px, bokeh=options.bokeh, on_progress=progress
            )
        watch.lap("refocus_s")
        write_photo(job.out, picture, like=photo)
        size_px = photo.size_px
    watch.lap("write_s")
    if job.maps is not None:
        save_maps(job.maps, analysis, pipeline.sigma_max_px, photo)
    return {
        "photo": str(job.photo),
        "out": str(job.out),
        "size_px": size_px,
        "photo_size_px": taken.full_size_px,
        "working_size_px": analysis.size_px,
        "focus": chosen,
        "frames": options.sweep,
        "bokeh": options.bokeh,
        "backend": options.backend,
        "precision": pipeline.precision,
        "depth": source,
        **watch.laps,
        "maps": None if job.maps is None else str(job.maps),
    }


def known_disparity(
    options: argparse.Namespace, taken: Taken, size_px: tuple[int, int]
) -> tuple[FloatArray | None, str]:
    """What is known of depth, (h, w) in [0, 1] with 1 at the nearest, or None; and where that is from."""
    if taken.disparity is not None:
        return resize(taken.disparity, *size_px), str(options.disparity)
    if taken.photo.depth is None or options.no_depth:
        return None, "estimated blur"
    return resize(taken.photo.depth.disparity, *size_px), taken.photo.depth.kind


class Stopwatch:
    """Seconds from one lap to the next, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """End a lap."""
        now = time.perf_counter()
        self.laps[name] = round(now - self._last, 3)
        self._last = now


def smaller(photo: Photo, height: int, width: int) -> Photo:
    """The photograph at a smaller size."""
    if photo.size_px == (height, width):
        return photo
    return dataclasses.replace(photo, samples=photo.as_samples(resize(photo.samples, height, width)))


def in_words(done: dict) -> str:
    """What was done with a photograph, in one line."""
    if "error" in done:
        return f"not refocused: {done['error']}"
    (height, width), (full_height, full_width) = done["size_px"], done["photo_size_px"]
    x, y = done["focus"]
    how = f"{done['frames']} frames there and back" if done["frames"] else f"focus {x:.2f},{y:.2f}"
    maps = f"; maps in {done['maps']} (sigma.png: 1000 is 1 px)" if done["maps"] else ""
    pixels = f"{width}x{height} px of {full_width}x{full_height}"
    return (
        f"wrote {done['out']}, {pixels}, {how}, {done['backend']} {done['precision']}, by {done['depth']}: "
        f"analysis {done['analysis_s']:.2f} s, refocus {done['refocus_s']:.2f} s{maps}"
    )
