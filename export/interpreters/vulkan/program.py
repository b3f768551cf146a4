"""Runs the Vulkan graph of an ExecuTorch file.

    program = VkProgram.load(Path("deblur_vulkan_fp16.pte"))
    (sharp,) = program.run([image, sigma_px])

See ``export.interpreters.vulkan`` for what a run shows, and what it cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.interpreters.half_precision import PRECISIONS, Overflow, round_to_fp16
from export.interpreters.pte_program import read_single_call
from export.interpreters.vulkan.arguments import Argument, Arguments
from export.interpreters.vulkan.blob import read_graph
from export.interpreters.vulkan.checks import check_graph
from export.interpreters.vulkan.ops import MOVES, find_op
from export.interpreters.vulkan.values import HALF, Call, IdList, VkGraph, VkTensor
from runtime.system.errors import ReblurError

BACKEND = "VulkanBackend"


@dataclass(frozen=True, kw_only=True)
class VkReport:
    """What one run gave."""

    outputs: list[np.ndarray]
    """In the file's order, float32."""
    overflows: tuple[Overflow, ...]
    """Where non-finite values arose, in order of execution: the first is the culprit."""


@dataclass(frozen=True, kw_only=True)
class VkProgram:
    """A loaded graph; ``load`` makes one of a file."""

    name: str
    """What errors call it."""
    graph: VkGraph = field(repr=False)
    inputs: tuple[int, ...]
    """Ids of the inputs in the file's calling order."""
    outputs: tuple[int, ...]
    """Ids of the outputs in the order in which the file gives them."""

    @classmethod
    def load(cls, path: Path | str) -> VkProgram:
        """Read and check the file at ``path``; all weights are read here.

        Raises:
            ReblurError: the file is not one call of the Vulkan delegate, is damaged, uses an op that is not supported,
                or is one that ExecuTorch's runtime would refuse.
        """
        path = Path(path)
        call = read_single_call(path, BACKEND)
        graph = read_graph(call.data, call.constants, path)
        try:
            check_graph(graph)
            inputs, outputs = call.file_inputs(graph.inputs), call.file_outputs(graph.outputs)
        except ValueError as error:
            raise ReblurError(f"cannot load the Vulkan graph in {path}: {error}") from error
        return cls(name=str(path), graph=graph, inputs=inputs, outputs=outputs)

    @property
    def op_counts(self) -> dict[str, int]:
        """How often each op runs."""
        return dict(Counter(call.op for call in self.graph.calls))

    def run(self, inputs: Sequence[np.ndarray], precision: str = "fp16") -> list[np.ndarray]:
        """The file's outputs, in order, for its inputs, in order; each float32.

        Args:
            inputs: arrays of the file's shapes.
            precision: "fp16" rounds every tensor that the file stores as FLOAT16 (none in a fp32 file) after its op;
                "fp32" leaves them unrounded.

        Raises:
            ReblurError: the number of inputs or a shape does not fit, or non-finite values arise (``trace`` reports
                them instead); the sentence names the first op that gave one.
        """
        report = self.trace(inputs, precision)
        if report.overflows:
            raise ReblurError(f"{self.name} leaves the finite range in {precision}: {report.overflows[0]}")
        return report.outputs

    def trace(self, inputs: Sequence[np.ndarray], precision: str = "fp16") -> VkReport:
        """As ``run``, but non-finite values are reported, not refused."""
        if precision not in PRECISIONS:
            raise ReblurError(f"precision '{precision}' is not known; known are {', '.join(PRECISIONS)}")
        if len(inputs) != len(self.inputs):
            raise ReblurError(f"{self.name} takes {len(self.inputs)} inputs, but {len(inputs)} were given")
        execution = _Execution(self.graph, keeps=self.outputs, rounds=precision == "fp16")
        with torch.inference_mode():
            for value_id, array in zip(self.inputs, inputs, strict=True):
                execution.store("input", value_id, torch.tensor(np.asarray(array), dtype=torch.float32))
            for index, call in enumerate(self.graph.calls):
                execution.advance(index, call)
        outputs = [execution.values[value_id].contiguous().numpy().copy() for value_id in self.outputs]
        return VkReport(outputs=outputs, overflows=tuple(execution.overflows))


class _Execution:
    """The tensors of a run in progress."""

    def __init__(self, graph: VkGraph, *, keeps: Sequence[int], rounds: bool) -> None:
        self._graph = graph
        self._rounds = rounds
        self._last_read = _last_reads(graph, keeps)
        self._non_finite: set[int] = set()
        self.values: dict[int, Tensor] = {
            i: value.constant
            for i, value in enumerate(graph.values)
            if isinstance(value, VkTensor) and value.constant is not None
        }
        self.overflows: list[Overflow] = []

    def advance(self, index: int, call: Call) -> None:
        """Run one op and forget what nothing reads any more."""
        reads = self._graph.reads(call)
        arguments = Arguments([self._argument(value_id) for value_id in call.arguments])
        try:
            result = find_op(call.op)(arguments)
        except (ValueError, RuntimeError, IndexError) as error:
            raise ReblurError(f"op '{call.op}' (value {call.output}) failed: {error}") from error
        poisoned = not self._non_finite.isdisjoint(reads)
        self.store(call.op, call.output, result, exact=call.op in MOVES, poisoned=poisoned)
        for value_id in set(reads):
            if self._last_read[value_id] == index:
                del self.values[value_id]

    def store(self, op: str, value_id: int, tensor: Tensor, *, exact: bool = False, poisoned: bool = False) -> None:
        """Round ``tensor`` as the file declares it, look for non-finite values and keep it.

        Args:
            op: what computed it.
            value_id: its id.
            tensor: the values, not yet rounded.
            exact: they are already rounded.
            poisoned: an argument was already non-finite, so this op is not the first.
        """
        declared = self._graph.tensor(value_id)
        if tuple(tensor.shape) != declared.shape:
            raise ReblurError(f"{op} '{value_id}' should have shape {declared.shape}, but has {tuple(tensor.shape)}")
        stored = round_to_fp16(tensor) if self._rounds and declared.dtype == HALF and not exact else tensor
        self.values[value_id] = stored
        if bool(torch.isfinite(stored).all()):
            return
        self._non_finite.add(value_id)
        if not poisoned:
            self.overflows.append(
                Overflow(
                    op_type=op,
                    output=str(value_id),
                    count=int((~torch.isfinite(stored)).sum()),
                    total=stored.numel(),
                    largest=float(tensor.abs().max()),
                )
            )

    def _argument(self, value_id: int) -> Argument:
        value = self._graph.values[value_id]
        if isinstance(value, IdList):
            return [self.values[i] for i in value.ids]
        return self.values[value_id] if isinstance(value, VkTensor) else value


def _last_reads(graph: VkGraph, keeps: Sequence[int]) -> Mapping[int, int]:
    """Value -> index of the last op that reads it; beyond the end for what is kept."""
    found = {value_id: index for index, call in enumerate(graph.calls) for value_id in graph.reads(call)}
    return found | dict.fromkeys(keeps, len(graph.calls))
