"""Core ML: writes a torch module as a ``.mlpackage`` folder.

The package is an ML Program for iOS 17 and later. Its bytes depend only on the module, its inputs and the
versions of the tools: coremltools' random item names and conversion date are replaced or dropped.

Inputs can be pictures of eight bits; outputs are always arrays. The sharp picture goes on into the blur, where eight
bits would be too few, and by which rule Core ML rounds a picture that it gives back is not documented, so that no
check away from a Mac could hold it to one. An array needs no copy either: an application hands its own memory over
(``MLPredictionOptions.outputBackings``).

| precision | weights | arithmetic |
|---|---|---|
| fp32 | fp32 | fp32 |
| fp16 | fp16 | fp16 |
| w8 | int8, one scale for each output channel; fp16 at the finest resolution | fp16 |
| p6 | six bits, places in a table of 64 values; fp16 at the finest resolution | fp16 |
| w8a8 | int8, where activations are | int8 where ``activations`` quantises, else fp16; experimental |
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.data.calibration import Samples
from export.formats.mlpackage.activations import float_operators, quantize_activations
from export.formats.mlpackage.package_files import check_path, placing
from export.formats.mlpackage.weights import fine_operators, palettize, quantize_weights
from export.interpreters.mil.quiet import quiet, quiet_warnings
from export.recipes.targets import IOS
from runtime.system.errors import ReblurError, first_line
from train.quantization.settings import percentile_of

PRECISIONS = ("fp32", "fp16", "w8", "p6", "w8a8")
AUTHOR = "Reblur"
LICENSE = "Apache-2.0"
IMAGE_DIVISOR = 255.0
"""What a package divides the numbers of a picture by."""


@dataclass(frozen=True, kw_only=True)
class _Request:
    """What ``write_mlpackage`` was asked for."""

    module: nn.Module
    example_inputs: tuple[Tensor, ...]
    input_names: Sequence[str]
    output_names: Sequence[str]
    precision: str
    images: Collection[str]
    description: str


class _FromPictures(nn.Module):
    """A module that takes some of its inputs as 0 to 255.

    The division is an operator of the program, in its precision. Core ML's own (``ImageType(scale=...)``) would be
    float32 whatever the program's, and so off the Neural Engine.
    """

    def __init__(self, module: nn.Module, is_picture: Sequence[bool]) -> None:
        super().__init__()
        self.module = module
        self.is_picture = tuple(is_picture)

    def forward(self, *inputs: Tensor) -> Any:
        """The module's outputs."""
        pairs = zip(inputs, self.is_picture, strict=True)
        return self.module(*(x * (1.0 / IMAGE_DIVISOR) if picture else x for x, picture in pairs))


def write_mlpackage(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
    *,
    precision: str = "fp16",
    images: Collection[str] = (),
    calibration: Samples | None = None,
    float_first_convs: int = 0,
    ranges: str = "min-max",
    description: str = "",
) -> None:
    """Convert ``module`` and put the package at ``path``; what is there already is replaced only at the end.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one tensor for each input, of the shape to be fixed.
        input_names: names of the inputs, in calling order.
        output_names: names of the outputs, in the module's order.
        path: the package folder, ending in ``.mlpackage``.
        precision: one of ``PRECISIONS``. "fp32" takes and gives float32, the others float16.
        images: inputs, (1, 3, H, W) with values in [0, 1], that the package takes as RGB pictures of eight bits: an
            application gives it a CVPixelBuffer as the camera made it, without a copy into an array of numbers.
        calibration: for w8a8, representative inputs as the module takes them.
        float_first_convs: for w8a8, convolutions at the start that stay float.
        ranges: for w8a8, of ``train.quantization.settings``: percentiles, or the smallest and largest values.
        description: one sentence on what the model does; by default its inputs and outputs.

    Raises:
        ReblurError: an argument does not fit, or the module cannot be converted.
        OSError: the folder cannot be written.
    """
    request = _Request(
        module=module,
        example_inputs=example_inputs,
        input_names=input_names,
        output_names=output_names,
        precision=precision,
        images=images,
        description=description or f"Reblur {path.stem}: {', '.join(input_names)} -> {', '.join(output_names)}",
    )
    check_path(path)
    _check_request(request, calibration)
    with placing(path) as scratch:
        model = _convert(request, path.stem)
        if precision == "w8":
            model = quantize_weights(model, fine_operators(model))
        elif precision == "p6":
            model = palettize(model, fine_operators(model))
        elif precision == "w8a8":
            float_ops = float_operators(model, float_first_convs)
            model.save(str(scratch / f"float-{path.name}"))
            samples = _feeds(request, calibration or ())
            model = quantize_activations(
                model, scratch / f"float-{path.name}", samples, float_ops, percentile_of(ranges) or 1.0
            )
            model = quantize_weights(model, float_ops)
        model.short_description, model.author, model.license = request.description, AUTHOR, LICENSE
        model.save(str(scratch / path.name))


