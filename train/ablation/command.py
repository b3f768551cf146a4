"""From the command line of ``train.ablate`` to its results: what is missing is run, then all are reported."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from runtime.system.errors import ReblurError
from train.ablation.claims import HEADLINE_PX
from train.ablation.report import Series, write_report
from train.ablation.variants import ORACLE, OURS, VARIANTS, Cell, Pools, Result, Trainings, cells, run_variant
from train.config import RunConfig
from train.data.photos import load_photo_bytes, load_photos
from train.evaluation.held_out import held_out_scenes, scikit_image_pictures
from train.loop.device import pick_device, workers_for
from train.presets import ablation, smoke
from train.progress import progress_bar

MISALIGNMENTS_PX = [0.0, 2.0, 4.0, 8.0]
HELD_OUT_SCENES = 72


def slug(name: str) -> str:
    """A variant's name as the command line takes it: "warping, masks" is warping-masks."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def variants_of(slugs: Sequence[str] | None) -> list[str]:
    """The names of the variants that the command line lists; all without a list.

    Raises:
        ReblurError: there is no such variant.
    """
    known = {slug(name): name for name in VARIANTS}
    for text in slugs or ():
        if text not in known:
            raise ReblurError(f"no variant {text!r}: choose from {', '.join(known)}")
    return [known[text] for text in slugs] if slugs else list(VARIANTS)


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


def ablate(base: RunConfig, args: argparse.Namespace, planned: Sequence[Cell]) -> list[Result]:
    """Run what is missing of ``planned``; returns all results of this configuration."""
    photos = load_photo_bytes(args.photos) if args.photos else []
    shown = load_photos(args.held_out_photos) if args.held_out_photos else scikit_image_pictures()
    held_out = held_out_scenes(shown, base, 8 if args.quick else HELD_OUT_SCENES)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "results.jsonl"
    digest = digest_of(base, len(photos))
    results = read_results(path, digest)
    done = {(r.variant, r.misalignment_px, r.seed) for r in results}
    device = pick_device(args.device)
    trainings = Trainings(Pools(photos, device, workers_for(args.workers, device)))
    with progress_bar(total=len(planned), desc="runs", unit="run") as bar:
        for variant, misalignment_px, seed in planned:
            if (variant, misalignment_px, seed) not in done:
                results.append(run_variant(base, variant, misalignment_px, seed, trainings, held_out))
                with path.open("a") as file:
                    file.write(json.dumps({"digest": digest, "result": dataclasses.asdict(results[-1])}) + "\n")
                bar.write(f"{results[-1]}", file=sys.stderr)
            bar.update()
    return results


def run_ablation(args: argparse.Namespace) -> tuple[list[Result], str]:
    """Run what is missing and write the report; returns all results, and the report's text.

    Raises:
        ReblurError: there is no such variant, or a file cannot be read or written.
        FloatingPointError: a run diverged.
    """
    variants = variants_of(args.variants)
    base = quick() if args.quick else ablation()
    if args.steps is not None:
        base = of_length(base, args.steps)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    planned = [(base, [cell for cell in cells(args.misalignments, args.seeds, HEADLINE_PX) if cell[0] in variants])]
    if args.long_steps is not None:
        in_question = [cell for cell in cells([HEADLINE_PX], args.seeds, HEADLINE_PX) if cell[0] in (ORACLE, OURS)]
        planned.append((of_length(base, args.long_steps), in_question))
    series = [Series(config, ablate(config, args, [] if args.report else plan)) for config, plan in planned]
    if not any(part.results for part in series):
        raise ReblurError(f"{args.out} holds no run of this configuration to report: train without --report")
    text = write_report(series, command_of(args), args.write)
    return [result for part in series for result in part.results], text


def of_length(base: RunConfig, steps: int) -> RunConfig:
    """The same configuration with another number of steps."""
    return dataclasses.replace(base, fit=dataclasses.replace(base.fit, steps=steps))


def command_of(args: argparse.Namespace) -> str:
    """The command line in short, for the report: what differs from the defaults, and no folder of this machine."""
    parts = ["python -m train.ablate"]
    parts += ["--quick"] if args.quick else []
    parts += ["--photos PHOTOS"] if args.photos else []
    parts += ["--held-out-photos OTHER_PHOTOS"] if args.held_out_photos else []
    parts += [f"--steps {args.steps}"] if args.steps else []
    parts += ["--report"] if args.report else []
    parts += [f"--long-steps {args.long_steps}"] if args.long_steps else []
    if sorted(args.misalignments) != MISALIGNMENTS_PX:
        parts.append("--misalignments " + ",".join(f"{px:g}" for px in args.misalignments))
    if args.variants:
        parts.append("--variants " + ",".join(args.variants))
    return " ".join([*parts, f"--write {args.write.name}"] if args.write else parts)
