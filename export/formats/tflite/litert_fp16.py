"""Runs a TFLite file with XNNPACK's fp16 arithmetic, as a phone's CPU does: inputs, weights and sums are rounded.

The ordinary interpreter computes in float32 wherever the processor has no fp16, so what it says of an fp16 file is
true of the weights only. Here XNNPACK is told to compute in fp16 regardless; processors without it convert at every
operator, at the same rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runtime.backends.base import FloatArray, from_file, to_file
from runtime.manifest.records import Artifact
from runtime.system.errors import ReblurError
from runtime.system.silence import silence

FORCE_FP16 = 4
"""TFLITE_XNNPACK_DELEGATE_FLAG_FORCE_FP16 of the delegate's header."""


class HalfRunner:
    """One .tflite file in fp16 arithmetic. See ``GraphRunner``."""

    def __init__(self, artifact: Artifact, path: Path) -> None:
        self.artifact = artifact
        with silence():
            from ai_edge_litert import compiled_model as litert

            try:
                self._model = litert.CompiledModel.from_file(
                    str(path),
                    options=litert.Options(
                        hardware_accelerators=litert.HardwareAccelerator.CPU,
                        cpu_options=litert.CpuOptions(num_threads=1, xnnpack_flags=FORCE_FP16),
                    ),
                )
            except (RuntimeError, ValueError) as error:
                raise ReblurError(f"LiteRT cannot compile {path} for fp16: {error}") from error
        (self._signature,) = self._model.get_signature_list()

    def run(self, inputs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Run the graph once: (1, C, H, W) float32 by name -> the same."""
        given, results = {}, {}
        for tensor, value in zip(self.artifact.inputs, to_file(self.artifact, inputs), strict=True):
            given[tensor.name] = self._model.create_input_buffer_by_name(self._signature, tensor.name)
            given[tensor.name].write(value)
        for tensor in self.artifact.outputs:
            results[tensor.name] = self._model.create_output_buffer_by_name(self._signature, tensor.name)
        self._model.run_by_name(self._signature, given, results)
        return {
            tensor.name: from_file(tensor, results[tensor.name].read(math.prod(tensor.shape), np.float32))
            for tensor in self.artifact.outputs
        }


def open_graph(artifact: Artifact, path: Path) -> HalfRunner:
    """Load a .tflite file to be run in fp16 arithmetic.

    Raises:
        ReblurError: the file is refused.
    """
    return HalfRunner(artifact, path)
