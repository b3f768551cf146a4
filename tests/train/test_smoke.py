"""The smallest whole training learns what it should, from misaligned procedural pairs alone."""

from pathlib import Path

import pytest

from train.loop.trainer import fit
from train.loop.training_data import synthetic_data
from train.presets import smoke


@pytest.mark.slow
def test_a_minute_of_training_deblurs_and_finds_the_blur(tmp_path: Path) -> None:
    figures = fit(smoke(), synthetic_data(smoke(), None, None), tmp_path / "smoke")
    assert figures is not None
    print(figures)
    assert figures.gain_db > 0.2
    assert figures.worse_share < 0.3  # scenes that are all but sharp: so short a training cannot leave them alone
    assert figures.sigma_mae_px < 0.45
    assert figures.sigma_correlation > 0.65
