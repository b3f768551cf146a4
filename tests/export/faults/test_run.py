"""Files broken on purpose: all must be turned away, and their unbroken twins pass (``run_group`` sees to that)."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export import controls
from export.artifacts.shared_inputs import GraphBundle, load_bundle, make_shared_inputs
from export.controls import table
from export.faults.catalog import CONTROLS, FAULTS, Control
from export.faults.file_faults import (
    WeightNotFoundError,
    change_weight,
    convolutions,
    exchange_red_and_green,
    say_blue_first,
    zeros,
)
from export.faults.graph_faults import enlarge_sigma_in, misread_layout, overflow_fp16, shift_output, shift_residual
from export.faults.run import SIZE, by_artifact, judge, run_group
from export.verification.gates import compare
from runtime.manifest.check_records import DelegateCoverage, NegativeControl, ParityFigure
from runtime.manifest.records import Artifact
from train.weights import SHIPPED

ASKED_FOR = {
    "swapped channels",
    "BGR",
    "doubled normalisation",
    "wrong layout",
    "one-pixel shift",
    "identity",
    "sigma scaled by 1.1",
    "corrupted weights",
    "fp16 overflow",
    "stale calibration",
}


@pytest.fixture(scope="module")
def shared_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the shipped networks."""
    folder = tmp_path_factory.mktemp("shared_inputs")
    make_shared_inputs(folder, SHIPPED, SIZE, True)
    return folder


TRIED = (
    "deblur-coreml-p6",
    "deblur-tflite-int8",
    "defocus-executorch-vulkan-fp16",
    "deblur-onnx-int8",
    "preview-onnx-fp32",
)
"""All formats; ``make export`` tries every control."""


@pytest.mark.slow
@pytest.mark.parametrize("artifact", TRIED)
def test_every_broken_file_is_turned_away(artifact: str, shared_inputs: Path, tmp_path: Path) -> None:
    found = run_group(by_artifact()[artifact], shared_inputs, tmp_path)
    assert [f"{c.name}: {'caught' if c.caught else 'not caught'}" for c in found] == [
        f"{c.name}: caught" for c in by_artifact()[artifact]
    ]
    for control in found:
        overflows = control.name == "fp16 overflow"
        assert overflows == ("conv 'conv2d" in control.by)
        if control.name == "a hole in the weights" and control.threshold is None:  # too slight for a gate
            assert "when the file was exported" in control.by or "other bytes" in control.by
        else:
            assert overflows == (control.threshold is None)


@pytest.mark.parametrize("control", by_artifact()["refocus-onnx-fp32"], ids=lambda control: control.name)
def test_the_gates_notice_every_fault_of_the_blur(control: Control, shared_inputs: Path) -> None:
    """Before it is written as a file, which takes long; the right one passes."""
    bundle = load_bundle(shared_inputs, "refocus")
    assert control.fault.bundle is not None
    for spec, passes in ((bundle.spec, True), (control.fault.bundle(bundle).spec, False)):
        figures: list[ParityFigure] = []
        for case in bundle.cases:
            with torch.no_grad():
                answer = spec.module(*(torch.from_numpy(value) for value in case.inputs.values()))
            figures += compare("refocus", "fp32", case, {"refocused": answer.numpy()})
        assert all(figure.passed for figure in figures) == passes


def test_an_unbroken_file_that_fails_shows_nothing(
    shared_inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network itself is broken, so the file would fail whatever was done to it."""
    bundle = load_bundle(shared_inputs, "deblur")
    with torch.no_grad():
        convolutions(bundle.spec.module)[0].weight.zero_()
    monkeypatch.setattr("export.faults.run.load_bundle", lambda *_: bundle)
    control = next(c for c in CONTROLS if c.artifact == "deblur-onnx-fp32" and c.name == "corrupted weights")
    with pytest.raises(ValueError, match="deblur-onnx-fp32 must pass before it is broken, but psnr_db is"):
        run_group((control,), shared_inputs, tmp_path)


def test_all_faults_that_were_asked_for_are_tried() -> None:
    assert {control.name for control in CONTROLS} >= ASKED_FOR
    assert len({(c.name, c.artifact) for c in CONTROLS}) == len(CONTROLS)


def test_int8_files_are_tried_with_all_that_can_happen_to_them() -> None:
    """Their gates are the widest. Overflow is fp16's."""
    assert {c.name for c in CONTROLS if c.artifact.endswith("int8")} >= ASKED_FOR - {"fp16 overflow"}


def test_every_format_is_tried() -> None:
    assert {c.artifact.split("-")[1] for c in CONTROLS if c.name == "corrupted weights"} == {
        "coreml",
        "tflite",
        "executorch",
        "onnx",
    }


def test_controls_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(CONTROLS)) == CONTROLS


