from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from export.data.calibration import calibration_samples
from export.data.golden_cases import Case, make_cases, output_stride_px
from export.data.golden_files import load_case, save_cases, thinned
from export.data.layered_scenes import SCENES
from export.data.pictures import CALIBRATION_PICTURES, CHECK_PICTURES, blur_like_light, diagonal_ramp, load_picture
from export.data.sigma_maps import LARGEST_STEP, SMOOTH, STEPS
from export.graphs.specs import GraphSpec
from export.recipes.targets import ALL_GRAPHS
from export.verification.artifact import judge
from export.verification.gates import compare, tolerances
from runtime.manifest.golden_vectors import misses
from runtime.manifest.records import Artifact
from train.networks.deblur import Fade
from train.networks.fade import FadeConfig


@pytest.fixture(scope="module")
def cases(small_specs: dict[str, GraphSpec]) -> list[Case]:
    return make_cases(small_specs, 64, 64)


def test_those_of_graphs_that_are_not_wanted_are_left_out(cases: list[Case], small_specs: dict[str, GraphSpec]) -> None:
    found = make_cases(small_specs, 64, 64, ("refocus",))
    expected = [case for case in cases if case.graph in ("defocus", "deblur", "refocus")]
    assert [(case.graph, case.name) for case in found] == [(case.graph, case.name) for case in expected]
    for one, other in zip(found, expected, strict=True):
        for name, value in one.outputs.items():
            np.testing.assert_array_equal(value, other.outputs[name])


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
    names = {graph: [c.name for c in cases if c.graph == graph] for graph in ALL_GRAPHS}
    blurred = ["astronaut", "camera", "synthetic", "synthetic-even"]
    assert names == {
        "defocus": [*blurred, "warm-light", "noise"],
        "deblur": [*blurred, "faint", "noise"],
        "refocus": ["astronaut", *SMOOTH, *SCENES, "noise"],
        "preview": ["astronaut", *SMOOTH, *STEPS, LARGEST_STEP, "noise"],
        "fused": ["astronaut", "synthetic", "all-in-focus", "noise"],
    }


def test_the_truth_is_known_of_what_was_blurred_on_purpose_and_of_blurring(cases: list[Case]) -> None:
    known = {(c.graph, c.name) for c in cases if c.truth}
    assert known == {
        *((graph, name) for graph in ("defocus", "deblur") for name in ("synthetic", "synthetic-even")),
        *(("refocus", name) for name in (*SMOOTH, *SCENES)),
        *(("preview", name) for name in (*SMOOTH, *STEPS, LARGEST_STEP)),
        *(("fused", name) for name in ("synthetic", "all-in-focus")),
    }
    for case in cases:
        for name, value in case.truth.items():
            assert value.shape == case.at_truth(case.outputs[name]).shape, (case.graph, case.name)


def test_the_truth_of_a_blurred_picture_is_the_sharp_one_and_the_map(cases: list[Case]) -> None:
    found = {(c.graph, c.name): c for c in cases}
    motorcycle = load_picture("motorcycle", 64, 64).numpy()
    np.testing.assert_array_equal(found["deblur", "synthetic"].truth["sharp"], motorcycle)
    np.testing.assert_array_equal(
        found["defocus", "synthetic"].truth["sigma_px"], found["deblur", "synthetic"].inputs["sigma_px"]
    )
    in_focus = found["fused", "all-in-focus"]
    np.testing.assert_allclose(in_focus.truth["refocused"], load_picture("camera", 64, 64).numpy(), atol=1e-6)
    assert not in_focus.inputs["target_sigma_px"].any()


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
    for case, golden in zip(cases, save_cases(cases, tmp_path, tolerances), strict=True):
        back = load_case(golden, tmp_path)
        assert (back.graph, back.name, back.divisors, back.stride_px) == (case.graph, case.name, case.divisors, 1)
        assert back.truth_stride_px == 1
        for name, value in {**case.inputs, **case.outputs}.items():
            np.testing.assert_array_equal({**back.inputs, **back.outputs}[name], value)
        assert back.truth.keys() == case.truth.keys()
        for name, value in case.truth.items():
            np.testing.assert_array_equal(back.truth[name], value)


