"""The smallest whole training learns what it should, from misaligned procedural pairs alone."""

from pathlib import Path

import pytest

from train.fit import fit
from train.presets import smoke


@pytest.mark.slow
def test_a_minute_of_training_deblurs_and_finds_the_blur(tmp_path: Path) -> None:
    figures = fit(smoke(), [], [], tmp_path / "smoke")
    assert figures is not None
    print(figures)
    assert figures.gain_db > 0.2
    assert figures.worst_gain_db > 0.0
    assert figures.sigma_mae_px < 0.6
    assert figures.sigma_correlation > 0.5
