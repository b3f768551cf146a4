"""Published networks are as large as their papers say, and operators are counted as by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.candidates.networks import NETWORKS, built, cases, example, named, parameters
from benchmarks.measuring.work import work_of
from runtime.system.errors import ReblurError


@pytest.mark.parametrize(("name", "millions"), [("nafnet-32", 17.1), ("nrknet", 6.09)])
def test_parameters_are_as_published(name: str, millions: float) -> None:
    assert parameters(built(name)) / 1e6 == pytest.approx(millions, rel=0.005)


def test_macs_of_nafnet_are_as_published() -> None:
    """16 G at 256x256."""
    work = work_of(built("nafnet-32"), example("nafnet-32", (256, 256)))
    assert work.macs / 1e9 == pytest.approx(16.0, rel=0.01)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_picture_comes_out_as_large_as_it_went_in(name: str) -> None:
    inputs = example(name, (64, 64))
    with torch.inference_mode():
        assert built(name)(*inputs).shape[2:] == (64, 64)


def test_nothing_of_an_untrained_network_is_zero() -> None:
    """A converter would leave it out, and time a smaller network."""
    assert all(parameter.any() for parameter in built("nafnet-32").parameters())


def test_work_by_hand() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ConvTranspose2d(8, 2, 2, stride=2, bias=False))
    work = work_of(module, (torch.zeros(1, 3, 4, 6),))
    assert work.macs == 4 * 6 * (3 * 8 * 9) + 4 * 6 * (8 * 2 * 4)
    weights = 3 * 8 * 9 + 8 * 2 * 4
    assert work.bytes_least == 4 * (3 * 4 * 6 + weights + 2 * 8 * 12)
    assert work.bytes_streamed == work.bytes_least + 4 * 2 * (8 * 4 * 6)


def test_work_of_grouped_convolutions() -> None:
    work = work_of(nn.Conv2d(4, 4, 3, groups=4, bias=False), (torch.zeros(1, 4, 5, 5),))
    assert work.macs == 3 * 3 * 4 * 9


def test_a_case_is_named_after_network_and_way() -> None:
    (case,) = cases(("nafnet-32",), ("onnx",), (64, 96), 2)
    assert case.name == "deblur/nafnet-32-onnx-fp32/64x96/onnx-cpu/2t"
    assert named(case.id) == ("nafnet-32", "onnx")
    with pytest.raises(ReblurError, match="no network 'resnet-onnx-fp32'"):
        named("resnet-onnx-fp32")
