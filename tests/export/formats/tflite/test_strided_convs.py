from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from export.formats.tflite.flatbuffer import kind_of, operator_names, pack_model, read_model
from export.formats.tflite.layout import convert, feeds_of
from export.formats.tflite.quantize import quantize_tflite
from export.formats.tflite.strided_convs import shuffle
from export.graphs.specs import GraphSpec, example_inputs
from export.recipes.targets import TFLITE_SIGNATURE
from runtime.system.silence import silence
from train.quantization.settings import Int8Settings


@pytest.fixture(scope="module")
def files(small_specs: dict[str, GraphSpec]) -> Iterator[dict[str, bytes]]:
    """A float and an int8 file of the defocus network as the converter and the quantiser write them."""
    spec = small_specs["defocus"]
    inputs = example_inputs(spec, 64, 64)
    with silence(), torch.no_grad():
        plain = convert(spec.module, inputs, 1)
        feeds = feeds_of([inputs], ["args_0"])
        yield {"fp32": plain, "int8": quantize_tflite(plain, TFLITE_SIGNATURE, feeds, Int8Settings())}


def shuffled(content: bytes) -> bytes:
    model = read_model(content)
    shuffle(model)
    return pack_model(model)


def answer(content: bytes) -> np.ndarray:
    picture = np.random.default_rng(0).uniform(0.0, 1.0, (1, 64, 64, 3)).astype(np.float32)
    with silence():
        (result,) = Interpreter(model_content=content).get_signature_runner()(args_0=picture).values()
    return np.asarray(result)


def operators(content: bytes) -> list[str]:
    model = read_model(content)
    return [operator_names()[kind_of(model, operator)] for operator in model.subgraphs[0].operators]


def test_int8_answers_bit_by_bit_as_before(files: dict[str, bytes]) -> None:
    before = answer(files["int8"])
    assert before.std() > 0.1
    np.testing.assert_array_equal(answer(shuffled(files["int8"])), before)


def test_float_answers_as_before(files: dict[str, bytes]) -> None:
    np.testing.assert_allclose(answer(shuffled(files["fp32"])), answer(files["fp32"]), atol=1e-5, rtol=0.0)


def test_no_convolution_strides_by_blocks_any_more(files: dict[str, bytes]) -> None:
    before, after = operators(files["int8"]), operators(shuffled(files["int8"]))
    assert "TRANSPOSE_CONV" in before
    assert "TRANSPOSE_CONV" not in after
    assert after.count("DEPTH_TO_SPACE") == before.count("TRANSPOSE_CONV")
    assert after.count("SPACE_TO_DEPTH") == 1


def test_what_was_replaced_takes_no_room(files: dict[str, bytes]) -> None:
    model = read_model(shuffled(files["fp32"]))
    used = {int(i) for operator in model.subgraphs[0].operators for i in operator.inputs}
    unused = [t for i, t in enumerate(model.subgraphs[0].tensors) if i not in used and list(t.shape)[1:3] == [6, 6]]
    assert unused
    assert all(tensor.buffer == 0 for tensor in unused)
