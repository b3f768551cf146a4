"""Opens a ``.mlpackage`` folder: its manifest, its program and its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from export.interpreters.mil.blob import BlobFile
from export.interpreters.mil.dtypes import Value, decode, to_tensor
from export.interpreters.mil.quiet import quiet_warnings
from runtime.system.errors import ReblurError

MODEL_PATH = "@model_path/"
"""How a program spells the folder of its own file when it names the weight file."""

Message = Any
"""A protobuf message; the generated classes carry no types."""


def root_model_path(package: Path) -> Path:
    """The protobuf file that the manifest of ``package`` calls the root model.

    Raises:
        ReblurError: there is no such folder, or its manifest is missing, damaged or names no such file.
    """
    if not package.is_dir():
        raise ReblurError(f"not a Core ML package folder: {package}")
    manifest_path = package / "Manifest.json"
    if not manifest_path.is_file():
        raise ReblurError(f"Core ML package {package} has no Manifest.json")
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"]
        model_path = package / "Data" / str(entry)
    except (ValueError, KeyError, TypeError) as error:
        raise ReblurError(f"Core ML package {package} has a damaged Manifest.json: {error!r}") from error
    if not model_path.resolve().is_relative_to(package.resolve()) or not model_path.is_file():
        raise ReblurError(f"Core ML package {package} lacks the model that its manifest names: Data/{entry}")
    return model_path


def read_model(model_path: Path) -> Message:
    """The protobuf ``Model`` message in ``model_path``.

    Raises:
        ReblurError: the file is no such message, or holds another kind of model than an ML Program.
    """
    with quiet_warnings():
        from coremltools.proto import Model_pb2
        from google.protobuf.message import DecodeError
    model = Model_pb2.Model()
    try:
        model.ParseFromString(model_path.read_bytes())
    except DecodeError as error:
        raise ReblurError(f"{model_path} is not a Core ML model, or is truncated or damaged ({error})") from error
    kind = model.WhichOneof("Type")
    if kind != "mlProgram":
        raise ReblurError(f"{model_path} holds {kind or 'no model'}; only ML Programs can be run")
    return model


def color_layouts(model: Message, function: str) -> dict[str, str]:
    """The inputs and outputs that Core ML takes or gives as pictures: name -> "RGB", "BGR" or "GRAYSCALE".

    Args:
        model: the protobuf message.
        function: of the program; a package with one function describes it at the top.
    """
    described = {entry.name: entry for entry in model.description.functions}.get(function, model.description)
    layouts = {}
    for feature in (*described.input, *described.output):
        if feature.type.WhichOneof("Type") == "imageType":
            image = feature.type.imageType
            names = image.DESCRIPTOR.fields_by_name["colorSpace"].enum_type.values_by_number
            layouts[feature.name] = str(names[image.colorSpace].name)
    return layouts


def tensor_type(value_type: Message) -> tuple[str, tuple[int | None, ...]]:
    """The element type and the shape of a ``ValueType`` message; None for a flexible dimension.

    Raises:
        ReblurError: the type is not a tensor (a list, dictionary or state).
    """
    kind = value_type.WhichOneof("type")
    if kind != "tensorType":
        raise ReblurError(f"values of kind {kind} are not supported; only tensors are")
    tensor = value_type.tensorType
    # The name of an enum number, from the message's own descriptor.
    names = tensor.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number
    name = names[tensor.dataType].name if tensor.dataType in names else f"number {tensor.dataType}"
    shape = tuple(
        int(dim.constant.size) if dim.WhichOneof("dimension") == "constant" else None for dim in tensor.dimensions
    )
    return name, shape


class ValueReader:
    """Turns ``Value`` messages into tensors and text, reading weights from the files beside the program."""

    def __init__(self, model_path: Path) -> None:
        self._folder = model_path.parent.resolve()
        self._blobs: dict[str, BlobFile] = {}

    def read(self, message: Message) -> Value:
        """The tensor (float32, int64 or bool) or text that ``message`` holds, or points to in a weight file.

        Raises:
            ReblurError: the value is not a tensor, its file is missing or damaged, or sizes disagree.
        """
        dtype, shape = tensor_type(message.type)
        fixed = tuple(size for size in shape if size is not None)
        if len(fixed) != len(shape):
            raise ReblurError(f"a constant of shape {shape} has flexible dimensions")
        count = 1
        for size in fixed:
            count *= size
        if message.WhichOneof("value") == "blobFileValue":
            reference = message.blobFileValue
            return to_tensor(self._blob(reference.fileName).read(reference.offset, dtype, count), fixed)
        return self._immediate(message.immediateValue.tensor, dtype, fixed, count)

    def _immediate(self, tensor: Message, dtype: str, shape: tuple[int, ...], count: int) -> Value:
        """A value stored in the program itself, in the field that suits its type."""
        field = tensor.WhichOneof("value")
        if field is None:
            raise ReblurError(f"a constant of type {dtype} and shape {shape} holds no value")
        if field == "bytes":
            return to_tensor(decode(tensor.bytes.values, dtype, count), shape)
        fields = {
            "floats": tensor.floats,
            "doubles": tensor.doubles,
            "ints": tensor.ints,
            "longInts": tensor.longInts,
            "bools": tensor.bools,
            "strings": tensor.strings,
        }
        values = list(fields[field].values)
        if len(values) != count:
            raise ReblurError(f"a constant of type {dtype} and shape {shape} holds {len(values)} values, not {count}")
        if field == "strings":
            if count != 1:
                raise ReblurError(f"a constant of {count} texts is not supported; one text is")
            return str(values[0])
        return to_tensor(np.asarray(values), shape)

    def _blob(self, name: str) -> BlobFile:
        if name not in self._blobs:
            path = (self._folder / name.removeprefix(MODEL_PATH)).resolve()
            if not path.is_relative_to(self._folder):
                raise ReblurError(f"the program names a weight file outside its package: {name}")
            self._blobs[name] = BlobFile(path)
        return self._blobs[name]
