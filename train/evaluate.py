"""Figures of a checkpoint: does it deblur, does its sigma map follow the true one, does it leave things in place?

    python -m train.evaluate
    python -m train.evaluate --checkpoint runs/first/checkpoint.safetensors --photos OTHER_PHOTOS --grid grid.png
    python -m train.evaluate --per-sigma --photos OTHER_PHOTOS --plot gain.png --csv rows.csv
    python -m train.evaluate --data DPDD --split test --csv rows.csv

Without ``--data``, scenes are rendered from seeds that training never uses; unless a folder is given, from photographs
that come with scikit-image, which training never uses either. With ``--data`` the pairs of a data set are measured,
which need not be aligned: ``train.evaluation.misaligned`` says how.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from runtime.system.errors import ReblurError
from train.checkpoint import Restorer, load_networks
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
from train.weights import SHIPPED

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
    """Measure on evenly blurred crops, print the table, write the plot; a row per crop and blur if there is a CSV."""
    figures = per_sigma(
        networks.deblur,
        networks.defocus,
        photos,
        args.crops,
        args.noise,
        with_rows=args.csv is not None,
        perceptual=perceptual,
    )
    print(f"{table_of(figures)}\n")
    if args.plot:
        plot_per_sigma(figures, args.plot)
        print(f"wrote {args.plot}")
    return list(figures.rows)


def evaluate_pairs(networks: Restorer, args: argparse.Namespace, perceptual: Perceptual | None) -> list[Row]:
    """Measure on the pairs of a data set, print the means, write the grid; a row per pair."""
    from train.data.pair_files import find_pairs, pair_pictures

    files = find_pairs(args.data, split=args.split, layout=args.layout)
    rows: list[Row] = []
    crops: list[PairCrops] = []
    with tqdm(files, desc="pairs", unit="pair", leave=False, disable=None) as bar:
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
    print(f"{len(rows)} pairs of {args.data} ({args.split})\n{means_table(rows)}\n{shift_line(rows)}")
    if args.grid:
        write_png(args.grid, crops_grid(crops, networks.config.sigma_max_px))
        print(f"wrote {args.grid}")
    return rows


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, help="default: the one that ships")
    parser.add_argument("--photos", type=Path, help="folder of sharp photographs (default: scikit-image's)")
    parser.add_argument("--scenes", type=int, default=96, help="number of layered scenes (default: 96)")
    parser.add_argument("--per-sigma", action="store_true", help="also the gain by blur, on evenly blurred crops")
    parser.add_argument("--noise", type=float, default=0.5, help="noise on those, in 8-bit steps (default: 0.5)")
    parser.add_argument("--crops", type=int, default=4, help="of those, taken from each photograph (default: 4)")
    parser.add_argument("--plot", type=Path, help="also write the gain by blur as a PNG; with --per-sigma")
    parser.add_argument("--data", "--pairs", type=Path, help="measure the pairs of this data set instead of scenes")
    parser.add_argument("--layout", default="auto", help="of the data set's folder (default: auto)")
    parser.add_argument("--split", default="test", help="train, val or test (default: test)")
    parser.add_argument("--csv", type=Path, help="also write a line for every picture")
    parser.add_argument("--grid", type=Path, help="also write a PNG of the first pictures")
    parser.add_argument("--lpips", action="store_true", help="also LPIPS, where its weights are on this disk")
    parser.add_argument("--device", default="cpu", help="where the networks run: cpu, cuda, cuda:1 (default: cpu)")
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything is computed.

    Raises:
        ReblurError: says what.
    """
    for name in ("scenes", "crops"):
        if getattr(args, name) < 1:
            raise ReblurError(f"--{name} must be at least 1, got {getattr(args, name)}")
    if args.noise < 0:
        raise ReblurError(f"--noise must be 0 or more, got {args.noise:g}")
    if args.data and (args.photos or args.per_sigma):
        raise ReblurError("--data measures a data set's own pairs: leave --photos and --per-sigma out")
    if args.plot:
        if not args.per_sigma:
            raise ReblurError("--plot shows the gain by blur: give --per-sigma too")
        check_plottable(args.plot)
    for path in filter(None, (args.csv, args.grid, args.plot)):
        if not path.parent.is_dir():
            raise ReblurError(f"cannot write {path}: there is no folder {path.parent}")


def device_of(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ReblurError: there is none.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ReblurError(f"cannot use the device {name!r}: expected cpu, or cuda on a machine that has it") from error
    return device


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


def run(args: argparse.Namespace) -> None:
    """Measure what the command line asks for."""
    check(args)
    device = device_of(args.device)
    networks = load_networks(args.checkpoint)
    networks.deblur.to(device)
    networks.defocus.to(device)
    if networks.config.blur_map != "sigma" and not args.data:
        print("sigma not run: the blur map of these networks is kernel seeds, not pixels")
    photos = [] if args.data else load_photos(args.photos) if args.photos else scikit_image_pictures()
    perceptual = perceptual_of(args, device)
    if args.data:
        rows = evaluate_pairs(networks, args, perceptual)
    else:
        rows = evaluate_even_blur(networks, photos, args, perceptual) if args.per_sigma else []
        rows += evaluate_scenes(networks, photos, args, perceptual)
    if args.csv:
        write_csv(args.csv, rows)
        print(f"wrote {args.csv}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = parse(argv)
    try:
        run(args)
    except ReblurError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
