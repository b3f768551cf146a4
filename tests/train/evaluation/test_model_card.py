from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.card import main
from train.data.textures import dead_leaves
from train.evaluation.model_card import BEGIN, END, around_marks
from train.weights import MODEL_CARD


def test_the_shipped_card_has_its_place() -> None:
    before, after = around_marks(MODEL_CARD)
    assert before.startswith("# Model card")
    assert "## Where it fails" in after


def test_a_card_without_marks_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "CARD.md"
    card.write_text(f"mine {END} {BEGIN}")
    assert main(["--photos", str(tmp_path), "--card", str(card)]) == 2
    assert "has no place for figures" in capsys.readouterr().err
    assert card.read_text() == f"mine {END} {BEGIN}"


@pytest.mark.slow
def test_what_is_measured_goes_between_the_marks(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = np.round(dead_leaves(330, np.random.default_rng(5)) * 255).astype(np.uint8)
    Image.fromarray(picture).save(photos / "one.png")
    card = tmp_path / "CARD.md"
    card.write_text(f"before\n{BEGIN}\nold figures\n{END}\nafter\n")
    assert main(["--photos", str(photos), "--card", str(card), "--scenes", "2", "--crops", "1"]) == 0
    text = card.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old figures" not in text
    assert text.count("| other") == 2 + 1  # both blurs, and noise
    for name in ("gain_by_sigma.png", "held_out.png"):
        assert name in text
        with Image.open(tmp_path / name) as image:
            assert image.width > 500
