"""Core ML: writes a torch module as a ``.mlpackage`` folder, and runs such a folder again.

The package is an ML Program for iOS 17 and later. Its bytes depend only on the module, its inputs and the
versions of the tools: coremltools' random item names and conversion date are replaced or dropped.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from export.mil import MilProgram
from export.mil.package import read_model, root_model_path
from export.mil.quiet import quiet, quiet_warnings

SUFFIX = ".mlpackage"
PRECISIONS = ("fp16", "fp32")
AUTHOR = "Reblur"
LICENSE = "Apache-2.0"
VOLATILE_METADATA = ("com.github.apple.coremltools.conversion_date",)
"""Entries that differ between two conversions of the same module."""


def write_mlpackage(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
    *,
    precision: str = "fp16",
    description: str = "",
) -> None:
    """Convert ``module`` and put the package at ``path``; what is there already is replaced only at the end.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one tensor for each input, of the shape to be fixed.
        input_names: names of the inputs, in calling order.
        output_names: names of the outputs, in the module's order.
        path: the package folder, ending in ``.mlpackage``.
        precision: "fp16" computes and takes and gives float16; "fp32" float32.
        description: one sentence on what the model does; by default its inputs and outputs.

    Raises:
        ValueError: an argument does not fit, or the module cannot be converted.
        OSError: the folder cannot be written.
    """
    _check_request(module, example_inputs, input_names, path, precision)
    sentence = description or f"Reblur {path.stem}: {', '.join(input_names)} -> {', '.join(output_names)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.stem}.", dir=path.parent))
    try:
        raw, clean = scratch / "raw" / path.name, scratch / "clean" / path.name
        _convert(module, example_inputs, input_names, output_names, raw, precision, sentence)
        _copy_reproducibly(raw, clean)
        _move_into_place(clean, path, scratch / "replaced")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_with_interpreter(
    path: Path, inputs: Mapping[str, np.ndarray], precision: str = "fp16"
) -> dict[str, np.ndarray]:
    """Run the saved package with ``export.mil`` (any machine); see ``MilProgram.run``."""
    return MilProgram.load(path).run(inputs, precision)


def run_with_coreml(path: Path, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run the saved package with Core ML itself, on whatever units it chooses.

    Args:
        path: the package folder.
        inputs: an array of the declared shape for each input name.

    Returns:
        Output name -> float32 array.

    Raises:
        ValueError: this machine does not run macOS.
    """
    if sys.platform != "darwin":
        raise ValueError(
            f"Core ML runs on macOS only, and this machine runs {sys.platform}; "
            "use run_with_interpreter, which runs the same file on any machine"
        )
    with quiet_warnings():
        import coremltools

    model = coremltools.models.MLModel(str(path))
    given = {name: np.asarray(array, dtype=np.float32) for name, array in inputs.items()}
    return {name: np.asarray(array, dtype=np.float32) for name, array in model.predict(given).items()}


def _check_request(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    path: Path,
    precision: str,
) -> None:
    if path.suffix != SUFFIX:
        raise ValueError(f"a Core ML package ends in {SUFFIX}, but the path is {path}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision '{precision}' is not known; known are {', '.join(PRECISIONS)}")
    if len(example_inputs) != len(input_names):
        raise ValueError(f"{len(example_inputs)} example inputs were given for {len(input_names)} input names")
    if module.training:
        raise ValueError("the module is in training mode; call .eval() before converting it")


def _convert(
    module: nn.Module,
    example_inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    path: Path,
    precision: str,
    description: str,
) -> None:
    """Convert and save to ``path``, silently."""
    with quiet_warnings():
        import coremltools as ct

    dtype = {"fp16": np.float16, "fp32": np.float32}[precision]
    compute = {"fp16": ct.precision.FLOAT16, "fp32": ct.precision.FLOAT32}[precision]
    with quiet(), torch.no_grad():
        try:
            # Without the empty table, pixel shuffles and pads are torn into index arithmetic.
            program = torch.export.export(module, example_inputs).run_decompositions({})
            model = ct.convert(
                program,
                inputs=[
                    ct.TensorType(name=name, shape=tuple(example.shape), dtype=dtype)
                    for name, example in zip(input_names, example_inputs, strict=True)
                ],
                outputs=[ct.TensorType(name=name, dtype=dtype) for name in output_names],
                minimum_deployment_target=ct.target.iOS17,
                compute_precision=compute,
                convert_to="mlprogram",
                skip_model_load=True,
            )
        except OSError:
            raise
        except Exception as error:
            reason = (str(error).strip().splitlines() or [""])[0]
            raise ValueError(f"coremltools cannot convert {path.stem}: {type(error).__name__}: {reason}") from error
        model.short_description = description
        model.author = AUTHOR
        model.license = LICENSE
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(str(path))


def _copy_reproducibly(raw: Path, clean: Path) -> None:
    """Copy a package so that the same model gives the same bytes, and so that every copy of it stays valid.

    Left behind are a debugging table beside the manifest, and empty folders: a model without large constants
    has an empty weights folder, which git and most copies lose, and a package that lacks an item of its
    manifest is refused. Files get the usual permissions; coremltools keeps some for their owner alone.
    """
    for file in [raw / "Manifest.json", *sorted((raw / "Data").rglob("*"))]:
        if file.is_file():
            copy = clean / file.relative_to(raw)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    model_path = root_model_path(clean)
    model = read_model(model_path)
    for key in VOLATILE_METADATA:
        model.description.metadata.userDefined.pop(key, None)
    model_path.write_bytes(model.SerializeToString(deterministic=True))
    _rename_items(clean)


def _rename_items(package: Path) -> None:
    """Name the manifest's items after their paths, not at random, and drop those that are not there."""
    manifest_path = package / "Manifest.json"
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    entries = manifest["itemInfoEntries"]
    names = {
        name: str(uuid.uuid5(uuid.NAMESPACE_URL, entry["path"])).upper()
        for name, entry in entries.items()
        if (package / "Data" / entry["path"]).exists()
    }
    manifest["itemInfoEntries"] = {new: entries[old] for old, new in names.items()}
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    manifest_path.write_text(json.dumps(manifest, indent=4, sort_keys=True) + "\n", encoding="utf-8")


def _move_into_place(fresh: Path, path: Path, replaced: Path) -> None:
    """Rename ``fresh`` to ``path``; the old one steps aside, as folders are not replaced in one step."""
    try:
        if path.exists():
            path.rename(replaced)
        fresh.rename(path)
    except BaseException:
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        raise
