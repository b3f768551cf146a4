"""A small export shared by the tests: the smoke networks at 64x64, every format, made by the real command."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from export import all as export_all
from export.graphs.specs import GraphSpec, build_graphs
from train.checkpoint import Deployable, build_deployable, load_deployable, save_deployable
from train.presets import preset

SIZE_PX = 64


def small_networks() -> Deployable:
    """The smoke networks, untrained, but with a head that says something (a fresh one is all zeros)."""
    torch.manual_seed(3)
    networks = build_deployable(preset("smoke").networks)
    for network, scale in ((networks.deblur, 0.05), (networks.defocus, 0.3)):
        torch.nn.init.normal_(network.unet.head.weight, std=scale)
        network.eval().requires_grad_(False)
    return networks


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a test run share; pytest-xdist gives each one of its own below it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def small_checkpoint(shared_folder: Path) -> Path:
    path = shared_folder / "checkpoint" / "small.safetensors"
    with FileLock(shared_folder / "checkpoint.lock"):
        if not path.exists():
            path.parent.mkdir()
            save_deployable(small_networks(), path)
    return path


@pytest.fixture(scope="session")
def small_specs(small_checkpoint: Path) -> dict[str, GraphSpec]:
    return build_graphs(load_deployable(small_checkpoint))


@pytest.fixture(scope="session")
def small_export(small_checkpoint: Path, shared_folder: Path) -> Path:
    """Folder of the small export. Tests that change it work on a copy."""
    out = shared_folder / "export" / "artifacts"
    with FileLock(shared_folder / "export.lock"):
        if not out.exists():
            printed = io.StringIO()
            size = f"{SIZE_PX}x{SIZE_PX}"
            with contextlib.redirect_stdout(printed):
                code = export_all.main(
                    ["--checkpoint", str(small_checkpoint), "--out", str(out), "--size", size, "--no-controls"]
                )
            assert code == 0, printed.getvalue()
    return out


@pytest.fixture
def lend_shared_inputs(small_export: Path) -> Callable[[Path], None]:
    """Puts what all files of the small export share into the cache of another one, which need not compute it again."""

    def lend(out: Path) -> None:
        for entry in small_export.parent.glob(f".{small_export.name}.cache/shared-inputs-*-*"):
            there = out.with_name(f".{out.name}.cache") / entry.name
            if not there.exists():
                shutil.copytree(entry, there)

    return lend


@pytest.fixture
def run_all(small_checkpoint: Path, lend_shared_inputs: Callable[[Path], None]) -> Callable[..., int]:
    """Runs ``export.all`` on the small checkpoint with further arguments, in this process; gives its exit code.

    With ``lends`` it need not compute what all files of a size share, which is seconds; the folder must be given.
    """

    def run(*arguments: str, lends: bool = False) -> int:
        if lends:
            lend_shared_inputs(Path(arguments[arguments.index("--out") + 1]))
        size = [] if "--size" in arguments else ["--size", f"{SIZE_PX}x{SIZE_PX}"]
        checkpoint = [] if "--checkpoint" in arguments else ["--checkpoint", str(small_checkpoint)]
        jobs = [] if "--jobs" in arguments else ["--jobs", "0"]
        return export_all.main([*checkpoint, *size, *jobs, "--no-controls", *arguments])

    return run