def test_a_larger_graph_gets_the_mirrored_tile_and_keeps_few_outputs(
    small_specs: dict[str, GraphSpec], tmp_path: Path
) -> None:
    specs = {name: dataclasses.replace(spec, module=Half()) for name, spec in small_specs.items()}
    cases = make_cases(specs, 272, 336)
    for case, golden in zip(cases, save_cases(cases, tmp_path, tolerances), strict=True):
        assert [t.shape[2:] for t in golden.inputs] == [(256, 256)] * len(golden.inputs)
        (output,) = golden.outputs
        assert (output.stride_px, output.shape[2:]) == (5, (55, 68))
        assert (golden.height_px, golden.width_px) == (272, 336)
        back = load_case(golden, tmp_path)
        for name, value in case.inputs.items():
            np.testing.assert_array_equal(back.inputs[name], value)
            np.testing.assert_array_equal(value[..., 256], value[..., 255])
        for name, value in case.outputs.items():
            np.testing.assert_array_equal(back.outputs[name], value[..., ::5, ::5])
        for name, value in back.truth.items():
            assert value.shape[2:] == (55, 68)
            np.testing.assert_array_equal(value, case.truth[name])


class Half(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fade = Fade(FadeConfig())  # of the deblurring network, of which a case asks

    def forward(self, image: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        return (rest[0] if rest else image[:, :1]) / 2.0


@pytest.mark.parametrize(("size", "stride_px"), [((64, 64), 1), ((128, 512), 3), ((192, 192), 3), ((512, 768), 11)])
def test_the_stride_is_odd_and_leaves_40_pixels_a_side(size: tuple[int, int], stride_px: int) -> None:
    assert output_stride_px(*size) == stride_px


def test_all_vectors_of_a_full_size_export_are_under_5_mib(cases: list[Case]) -> None:
    """Ten pictures and twenty-four maps of 256x256 bytes; outputs and truths of 47x47 floats."""
    samples = len(range(0, 512, output_stride_px(512, 512)))
    inputs = {value.tobytes(): value.shape[1] for case in cases for value in case.inputs.values()}
    assert (list(inputs.values()).count(3), list(inputs.values()).count(1)) == (10, 24)
    outputs = sum(value.shape[1] for case in cases for value in (*case.outputs.values(), *case.truth.values()))
    assert sum(inputs.values()) * 256**2 + outputs * 4 * samples**2 < 5.0 * 2**20


def test_another_size_shares_what_is_equal_and_names_what_is_not(
    small_specs: dict[str, GraphSpec], cases: list[Case], tmp_path: Path
) -> None:
    first = save_cases(cases[:1], tmp_path, tolerances)
    there = {path.name: path.read_bytes() for path in (tmp_path / "golden").iterdir()}
    (wide,) = (c for c in make_cases(small_specs, 64, 80) if (c.graph, c.name) == ("defocus", "astronaut"))
    (second,) = save_cases([wide], tmp_path, tolerances, first_size=False)
    assert second.inputs[0].path == first[0].inputs[0].path
    assert second.outputs[0].path == "golden/defocus.astronaut.64x80.sigma_px.f32"
    assert all((tmp_path / "golden" / name).read_bytes() == content for name, content in there.items())
    back = load_case(second, tmp_path)
    np.testing.assert_array_equal(back.outputs["sigma_px"], wide.outputs["sigma_px"])


def test_a_file_is_raw_numbers_without_a_header(cases: list[Case], tmp_path: Path) -> None:
    (golden, *_) = save_cases(cases, tmp_path, tolerances)
    content = (tmp_path / golden.inputs[0].path).read_bytes()
    assert len(content) == 3 * 64 * 64
    assert content[0] / np.float32(255.0) == cases[0].inputs["image"][0, 0, 0, 0]
    content = (tmp_path / golden.outputs[0].path).read_bytes()
    assert len(content) == 4 * 64 * 64
    assert content[:4] == np.float32(cases[0].outputs["sigma_px"][0, 0, 0, 0]).astype("<f4").tobytes()


def test_the_tolerances_are_the_gates(cases: list[Case], tmp_path: Path) -> None:
    golden = {(g.graph, g.case): g for g in save_cases(cases, tmp_path, tolerances)}
    sigma = {t.statistic: t.at_most for t in golden["defocus", "noise"].tolerances["int8"]}
    assert sigma == {"mean": 0.15, "p99": 0.5}
    (noise,) = golden["deblur", "noise"].tolerances["fp32"]
    assert (noise.statistic, noise.at_most) == ("rms", pytest.approx(10.0 ** (-110.0 / 20.0)))
    assert set(golden["preview", "step-down"].tolerances) == {"fp32", "fp16", "w8"}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_an_error_passes_the_tolerance_where_it_passes_the_gates(
    cases: list[Case], tmp_path: Path, precision: str
) -> None:
    (case,) = [thinned(c) for c in cases if (c.graph, c.name) == ("deblur", "synthetic")]
    (golden,) = save_cases([c for c in cases if (c.graph, c.name) == ("deblur", "synthetic")], tmp_path, tolerances)
    (tolerance,) = golden.tolerances[precision]
    noise = np.random.default_rng(0).standard_normal(case.outputs["sharp"].shape)
    noise /= np.sqrt(np.mean(noise**2))
    for factor, passes in ((0.98, True), (1.02, False)):
        outputs = {"sharp": (case.outputs["sharp"] + factor * tolerance.at_most * noise).astype(np.float32)}
        assert all(figure.passed for figure in compare("deblur", precision, case, outputs)) is passes
        assert (misses(golden, precision, outputs, tmp_path) == []) is passes


def test_a_file_that_does_nothing_misses_the_tolerance(cases: list[Case], tmp_path: Path) -> None:
    (golden,) = save_cases([c for c in cases if (c.graph, c.name) == ("deblur", "synthetic")], tmp_path, tolerances)
    identity = {"sharp": load_case(golden, tmp_path).inputs["image"]}
    (message,) = misses(golden, "int8", identity, tmp_path)
    assert message.startswith("rms error ")


def test_equal_tensors_share_a_file(cases: list[Case], tmp_path: Path) -> None:
    described = {(g.graph, g.case): g for g in save_cases(cases, tmp_path, tolerances)}
    defocus, deblur = described["defocus", "astronaut"], described["deblur", "astronaut"]
    assert defocus.inputs[0].path == deblur.inputs[0].path == "golden/defocus.astronaut.image.u8"


def test_an_input_that_the_file_cannot_say_is_refused(cases: list[Case], tmp_path: Path) -> None:
    image = cases[0].inputs["image"].copy()
    image[0, 0, 3, 4] += np.float32(0.001)
    with pytest.raises(ValueError, match="image is not a mirrored tile of eight-bit numbers"):
        save_cases([dataclasses.replace(cases[0], inputs={"image": image})], tmp_path, tolerances)


def test_damaged_vectors_are_refused(cases: list[Case], tmp_path: Path) -> None:
    (golden, *_) = save_cases(cases[:1], tmp_path, tolerances)
    path = tmp_path / golden.inputs[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="not the file that the manifest describes"):
        load_case(golden, tmp_path)
    path.write_bytes(content[:-4])
    with pytest.raises(ValueError, match="should have 12288 bytes, has 12284"):
        load_case(golden, tmp_path, check_digests=False)
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        load_case(golden, tmp_path)


def test_samples_are_the_same_every_time_and_reach_the_largest_sigma(small_specs: dict[str, GraphSpec]) -> None:
    first, second = (calibration_samples(small_specs, 64, 64) for _ in range(2))
    assert {graph: len(samples) for graph, samples in first.items()} == {"defocus": 9, "deblur": 12, "fused": 9}
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


def test_a_file_that_misses_at_the_golden_pixels_alone_fails() -> None:
    """One pixel of nine is stored: an error of 0.3 px there and nowhere else is 0.033 px on the whole."""
    right = np.full((1, 1, 192, 192), 2.0, np.float32)
    case = Case(
        graph="defocus",
        name="noise",
        inputs={"image": np.zeros((1, 3, 192, 192), np.float32)},
        outputs={"sigma_px": right},
    )
    answer = right.copy()
    answer[..., ::3, ::3] += 0.3
    figures = judge(ARTIFACT, case, {"sigma_px": answer})
    assert [(f.case, f.metric, f.passed) for f in figures] == [
        ("noise", "mean_px", True),
        ("noise", "p99_px", True),
        ("noise, golden pixels", "mean_px", False),
        ("noise, golden pixels", "p99_px", True),
    ]
    assert [f.passed for f in judge(ARTIFACT, case, {"sigma_px": right})] == [True] * 4


ARTIFACT = Artifact(
    id="defocus-tflite-int8",
    graph="defocus",
    format="tflite",
    precision="int8",
    path="x.tflite",
    files=(),
    inputs=(),
    outputs=(),
    tool={},
    status="not run",
    reason="",
    parity=(),
)
