"""Faults that happen to a file after it was written: bytes of it are changed in place, its size stays.

Where a weight lies in a file is found by its bytes, in any order and number type in which the formats keep weights;
so one function serves them all, and what is changed is the real file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from export.formats.onnx.weight_ranges import scales_of
from export.interpreters.mil.package import read_model, root_model_path
from runtime.system.arrays import FloatArray
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically

ORDERS: tuple[tuple[int, int, int, int], ...] = ((0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0), (1, 0, 2, 3))
"""Orders of the axes in which the formats keep the weights of (transposed) convolutions."""
LARGEST_CODE = 127
"""What int8 weights go up to, unless their neighbours keep them from it, as in ONNX."""
SMALLEST_SCALES = (2**-12, 0.0)
"""Below which the tools do not go with the step of a code: XNNPACK's quantiser has one, the others have not."""
BLOCK_BYTES = 4096
PACKAGE_WEIGHTS = Path("Data", "com.apple.CoreML", "weights", "weight.bin")

Change = Callable[[NDArray], NDArray]
"""A weight, (C_out, C_in, KH, KW), or (C_in, C_out, KH, KW) of a transposed convolution -> what it should become."""


class WeightNotFoundError(ValueError):
    """A file does not hold a weight as the network has it: its writer has put it in another form."""


def convolutions(module: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """The convolutions of a network, in the order of their definition: the stem is first, the head last."""
    return [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]


def largest_convolution(module: nn.Module) -> nn.Conv2d:
    """The plain convolution with the most weights: deep in the network, where no writer rewrites anything."""
    plain = [layer for layer in convolutions(module) if isinstance(layer, nn.Conv2d)]
    return max(plain, key=lambda layer: layer.weight.numel())


def change_weight(path: Path, layer: nn.Conv2d | nn.ConvTranspose2d, change: Change) -> None:
    """Overwrite one weight tensor in a saved file.

    Args:
        path: the file, or the package folder.
        layer: as it was written; tells which weight.
        change: what becomes of it. In int8 it gets the codes, not what they stand for.

    Raises:
        WeightNotFoundError: the weight is not in the file, or more than once.
        ReblurError: the change changes nothing.
    """
    file = path / PACKAGE_WEIGHTS if path.is_dir() else path
    content = file.read_bytes()
    transposed = isinstance(layer, nn.ConvTranspose2d)
    for stored in _stored_forms(layer.weight.detach().numpy(), transposed):
        for order in ORDERS:
            old = np.ascontiguousarray(stored.transpose(order)).tobytes()
            if content.count(old) != 1:
                continue
            new = np.ascontiguousarray(change(stored).astype(stored.dtype).transpose(order)).tobytes()
            if new == old or len(new) != len(old):
                raise ReblurError(f"the change leaves the weight in {file} as it is, or changes its size")
            write_atomically(file, content.replace(old, new))
            return
    shape = tuple(layer.weight.shape)
    raise WeightNotFoundError(f"{file} does not hold the weight of shape {shape} once, in a form that is known here")


def exchange_red_and_green(weight: NDArray) -> NDArray:
    """The first two input channels change places."""
    return weight[:, [1, 0, *range(2, weight.shape[1])]]


def zeros(weight: NDArray) -> NDArray:
    """Nothing but zeros, as where a download or a disk left a hole."""
    return np.zeros_like(weight)


def hole(weight: NDArray) -> NDArray:
    """Zeros in the place of a disk's block."""
    found = weight.flatten()
    found[: BLOCK_BYTES // weight.itemsize] = 0
    return found.reshape(weight.shape)


def say_blue_first(path: Path) -> None:
    """Let a Core ML package declare its pictures as blue, green, red.

    Raises:
        ReblurError: it takes no pictures.
    """
    model_path = root_model_path(path)
    model = read_model(model_path)
    pictures = [
        entry.type.imageType for entry in model.description.input if entry.type.WhichOneof("Type") == "imageType"
    ]
    if not pictures:
        raise ReblurError(f"{path} takes no pictures, only arrays")
    for picture in pictures:
        picture.colorSpace = picture.BGR
    write_atomically(model_path, model.SerializeToString(deterministic=True))


def _stored_forms(weight: FloatArray, transposed: bool) -> Iterator[NDArray]:
    """The weight as files may keep it: float32, float16, or int8 with one scale for each output channel."""
    yield weight.astype("<f4")
    yield weight.astype("<f2")
    axes = tuple(axis for axis in range(4) if axis != int(transposed))
    largest = np.abs(weight).max(axis=axes, keepdims=True)
    scales = [np.maximum(largest / np.float32(LARGEST_CODE), smallest) for smallest in SMALLEST_SCALES]
    if not transposed:
        scales.append(scales_of(weight).reshape(-1, 1, 1, 1))
    for scale in scales:
        yield np.clip(np.rint(weight / scale), -LARGEST_CODE, LARGEST_CODE).astype(np.int8)
