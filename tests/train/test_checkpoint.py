import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from train.checkpoint import (
    FORMAT,
    build_deployable,
    build_restorer,
    load_deployable,
    load_networks,
    load_reblur_state,
    save_deployable,
)
from train.networks.build import build_reblur
from train.networks.config import NetworksConfig
from train.networks.fusion import FusionDeblurNet
from train.networks.paper_unet import PaperUNetConfig
from train.networks.restormer import RestormerConfig
from train.networks.seeds import SeedConfig
from train.presets import mobile, smoke
from train.weights import SHIPPED

ROOT = Path(__file__).parents[2]


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
    tensors = load_file(saved)
    header = {"format": FORMAT, "networks": json.dumps(dataclasses.asdict(mobile().networks))}
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


def test_a_header_that_does_not_list_its_networks(saved: Path) -> None:
    header = {"format": FORMAT, "networks": json.dumps(dataclasses.asdict(smoke().networks)), "holds": "3"}
    save_file(load_file(saved), saved, metadata=header)
    with pytest.raises(ValueError, match="does not describe its networks"):
        load_networks(saved)


def test_the_shipped_checkpoint_survives_being_saved_again(tmp_path: Path) -> None:
    shipped, again = load_deployable(SHIPPED), tmp_path / "again.safetensors"
    save_deployable(shipped, again)
    assert load_deployable(again).config == shipped.config
    before, after = load_file(SHIPPED), load_file(again)
    restoring = {name for name in before if not name.startswith("reblur.")}
    assert restoring == set(after)
    assert all(torch.equal(before[name], after[name]) for name in after)


def test_the_same_networks_give_the_same_bytes(tmp_path: Path) -> None:
    """Each save in a process of its own, since that is what safetensors' order depends on."""
    script = (
        "import sys; from pathlib import Path\n"
        "from train.checkpoint import load_deployable, save_deployable\n"
        "networks = load_deployable(Path(sys.argv[1]))\n"
        "[save_deployable(networks, Path(path)) for path in sys.argv[2:]]\n"
    )
    paths = [tmp_path / f"{index}.safetensors" for index in range(6)]
    for seed, group in (("1", paths[:3]), ("2", paths[3:])):
        command = [sys.executable, "-c", script, str(SHIPPED), *map(str, group)]
        subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed})
    assert len({path.read_bytes() for path in paths}) == 1
    with safe_open(paths[0], "pt") as file:
        assert list(file.metadata())  # it is a file that safetensors reads
    content = paths[0].read_bytes()
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_the_reblurring_module_comes_along_where_it_is_given(saved: Path, tmp_path: Path) -> None:
    config = smoke().networks
    assert load_reblur_state(saved) is None
    path, reblur = tmp_path / "whole.safetensors", build_reblur(config)
    save_deployable(build_deployable(config), path, reblur=reblur)
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["holds"]) == ["deblur", "defocus", "reblur"]
    state = load_reblur_state(path)
    assert state is not None
    build_reblur(config).load_state_dict(state, strict=True)
    assert all(torch.equal(tensor, state[name]) for name, tensor in reblur.state_dict().items())
    assert load_deployable(path).config == config


@pytest.mark.parametrize(
    "deblur",
    [PaperUNetConfig(widths=(8, 16)), RestormerConfig(dim=8, blocks=(1, 1), refinement_blocks=1, heads=(1, 2))],
    ids=["paper_unet", "restormer"],
)
def test_the_papers_networks_load_for_evaluation_but_not_for_export(
    deblur: PaperUNetConfig | RestormerConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(smoke().networks, deblur=deblur, defocus=SeedConfig(width=8, blocks=1))
    original, path = build_restorer(config), tmp_path / "paper.safetensors"
    assert isinstance(original.deblur, FusionDeblurNet)
    torch.nn.init.normal_(original.deblur.body.head.weight)
    save_deployable(original, path)
    loaded = load_networks(path)
    assert loaded.config == config
    image = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        restored = loaded.deblur(image, loaded.defocus(image))
        torch.testing.assert_close(restored, original.deblur(image, original.defocus(image)), rtol=0, atol=0)
    assert not torch.equal(restored, image)
    with pytest.raises(ValueError, match=rf"cannot be exported.*got {deblur.kind} and seeds.*train and evaluate only"):
        load_deployable(path)
    with pytest.raises(ValueError, match="this configuration cannot be exported"):
        build_deployable(config)


def branched(config: NetworksConfig) -> NetworksConfig:
    parts = {
        name: dataclasses.replace(getattr(config, name), branches=True) for name in ("deblur", "defocus", "reblur")
    }
    return dataclasses.replace(config, **parts)


def test_branches_are_fused_when_saved(tmp_path: Path) -> None:
    plain = smoke().networks
    networks, path = build_deployable(branched(plain)), tmp_path / "fused.safetensors"
    reblur = build_reblur(branched(plain))
    for module in (networks.deblur, networks.defocus, reblur):
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    save_deployable(networks, path, reblur=reblur)
    loaded = load_deployable(path)
    assert loaded.config == plain
    state = load_reblur_state(path)
    assert state is not None
    build_reblur(plain).load_state_dict(state, strict=True)
    image, sigma_px = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    with torch.no_grad():
        assert float((loaded.deblur(image, sigma_px) - image).abs().max()) > 0.01
        torch.testing.assert_close(loaded.deblur(image, sigma_px), networks.deblur(image, sigma_px))
        torch.testing.assert_close(loaded.defocus(image), networks.defocus(image))
