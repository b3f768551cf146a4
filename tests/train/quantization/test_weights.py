from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runtime.system.files import sha256_of
from train.checkpoint import Deployable, build_deployable, load_deployable, read_made_from, save_deployable
from train.presets import preset
from train.quantization.weights import find_int8, int8_path, save_int8


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "mine.safetensors"
    save_deployable(build_deployable(preset("smoke").networks), path)
    return path


@pytest.fixture
def networks(checkpoint: Path) -> Deployable:
    return load_deployable(checkpoint)


def test_weights_made_from_the_checkpoint_are_found(checkpoint: Path, networks: Deployable) -> None:
    save_int8(networks, int8_path(checkpoint), sha256_of(checkpoint))
    found, reason = find_int8(checkpoint, networks)
    assert found is not None
    assert (found.path, found.sha256, reason) == (int8_path(checkpoint), sha256_of(int8_path(checkpoint)), "")
    assert read_made_from(found.path) == sha256_of(checkpoint)
    assert read_made_from(checkpoint) is None


def test_without_a_file_the_reason_names_it(checkpoint: Path, networks: Deployable) -> None:
    assert find_int8(checkpoint, networks) == (None, "no mine_int8.safetensors beside mine.safetensors")


def test_weights_of_an_earlier_checkpoint_do_not_fit(checkpoint: Path, networks: Deployable) -> None:
    save_int8(networks, int8_path(checkpoint), "0" * 64)
    found, reason = find_int8(checkpoint, networks)
    assert found is None
    assert reason == "mine_int8.safetensors was not made from this mine.safetensors"


def test_other_networks_do_not_fit(checkpoint: Path, networks: Deployable) -> None:
    save_int8(build_deployable(preset("ablation").networks), int8_path(checkpoint), sha256_of(checkpoint))
    found, reason = find_int8(checkpoint, networks)
    assert found is None
    assert reason == "mine_int8.safetensors holds other networks than mine.safetensors"


def test_a_broken_file_is_an_error(checkpoint: Path, networks: Deployable) -> None:
    int8_path(checkpoint).write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"mine_int8\.safetensors is not a readable safetensors file"):
        find_int8(checkpoint, networks)
