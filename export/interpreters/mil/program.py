"""Runs a saved Core ML ML Program on any machine.

    program = MilProgram.load(Path("deblur_fp16.mlpackage"))
    sharp = program.run({"image": image, "sigma_px": sigma_px})["sharp"]

It shows what the saved file computes: its graph, its weights, its layout, and what rounding to fp16 after
each op does to the result. It cannot show where Core ML places each op, how fast that is, in which
precision a processor sums, or the error of the tables by which the Neural Engine approximates functions
such as ``exp``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.interpreters.half_precision import PRECISIONS, Overflow, round_to_fp16
from export.interpreters.mil.dtypes import Value, computed_type, is_float
from export.interpreters.mil.graph import Graph, Step, TensorSpec, build_graph
from export.interpreters.mil.ops import only_moves_values
from export.interpreters.mil.package import ValueReader, read_model, root_model_path
from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What one run gave."""

    outputs: dict[str, np.ndarray]
    """Output name -> float32 array."""
    overflows: tuple[Overflow, ...]
    """Where non-finite values arose, in order of execution: the first is the culprit."""


@dataclass(frozen=True)
class MilProgram:
    """A loaded program; ``load`` makes one."""

    path: Path
    graph: Graph = field(repr=False)

    @classmethod
    def load(cls, path: Path | str, function: str = "") -> MilProgram:
        """Read and check the package at ``path``; all weights are read here.

        Args:
            path: the package folder.
            function: which one of a package with several; by default the package's own choice.

        Raises:
            ReblurError: the package is missing, damaged or truncated, or uses an op that is not supported.
        """
        package = Path(path)
        model_path = root_model_path(package)
        try:
            return cls(package, build_graph(read_model(model_path), ValueReader(model_path), function))
        except ValueError as error:
            raise ReblurError(f"cannot load Core ML package {package}: {error}") from error

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs, in the program's order."""
        return self.graph.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The outputs, in the program's order."""
        return self.graph.outputs

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Every stored tensor by its name, as it is computed with: compressed weights are dense here."""
        return {name: value.numpy() for name, value in self.graph.constants.items() if isinstance(value, Tensor)}

    @property
    def op_counts(self) -> dict[str, int]:
        """How often each op runs, constants left out."""
        return dict(Counter(step.op_type for step in self.graph.steps))

    def run(self, inputs: Mapping[str, np.ndarray], precision: str = "fp16") -> dict[str, np.ndarray]:
        """The outputs for ``inputs``, name -> float32 array.

        Args:
            inputs: an array of the declared shape for each input name; of a picture, the whole numbers 0 to 255 that
                its pixels hold, as (1, C, H, W) in its ``color_layout``.
            precision: "fp16" rounds every tensor that the program declares as FLOAT16 after each op; "fp32"
                leaves them unrounded, which shows the saved graph and weights alone.

        Raises:
            ReblurError: a name or shape is not the declared one, or non-finite values arise (``trace`` reports
                them instead); the sentence names the first op that gave one.
        """
        report = self.trace(inputs, precision)
        self._refuse(report.overflows, precision)
        return report.outputs

    def trace(self, inputs: Mapping[str, np.ndarray], precision: str = "fp16") -> RunReport:
        """As ``run``, but non-finite values are reported, not refused."""
        execution = self._execute(inputs, precision)
        outputs = {spec.name: execution.array(spec.name) for spec in self.outputs}
        return RunReport(outputs=outputs, overflows=tuple(execution.overflows))

    def ranges(
        self, samples: Iterable[Mapping[str, np.ndarray]], precision: str = "fp16", within: float = 1.0
    ) -> dict[str, tuple[float, float]]:
        """Smallest and largest value of every float tensor over all samples, by the tensor's name.

        Args:
            samples: inputs, each as for ``run``.
            precision: as for ``run``.
            within: the share of a sample's values that lies below its largest and, as well, above its smallest one that
                counts; the others are left out.

        Raises:
            ReblurError: there is no sample, or ``run`` would refuse one.
        """
        found: dict[str, tuple[float, float]] = {}
        for sample in samples:
            execution = self._execute(sample, precision, within=within)
            self._refuse(execution.overflows, precision)
            for name, (low, high) in execution.ranges.items():
                lowest, highest = found.get(name, (low, high))
                found[name] = (min(low, lowest), max(high, highest))
        if not found:
            raise ReblurError(f"the ranges of {self.path} need at least one sample, but none is given")
        return found

    def _execute(self, inputs: Mapping[str, np.ndarray], precision: str, *, within: float | None = None) -> _Execution:
        if precision not in PRECISIONS:
            raise ReblurError(f"precision '{precision}' is not known; known are {', '.join(PRECISIONS)}")
        execution = _Execution(rounds=precision == "fp16", within=within)
        with torch.inference_mode():
            for spec, tensor in self._checked(inputs):
                execution.store("input", spec, tensor, exact=False, poisoned=False)
            for step in self.graph.steps:
                execution.advance(step)
        return execution

    def _refuse(self, overflows: Sequence[Overflow], precision: str) -> None:
        if overflows:
            raise ReblurError(f"{self.path} leaves the finite range in {precision}: {overflows[0]}")

    def _checked(self, inputs: Mapping[str, np.ndarray]) -> list[tuple[TensorSpec, Tensor]]:
        expected = {spec.name for spec in self.inputs}
        if set(inputs) != expected:
            raise ReblurError(f"{self.path} takes the inputs {sorted(expected)}, but {sorted(inputs)} were given")
        result = []
        for spec in self.inputs:
            array = np.asarray(inputs[spec.name])
            if not spec.accepts(array.shape):
                raise ReblurError(f"input '{spec.name}' should have shape {spec.shape}, but has {array.shape}")
            if spec.color_layout and not _is_picture(array):
                raise ReblurError(f"input '{spec.name}' is a picture: it takes whole numbers from 0 to 255")
            result.append((spec, torch.tensor(array, dtype=computed_type(spec.dtype))))
        return result


class _Execution:
    """The tensors of a run in progress; with ``within`` their ranges are measured, see ``MilProgram.ranges``."""

    def __init__(self, *, rounds: bool, within: float | None = None) -> None:
        self._rounds = rounds
        self._within = within
        self._values: dict[str, Value] = {}
        self._non_finite: set[str] = set()
        self.overflows: list[Overflow] = []
        self.ranges: dict[str, tuple[float, float]] = {}

    def advance(self, step: Step) -> None:
        """Run one step and forget what nothing reads any more."""
        poisoned = not self._non_finite.isdisjoint(step.references())
        for spec, tensor in zip(step.outputs, step.compute(self._values), strict=True):
            self.store(step.op_type, spec, tensor, exact=only_moves_values(step.op_type), poisoned=poisoned)
        for name in step.releases:
            del self._values[name]

    def store(self, op_type: str, spec: TensorSpec, tensor: Tensor, *, exact: bool, poisoned: bool) -> None:
        """Round ``tensor`` as declared, look for non-finite values and keep it.

        Args:
            op_type: what computed it.
            spec: its declaration.
            tensor: the values, not yet rounded.
            exact: they are already rounded.
            poisoned: an argument was already non-finite, so this op is not the first.
        """
        stored = round_to_fp16(tensor) if self._rounds and spec.dtype == "FLOAT16" and not exact else tensor
        self._values[spec.name] = stored
        skips = exact and not poisoned and self._within is None
        if not is_float(spec.dtype) or skips or not stored.numel():
            return
        low, high = torch.aminmax(stored)  # NaN propagates: one pass finds both kinds
        if self._within is not None:
            self.ranges[spec.name] = (float(low), float(high))
            if self._within < 1.0:
                ends = np.quantile(stored.numpy(), [1.0 - self._within, self._within])
                self.ranges[spec.name] = (float(ends[0]), float(ends[1]))
        if bool(torch.isfinite(low)) and bool(torch.isfinite(high)):
            return
        self._non_finite.add(spec.name)
        if not poisoned:
            self.overflows.append(
                Overflow(
                    op_type=op_type,
                    output=spec.name,
                    count=int((~torch.isfinite(stored)).sum()),
                    total=stored.numel(),
                    largest=float(tensor.abs().max()),
                )
            )

    def array(self, name: str) -> np.ndarray:
        """The value ``name`` as a float32 array of its own."""
        value = self._values[name]
        assert isinstance(value, Tensor)
        return value.float().contiguous().numpy().copy()


def _is_picture(array: np.ndarray) -> bool:
    """Whether pixels of eight bits can hold the numbers."""
    return bool(np.all((array >= 0) & (array <= 255) & (array == np.floor(array))))
