import dataclasses
from pathlib import Path

import pytest
import torch

from train.checkpoint import build_deployable, load_deployable, load_reblur_state, save_deployable
from train.distil import main
from train.networks.build import build_reblur
from train.networks.defocus import DefocusNet
from train.presets import smoke
from train.quantization.crops import render_pictures
from train.quantization.distil import DistilConfig, distil, largest_activation

CONFIG = DistilConfig(
    steps=60, blurry_crops=2, sharp_crops=1, crop_px=32, learning_rate=0.02, warmup_steps=5, ema_decay=0.8
)


@pytest.fixture
def estimator() -> DefocusNet:
    torch.manual_seed(3)
    return build_deployable(smoke().networks).defocus


@pytest.fixture
def runaway(estimator: DefocusNet) -> DefocusNet:
    """An estimator whose activations are a hundred times as large as they need be."""
    with torch.no_grad():
        estimator.unet.stem.weight *= 100.0
    return estimator


def test_activations_come_within_reach(runaway: DefocusNet) -> None:
    pictures = render_pictures([], 4, 48)
    student = distil(runaway, pictures, CONFIG)
    assert largest_activation(student, pictures.blurry) < 0.5 * largest_activation(runaway, pictures.blurry)
    assert not student.training
    assert not any(module._forward_hooks for module in student.modules())


def test_the_map_stays_where_it_was(estimator: DefocusNet) -> None:
    pictures = render_pictures([], 4, 48)
    student = distil(estimator, pictures, dataclasses.replace(CONFIG, learning_rate=1e-3, sharp_crops=1))
    with torch.no_grad():
        taught, learnt = estimator(pictures.blurry), student(pictures.blurry)
    assert float((learnt - taught).abs().mean()) < 0.5 * float(taught.mean())  # and not 0, as on sharp pictures


def test_the_same_seed_teaches_the_same(runaway: DefocusNet) -> None:
    pictures = render_pictures([], 2, 48)
    config = DistilConfig(steps=2, blurry_crops=1, sharp_crops=1, crop_px=32)
    first, second = (distil(runaway, pictures, config).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_all_but_the_estimator_is_written_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    networks, reblur = build_deployable(smoke().networks), build_reblur(smoke().networks)
    before, after = tmp_path / "before.safetensors", tmp_path / "after.safetensors"
    save_deployable(networks, before, reblur)
    assert main(["--checkpoint", str(before), "--out", str(after), "--steps", "1"]) == 0
    assert "largest activation" in capsys.readouterr().out
    then = load_deployable(after)
    assert all(torch.equal(a, b) for a, b in zip(networks.deblur.parameters(), then.deblur.parameters(), strict=True))
    kept = load_reblur_state(after)
    assert kept is not None
    assert all(torch.equal(tensor, kept[name]) for name, tensor in reblur.state_dict().items())


def test_the_checkpoint_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.safetensors"
    save_deployable(build_deployable(smoke().networks), path)
    before = path.read_bytes()
    assert main(["--checkpoint", str(path), "--out", str(path)]) == 2
    assert "error:" in capsys.readouterr().err
    assert path.read_bytes() == before