class Passed(nn.Module):
    """A graph of two inputs that gives back the first."""

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        return image + 0.0 * sigma_px


def broken(bundle: GraphBundle, change: object, *inputs: Tensor) -> Tensor:
    """What the wrong graph answers, with ``Passed`` for a network."""
    right = dataclasses.replace(bundle.spec, module=Passed())
    result: Tensor = change(dataclasses.replace(bundle, spec=right, int8_spec=right)).spec.module(*inputs)  # type: ignore[operator]
    return result


def test_a_misread_layout_of_two_by_two_pixels(shared_inputs: Path) -> None:
    """Pixels (1, 2, 3), (4, 5, 6), ... in the file's order, taken for a plane of red, one of green, one of blue."""
    image = torch.arange(1.0, 13.0).reshape(1, 2, 2, 3).permute(0, 3, 1, 2)
    result = broken(load_bundle(shared_inputs, "deblur"), misread_layout, image, torch.zeros(1, 1, 2, 2))
    assert result[0, 0].tolist() == [[1, 2], [3, 4]]
    assert result[0, 2].tolist() == [[9, 10], [11, 12]]


def test_a_shift_by_one_pixel(shared_inputs: Path) -> None:
    image = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    result = broken(load_bundle(shared_inputs, "deblur"), shift_output, image, torch.zeros(1, 1, 1, 3))
    assert result.tolist() == [[[[1, 1, 2]]]]


def test_a_shifted_residual_leaves_the_picture_in_place(shared_inputs: Path) -> None:
    bundle = load_bundle(shared_inputs, "deblur")
    image = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert broken(bundle, shift_residual, image, torch.zeros(1, 1, 1, 3)).tolist() == [[[[1, 2, 3]]]]


