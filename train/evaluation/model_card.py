"""The measured part of a model card: tables in Markdown, the plot of gain by blur, and held-out scenes as a picture."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import torch
from tabulate import tabulate

from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.checkpoint import Deployable, load_deployable
from train.data.photos import Picture, load_photos
from train.evaluation.held_out import HeldOut, held_out_scenes, scikit_image_pictures
from train.evaluation.inference import restore
from train.evaluation.per_sigma import MEAN_RANGE_PX, PSFS, SIGMAS_PX, PerSigma, per_sigma
from train.evaluation.plots import plot_per_sigma
from train.evaluation.results import number
from train.evaluation.sample_grids import held_out_grid, write_png
from train.evaluation.summary import WORSE_FROM_DB, by_blur_level, figures_of
from train.evaluation.weak_spots import STRONG_NOISE_LEVELS, NoiseFigures, measure_noise, measure_textures
from train.presets import mobile

BEGIN, END = "<!-- measured by python -m train.card -->", "<!-- end of what is measured -->"
OWN_PHOTOS = "scikit-image's"
GRID_ROWS = 4
PLOT, GRID = "gain_by_sigma.png", "held_out.png"


def write_card(args: argparse.Namespace, device: torch.device) -> list[Path]:
    """Measure what the command line names, and write the card with its plot and its picture beside it.

    Args:
        args: of the command.
        device: where the networks run.

    Returns:
        The files written.

    Raises:
        ReblurError: the card has no marks, the checkpoint or the photographs cannot be read, or a file not be written.
    """
    before, after = around_marks(args.card)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    networks = load_deployable(args.checkpoint)
    networks.deblur.to(device)
    networks.defocus.to(device)
    sets = {OWN_PHOTOS: scikit_image_pictures(), "other": load_photos(args.photos)}
    even = {name: per_sigma(networks.deblur, networks.defocus, photos, args.crops) for name, photos in sets.items()}
    plot, grid = args.card.with_name(PLOT), args.card.with_name(GRID)
    scenes = {name: held_out_scenes(photos, mobile(), args.scenes) for name, photos in sets.items()}
    text = "\n\n".join(
        [
            _conditions(args, sets, device),
            even_blur_table(even),
            _sharp_line(even),
            f"![Gain by sigma, on photographs that come with scikit-image]({PLOT})",
            *(_scenes(name, networks, data) for name, data in scenes.items()),
            f"![Held-out scenes: blurry, restored, sharp, estimated sigma, true sigma]({GRID})",
            _textures(networks),
            _noise({name: measure_noise(networks.deblur, networks.defocus, photos) for name, photos in sets.items()}),
        ]
    )
    plot_per_sigma(even[OWN_PHOTOS], plot)
    shown = networks.deblur, networks.defocus, None, scenes[OWN_PHOTOS], networks.config.sigma_max_px
    write_png(grid, held_out_grid(*shown, rows=GRID_ROWS))
    write_atomically(args.card, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}".encode())
    return [args.card, plot, grid]


def around_marks(card: Path) -> tuple[str, str]:
    """What a card says before and after its measured part.

    Raises:
        ReblurError: there is no such file, or it has not both marks.
    """
    if not card.is_file():
        raise ReblurError(f"no model card at {card}: write one with the lines {BEGIN} and {END} where figures belong")
    before, begin, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ReblurError(f"{card} has no place for figures: expected the lines {BEGIN} and {END}")
    return before, after


def even_blur_table(figures: dict[str, PerSigma]) -> str:
    """Gain by sigma, a row for each set of photographs and PSF."""
    rows: list[list[str]] = []
    for name, table in figures.items():
        for psf in PSFS:
            gains = [number(row.gain_db, sign="+") for row in table.blurred if row.psf == psf]
            rows.append([name, psf, *gains, f"**{table.mean_gain_db(psf):+.2f}**"])
    low, high = MEAN_RANGE_PX
    return _table(["photographs", "blur", *(f"{s:g} px" for s in SIGMAS_PX), f"mean, {low:g} to {high:g} px"], rows)


def _conditions(args: argparse.Namespace, sets: dict[str, list[Picture]], device: torch.device) -> str:
    counts = " and ".join(f"{len(photos)} {name}" for name, photos in sets.items())
    where = "a GPU" if device.type == "cuda" else f"{platform.machine()}, {torch.get_num_threads()} thread(s)"
    return (
        f"Photographs: {counts}, none of which training saw. {args.crops} textured crops of 256x256 of each, evenly "
        "blurred in linear light, noise of half an 8-bit step, rounded to 8 bits; gain in PSNR over the input, in dB. "
        f"torch {torch.__version__}, {where}."
    )


def _sharp_line(figures: dict[str, PerSigma]) -> str:
    said = [
        f"{table.sharp.mean_psnr_db:.1f} dB on average, {table.sharp.worst_psnr_db:.1f} at worst on {name} photographs"
        for name, table in figures.items()
    ]
    return f"Sharp crops against themselves: {'; '.join(said)}."


def _scenes(name: str, networks: Deployable, data: HeldOut) -> str:
    restored, sigma_px = restore(networks.deblur, networks.defocus, data.blurry)
    levels = {"all": torch.ones(len(data.blurry), dtype=torch.bool)} | by_blur_level(data)
    rows: list[list[str]] = []
    for level, chosen in levels.items():
        f = figures_of(restored[chosen], sigma_px[chosen], HeldOut(*(t[chosen] for t in data)))
        psnr = f"{f.input_psnr_db:.1f} to {f.output_psnr_db:.1f} dB"
        gains = [number(f.gain_db, sign="+"), number(f.worst_gain_db, sign="+"), f"{f.worse_share:.0%}"]
        rows.append([level, str(f.scenes), psnr, *gains, number(f.sigma_mae_px), number(f.sigma_bias_px, sign="+")])
    gain_columns = ["gain, dB", "worst, dB", f"lose over {WORSE_FROM_DB:g} dB"]
    columns = ["largest sigma", "scenes", "PSNR", *gain_columns, "sigma MAE, px", "bias, px"]
    said = f"Layered scenes of {name} photographs, aligned, from seeds that training never uses:"
    return f"{said}\n\n{_table(columns, rows)}"


def _textures(networks: Deployable) -> str:
    rows = [
        [f.name, "unchanged" if f.psnr_db > 100 else f"{f.psnr_db:.1f} dB", f"{f.sigma_px:.2f} px", f"{f.colour:.0f}"]
        for f in measure_textures(networks.deblur, networks.defocus)
    ]
    columns = ["grey texture in focus", "restored against itself", "sigma seen (truth: 0)", "colour, 8-bit steps"]
    return _table(columns, rows)


def _noise(figures: dict[str, list[NoiseFigures]]) -> str:
    some = next(iter(figures.values()))
    rows = [
        [name, *(f"{number(f.mae_px)} ({number(f.bias_px, sign='+')})" for f in by_sigma)]
        for name, by_sigma in figures.items()
    ]
    said = f"Error of the map (bias), in px, under noise of {STRONG_NOISE_LEVELS / 255:.0%} of white, Gaussian blur:"
    return f"{said}\n\n{_table(['photographs', *(f'{f.sigma_px:g} px' for f in some)], rows)}"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    return tabulate(rows, columns, tablefmt="pipe", disable_numparse=True)
