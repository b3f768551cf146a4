import pytest
import torch

from train.evaluation.held_out import HeldOut
from train.evaluation.results import rows_of


def test_a_row_holds_the_scores_of_its_picture() -> None:
    sharp = (torch.arange(32) % 2).float().expand(2, 3, 32, 32) * 0.5
    sigma_px = torch.stack([torch.full((1, 32, 32), 0.2), torch.full((1, 32, 32), 2.0)])
    data = HeldOut(sharp + 0.1, sharp, sigma_px)
    first, second = rows_of("scenes", data, sharp + 0.01, data.sigma_px - 0.1)
    assert (first.plain.input.psnr_db, second.plain.output.psnr_db) == pytest.approx((20.0, 40.0), abs=1e-3)
    cells = second.cells()
    assert float(cells["gain_db"]) == pytest.approx(20.0, abs=1e-3)
    assert float(cells["output_mae"]) == pytest.approx(0.01, rel=1e-3)
    assert float(cells["sigma_bias_px"]) == pytest.approx(-0.1, rel=1e-3)
    assert cells["largest_sigma_px"] == "2.000"
    assert cells["input_lpips"] == cells["sigma_rank_correlation"] == "not run"
