import dataclasses

import pytest
import torch

from train.loop.device import body_of, pick_device, prepare
from train.networks.deblur import DeblurNet
from train.objective.step import build_networks
from train.presets import smoke

CPU = torch.device("cpu")


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="no device 'tpu': choose auto, cpu or cuda"):
        pick_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="not run: this machine has a GPU")
def test_without_a_gpu() -> None:
    assert pick_device("auto") == pick_device("cpu") == CPU
    with pytest.raises(ValueError, match="no CUDA device was found"):
        pick_device("cuda")


def test_bfloat16_stays_within_the_networks_bodies() -> None:
    torch.manual_seed(0)
    networks = build_networks(smoke())
    blurry, sharp = torch.rand(2, 1, 3, 32, 32)
    before = networks.reblur(sharp, blurry)
    prepare(networks, dataclasses.replace(smoke().fit, precision="bfloat16"), CPU, crops=1)
    after = networks.reblur(sharp, blurry)
    for name, tensor in after._asdict().items():
        assert tensor.dtype == torch.float32, name
    assert not torch.equal(before.sigma_px, after.sigma_px)
    torch.testing.assert_close(after.sigma_px, before.sigma_px, atol=0.1, rtol=0)
    assert networks.defocus(blurry).dtype == torch.float32


def test_preparing_keeps_the_names_of_the_weights() -> None:
    networks = build_networks(smoke())
    names = [list(network.state_dict()) for network in networks]
    prepare(networks, dataclasses.replace(smoke().fit, precision="bfloat16"), CPU, crops=1)
    assert [list(network.state_dict()) for network in networks] == names


def test_a_network_that_does_not_compile_goes_on_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compile_nothing(self: torch.nn.Module) -> None:
        def refuse(*inputs: object) -> None:
            raise RuntimeError("no compiler found\nat some place")

        self.__dict__["_compiled_call_impl"] = refuse

    monkeypatch.setattr(torch.nn.Module, "compile", compile_nothing)
    networks = build_networks(smoke())
    prepare(networks, dataclasses.replace(smoke().fit, compile=True), CPU, crops=1)
    warning = "warning: torch.compile cannot be used for UNet, going on without it (no compiler found)"
    assert capsys.readouterr().err.splitlines() == [warning] * 3
    body = body_of(networks.defocus)
    assert body(torch.rand(1, 3, 32, 32)).shape == (1, 1, 32, 32)
    assert all(p.grad is None for p in body.parameters())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="not run: needs a GPU")
def test_channels_last_on_a_gpu() -> None:
    device = pick_device("cuda")
    networks = build_networks(smoke())
    for network in networks:
        network.to(device)
    prepare(networks, smoke().fit, device, crops=1)
    assert isinstance(networks.deblur, DeblurNet)
    assert networks.deblur.unet.stem.weight.is_contiguous(memory_format=torch.channels_last)
