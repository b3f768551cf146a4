from __future__ import annotations

from pathlib import Path

import pytest

from export.recipes.int8_choice import CHOICE_FILE, FORMATS, UNTUNED, load_choice, save_choice
from train.quantization.settings import Int8Settings


def test_what_was_saved_is_loaded_and_the_rest_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "choice.json"
    settings = Int8Settings(float_first_convs=(1,), ranges="percentile-99.99")
    save_choice({"tflite": {"deblur": settings}}, path)
    loaded = load_choice(path)
    assert loaded["tflite"]["deblur"] == settings
    assert loaded["tflite"]["defocus"] == loaded["onnx"]["deblur"] == Int8Settings()


def test_a_search_for_one_network_keeps_what_was_chosen_for_the_other(tmp_path: Path) -> None:
    path = tmp_path / "choice.json"
    save_choice({"onnx": {"deblur": Int8Settings(float_head=True)}}, path)
    save_choice({"onnx": {"defocus": Int8Settings(ranges="entropy")}}, path)
    assert load_choice(path)["onnx"]["deblur"].float_head
    assert load_choice(path)["onnx"]["defocus"].ranges == "entropy"


def test_the_fused_graph_has_the_settings_of_both_networks() -> None:
    expected = Int8Settings(float_first_convs=(2, 1), float_head=True, ranges="percentile-99.99")
    assert UNTUNED["executorch"]["fused"] == expected


def test_the_saved_choice_has_settings_for_every_format_and_network() -> None:
    assert CHOICE_FILE.is_file()
    loaded = load_choice()
    assert set(loaded) == set(FORMATS)
    assert all(set(graphs) == {"defocus", "deblur", "fused"} for graphs in loaded.values())


def test_a_choice_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "choice.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"python -m export\.search again"):
        load_choice(path)
    path.write_text('{"tflite": {"deblur": {"ranges": 3}}}')
    with pytest.raises(ValueError, match="tflite, deblur"):
        load_choice(path)
