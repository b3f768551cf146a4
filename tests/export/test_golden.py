from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from export.calibration import calibration_samples
from export.golden import Case, load_case, make_cases, save_cases
from export.graphs import GraphSpec
from export.pictures import CALIBRATION_PICTURES, CHECK_PICTURES, blur_like_light, diagonal_ramp, load_picture


@pytest.fixture(scope="module")
def cases(small_specs: dict[str, GraphSpec]) -> list[Case]:
    return make_cases(small_specs, 64, 64)


def test_no_check_picture_is_calibrated_with() -> None:
    assert not set(CALIBRATION_PICTURES) & set(CHECK_PICTURES)


@pytest.mark.parametrize("name", [*CALIBRATION_PICTURES, *CHECK_PICTURES])
@pytest.mark.parametrize("size", [(64, 96), (512, 512)])
def test_pictures_fill_the_size_and_are_pictures(name: str, size: tuple[int, int]) -> None:
    picture = load_picture(name, *size)
    assert picture.shape == (1, 3, *size)
    assert float(picture.min()) >= 0.0
    assert float(picture.max()) <= 1.0
    assert float(picture.std()) > 0.1


def test_a_picture_of_the_right_size_is_taken_as_it_is() -> None:
    import skimage.data

    expected = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1).unsqueeze(0).float() / 255.0
    torch.testing.assert_close(load_picture("astronaut", 512, 512), expected, atol=1e-6, rtol=0.0)


def test_every_graph_has_pictures_and_noise(cases: list[Case]) -> None:
    names = {graph: [c.name for c in cases if c.graph == graph] for graph in ("defocus", "deblur", "refocus")}
    assert names == {
        "defocus": ["astronaut", "camera", "synthetic", "noise"],
        "deblur": ["astronaut", "camera", "synthetic", "noise"],
        "refocus": ["astronaut", "smooth", "step", "noise"],
    }


def test_every_tensor_is_within_the_range_of_its_meaning(cases: list[Case], small_specs: dict[str, GraphSpec]) -> None:
    for case in cases:
        spec = small_specs[case.graph]
        for meaning in (*spec.inputs, *spec.outputs):
            value = {**case.inputs, **case.outputs}[meaning.name]
            assert value.shape == (1, meaning.channels, 64, 64)
            assert value.dtype == np.float32
            assert meaning.range[0] <= value.min() <= value.max() <= meaning.range[1], (case.name, meaning.name)


def test_the_outputs_are_the_float_graphs(cases: list[Case], small_specs: dict[str, GraphSpec]) -> None:
    for case in cases:
        (expected,) = case.outputs.values()
        inputs = [torch.from_numpy(value) for value in case.inputs.values()]
        torch.testing.assert_close(small_specs[case.graph].module(*inputs), torch.from_numpy(expected))


def test_the_refocusing_map_is_sharp_in_the_middle_and_has_detail(cases: list[Case]) -> None:
    (case,) = [c for c in cases if (c.graph, c.name) == ("refocus", "astronaut")]
    sigma_px = case.inputs["target_sigma_px"]
    assert sigma_px[0, 0, 32, 32] == 0.0
    assert sigma_px.max() > 1.0


def test_cases_come_back_as_they_were_saved(cases: list[Case], tmp_path: Path) -> None:
    for case, golden in zip(cases, save_cases(cases, tmp_path), strict=True):
        back = load_case(golden, tmp_path)
        assert (back.graph, back.name) == (case.graph, case.name)
        for name, value in {**case.inputs, **case.outputs}.items():
            np.testing.assert_array_equal({**back.inputs, **back.outputs}[name], value)


def test_a_file_is_raw_little_endian_float32(cases: list[Case], tmp_path: Path) -> None:
    (golden, *_) = save_cases(cases, tmp_path)
    content = (tmp_path / golden.inputs[0].path).read_bytes()
    assert len(content) == 4 * 3 * 64 * 64
    assert content[:4] == np.float32(cases[0].inputs["image"][0, 0, 0, 0]).astype("<f4").tobytes()


def test_equal_tensors_share_a_file(cases: list[Case], tmp_path: Path) -> None:
    described = {(g.graph, g.case): g for g in save_cases(cases, tmp_path)}
    defocus, deblur = described["defocus", "astronaut"], described["deblur", "astronaut"]
    assert defocus.inputs[0].path == deblur.inputs[0].path == "golden/defocus.astronaut.image.f32"
    assert defocus.outputs[0].path == deblur.inputs[1].path


def test_damaged_vectors_are_refused(cases: list[Case], tmp_path: Path) -> None:
    (golden, *_) = save_cases(cases[:1], tmp_path)
    path = tmp_path / golden.inputs[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b"\0\0\0\0")
    with pytest.raises(ValueError, match="not the file that the manifest describes"):
        load_case(golden, tmp_path)
    path.write_bytes(content[:-4])
    with pytest.raises(ValueError, match="should have 49152 bytes, has 49148"):
        load_case(golden, tmp_path, check_digests=False)
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        load_case(golden, tmp_path)


def test_samples_are_the_same_every_time_and_reach_the_largest_sigma(small_specs: dict[str, GraphSpec]) -> None:
    first, second = (calibration_samples(small_specs, 64, 64) for _ in range(2))
    assert {graph: len(samples) for graph, samples in first.items()} == {"defocus": 9, "deblur": 12}
    for graph, samples in first.items():
        for one, other in zip(samples, second[graph], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert max(float(sigma_px.max()) for _, sigma_px in first["deblur"]) == pytest.approx(6.0)


def test_a_ramp_rises_from_corner_to_corner() -> None:
    ramp = diagonal_ramp(3, 5, 4.0)
    assert ramp.shape == (1, 1, 3, 5)
    assert [float(ramp[0, 0, y, x]) for y, x in ((0, 0), (1, 2), (2, 4))] == [0.0, 2.0, 4.0]


def test_blur_happens_in_light() -> None:
    """A wide blur of half black, half white has the square root of a half on the border."""
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 16:] = 1.0
    blurred = blur_like_light(picture, torch.full((1, 1, 32, 32), 3.0))
    border = blurred[0, 0, 16, 15:17].square().mean().sqrt()
    assert float(border) == pytest.approx(0.7071, abs=1e-3)
