from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from executorch.runtime import Runtime

from export.graphs import GraphSpec, example_inputs
from export.pte import write_pte
from runtime.manifest import Manifest


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


def test_every_file_of_the_export_is_one_subgraph(small_export: Path) -> None:
    """The writer raises otherwise, so it is enough that they are there."""
    made = {a.path for a in Manifest.load(small_export).artifacts if a.format == "executorch" and a.files}
    assert made == {
        "defocus_fp32.pte", "deblur_fp32.pte", "refocus_fp32.pte", "defocus_int8.pte", "deblur_int8.pte",
    }  # fmt: skip


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
    assert sizes[0] < 0.6 * sizes[1]


def test_an_unknown_precision_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp32, int8"):
        write_pte(torch.nn.ReLU(), (), tmp_path / "x.pte", precision="fp16")


def test_int8_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="calibrate"):
        write_pte(torch.nn.ReLU(), (), tmp_path / "x.pte", precision="int8")
