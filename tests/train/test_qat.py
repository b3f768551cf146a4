from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from runtime.system.files import sha256_of
from train import qat
from train.checkpoint import Deployable, build_deployable, load_deployable, save_deployable
from train.presets import preset
from train.quantization import command
from train.quantization.command import with_weights
from train.quantization.crops import Pictures
from train.quantization.equalization import rescale_finest
from train.quantization.fake_quant import SimulatedInt8
from train.quantization.fine_tune import QatConfig, fine_tune, fine_tune_networks
from train.quantization.settings import Int8Settings
from train.quantization.weights import int8_path

pytestmark = pytest.mark.slow

TINY = QatConfig(
    steps=12,
    batch_size=2,
    crop_px=32,
    scenes=2,
    scene_px=48,
    measure_every=5,
    measure_batches=2,
    learning_rates={"defocus": 2e-4, "deblur": 1e-4},
    charbonnier_eps={"defocus": 0.05, "deblur": 0.005},
    settings={"defocus": Int8Settings(ranges="percentile-99.99"), "deblur": Int8Settings()},
)


def small_networks() -> Deployable:
    """The smoke networks, untrained, with a head that says something and one stem channel that sets the range."""
    torch.manual_seed(3)
    networks = build_deployable(preset("smoke").networks)
    for network, scale in ((networks.deblur, 0.05), (networks.defocus, 0.3)):
        torch.nn.init.normal_(network.unet.head.weight, std=scale)
        network.eval().requires_grad_(False)
        rescale_finest(network.unet, torch.tensor([100.0, *[1.0] * 7]))
    return networks


@pytest.fixture(scope="module")
def networks() -> Deployable:
    return small_networks()


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 3, 12, 12, generator=generator)
    sharp = torch.nn.functional.interpolate(coarse, (48, 48), mode="nearest")
    return Pictures(torch.nn.functional.avg_pool2d(sharp, 3, 1, 1), sharp)


@pytest.fixture
def checkpoint(networks: Deployable, tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    save_deployable(networks, path)
    return path


def test_fine_tuning_lowers_the_error_of_int8(networks: Deployable, pictures: Pictures) -> None:
    results = fine_tune_networks(networks, pictures, TINY)
    assert set(results) == {"defocus", "deblur"}
    for result in results.values():
        assert 0 < result.after < 0.7 * result.before
    tuned = with_weights(networks, results)  # strict: raises where a name or a shape differs
    with torch.no_grad():
        image = pictures.blurry[:1]
        assert not torch.equal(tuned.defocus(image), networks.defocus(image))


def test_the_teacher_stays_as_it_is_and_the_same_seed_gives_the_same_weights(
    networks: Deployable, pictures: Pictures
) -> None:
    before = {name: tensor.clone() for name, tensor in networks.defocus.state_dict().items()}
    config = dataclasses.replace(TINY, steps=3)
    first, second = (
        fine_tune("defocus", networks.defocus, lambda image, _: (image,), pictures, config) for _ in range(2)
    )
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
    assert all(torch.equal(before[name], tensor) for name, tensor in networks.defocus.state_dict().items())


def test_what_the_fade_hides_is_learned_too(networks: Deployable, pictures: Pictures) -> None:
    """Of a map without blur the faded answer is the input, and nothing of the network would be seen."""
    found = fine_tune("deblur", networks.deblur, lambda image, _: (image, 0.0 * image[:, :1]), pictures, TINY)
    assert found.before > 0.0


def test_simulated_int8_has_256_levels_at_its_head(networks: Deployable) -> None:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    simulated = SimulatedInt8(networks.defocus, (image,))
    simulated.measure_ranges([(image,)])
    with torch.no_grad():
        levels, exact = simulated(image).unique(), networks.defocus(image)
    assert 16 < len(levels) <= 256 < len(exact.unique())
    assert set(simulated.weights()) == {name for name, _ in networks.defocus.named_parameters()}


def test_the_float_convolutions_at_the_start_are_not_rounded(networks: Deployable) -> None:
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    settings = [Int8Settings(float_first_convs=(kept,)) for kept in (0, 1, 2)]
    counts = [len(list(SimulatedInt8(networks.defocus, (image,), kept)._activations)) for kept in settings]
    assert counts[0] > max(counts[1:])
    assert min(counts) > 0


def test_the_command_writes_beside_the_checkpoint(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "DEFAULTS", TINY)
    assert qat.main(["--checkpoint", str(checkpoint), "--steps", "2"]) == 0
    written = int8_path(checkpoint)
    assert written.name == "small_int8.safetensors"
    assert f"written to {written}" in capsys.readouterr().out
    assert load_deployable(written).config == load_deployable(checkpoint).config
    assert sha256_of(written) != sha256_of(checkpoint)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--checkpoint", "absent.safetensors"], "no checkpoint at absent.safetensors"),
        (["--steps", "0"], "--steps: expected a whole number of 1 or more, got '0'"),
        (["--threads", "0"], "--threads: expected a whole number of 1 to 1024, got '0'"),
        (["--out", "absent/x.safetensors"], "no folder absent to write x.safetensors to"),
        (["--photos", "absent"], "--photos: no folder absent"),
    ],
)
def test_wrong_use_is_one_sentence(
    arguments: list[str], sentence: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments if "--checkpoint" in arguments else ["--checkpoint", str(checkpoint), *arguments]
    assert qat.main(given) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {sentence}")
    assert err.count("\n") == 1


def test_ctrl_c_leaves_nothing_behind(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "DEFAULTS", TINY)
    monkeypatch.setattr(command, "fine_tune_networks", interrupted)
    assert qat.main(["--checkpoint", str(checkpoint)]) == 130
    assert capsys.readouterr().err.endswith("interrupted: nothing was written\n")
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_a_crop_larger_than_its_scene_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from 16 to scene_px \(48\), got 64"):
        dataclasses.replace(TINY, crop_px=64)
