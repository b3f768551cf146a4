import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from train.data.photos import Picture
from train.data.textures import dead_leaves
from train.evaluation.held_out import CROP_PX, MARGIN_PX, blur_evenly, textured_crops
from train.evaluation.per_sigma import BlurFigures, PerSigma, SharpFigures, per_sigma, table_of


class Unchanged(nn.Module):
    """A deblurring network that returns its input."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, image: Tensor, blur_map: Tensor) -> Tensor:
        return image


class SaysTwo(nn.Module):
    """An estimator that sees 2 px everywhere, in a given number of channels."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), self.channels, *image.shape[2:]), 2.0)


@pytest.fixture(scope="module")
def photos() -> list[Picture]:
    return [dead_leaves(460, np.random.default_rng(1))]


def figures(gains_db: dict[tuple[str, float], float]) -> PerSigma:
    rows = (
        BlurFigures(psf, sigma, 20.0, 20.0 + gain, gain, gain - 1, 0.25, -0.125)  # type: ignore[arg-type]
        for (psf, sigma), gain in gains_db.items()
    )
    return PerSigma(tuple(rows), SharpFigures(50.0, 45.0, 0.1), 4)


def test_the_headline_is_the_mean_from_1_to_3_px() -> None:
    table = figures(
        {("gaussian", 0.5): 9.0, ("gaussian", 1.0): 1.0, ("gaussian", 3.0): 2.0, ("gaussian", 4.0): 9.0}
        | {("disc", 2.0): 0.5}
    )
    assert table.mean_gain_db("gaussian") == pytest.approx(1.5)
    assert table.mean_gain_db("disc") == pytest.approx(0.5)
    assert "mean gain over 1 to 3 px, gaussian: +1.50 dB" in table_of(table)
    assert "mean 50.00 dB, worst 45.00 dB, sigma seen 0.10 px" in table_of(table)


def test_a_network_that_does_nothing_gains_nothing(photos: list[Picture]) -> None:
    found = per_sigma(Unchanged(), SaysTwo(), photos, 1, sigmas_px=(1.0, 2.0), with_rows=True)
    assert [(row.psf, row.sigma_px) for row in found.blurred] == [
        ("gaussian", 1.0),
        ("gaussian", 2.0),
        ("disc", 1.0),
        ("disc", 2.0),
    ]
    assert all(row.gain_db == 0.0 for row in found.blurred)
    assert found.blurred[0].input_psnr_db > found.blurred[1].input_psnr_db
    assert found.blurred[0].sigma_bias_px == pytest.approx(1.0, abs=0.05)
    assert found.blurred[1].sigma_mae_px == pytest.approx(0.0, abs=0.05)
    assert found.sharp is not None
    assert dataclasses.astuple(found.sharp) == pytest.approx((120.0, 120.0, 2.0))
    assert [row.psf for row in found.rows] == ["gaussian", "gaussian", "disc", "disc", "none"]
    assert found.rows[0].plain.input.ssim > found.rows[1].plain.input.ssim


def test_kernel_seeds_are_no_sigma(photos: list[Picture]) -> None:
    found = per_sigma(Unchanged(), SaysTwo(channels=35), photos, 1, sigmas_px=(2.0,))
    assert found.blurred[0].sigma_mae_px is None
    assert "not run" in table_of(found)


def test_crops_are_blurred_evenly_and_cut_where_no_edge_is_seen() -> None:
    size = CROP_PX + 2 * MARGIN_PX
    stripes = ((torch.arange(size) // 8) % 2).float().expand(1, 3, size, size)
    data = blur_evenly(stripes, "gaussian", 2.0)
    assert data.blurry.shape == data.sharp.shape == (1, 3, CROP_PX, CROP_PX)
    assert float(data.sigma_px.max()) == pytest.approx(2.0, abs=0.01)
    # The pattern repeats every 16 px, and so must the blurred one, up to its very edge.
    torch.testing.assert_close(data.blurry[..., :16], data.blurry[..., -16:])
    codes = data.blurry * 255
    torch.testing.assert_close(codes, codes.round(), atol=1e-3, rtol=0)
    assert torch.equal(blur_evenly(stripes, "disc", 0.0).blurry, data.sharp)


def test_crops_depend_on_the_photographs_alone(photos: list[Picture]) -> None:
    first = textured_crops(photos, 2)
    assert first.shape == (2, 3, CROP_PX + 2 * MARGIN_PX, CROP_PX + 2 * MARGIN_PX)
    assert torch.equal(first, textured_crops(photos, 2))
    assert not torch.equal(first[0], first[1])


def test_small_photographs_are_left_out(photos: list[Picture]) -> None:
    small = photos[0][:200]
    assert len(textured_crops([small, photos[0]], 1)) == 1
    with pytest.raises(ValueError, match="at least 304 px a side, none is that large"):
        textured_crops([small], 1)


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    from train.evaluation.plots import check_plottable, plot_per_sigma

    path = tmp_path / "gain.png"
    plot_per_sigma(figures({("gaussian", 1.0): 1.0, ("gaussian", 2.0): 2.0, ("disc", 1.0): 0.5}), path)
    with Image.open(path) as picture:
        assert picture.size == (960, 600)
        assert np.asarray(picture.convert("L")).std() > 10
    with pytest.raises(ValueError, match=r"a name ending in \.png, got gain\.svg"):
        check_plottable(tmp_path / "gain.svg")
