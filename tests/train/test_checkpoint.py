from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from train.checkpoint import FORMAT, build_deployable, load_deployable, save_deployable
from train.presets import mobile, smoke


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_deployable(build_deployable(smoke().networks), path)
    return path


def test_round_trip(saved: Path) -> None:
    torch.manual_seed(0)
    original = build_deployable(smoke().networks)
    loaded = load_deployable(saved)
    assert loaded.config == smoke().networks
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded.defocus(image), original.defocus(image), rtol=0, atol=0)
    assert not loaded.deblur.training


def test_a_missing_file_and_a_file_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint at"):
        load_deployable(tmp_path / "none.safetensors")
    text = tmp_path / "text.safetensors"
    text.write_text("this is not a checkpoint")
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_deployable(text)


def test_a_truncated_file(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        load_deployable(saved)


def test_somebody_elses_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=f"expected format '{FORMAT}' in its header, got None"):
        load_deployable(path)


def test_the_tensors_of_another_network(saved: Path) -> None:
    import json
    from dataclasses import asdict

    tensors = load_file(saved)
    header = {"format": FORMAT, "networks": json.dumps(asdict(mobile().networks))}
    save_file(tensors, saved, metadata=header)
    with pytest.raises(ValueError, match="does not hold the deblur network it describes"):
        load_deployable(saved)


@pytest.mark.parametrize("header", [{"format": FORMAT}, {"format": FORMAT, "networks": "{"}])
def test_a_header_without_a_description(saved: Path, header: dict[str, str]) -> None:
    save_file(load_file(saved), saved, metadata=header)
    with pytest.raises(ValueError, match="does not describe its networks"):
        load_deployable(saved)


def test_a_configuration_of_another_version(saved: Path) -> None:
    save_file(load_file(saved), saved, metadata={"format": FORMAT, "networks": '{"deblur": {"depth": 3}}'})
    with pytest.raises(ValueError, match="does not fit this version of Reblur"):
        load_deployable(saved)
