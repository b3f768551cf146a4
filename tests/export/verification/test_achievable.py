from __future__ import annotations

import torch

from export.data.golden_cases import make_cases
from export.graphs.specs import GraphSpec
from export.verification.achievable import in_double, in_half, with_achieved
from train.networks.defocus import DefocusNet


def test_double_precision_tells_what_float32_loses(small_specs: dict[str, GraphSpec]) -> None:
    cases = {(case.graph, case.name): case for case in make_cases(small_specs, 64, 64)}
    reached = {key: with_achieved(case, small_specs[key[0]]).achieved for key, case in cases.items()}
    deblur, defocus = reached["deblur", "astronaut"], reached["defocus", "astronaut"]
    assert 120.0 < deblur["fp32"]["psnr_db"] < 175.0
    assert 50.0 < deblur["fp16"]["psnr_db"] < deblur["fp32"]["psnr_db"] - 30.0
    assert set(defocus["fp32"]) == {"mean_px", "p99_px"}
    assert defocus["fp32"]["mean_px"] < 1e-5 < defocus["fp16"]["mean_px"] < 0.05
    assert 5.0 < deblur["int8"]["psnr_db"] < 60.0, "what the network adds"
    assert reached["refocus", "astronaut"] == {}


def test_the_network_itself_stays_as_it_is(small_specs: dict[str, GraphSpec]) -> None:
    module = small_specs["defocus"].module
    assert isinstance(module, DefocusNet)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before = module(image)
    for change in (in_double, in_half):
        other = change(module)(image)
        assert other.dtype == torch.float32
        assert not torch.equal(other, before)
        assert torch.equal(module(image), before)
