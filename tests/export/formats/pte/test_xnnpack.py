from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from executorch.runtime import Runtime
from torch import nn

from export.formats.pte.operators import pte_nodes
from export.formats.pte.xnnpack import write_pte
from export.graphs.specs import GraphSpec, example_inputs
from runtime.metrics import psnr_db

pytestmark = pytest.mark.slow


def run_pte(path: Path, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The file by itself, without a manifest."""
    program = Runtime.get().load_program(path)  # the method and its results live in the program's memory
    return [result.clone() for result in program.load_method("forward").execute([x.contiguous() for x in inputs])]


class NearestUpsampling(torch.nn.Module):
    """The delegate cannot take this whole: it leaves the index arithmetic of the up-sampling behind."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(torch.nn.functional.interpolate(self.before(x), scale_factor=2, mode="nearest"))


def test_what_the_delegate_leaves_behind_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "upsampling.pte"
    with pytest.raises(ValueError, match=r"must take upsampling as one subgraph, got \d+ .*aten_"):
        write_pte(NearestUpsampling().eval(), (torch.rand(1, 3, 16, 16),), path)
    assert not path.exists()


@pytest.fixture
def fused(small_specs: dict[str, GraphSpec]) -> nn.Module:
    """All three graphs in a row."""
    return small_specs["fused"].module


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, 3, 64, 64, generator=generator), torch.rand(1, 1, 64, 64, generator=generator)


def test_three_graphs_in_one_are_one_subgraph(fused: nn.Module, small_export: Path) -> None:
    """The writer raises otherwise."""
    inputs = pictures()
    torch.testing.assert_close(run_pte(small_export / "fused_fp32.pte", inputs)[0], fused(*inputs), atol=1e-5, rtol=0.0)


def test_three_graphs_in_one_quantize_the_networks_alone(fused: nn.Module, small_export: Path) -> None:
    path, inputs = small_export / "fused_int8.pte", pictures()
    (found,) = run_pte(path, inputs)
    assert 30.0 < psnr_db(found.numpy(), fused(*inputs).detach().numpy()) < 80.0
    # All numbers are float again before the blur, which begins by halving the picture.
    ops = [node.op for node in pte_nodes(path).operators]
    blur = ops.index("XNNAvgPooling2d")
    assert ops[:blur].count("XNNConvert") >= 4
    assert "XNNConvert" not in ops[blur:]


def test_a_saved_file_answers_in_calling_order(small_export: Path, small_specs: dict[str, GraphSpec]) -> None:
    spec = small_specs["deblur"]
    inputs = example_inputs(spec, 64, 64, seed=5)
    (sharp,) = run_pte(small_export / "deblur_fp32.pte", inputs)
    torch.testing.assert_close(sharp, spec.module(*inputs), atol=1e-5, rtol=0.0)


def test_channels_last_examples_do_not_change_the_file(small_specs: dict[str, GraphSpec], tmp_path: Path) -> None:
    """Their strides would become those of the file's input."""
    spec = small_specs["defocus"]
    (image,) = example_inputs(spec, 64, 64)
    write_pte(spec.module, (image.to(memory_format=torch.channels_last),), tmp_path / "defocus.pte")
    (sigma_px,) = run_pte(tmp_path / "defocus.pte", [image])
    torch.testing.assert_close(sigma_px, spec.module(image), atol=1e-5, rtol=0.0)


def test_int8_is_much_smaller(small_export: Path) -> None:
    sizes = [(small_export / f"deblur_{precision}.pte").stat().st_size for precision in ("int8", "fp32")]
    assert sizes[0] < 0.65 * sizes[1]


def test_an_unknown_precision_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp32, int8"):
        write_pte(torch.nn.ReLU(), (), tmp_path / "x.pte", precision="fp16")


def test_int8_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibrate"):
        write_pte(torch.nn.ReLU(), (), tmp_path / "x.pte", precision="int8")
