"""ExecuTorch: writes a torch module as a ``.pte`` file for the Core ML delegate.

It is lowered here and runs on Apple's systems only; ``export.interpreters.mil.from_pte`` runs the package inside it
anywhere.

Inputs and outputs of the file are float32. Inside, the package takes float32 and gives float16, which the delegate
converts when it copies the result (backends/apple/coreml/runtime/delegate/multiarray.mm of ExecuTorch).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from export.formats.mlpackage.package_files import copy_reproducibly
from export.formats.pte.xnnpack import check_delegation
from export.interpreters.mil.archive import unpack
from export.interpreters.mil.from_pte import LOWERED_MODULE, PACKAGE
from export.recipes.targets import IOS
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from runtime.system.silence import silence


def write_coreml_pte(module: nn.Module, example_inputs: tuple[Tensor, ...], path: Path) -> None:
    """Convert ``module`` to fp16 for iOS 17 and later, and write it to ``path``, atomically.

    The same module gives the same bytes.

    Args:
        module: in eval mode; takes and gives tensors (B, C, H, W) of fixed shape.
        example_inputs: one (B, C, H, W) tensor for each input, of the shape to be fixed. Inputs and outputs of
            the file have no names, only this order.
        path: the file.

    Raises:
        ReblurError: the delegate leaves operators behind, or the file cannot be written.
    """
    inputs = tuple(x.contiguous() for x in example_inputs)
    with silence(), torch.no_grad():
        content = _lower(module, inputs, path)
    write_atomically(path, content)


def _lower(module: nn.Module, inputs: tuple[Tensor, ...], path: Path) -> bytes:
    import coremltools as ct
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.exir.lowered_backend_module import get_lowered_backend_modules

    specs = CoreMLBackend.generate_compile_specs(
        compute_unit=ct.ComputeUnit.ALL,
        minimum_deployment_target=ct.target[f"iOS{IOS}"],
        compute_precision=ct.precision.FLOAT16,
        model_type=CoreMLBackend.MODEL_TYPE.MODEL,
    )
    program = torch.export.export(module, inputs)
    lowered = to_edge_transform_and_lower(program, partitioner=[CoreMLPartitioner(compile_specs=specs)])
    graph = lowered.exported_program().graph_module
    check_delegation(graph, path.stem, "Core ML")
    (delegate,) = get_lowered_backend_modules(graph)
    delegate._processed_bytes = _made_deterministic(delegate.processed_bytes, path)
    return bytes(lowered.to_executorch().buffer)


def _made_deterministic(data: bytes, path: Path) -> bytes:
    """The delegate's data without what differs between two conversions of the same module.

    That is the names in the package's manifest, and the identifier under which a phone keeps the compiled model:
    here the digest of the package, so that equal models share it and different ones never do.
    """
    from executorch.backends.apple.coreml import executorchcoreml

    with tempfile.TemporaryDirectory() as name:
        unpack(data, Path(name), path)
        lowered = Path(name) / LOWERED_MODULE
        copy_reproducibly(lowered / PACKAGE, Path(name) / PACKAGE)
        shutil.rmtree(lowered / PACKAGE)
        (Path(name) / PACKAGE).rename(lowered / PACKAGE)
        metadata = lowered / "metadata.json"
        content = json.loads(metadata.read_text(encoding="utf-8"))
        content["identifier"] = f"executorch_{_digest(lowered / PACKAGE)}"
        metadata.write_text(json.dumps(content), encoding="utf-8")
        sealed: bytes | None = executorchcoreml.flatten_directory_contents(str(lowered.resolve()))
    if not sealed:
        raise ReblurError(f"the Core ML package for {path} could not be put together again")
    return sealed


def _digest(folder: Path) -> str:
    """Of the names and contents of all files below a folder, hexadecimal."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
