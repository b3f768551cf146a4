"""Does reblurring guide? The method and its parts against misalignment, from the same start, data and steps.

    python -m train.ablate --photos PHOTOS --held-out-photos OTHER_PHOTOS --write train/RESULTS.md
    python -m train.ablate --quick

Runs every variant of ``train.ablation.variants`` at misalignments of 0, 2, 4 and 8 px (two seeds at 4 px) with small
networks, writes runs/ablation/results.jsonl as it goes (a run that was stopped goes on where it stopped), and with
``--write`` the table and its plot. Without photographs scenes are procedural, and held-out ones show scikit-image's
photographs.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from runtime.system.errors import ReblurError
from train.ablation.report import write_report
from train.ablation.variants import VARIANTS, Pools, Result, cells, run_variant
from train.config import RunConfig
from train.data.photos import load_photo_bytes, load_photos
from train.evaluation.held_out import held_out_scenes, scikit_image_pictures
from train.presets import ablation, smoke

MISALIGNMENTS_PX = [0.0, 2.0, 4.0, 8.0]
SEEDS = 2
SEEDS_AT_PX = 4.0
HELD_OUT_SCENES = 72


def quick() -> RunConfig:
    """A minute for everything: shows that it runs, not what the method is worth."""
    base = smoke()
    fit = dataclasses.replace(base.fit, steps=6, pool_size=8, batch_size=8, log_every=2, pool_refresh=0)
    return dataclasses.replace(base, preset="ablation, quick", fit=dataclasses.replace(fit, stage_three_from=0.7))


def digest_of(config: RunConfig, photos: int) -> str:
    """Names a configuration, so that results of another one are not mixed in."""
    return hashlib.sha256(f"{config.to_json()}{photos}".encode()).hexdigest()[:12]


def read_results(path: Path, digest: str) -> list[Result]:
    """The results of this configuration that are there already."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [Result(**line["result"]) for line in lines if line["digest"] == digest]


def ablate(base: RunConfig, args: argparse.Namespace, variants: list[str]) -> list[Result]:
    """Run what is missing; returns all results."""
    photos = load_photo_bytes(args.photos) if args.photos else []
    shown = load_photos(args.held_out_photos) if args.held_out_photos else scikit_image_pictures()
    held_out = held_out_scenes(shown, base, 8 if args.quick else HELD_OUT_SCENES)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "results.jsonl"
    digest = digest_of(base, len(photos))
    results = read_results(path, digest)
    done = {(r.variant, r.misalignment_px, r.seed) for r in results}
    pools = Pools(photos)
    planned = [cell for cell in cells(args.misalignments, args.seeds, SEEDS_AT_PX) if cell[0] in variants]
    with tqdm(total=len(planned), desc="runs", unit="run") as bar:
        for variant, misalignment_px, seed in planned:
            if (variant, misalignment_px, seed) not in done:
                results.append(run_variant(base, variant, misalignment_px, seed, pools, held_out))
                with path.open("a") as file:
                    file.write(json.dumps({"digest": digest, "result": dataclasses.asdict(results[-1])}) + "\n")
                bar.write(f"{results[-1]}", file=sys.stderr)
            bar.update()
    return results


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m train.ablate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, help="folder of sharp photographs (default: procedural scenes only)")
    parser.add_argument("--held-out-photos", type=Path, help="others to measure on (default: scikit-image's)")
    parser.add_argument("--out", type=Path, default=Path("runs/ablation"), help="folder of the results")
    parser.add_argument("--misalignments", type=float, nargs="+", default=MISALIGNMENTS_PX, help="in pixels")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), help="names (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"at {SEEDS_AT_PX:g} px (default: {SEEDS})")
    parser.add_argument("--steps", type=int, help="optimiser steps of each run, instead of the preset's")
    parser.add_argument("--threads", type=int, help="CPU threads of torch (default: its own choice)")
    parser.add_argument("--quick", action="store_true", help="tiny runs that show nothing but that it works")
    parser.add_argument("--write", type=Path, help="Markdown file to write; its plot goes beside it")
    return parser.parse_args(argv)


def command_of(args: argparse.Namespace) -> str:
    """The command line in short, for the report: what differs from the defaults, and no folder of this machine."""
    parts = ["python -m train.ablate"]
    parts += ["--quick"] if args.quick else []
    parts += ["--photos PHOTOS"] if args.photos else []
    parts += ["--held-out-photos OTHER_PHOTOS"] if args.held_out_photos else []
    parts += [f"--steps {args.steps}"] if args.steps else []
    if sorted(args.misalignments) != MISALIGNMENTS_PX:
        parts.append("--misalignments " + " ".join(f"{px:g}" for px in args.misalignments))
    if args.variants != list(VARIANTS):
        parts.append("--variants " + " ".join(f'"{name}"' for name in args.variants))
    return " ".join([*parts, f"--write {args.write.name}"] if args.write else parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = parse(argv)
    try:
        unknown = [name for name in args.variants if name not in VARIANTS]
        if unknown:
            raise ReblurError(f"no variant {unknown[0]!r}: choose of {', '.join(VARIANTS)}")
        if min(args.misalignments) < 0 or args.seeds < 1:
            raise ReblurError("misalignments must be 0 or more pixels, and seeds at least 1")
        base = quick() if args.quick else ablation()
        if args.steps:
            base = dataclasses.replace(base, fit=dataclasses.replace(base.fit, steps=args.steps))
        if args.threads:
            torch.set_num_threads(args.threads)
        results = ablate(base, args, args.variants)
        text = write_report(results, base, command_of(args), args.write)
    except (ReblurError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: what is finished is kept, the same command goes on", file=sys.stderr)
        return 130
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
