from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from executorch.runtime import Runtime
from torch import nn

from export.artifacts.int8_inputs import describe_int8, prepare_int8
from export.formats.pte.strided_convs import without_strides
from export.formats.pte.xnnpack import write_pte
from export.graphs.specs import GraphSpec, build_graphs
from export.recipes.int8_choice import load_choice
from runtime.manifest.manifest import Manifest
from runtime.manifest.records import Int8Source
from runtime.system.files import sha256_of
from train.checkpoint import Deployable, build_deployable, load_deployable
from train.quantization.fake_quant import SimulatedInt8
from train.quantization.settings import Int8Settings
from train.quantization.weights import int8_path, save_int8

pytestmark = pytest.mark.slow


@pytest.fixture
def checkpoint(small_checkpoint: Path, tmp_path: Path) -> Path:
    """A copy of the small checkpoint with room for weights beside it."""
    path = tmp_path / "weights" / small_checkpoint.name
    path.parent.mkdir()
    path.write_bytes(small_checkpoint.read_bytes())
    return path


def doubled(networks: Deployable) -> Deployable:
    """The networks with the deblurring network's correction twice as strong: easy to tell from the float ones."""
    changed = build_deployable(networks.config)
    changed.defocus.load_state_dict(networks.defocus.state_dict())
    changed.deblur.load_state_dict(networks.deblur.state_dict())
    for parameter in changed.deblur.unet.head.parameters():
        parameter.data *= 2.0
    return changed


def test_fine_tuned_weights_are_what_is_quantized(checkpoint: Path, small_specs: dict[str, GraphSpec]) -> None:
    networks = load_deployable(checkpoint)
    save_int8(doubled(networks), int8_path(checkpoint), sha256_of(checkpoint))
    int8 = prepare_int8(checkpoint, networks, small_specs, 64, 64)
    assert int8.source == Int8Source(
        qat=True, name="small_int8.safetensors", sha256=sha256_of(int8_path(checkpoint)), reason=""
    )
    assert int8.settings == load_choice()
    image, sigma_px = int8.samples["deblur"][0]
    # Below the clamp the correction of the first sample is twice that of the float weights.
    float_change = networks.deblur(image, sigma_px) - image
    network = int8.specs["deblur"].module.network
    assert isinstance(network, nn.Module)
    tuned_change = network(image, sigma_px) - image
    torch.testing.assert_close(tuned_change, 2.0 * float_change, atol=1e-5, rtol=0.0)


def test_without_them_the_checkpoint_itself_is_quantized(checkpoint: Path, small_specs: dict[str, GraphSpec]) -> None:
    int8 = prepare_int8(checkpoint, load_deployable(checkpoint), small_specs, 64, 64)
    assert int8.specs is small_specs
    firsts = {name: settings.float_first_convs for name, settings in int8.settings["tflite"].items()}
    assert firsts == {"defocus": (2,), "deblur": (1,), "fused": (2, 1)}
    assert int8.source is not None
    assert (int8.source.qat, int8.source.sha256) == (False, None)
    assert int8.source.reason == "no small_int8.safetensors beside small.safetensors"


def test_the_manifest_and_the_report_say_which(
    checkpoint: Path, tmp_path: Path, run_all: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    save_int8(load_deployable(checkpoint), int8_path(checkpoint), sha256_of(checkpoint))
    out = tmp_path / "out"
    code = run_all("--checkpoint", str(checkpoint), "--out", str(out), "--recipes", "defocus-onnx-int8")
    assert code == 0
    assert "int8: weights fine-tuned for it, small_int8.safetensors" in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["int8"]["qat"] is True
    source = Manifest.load(out).int8
    assert source is not None
    assert source.sha256 == sha256_of(int8_path(checkpoint))


def test_an_export_without_fine_tuned_weights_says_so(small_export: Path) -> None:
    source = Manifest.load(small_export).int8
    assert source is not None
    assert not source.qat
    assert describe_int8(source).startswith("the checkpoint's own weights, quantised after training (no small_int8")


@pytest.mark.parametrize("kept", [0, 2])
def test_fine_tuning_simulates_what_the_file_computes(small_checkpoint: Path, tmp_path: Path, kept: int) -> None:
    """Same ranges, same rounding: the simulation and the saved file agree far better than either with float."""
    spec = build_graphs(load_deployable(small_checkpoint))["defocus"]
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    write_pte(
        spec.module,
        (image,),
        tmp_path / "x.pte",
        precision="int8",
        calibration=[(image,)],
        settings=(settings := Int8Settings(float_first_convs=(kept,))),
    )
    program = Runtime.get().load_program(tmp_path / "x.pte")
    (saved,) = [result.clone() for result in program.load_method("forward").execute([image])]
    # The file's rewritten convolutions have a scale for each pixel of a block, so that is what is simulated here.
    simulated = SimulatedInt8(without_strides(spec.module), (image,), settings)
    simulated.measure_ranges([(image,)])
    with torch.no_grad():
        answer, exact = simulated(image), spec.module(image)
    assert float((answer - saved).abs().mean()) < 0.1 * float((saved - exact).abs().mean())
