"""From the command line of ``train.evaluate`` to its tables, pictures and rows."""

from __future__ import annotations

import argparse
import sys

import torch

from runtime.system.errors import ReblurError
from train.checkpoint import Restorer, load_networks
from train.data.pair_files import find_pairs, pair_pictures
from train.data.photos import Picture, load_photos
from train.evaluation.held_out import held_out_scenes, scikit_image_pictures
from train.evaluation.inference import restore, restore_picture
from train.evaluation.lpips_score import Perceptual, load_perceptual
from train.evaluation.misaligned import measure
from train.evaluation.per_sigma import per_sigma, table_of
from train.evaluation.plots import check_plottable, plot_per_sigma
from train.evaluation.results import PAIRS, Row, means_table, rows_of, shift_line, write_csv
from train.evaluation.sample_grids import PairCrops, crops_grid, crops_of, held_out_grid, write_png
from train.evaluation.summary import level_table
from train.presets import mobile
from train.progress import progress_bar

GRID_ROWS = 8


def evaluate_scenes(
    networks: Restorer, photos: list[Picture], args: argparse.Namespace, perceptual: Perceptual | None
) -> list[Row]:
    """Measure on layered scenes, print the tables, write the grid; a row per scene."""
    data = held_out_scenes(photos, mobile(), args.scenes)
    restored, blur_map = restore(networks.deblur, networks.defocus, data.blurry)
    print(f"layered scenes\n{level_table(restored, blur_map, data)}")
    rows = rows_of("scenes", data, restored, blur_map, perceptual=perceptual)
    print(means_table(rows))
    if args.grid:
        shown = networks.deblur, networks.defocus, None, data, networks.config.sigma_max_px
        write_png(args.grid, held_out_grid(*shown, rows=GRID_ROWS))
        print(f"wrote {args.grid}")
    return rows


def evaluate_even_blur(
    networks: Restorer, photos: list[Picture], args: argparse.Namespace, perceptual: Perceptual | None
) -> list[Row]:
    """Measure on evenly blurred crops, print the table, write the plot; a row per crop and blur where asked for."""
    figures = per_sigma(
        networks.deblur,
        networks.defocus,
        photos,
        args.crops,
        args.noise,
        with_rows=args.csv is not None or args.json,
        perceptual=perceptual,
    )
    print(f"{table_of(figures)}\n")
    if args.plot:
        plot_per_sigma(figures, args.plot)
        print(f"wrote {args.plot}")
    return list(figures.rows)


def evaluate_pairs(networks: Restorer, args: argparse.Namespace, perceptual: Perceptual | None) -> list[Row]:
    """Measure on the pairs of a data set, print the means, write the grid; a row per pair."""
    files = find_pairs(args.pairs, split=args.split, layout=args.layout)
    rows: list[Row] = []
    crops: list[PairCrops] = []
    with progress_bar(files, desc="pairs", unit="pair", leave=False) as bar:
        for index, pair in enumerate(bar):
            blurry, truth = pair_pictures(files, index)
            output, blur_map = restore_picture(networks.deblur, networks.defocus, blurry)
            result = measure(blurry, output, truth, perceptual)
            if result.reason:
                bar.write(f"{pair.name} not aligned: {result.reason}", file=sys.stderr)
            rows.append(
                Row(
                    dataset=PAIRS,
                    name=pair.name,
                    plain=result.plain,
                    aligned=result.aligned,
                    by_flow=result.by_flow,
                    shift=result.shift,
                )
            )
            if args.grid and len(crops) < GRID_ROWS:
                crops.append(crops_of(blurry, output, result.truth_to_show(truth), blur_map))
    print(f"{len(rows)} pairs of {args.pairs} ({args.split})\n{means_table(rows)}\n{shift_line(rows)}")
    if args.grid:
        write_png(args.grid, crops_grid(crops, networks.config.sigma_max_px))
        print(f"wrote {args.grid}")
    return rows


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything is computed.

    Raises:
        ReblurError: says what.
    """
    if args.pairs and (args.photos or args.per_sigma):
        raise ReblurError("--pairs measures a data set's own pairs: leave --photos and --per-sigma out")
    if args.plot:
        if not args.per_sigma:
            raise ReblurError("--plot shows the gain by blur: give --per-sigma too")
        check_plottable(args.plot)
    for path in filter(None, (args.csv, args.grid, args.plot)):
        if not path.parent.is_dir():
            raise ReblurError(f"cannot write {path}: there is no folder {path.parent}")


def perceptual_of(args: argparse.Namespace, device: torch.device) -> Perceptual | None:
    """LPIPS, or None with the reason printed."""
    if not args.lpips:
        print("LPIPS not run: ask for it with --lpips")
        return None
    try:
        return load_perceptual(device)
    except ReblurError as error:
        print(f"LPIPS not run: {error}")
        return None


def measure_checkpoint(args: argparse.Namespace, device: torch.device) -> list[Row]:
    """Measure what the command line asks for, and print it; a row for every picture.

    Args:
        args: of the command.
        device: where the networks run.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    check(args)
    networks = load_networks(args.checkpoint)
    networks.deblur.to(device)
    networks.defocus.to(device)
    if networks.config.blur_map != "sigma" and not args.pairs:
        print("sigma not run: the blur map of these networks is kernel seeds, not pixels")
    photos = [] if args.pairs else load_photos(args.photos) if args.photos else scikit_image_pictures()
    perceptual = perceptual_of(args, device)
    if args.pairs:
        rows = evaluate_pairs(networks, args, perceptual)
    else:
        rows = evaluate_even_blur(networks, photos, args, perceptual) if args.per_sigma else []
        rows += evaluate_scenes(networks, photos, args, perceptual)
    if args.csv:
        write_csv(args.csv, rows)
        print(f"wrote {args.csv}")
    return rows
