"""Takes out of a TFLite file what no runtime reads.

| what | why it is there | what becomes of it |
|---|---|---|
| tensor names | the path of each module and call: 250 bytes and more | ``conv_2d_3``: the operator and its place |
| empty buffers | one for each computed tensor | all use buffer 0, as the schema has it |
| constants | repeated, or of operators that are gone | one each |
| observed ranges | notes of the quantiser; scale and zero point are what counts | none |
| operator kinds | of operators that were replaced | those in use |
| metadata | ``keep_stablehlo_constant``: a flag of the converter's own | what runtimes read |

Equal vectors (shapes, zero points) are written once by ``flatbuffer``. Signatures keep their names.
"""

from __future__ import annotations

from typing import Any

from export.formats.tflite.flatbuffer import kind_of, operator_names, schema
from export.formats.tflite.float16 import ARITHMETIC

KEPT_METADATA = (b"min_runtime_version", ARITHMETIC[0])


def slim(model: Any) -> None:
    """Rewrite a ``ModelT`` in place; what it computes stays the same, bit by bit."""
    _rename(model)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None:
                tensor.quantization.min = tensor.quantization.max = None
    model.metadata = [entry for entry in model.metadata or [] if bytes(entry.name) in KEPT_METADATA]
    _drop_kinds(model)
    _drop_buffers(model)


def _rename(model: Any) -> None:
    """Name tensors after the signature, then after the operator that writes them or reads them first."""
    names = operator_names()
    for graph in model.subgraphs:
        found: dict[int, str] = {}
        for signature in model.signatureDefs or []:
            if model.subgraphs[signature.subgraphIndex] is graph:
                for entry in (*signature.inputs, *signature.outputs):
                    found[int(entry.tensorIndex)] = _text(entry.name)
        for position, operator in enumerate(graph.operators):
            name = f"{names[kind_of(model, operator)].lower()}_{position}"
            for index in operator.outputs:
                found.setdefault(int(index), name)
            for place, index in enumerate(operator.inputs):
                found.setdefault(int(index), f"{name}/{place}")
        for index, tensor in enumerate(graph.tensors):
            tensor.name = found.get(index, "").encode()


def _drop_kinds(model: Any) -> None:
    """Keep the operator kinds that some operator is of."""
    operators = [operator for graph in model.subgraphs for operator in graph.operators]
    used = sorted({operator.opcodeIndex for operator in operators})
    model.operatorCodes = [model.operatorCodes[index] for index in used]
    for operator in operators:
        operator.opcodeIndex = used.index(operator.opcodeIndex)


def _drop_buffers(model: Any) -> None:
    """Keep the constants in use, each once, after the empty buffer 0."""
    kept = [schema().BufferT()]
    places: dict[bytes, int] = {b"": 0}
    owners = [tensor for graph in model.subgraphs for tensor in graph.tensors] + model.metadata
    for owner in owners:
        data = model.buffers[owner.buffer].data
        content = b"" if data is None else bytes(data)
        if content not in places:
            places[content] = len(kept)
            kept.append(model.buffers[owner.buffer])
        owner.buffer = places[content]
    model.buffers = kept


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
