import numpy as np
import pytest

from train.data.regular_textures import TEXTURES, paint_over
from train.data.textures import LeafBank

GREY = np.full((96, 96, 3), 0.5)


@pytest.mark.parametrize("name", TEXTURES)
def test_each_repeats_with_its_period(name: str) -> None:
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5)
    grey = TEXTURES[name](x, y, 12.0)
    assert grey.shape == (96, 96)
    assert 0.0 <= grey.min() < grey.max() - 0.3 < 1.0
    if name == "text":  # lines repeat downwards
        assert grey[24:36] == pytest.approx(grey[36:48])
    elif name == "corrugation":  # tilted by a twentieth
        assert grey[:, :60] == pytest.approx(TEXTURES[name](x + 12.0, y, 12.0)[:, :60])
    else:
        assert grey[:, 24:48] == pytest.approx(grey[:, 48:72])


def test_a_part_of_the_picture_is_painted_over() -> None:
    painted = [paint_over(GREY, np.random.default_rng(seed), (6.0, 20.0)) for seed in range(12)]
    shares = [float((picture != GREY).any(-1).mean()) for picture in painted]
    assert all(share < 0.9 for share in shares)
    assert np.mean(shares) > 0.2
    for picture in painted:
        assert 0.0 <= picture.min() <= picture.max() <= 1.0
    assert (painted[0] == paint_over(GREY, np.random.default_rng(0), (6.0, 20.0))).all()


def test_the_share_says_how_many_leaves_have_one() -> None:
    plain, painted = (LeafBank(64, 4, (1, 2), "cpu", share).pictures for share in (0.0, 0.5))
    assert [bool((a != b).any()) for a, b in zip(plain, painted, strict=True)] == [True, True, False, False]
