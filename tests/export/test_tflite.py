from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from export.graphs import GraphSpec, example_inputs
from export.refocus import Refocus
from export.tflite import SIGNATURE, ThreeChannelSigma, channels_last, op_histogram, write_tflite
from runtime.silence import silence

FLOAT_NETWORK = {"CONV_2D", "TRANSPOSE_CONV", "ADD", "MUL", "PAD"}
BLUR = {"MUL", "ADD", "DIV", "SLICE", "CONCATENATION", "MINIMUM", "MAXIMUM", "RSQRT", "EXP", "SQRT", "RELU"}
ALLOWED = {
    "defocus_fp32": FLOAT_NETWORK | {"LOGISTIC"},
    "defocus_int8": FLOAT_NETWORK | {"LOGISTIC", "QUANTIZE", "DEQUANTIZE"},
    "deblur_fp32": FLOAT_NETWORK | {"CONCATENATION", "RELU", "MINIMUM", "SUB"},
    "deblur_int8": FLOAT_NETWORK | {"CONCATENATION", "RELU", "MINIMUM", "SUB", "QUANTIZE", "DEQUANTIZE"},
    "refocus_fp32": BLUR,
}
"""Every operator a file may hold. No TRANSPOSE, no RESHAPE, nothing custom, nothing of TensorFlow's (Flex)."""


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_only_operators_that_every_delegate_takes(small_export: Path, name: str) -> None:
    found = op_histogram(small_export / f"{name}.tflite")
    assert set(found) <= ALLOWED[name]
    assert sum(found.values()) > 10


@pytest.mark.parametrize(("name", "entries"), [("defocus_int8", 2), ("deblur_int8", 2)])
def test_int8_is_entered_at_its_borders_only_and_left_once(small_export: Path, name: str, entries: int) -> None:
    """More would mean float islands inside the network.

    The deblurring network takes two inputs; the estimator's float stem feeds a skip and, through one more float
    convolution, the next level.
    """
    found = op_histogram(small_export / f"{name}.tflite")
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (entries, 1)


def test_int8_is_much_smaller(small_export: Path) -> None:
    sizes = [(small_export / f"deblur_{precision}.tflite").stat().st_size for precision in ("int8", "fp32")]
    assert sizes[0] < 0.6 * sizes[1]


def test_a_saved_file_answers_by_name_in_nhwc(small_export: Path, small_specs: dict[str, GraphSpec]) -> None:
    spec = small_specs["deblur"]
    image, sigma_px = example_inputs(spec, 64, 64, seed=5)
    with silence():
        run = Interpreter(str(small_export / "deblur_fp32.tflite"), num_threads=2).get_signature_runner(SIGNATURE)
        answer = run(sigma_px=channels_last(sigma_px).numpy(), image=channels_last(image).numpy())
    expected = channels_last(spec.module(image, sigma_px)).numpy()
    assert list(answer) == ["sharp"]
    np.testing.assert_allclose(answer["sharp"], expected, atol=1e-5)


def test_three_channels_of_sigma_give_the_same_picture() -> None:
    refocus = Refocus(2.0)
    sharp, sigma_px = torch.rand(1, 3, 24, 32), 2.0 * torch.rand(1, 1, 24, 32)
    torch.testing.assert_close(ThreeChannelSigma(refocus)(sharp, sigma_px), refocus(sharp, sigma_px))


def test_an_unknown_precision_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp32, int8"):
        write_tflite(torch.nn.ReLU(), (), [], [], tmp_path / "x.tflite", precision="int4")


def test_int8_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibrate"):
        write_tflite(torch.nn.ReLU(), (), [], [], tmp_path / "x.tflite", precision="int8")
