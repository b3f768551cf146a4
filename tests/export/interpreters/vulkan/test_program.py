"""A small network lowered for the Vulkan delegate, read back from its file and run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.analysis.findings import lint_findings
from export.analysis.rules import is_beyond_texture
from export.formats.pte.vulkan import write_vulkan_pte
from export.formats.table import coverage, read_graph
from export.interpreters.pte_program import read_single_call
from export.interpreters.vulkan import VkProgram, blob, open_graph
from export.interpreters.vulkan.program import BACKEND
from runtime.manifest.records import Artifact, ArtifactTensor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def expected(net: nn.Module, inputs: tuple[Tensor, Tensor]) -> np.ndarray:
    with torch.no_grad():
        result: np.ndarray = net(*inputs).numpy()
    return result


@pytest.fixture(scope="module")
def given(inputs: tuple[Tensor, Tensor]) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in inputs]


def test_a_fp32_file_is_the_network(files: Mapping[str, Path], given: list[np.ndarray], expected: np.ndarray) -> None:
    program = VkProgram.load(files["fp32"])
    for precision in ("fp32", "fp16"):
        (result,) = program.run(given, precision)
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_fp16_file_rounds_weights_and_results(
    files: Mapping[str, Path], given: list[np.ndarray], expected: np.ndarray
) -> None:
    program = VkProgram.load(files["fp16"])
    (exact,), (rounded,) = program.run(given, "fp32"), program.run(given)
    np.testing.assert_allclose(exact, expected, atol=1e-3)
    np.testing.assert_allclose(rounded, expected, atol=4e-3)
    assert np.abs(rounded - expected).max() > np.abs(exact - expected).max() > 0.0
    assert files["fp16"].stat().st_size < files["fp32"].stat().st_size


def test_the_fused_ops_are_in_the_file(files: Mapping[str, Path]) -> None:
    counts = VkProgram.load(files["fp32"]).op_counts
    assert counts["et_vk.conv_with_clamp.default"] == 1
    assert counts["aten.convolution.default"] == 2


def test_lowering_exchanges_the_inputs_and_loading_puts_them_back(files: Mapping[str, Path]) -> None:
    call = read_single_call(files["fp32"], BACKEND)
    assert call.inputs == (1, 0)
    program = VkProgram.load(files["fp32"])
    assert [program.graph.tensor(i).shape[1] for i in program.inputs] == [3, 1]
    assert [program.graph.tensor(i).shape[1] for i in program.graph.inputs] == [1, 3]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_coverage_reads_what_is_inside(files: Mapping[str, Path], precision: str) -> None:
    (found,) = coverage(read_graph(files[precision]))
    assert (found.delegate, found.method, found.failure) == ("Vulkan (ExecuTorch)", "measured", "")
    assert (found.subgraphs, found.outside, found.inside["aten.cat.default"]) == (1, {}, 2)
    # 6x6 from 4 to 16 and 3x3 from 16 to 16 channels at 8x8, 2x2 from 16 to 3 transposed; a product and a quotient.
    convolutions = 64 * (16 * 4 * 36 + 16 * 16 * 9 + 16 * 3 * 4)
    assert found.multiplications_inside == convolutions + 256 + 3 * 256


def test_lint_counts_the_copies_between_layouts(files: Mapping[str, Path]) -> None:
    (finding,) = lint_findings(read_graph(files["fp16"]))
    copies = VkProgram.load(files["fp16"]).op_counts["aten.clone.default"]
    assert (finding.rule, finding.unit, finding.effect, finding.count) == ("vulkan-layout", "Vulkan", "slows", copies)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), False), ((8192,), True), ((1, 8192, 1, 1), False), ((1, 8193, 1, 1), True), ((1, 3, 1, 2049), True)],
)
def test_lint_knows_the_largest_texture(shape: tuple[int, ...], expected: bool) -> None:
    assert is_beyond_texture(shape) == expected


def test_inputs_that_do_not_fit(files: Mapping[str, Path], given: list[np.ndarray]) -> None:
    program = VkProgram.load(files["fp32"])
    with pytest.raises(ValueError, match="takes 2 inputs, but 1 were given"):
        program.run(given[:1])
    with pytest.raises(ValueError, match=r"input '\d+' should have shape \(1, 3, 16, 16\), but has \(1, 1, 16, 16\)"):
        program.run([given[1], given[1]])
    with pytest.raises(ValueError, match="precision 'int8' is not known"):
        program.run(given, "int8")


def test_a_runner_takes_and_gives_tensors_by_name(
    files: Mapping[str, Path], given: list[np.ndarray], expected: np.ndarray
) -> None:
    def tensor(name: str, channels: int) -> ArtifactTensor:
        return ArtifactTensor(name=name, dtype="float32", layout="NCHW", shape=(1, channels, 16, 16))

    artifact = Artifact(
        id="two",
        graph="two",
        format="executorch",
        delegate="vulkan",
        precision="fp16",
        path="two.pte",
        files=(),
        inputs=(tensor("image", 3), tensor("sigma_px", 1)),
        outputs=(tensor("sharp", 3),),
        tool={},
        status="not run",
        reason="",
        parity=(),
    )
    image, sigma_px = given
    results = open_graph(artifact, files["fp16"]).run({"sigma_px": sigma_px, "image": image})
    np.testing.assert_allclose(results["sharp"], expected, atol=4e-3)
    exact = open_graph(artifact, files["fp16"], "fp32").run({"sigma_px": sigma_px, "image": image})
    assert np.abs(exact["sharp"] - expected).max() < np.abs(results["sharp"] - expected).max()


def test_a_constant_that_is_missing_or_changed(files: Mapping[str, Path]) -> None:
    call = read_single_call(files["fp32"], BACKEND)
    name, content = max(call.constants.items(), key=lambda item: len(item[1]))
    with pytest.raises(ValueError, match=rf"constant {name} is missing"):
        blob.read_graph(call.data, {k: v for k, v in call.constants.items() if k != name}, files["fp32"])
    flipped = bytes([content[0] ^ 1]) + content[1:]
    with pytest.raises(ValueError, match=rf"constant {name} has other bytes"):
        blob.read_graph(call.data, {**call.constants, name: flipped}, files["fp32"])


def test_a_damaged_file_is_refused(files: Mapping[str, Path], tmp_path: Path) -> None:
    content = files["fp16"].read_bytes()
    damaged = tmp_path / "damaged.pte"
    for size in (0, 7, 40, len(content) // 2):
        damaged.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"damaged\.pte"):
            VkProgram.load(damaged)
    call = read_single_call(files["fp16"], BACKEND)
    with pytest.raises(ValueError, match=r"starts with b'XXXX', not b'VH00'; it is damaged"):
        blob.read_graph(call.data[:4] + b"XXXX" + call.data[8:], call.constants, damaged)


def test_what_the_delegate_leaves_behind_is_an_error_that_names_it(tmp_path: Path) -> None:
    class Erf(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.erf(x)

    path = tmp_path / "erf.pte"
    with pytest.raises(ValueError, match=r"Vulkan must take erf as one subgraph, got 0 .*aten_erf"):
        write_vulkan_pte(Erf().eval(), (torch.rand(1, 1, 4, 4),), path)
    assert not path.exists()


def test_an_unknown_precision_lists_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp32, fp16"):
        write_vulkan_pte(nn.ReLU(), (), tmp_path / "x.pte", precision="int8")
