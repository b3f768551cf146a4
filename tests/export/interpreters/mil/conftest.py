"""Fixtures: torch modules and hand-written MIL programs as saved packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export.formats.mlpackage.write import write_mlpackage
from export.interpreters.mil import MilProgram
from export.interpreters.mil.quiet import quiet


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Writes a module with one output, ``y``, as a package and returns its path."""

    def _save(module: torch.nn.Module, precision: str = "fp16", **inputs: torch.Tensor) -> Path:
        path = tmp_path / "net.mlpackage"
        write_mlpackage(module.eval(), tuple(inputs.values()), list(inputs), ["y"], path, precision=precision)
        return path

    return _save


@pytest.fixture(scope="session")
def save_mil(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a MIL program, built op by op, as a package and returns its path."""

    def _save(body: Callable[..., Any], shape: tuple[int, ...], precision: str = "fp32") -> Path:
        path = tmp_path_factory.mktemp("mil") / "program.mlpackage"
        with quiet():
            import coremltools as ct
            from coremltools.converters.mil import Builder as mb
            from coremltools.converters.mil.mil import types

            dtype = types.fp16 if precision == "fp16" else types.fp32
            spec = mb.TensorSpec(shape=shape, dtype=dtype)
            program = mb.program(input_specs=[spec], opset_version=ct.target.iOS17)(lambda x: body(mb, x))
            model = ct.convert(
                program,
                minimum_deployment_target=ct.target.iOS17,
                compute_precision=ct.precision.FLOAT16 if precision == "fp16" else ct.precision.FLOAT32,
                skip_model_load=True,
            )
            model.save(str(path))
        return path

    return _save


@pytest.fixture
def output() -> Callable[..., np.ndarray]:
    """Runs a package with one output and returns it."""

    def _output(path: Path, precision: str = "fp32", **inputs: np.ndarray) -> np.ndarray:
        (result,) = MilProgram.load(path).run(inputs, precision).values()
        return result

    return _output
