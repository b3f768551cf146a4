"""What a run tells beside its outputs: the ranges of all tensors, and on a real network what overflowed first."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from export.formats.mlpackage.write import write_mlpackage
from export.graphs.specs import GraphSpec, example_inputs
from export.interpreters.mil import MilProgram

Save = Callable[..., Path]


def test_ranges_cover_every_tensor_of_every_sample(save_mil: Save) -> None:
    def body(mb: Any, x: Any) -> Any:
        doubled = mb.mul(x=x, y=np.float32(2.0), name="doubled")
        joined = mb.concat(values=[doubled, x], axis=0, name="joined")  # only moves values, but is read like any other
        return mb.relu(x=joined, name="y")

    program = MilProgram.load(save_mil(body, (2,)))
    samples = [{"x": np.array([-1.0, 2.0])}, {"x": np.array([-3.0, 0.5])}, {"x": np.array([0.0, 0.0])}]
    assert program.ranges(samples, "fp32") == {
        "x": (-3.0, 2.0),
        "doubled": (-6.0, 4.0),
        "joined": (-6.0, 4.0),
        "y": (0.0, 4.0),
    }
    assert program.ranges(samples[::-1], "fp32") == program.ranges(samples, "fp32")


def test_ranges_may_leave_out_the_extremes_of_each_sample(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.mul(x=x, y=np.float32(2.0), name="y"), (101,)))
    ramp, shifted = np.linspace(0.0, 1.0, 101), np.linspace(1.0, 2.0, 101)
    low, high = program.ranges([{"x": ramp}, {"x": shifted}], "fp32", within=0.9)["y"]
    assert (low, high) == pytest.approx((0.2, 3.8))


def test_ranges_are_rounded_like_a_run(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.relu(x=x, name="y"), (1,), "fp16"))
    third = float(np.float16(1 / 3))
    assert program.ranges([{"x": np.array([1 / 3])}])["y"] == (third, third)


def test_ranges_need_finite_samples(save_mil: Save) -> None:
    program = MilProgram.load(save_mil(lambda mb, x: mb.mul(x=x, y=np.float16(300.0), name="y"), (1,), "fp16"))
    with pytest.raises(ValueError, match="need at least one sample, but none is given"):
        program.ranges([])
    with pytest.raises(ValueError, match="leaves the finite range in fp16: mul 'y': 1 of 1 values"):
        program.ranges([{"x": np.array([1.0])}, {"x": np.array([1000.0])}])


def test_the_first_overflow_of_a_network_is_named(small_specs: dict[str, GraphSpec], tmp_path: Path) -> None:
    spec, path = small_specs["deblur"], tmp_path / "loud.mlpackage"
    loud = copy.deepcopy(spec.module)
    third = [module for module in loud.modules() if isinstance(module, nn.Conv2d)][2]
    third.weight.data *= 5e4 / float(third.weight.abs().max())  # each weight is still one that fp16 holds
    inputs = example_inputs(spec, 64, 64)
    write_mlpackage(loud, inputs, ["image", "sigma_px"], ["sharp"], path)
    program = MilProgram.load(path)
    given = {"image": inputs[0].numpy(), "sigma_px": inputs[1].numpy()}
    first, *_ = program.trace(given).overflows
    convolutions = [step.outputs[0].name for step in program.graph.steps if step.op_type == "conv"]
    assert (first.op_type, first.output) == ("conv", convolutions[2])
    assert first.largest > 65504.0
    assert 0 < first.count <= first.total
    with pytest.raises(ValueError, match=rf"leaves the finite range in fp16: conv '{convolutions[2]}'"):
        program.run(given)
    assert np.isfinite(program.run(given, "fp32")["sharp"]).all()