def _check_request(request: _Request, calibration: Samples | None) -> None:
    examples = dict(zip(request.input_names, request.example_inputs, strict=False))
    if request.precision not in PRECISIONS:
        raise ReblurError(f"precision '{request.precision}' is not known; known are {', '.join(PRECISIONS)}")
    if len(request.example_inputs) != len(request.input_names):
        raise ReblurError(
            f"{len(request.example_inputs)} example inputs were given for {len(request.input_names)} input names"
        )
    for name in request.images:
        if name not in examples:
            raise ReblurError(f"picture '{name}' is not one of the inputs, {', '.join(examples)}")
        if examples[name].dim() != 4 or examples[name].shape[:2] != (1, 3):
            raise ReblurError(f"picture '{name}' should be (1, 3, H, W), but is {tuple(examples[name].shape)}")
    if request.precision == "w8a8" and not calibration:
        raise ReblurError("w8a8 needs representative inputs to find the activations' ranges, but none are given")
    if request.module.training:
        raise ReblurError("the module is in training mode; call .eval() before converting it")


def _convert(request: _Request, name: str) -> Any:
    """The coremltools model, converted silently; fp16 in every precision but fp32."""
    with quiet_warnings():
        import coremltools as ct

    full = request.precision == "fp32"
    dtype, compute = (np.float32, ct.precision.FLOAT32) if full else (np.float16, ct.precision.FLOAT16)
    is_picture = [name in request.images for name in request.input_names]
    module = _FromPictures(request.module, is_picture).eval() if any(is_picture) else request.module

    def declared(name: str, example: Tensor) -> Any:
        shape = tuple(example.shape)
        if name in request.images:
            return ct.ImageType(name=name, shape=shape, color_layout=ct.colorlayout.RGB)
        return ct.TensorType(name=name, shape=shape, dtype=dtype)

    with quiet(), torch.no_grad():
        try:
            # Without the empty table, pixel shuffles and pads are torn into index arithmetic.
            program = torch.export.export(module, request.example_inputs).run_decompositions({})
            return ct.convert(
                program,
                inputs=[declared(*pair) for pair in zip(request.input_names, request.example_inputs, strict=True)],
                outputs=[ct.TensorType(name=name, dtype=dtype) for name in request.output_names],
                minimum_deployment_target=ct.target[f"iOS{IOS}"],
                compute_precision=compute,
                convert_to="mlprogram",
                skip_model_load=True,
            )
        except OSError:
            raise
        except Exception as error:
            reason = first_line(error)
            raise ReblurError(f"coremltools cannot convert {name}: {type(error).__name__}: {reason}") from error


def _feeds(request: _Request, samples: Samples) -> list[dict[str, np.ndarray]]:
    """The module's representative inputs as the package takes them."""

    def fed(name: str, tensor: Tensor) -> np.ndarray:
        array: np.ndarray = tensor.detach().numpy()
        return np.round(array * IMAGE_DIVISOR) if name in request.images else array

    return [
        {name: fed(name, tensor) for name, tensor in zip(request.input_names, sample, strict=True)}
        for sample in samples
    ]
