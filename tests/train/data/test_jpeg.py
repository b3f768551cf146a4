import io

import numpy as np
import pytest
import torch
from PIL import Image

from train.data.jpeg import LUMA_TABLE, jpeg_round_trip, quality_table
from train.data.textures import dead_leaves


def pillow_round_trip(srgb: torch.Tensor, quality: int) -> torch.Tensor:
    buffer = io.BytesIO()
    codes = (srgb * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(codes).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    decoded = np.asarray(Image.open(buffer)).astype(np.float32) / 255
    return torch.from_numpy(decoded).permute(2, 0, 1)


@pytest.mark.parametrize("quality", [70, 90])
def test_it_does_what_pillow_does(quality: int) -> None:
    picture = torch.from_numpy(dead_leaves(80, np.random.default_rng(0)).transpose(2, 0, 1).copy())[:, :72, :]
    ours = jpeg_round_trip(picture[None], torch.tensor([float(quality)]))[0]
    theirs = pillow_round_trip(picture, quality)
    assert ours.shape == theirs.shape
    lost = (theirs - picture).square().mean()
    assert (ours - theirs).square().mean() < 0.02 * lost
    assert (ours - theirs).abs().mean() * 255 < 1.5


def test_tables_scale_with_quality() -> None:
    tables = quality_table(LUMA_TABLE, torch.tensor([50.0, 100.0, 75.0, 25.0]))
    assert tables[0].tolist() == [list(row) for row in LUMA_TABLE]
    assert tables[1].unique().tolist() == [1.0]
    assert tables[2, 0, 0] == 8  # floor((16 * 50 + 50) / 100)
    assert tables[3, 0, 0] == 32


def test_flat_grey_survives_and_pictures_do_not_mix() -> None:
    flat = torch.full((1, 3, 16, 16), 128 / 255)
    torch.testing.assert_close(jpeg_round_trip(flat, torch.tensor([75.0])), flat)
    noise = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    quality = torch.tensor([95.0, 70.0])
    together = jpeg_round_trip(noise, quality)
    torch.testing.assert_close(together[1:], jpeg_round_trip(noise[1:], quality[1:]))
    errors = (together - noise).square().mean((1, 2, 3))
    assert errors[1] > errors[0]
