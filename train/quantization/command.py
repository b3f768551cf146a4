"""From the command lines of ``train.qat`` and ``train.distil`` to the fine-tuned networks' files."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of
from runtime.system.paths import check_outputs
from train.checkpoint import Deployable, build_deployable, load_deployable, load_reblur_state, save_deployable
from train.data.photos import load_photo_bytes
from train.networks.build import build_reblur
from train.presets import mobile
from train.quantization.crops import render_pictures
from train.quantization.distil import DistilConfig, distil, largest_activation
from train.quantization.fine_tune import FineTuned, QatConfig, fine_tune_networks
from train.quantization.settings import NARROW, Int8Settings
from train.quantization.weights import int8_path, save_int8

DEFAULTS = QatConfig(
    learning_rates={"defocus": 1e-4, "deblur": 3e-5},
    charbonnier_eps={"defocus": 0.05, "deblur": 0.002},
    settings=dict.fromkeys(("defocus", "deblur"), Int8Settings(ranges=NARROW)),
)
"""The deblurring network's rate is small: at ten times as much it answers worse where blur is small, and on noise."""

SHOWN = 12
"""Scenes whose largest activation is told."""


def fine_tune(args: argparse.Namespace) -> tuple[dict[str, FineTuned], Path]:
    """Fine-tune and write the result; returns what came out for each network, and the file.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    config = DEFAULTS if args.steps is None else dataclasses.replace(DEFAULTS, steps=args.steps)
    out = args.out or int8_path(args.checkpoint)
    networks, photos = _given(args, out)
    made_from = sha256_of(args.checkpoint)
    pictures = render_pictures(photos, config.scenes, config.scene_px)
    results = fine_tune_networks(networks, pictures, config)
    save_int8(with_weights(networks, results), out, made_from)
    return results, out


def with_weights(networks: Deployable, results: dict[str, FineTuned]) -> Deployable:
    """Networks of the same configuration with the fine-tuned weights."""
    tuned = build_deployable(networks.config)
    tuned.defocus.load_state_dict(results["defocus"].weights, strict=True)
    tuned.deblur.load_state_dict(results["deblur"].weights, strict=True)
    return tuned


def distil_checkpoint(args: argparse.Namespace) -> tuple[float, float]:
    """Teach the estimator its own map and write the result; returns the largest activation before and after.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    config = DistilConfig() if args.steps is None else DistilConfig(steps=args.steps)
    networks, photos = _given(args, args.out)
    pictures = render_pictures(photos, config.scenes, config.scene_px, scenes=mobile().scenes)
    student = distil(networks.defocus, pictures, config)
    shown = torch.cat([pictures.blurry[:SHOWN], pictures.sharp[:SHOWN]])
    before, after = (largest_activation(network, shown) for network in (networks.defocus, student))
    state = load_reblur_state(args.checkpoint)
    reblur = None
    if state is not None:
        reblur = build_reblur(networks.config)
        reblur.load_state_dict(state)
    save_deployable(networks._replace(defocus=student), args.out, reblur)
    return before, after


def _given(args: argparse.Namespace, out: Path) -> tuple[Deployable, Sequence[NDArray[np.uint8]]]:
    """The networks and the photographs that a command line names, once it is known that the result can be written.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read.
    """
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if not out.parent.is_dir():
        raise ReblurError(f"no folder {out.parent} to write {out.name} to: make it first")
    check_outputs({"the result": out}, {"the checkpoint": args.checkpoint, "the photographs": args.photos})
    return load_deployable(args.checkpoint), load_photo_bytes(args.photos) if args.photos else []
