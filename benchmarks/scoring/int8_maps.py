"""How far the int8 defocus maps of an export are from the float network's on evenly blurred photographs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from export.data.pictures import CHECK_PICTURES, blur_like_light, load_picture
from export.graphs.specs import build_graphs
from runtime.backends import open_artifact
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import CPU_DELEGATES
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import sha256_of
from train.checkpoint import load_deployable
from train.weights import SHIPPED

SIGMAS_PX = (0.6, 1.5, 3.0, 4.5)


def blurred_pictures(height: int, width: int) -> Iterator[tuple[str, FloatArray]]:
    """Name and (1, 3, H, W) sRGB of each check picture at each sigma."""
    for name in CHECK_PICTURES:
        picture = load_picture(name, height, width)
        for sigma_px in SIGMAS_PX:
            blurred = blur_like_light(picture, torch.full((1, 1, height, width), sigma_px))
            yield f"{name}, {sigma_px:g} px", blurred.numpy()


def table(directory: Path) -> str:
    """The errors of every int8 defocus file of an export, as markdown.

    Raises:
        ReblurError: there is no export, none of its files is one, or it was made from another checkpoint.
    """
    manifest = Manifest.load(directory)
    if manifest.checkpoint.sha256 != sha256_of(SHIPPED):
        raise ReblurError(f"{directory} was made from {manifest.checkpoint.name}, not from the shipped {SHIPPED.name}")
    made = [
        artifact
        for artifact in manifest.artifacts
        if (artifact.graph, artifact.precision) == ("defocus", "int8") and artifact.delegate in CPU_DELEGATES
    ]
    if not made:
        raise ReblurError(f"{directory} has no int8 defocus file: run `make export` first")
    height, width = made[0].size_px
    network = build_graphs(load_deployable(SHIPPED))["defocus"].module
    runners = [open_artifact(artifact, directory) for artifact in made if artifact.size_px == (height, width)]
    rows = []
    for name, picture in blurred_pictures(height, width):
        with torch.no_grad():
            expected = network(torch.from_numpy(picture)).numpy()
        errors = [np.abs(runner.run({"image": picture})["sigma_px"] - expected) for runner in runners]
        rows.append([name, *(f"{error.mean():.2f}, {np.quantile(error, 0.99):.2f}" for error in errors)])
        print(f"{name}: done", file=sys.stderr, flush=True)
    headings = ["picture", *(runner.artifact.id for runner in runners)]
    return tabulate(rows, headings, tablefmt="pipe", disable_numparse=True)
