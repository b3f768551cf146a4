"""Smaller weights for a Core ML package, made dense again before a phone computes with them: int8, or a palette.

int8 is symmetric with a scale of its own for each output channel. A palette is a table of 64 values for each weight
tensor, and six bits a weight that choose among them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.interpreters.mil.quiet import quiet, quiet_warnings
from runtime.system.errors import ReblurError

SMALLEST = 512
"""Tensors of at most so many weights stay fp16: biases, and convolutions that are too small to matter.

coremltools' own 2048 would be decided by a network's width; where errors matter, ``fine_operators`` says."""
CONVOLUTIONS = ("conv", "conv_transpose")
PALETTE_BITS = 6


def fine_operators(model: Any) -> list[str]:
    """Names of the convolutions that read or give at least half the input's height: their weights stay fp16.

    These are the stem, the head and the blocks between. What they get wrong reaches every pixel of the result, and
    they have few channels, so that they make up little of the file.

    Args:
        model: a coremltools ``MLModel`` just converted.
    """
    main = model._mil_program.functions["main"]
    height = max(value.shape[2] for value in main.inputs.values())
    convolutions = [op for op in main.operations if op.op_type in CONVOLUTIONS]
    return [str(op.name) for op in convolutions if max(op.x.shape[2], op.outputs[0].shape[2]) * 2 >= height]


def quantize_weights(model: Any, kept: Collection[str]) -> Any:
    """The coremltools model with int8 weights.

    Args:
        model: an ``MLModel`` with fp16 weights.
        kept: names of the operators whose weights stay as they are.

    Raises:
        ReblurError: there is nothing to compress.
    """
    with quiet_warnings():
        import coremltools.optimize.coreml as tools

    config = tools.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int8", granularity="per_channel", weight_threshold=SMALLEST
    )
    with quiet():
        return _checked(tools.linear_quantize_weights(model, _configured(tools, config, kept)))


def palettize(model: Any, kept: Collection[str]) -> Any:
    """The coremltools model with its weights from palettes.

    Args:
        model: an ``MLModel`` with fp16 weights.
        kept: names of the operators whose weights stay as they are.

    Raises:
        ReblurError: there is nothing to compress.
    """
    with quiet_warnings():
        import coremltools.optimize.coreml as tools

    config = tools.OpPalettizerConfig(mode="custom", lut_function=palette, weight_threshold=SMALLEST)
    with quiet():
        return _checked(tools.palettize_weights(model, _configured(tools, config, kept)))


def palette(weights: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """The table with the smallest square error that there is, the same on every machine.

    It is coremltools' own exact k-means in one dimension, which coremltools itself takes for large tensors only: for
    others it starts from random points.

    Args:
        weights: any shape; float.

    Returns:
        The table, (2 ** PALETTE_BITS,) in ascending order and of the weights' type, and for each weight, (N,), its
        place in the table.
    """
    with quiet_warnings():
        from coremltools._deps import _kmeans1d

    values, places, counts = np.unique(weights.astype(np.float64), return_inverse=True, return_counts=True)
    size = 2**PALETTE_BITS
    found = _kmeans1d.cluster(values, min(size, len(values)), weights=counts)
    centres = np.asarray(found.centroids)
    table = np.concatenate([centres, np.full(size - len(centres), centres[-1])]).astype(weights.dtype)
    return table, np.asarray(found.clusters)[places.reshape(-1)].astype(np.uint8)


def _configured(tools: Any, config: Any, kept: Collection[str]) -> Any:
    return tools.OptimizationConfig(global_config=config, op_name_configs=dict.fromkeys(kept))


def _checked(model: Any) -> Any:
    """The model, if any of its weights is compressed."""
    operators = model._mil_program.functions["main"].operations
    if not any(op.op_type.startswith("constexpr_") for op in operators):
        raise ReblurError(
            "there is nothing to compress: no convolution below half the picture's resolution has more than "
            f"{SMALLEST} weights; use fp16"
        )
    return model
