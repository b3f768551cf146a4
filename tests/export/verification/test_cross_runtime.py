"""The matrix on made-up answers whose differences are known, and on the files they are kept in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.verification.cross_runtime import load_results, matrix, save_results
from runtime.system.arrays import FloatArray

SHAPE = (1, 3, 4, 4)


def plane(value: float, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.full(shape, value, np.float32)


RESULTS = {
    "deblur-tflite-fp32": {
        "XNNPACK": {"photo": plane(0.5), "noise": plane(0.5)},
        "reference kernels": {"photo": plane(0.5), "noise": plane(0.5)},
    },
    "deblur-onnx-int8": {"onnxruntime": {"photo": plane(0.5), "noise": plane(0.6)}},
}


def test_every_pair_once_with_its_worst_case() -> None:
    cells = matrix(RESULTS, "deblur")
    xnnpack, reference, onnx = (
        "deblur-tflite-fp32 (XNNPACK)",
        "deblur-tflite-fp32 (reference kernels)",
        "deblur-onnx-int8 (onnxruntime)",
    )
    assert [(c.first, c.second) for c in cells] == [(xnnpack, reference), (xnnpack, onnx), (reference, onnx)]
    assert cells[0].value is None  # equal
    for cell in cells[1:]:
        # A difference of 0.1 everywhere: 20 dB.
        assert (cell.case, cell.metric, cell.value) == ("noise", "psnr_db", pytest.approx(20.0, abs=1e-4))


def test_maps_are_compared_in_pixels_and_equal_ones_have_none() -> None:
    results = {name: {"fp32": {"photo": plane(value, (1, 1, 4, 4))}} for name, value in (("a", 1), ("b", 3), ("c", 1))}
    cells = {(c.first, c.second): (c.metric, c.value) for c in matrix(results, "defocus")}
    assert cells == {
        ("a (fp32)", "b (fp32)"): ("mean_px", 2.0),
        ("a (fp32)", "c (fp32)"): ("mean_px", 0.0),
        ("b (fp32)", "c (fp32)"): ("mean_px", 2.0),
    }


def test_other_sizes_and_no_numbers_are_left_out() -> None:
    results: dict[str, dict[str, dict[str, FloatArray]]] = {
        "a": {"r": {"photo": plane(0.5)}},
        "large": {"r": {"photo": plane(0.5, (1, 3, 8, 8))}},
        "broken": {"r": {"photo": plane(np.nan)}},
        "empty": {"r": {}},
        "b": {"r": {"photo": plane(0.25), "other": plane(0.0)}},
    }
    assert [(c.first, c.second, c.case) for c in matrix(results, "refocus")] == [("a (r)", "b (r)", "photo")]


def test_an_unknown_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="no comparison for the graph 'depth': there are defocus, "):
        matrix({}, "depth")


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    for name, runs in RESULTS.items():
        save_results(tmp_path / f"{name}.npz", runs)
    loaded = load_results(tmp_path)
    assert list(loaded) == sorted(RESULTS)
    for name, runs in RESULTS.items():
        assert loaded[name].keys() == runs.keys()
        for runtime, cases in runs.items():
            for case, output in cases.items():
                np.testing.assert_array_equal(loaded[name][runtime][case], output)
                assert loaded[name][runtime][case].dtype == np.float32


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # a file left open
@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04 half a zip file"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "deblur-onnx-int8.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"deblur-onnx-int8\.npz holds no answers of a run"):
        load_results(tmp_path)
