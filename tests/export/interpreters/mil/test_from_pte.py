"""The Core ML package inside an ExecuTorch file, taken out and run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.formats.pte.coreml import write_coreml_pte
from export.formats.pte.xnnpack import write_pte
from export.formats.table import coverage, read_graph
from export.interpreters.mil.from_pte import BACKEND, LOWERED_MODULE, LoweredProgram, load_lowered, unpack
from export.interpreters.pte_program import read_single_call


class Two(nn.Module):
    """Two inputs that cannot be exchanged; the second one is used first, so lowering exchanges them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = nn.Conv2d(4, 16, 3, padding=1), nn.ConvTranspose2d(16, 3, 2, 2)

    def forward(self, image: Tensor, sigma_px: Tensor) -> Tensor:
        return torch.clamp(self.up(torch.relu(self.conv(torch.cat([image, 0.5 * sigma_px], 1)))), 0.0, 1.0)


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 16, 16, generator=generator), torch.rand(1, 1, 16, 16, generator=generator)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return Two().eval()


@pytest.fixture(scope="module")
def path(net: nn.Module, inputs: tuple[Tensor, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pte") / "two.pte"
    write_coreml_pte(net, inputs, path)
    return path


@pytest.fixture(scope="module")
def lowered(path: Path) -> LoweredProgram:
    return load_lowered(path)


def test_the_package_answers_in_calling_order(
    lowered: LoweredProgram, net: nn.Module, inputs: tuple[Tensor, Tensor]
) -> None:
    with torch.no_grad():
        expected = net(*inputs).numpy()
    given = [x.numpy() for x in inputs]
    (exact,), (rounded,) = lowered.run(given, "fp32"), lowered.run(given)
    # The weights are fp16 in both; with fp16 rounding every op adds its own.
    np.testing.assert_allclose(exact, expected, atol=1e-3)
    np.testing.assert_allclose(rounded, expected, atol=3e-3)
    assert np.abs(rounded - expected).max() > np.abs(exact - expected).max() > 0.0


def test_lowering_exchanges_the_inputs_and_loading_puts_them_back(path: Path, lowered: LoweredProgram) -> None:
    assert read_single_call(path, BACKEND).inputs == (1, 0)
    shapes = {spec.name: spec.shape for spec in lowered.program.inputs}
    assert [shapes[name] for name in lowered.input_names] == [(1, 3, 16, 16), (1, 1, 16, 16)]


def test_the_same_module_gives_the_same_bytes(
    path: Path, net: nn.Module, inputs: tuple[Tensor, Tensor], tmp_path: Path
) -> None:
    again = tmp_path / "again.pte"
    write_coreml_pte(net, inputs, again)
    assert again.read_bytes() == path.read_bytes()


def test_the_identifier_is_that_of_the_package(path: Path, tmp_path: Path) -> None:
    """A phone keeps the compiled model under it: equal ones would share it, different ones must not."""
    unpack(read_single_call(path, BACKEND).data, tmp_path, path)
    metadata = json.loads((tmp_path / LOWERED_MODULE / "metadata.json").read_text(encoding="utf-8"))
    prefix, _, digest = metadata["identifier"].partition("_")
    assert (prefix, len(digest)) == ("executorch", 64)


def test_coverage_reads_what_is_inside(path: Path) -> None:
    (found,) = coverage(read_graph(path))
    assert found.failure == ""
    assert (found.delegate, found.inside["conv"], found.outside) == ("Core ML (ExecuTorch)", 1, {})
    # 3x3 convolution 4 -> 16, then 2x2 transposed convolution 16 -> 3, both at 16x16; and the scaled map.
    assert found.multiplications_inside == 256 * (16 * 4 * 9 + 16 * 3 * 4 + 1)


def test_a_wrong_number_of_inputs_is_refused(lowered: LoweredProgram) -> None:
    with pytest.raises(ValueError, match="takes 2 inputs, but 1 were given"):
        lowered.run([np.zeros((1, 3, 16, 16), np.float32)])


def test_a_damaged_file_is_refused(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    damaged = tmp_path / "damaged.pte"
    for size in (0, 7, 40, len(content) // 2):
        damaged.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"damaged\.pte"):
            load_lowered(damaged)


def test_a_file_for_another_delegate_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.pte"
    write_pte(nn.ReLU().eval(), (torch.rand(1, 1, 4, 4),), other)
    with pytest.raises(ValueError, match=r"not one call of CoreMLBackend: .* its delegates XnnpackBackend"):
        load_lowered(other)