def test_the_given_bundle_stays_as_it_is(shared_inputs: Path) -> None:
    bundle = load_bundle(shared_inputs, "deblur")
    before = [part.weight.clone() for part in convolutions(bundle.spec.module)]
    for change in (overflow_fp16, shift_output, enlarge_sigma_in):
        assert change(bundle).spec.module is not bundle.spec.module
    after = [part.weight for part in convolutions(bundle.spec.module)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_what_overflows_in_fp16_is_the_same_to_the_last_bit_in_fp32(shared_inputs: Path) -> None:
    bundle = load_bundle(shared_inputs, "deblur")
    wrong = overflow_fp16(bundle)
    inputs = [torch.from_numpy(value) for value in bundle.cases[0].inputs.values()]
    with torch.no_grad():
        assert torch.equal(wrong.spec.module(*inputs), bundle.spec.module(*inputs))
    largest = max(float(part.weight.abs().max()) for part in convolutions(wrong.spec.module))
    assert largest < 65504


@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_a_weight_is_found_whatever_its_type_and_order(
    dtype: str, order: tuple[int, int, int, int], tmp_path: Path
) -> None:
    layer = nn.Conv2d(3, 2, 2)
    weight = layer.weight.detach().numpy().astype(dtype)
    path = tmp_path / "model.bin"
    path.write_bytes(b"head" + weight.transpose(order).tobytes() + b"tail")
    change_weight(path, layer, exchange_red_and_green)
    content = path.read_bytes()
    assert content.startswith(b"head")
    assert content.endswith(b"tail")
    shape = [weight.shape[axis] for axis in order]
    stored = np.frombuffer(content[4:-4], dtype).reshape(shape).transpose(np.argsort(order))
    assert np.array_equal(stored, weight[:, [1, 0, 2]])


@pytest.mark.parametrize("largest", [1.0, 1e-3])
def test_int8_weights_are_found_by_their_codes(largest: float, tmp_path: Path) -> None:
    layer = nn.Conv2d(1, 1, 2)
    with torch.no_grad():
        layer.weight.copy_(largest * torch.tensor([[[[1.0, -0.5], [0.25, 0.0]]]]))
    path = tmp_path / "model.bin"
    path.write_bytes(b"a" + np.array([127, -64, 32, 0], np.int8).tobytes() + b"b")
    change_weight(path, layer, zeros)
    assert path.read_bytes() == b"a\0\0\0\0b"


@pytest.mark.parametrize("copies", [0, 2])
def test_a_weight_that_is_not_there_once_is_refused(copies: int, tmp_path: Path) -> None:
    layer = nn.Conv2d(3, 2, 2)
    path = tmp_path / "model.bin"
    path.write_bytes(b"-" + layer.weight.detach().numpy().tobytes() * copies)
    with pytest.raises(WeightNotFoundError, match=r"does not hold the weight of shape \(2, 3, 2, 2\)"):
        change_weight(path, layer, zeros)


def test_a_change_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    layer = nn.Conv2d(3, 2, 2)
    path = tmp_path / "model.bin"
    path.write_bytes(layer.weight.detach().numpy().tobytes())
    with pytest.raises(ValueError, match="leaves the weight"):
        change_weight(path, layer, lambda weight: weight)


def test_a_folder_that_is_no_package_takes_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no Manifest\.json"):
        say_blue_first(tmp_path)


def checked(reason: str, *figures: ParityFigure, torn: bool = False) -> Artifact:
    part = DelegateCoverage(
        delegate="XNNPACK",
        method="measured",
        subgraphs=3,
        inside={},
        outside={},
        multiplications_inside=0,
        multiplications_outside=0,
    )
    return Artifact(
        id="deblur-coreml-fp16",
        graph="deblur",
        format="coreml",
        precision="fp16",
        path="a",
        files=(),
        inputs=(),
        outputs=(),
        tool={},
        status="failed",
        reason=reason,
        parity=figures,
        coverage=(part,) if torn else (),
    )


def control(name: str) -> Control:
    return next(c for c in CONTROLS if c.name == name)


def test_a_figure_that_misses_its_gate_is_what_catches() -> None:
    good = ParityFigure(case="camera", metric="psnr_db", value=60.0, threshold=55.0, passed=True)
    bad = ParityFigure(case="noise", metric="psnr_db", value=30.0, threshold=55.0, passed=False, runtime="ours")
    found = judge(control("identity"), checked("", good, bad, bad), Path("x"))
    assert (found.caught, found.by, found.value, found.threshold) == (
        True,
        "psnr_db on noise (ours), and 1 more",
        30.0,
        55.0,
    )


@pytest.mark.parametrize("reason", ["XNNPACK takes the graph in 3 subgraphs, not 1", "TypeError: no such argument"])
def test_a_file_that_fails_for_another_reason_was_not_caught(reason: str) -> None:
    for name in ("identity", "fp16 overflow"):
        found = judge(control(name), checked(reason, torn=True), Path("x"))
        assert (found.caught, found.by) == (False, "")


def test_an_overflow_is_told_by_the_operator_without_the_folder() -> None:
    reason = "/tmp/x/a.mlpackage leaves the finite range in fp16: conv 'y': 1 of 2 values became inf"
    found = judge(control("fp16 overflow"), checked(reason), Path("/tmp/x"))
    assert (found.caught, found.by, found.threshold) == (True, reason.removeprefix("/tmp/x/"), None)
    assert not judge(control("identity"), checked(reason), Path("/tmp/x")).caught


def test_the_table_names_what_was_not_caught() -> None:
    rows = [
        NegativeControl(name=n, description="", artifact="a", caught=c, by="psnr_db on noise", value=v, threshold=42.0)
        for n, c, v in (("BGR", True, 12.345678), ("identity", False, None))
    ]
    lines = table(rows).splitlines()
    caught, missed = (next(line for line in lines if line.startswith(row.name)) for row in rows)
    assert caught.split()[:3] == ["BGR", "a", "caught"]
    assert "12.35" in caught
    assert "NOT CAUGHT" in missed
    assert lines[-1] == "1 of 2 caught"


def test_the_command_tries_one_artefact(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    missed = NegativeControl(name="BGR", description="", artifact="a", caught=False, by="", value=None, threshold=None)
    monkeypatch.setattr(
        "export.faults.command.run_controls", lambda checkpoint, size, chosen, *_: [missed] * len(chosen)
    )
    assert controls.main(["--only", "defocus-onnx-int8", "--json"]) == 1
    expected = sum("defocus-onnx-int8" in fault.artifacts for fault in FAULTS)
    assert len(json.loads(capsys.readouterr().out)) == expected


@pytest.mark.parametrize(
    "arguments",
    [["--only", "bad luck"], ["--size", "a,b"], ["--size", "64x64,96x96"], ["--checkpoint", "absent", "--jobs", "0"]],
)
def test_wrong_use_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert controls.main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
