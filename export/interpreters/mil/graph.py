"""From a protobuf program to a list of steps: names bound, constants made, unknown ops refused."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from export.interpreters.half_precision import round_to_fp16
from export.interpreters.mil.arguments import Arguments
from export.interpreters.mil.dtypes import Value, computed_type, is_float
from export.interpreters.mil.ops import CONST, OpFunction, find_op, is_constant
from export.interpreters.mil.package import Message, ValueReader, color_layouts, tensor_type
from runtime.system.errors import ReblurError

MAIN = "main"


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """A tensor as the program declares it."""

    name: str
    dtype: str
    """MIL element type, such as FLOAT16."""
    shape: tuple[int | None, ...]
    """None for a flexible dimension."""
    color_layout: str = ""
    """"RGB", "BGR" or "GRAYSCALE" where Core ML takes or gives a picture of eight bits; empty for an array."""

    def accepts(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of ``shape`` is one of these."""
        return len(shape) == len(self.shape) and all(
            declared is None or declared == actual for declared, actual in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True)
class Reference:
    """An argument that an earlier step computes."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One op of the program, ready to run."""

    op_type: str
    function: OpFunction
    bindings: Mapping[str, Sequence[Reference | Value]]
    """For each parameter its values, or what computes them."""
    outputs: tuple[TensorSpec, ...]
    releases: tuple[str, ...] = ()
    """Names that no later step reads."""

    def references(self) -> set[str]:
        """Names that this step reads."""
        return {item.name for items in self.bindings.values() for item in items if isinstance(item, Reference)}

    def compute(self, values: Mapping[str, Value]) -> list[Tensor]:
        """The outputs, not yet rounded, from the ``values`` of the names it reads.

        Raises:
            ReblurError: arguments do not fit the op, or results do not fit what the program declares.
        """
        arguments = {
            parameter: [values[item.name] if isinstance(item, Reference) else item for item in items]
            for parameter, items in self.bindings.items()
        }
        try:
            result = self.function(Arguments(arguments))
        except (ValueError, RuntimeError, IndexError, TypeError) as error:
            raise ReblurError(f"op '{self.op_type}' (output '{self.outputs[0].name}'): {error}") from error
        results = [result] if isinstance(result, Tensor) else list(result)
        if len(results) != len(self.outputs):
            raise ReblurError(f"op '{self.op_type}' gives {len(results)} outputs, {len(self.outputs)} are declared")
        for spec, tensor in zip(self.outputs, results, strict=True):
            _check_declared(self.op_type, spec, tensor)
        return results


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A whole program."""

    opset: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    steps: tuple[Step, ...]
    constants: Mapping[str, Value]
    """Every stored value by its name, compressed weights made dense."""


def build_graph(model: Message, reader: ValueReader, name: str = "") -> Graph:
    """One function of ``model``, its constants read through ``reader``.

    Args:
        model: the protobuf message.
        reader: of the files beside it.
        name: the function; by default the one that the package runs when nothing is said.

    Raises:
        ReblurError: there is no such function, an op is unknown, a name is read before it is computed, or a
            weight cannot be read.
    """
    functions = model.mlProgram.functions
    name = name or model.description.defaultFunctionName or MAIN
    if name not in functions:
        raise ReblurError(f"the program has no function '{name}'; it has: {', '.join(sorted(functions)) or 'none'}")
    function = functions[name]
    if function.opset not in function.block_specializations:
        raise ReblurError(f"function '{name}' has no block for its opset '{function.opset}'")
    block = function.block_specializations[function.opset]
    layouts = color_layouts(model, name)
    inputs = tuple(replace(spec, color_layout=layouts.get(spec.name, "")) for spec in map(_spec, function.inputs))
    specs = {spec.name: spec for spec in inputs}
    constants: dict[str, Value] = {}
    steps: list[Step] = []
    for operation in block.operations:
        if operation.type == CONST:
            constants[operation.outputs[0].name] = _constant(operation, reader)
            continue
        step = _step(operation, constants, specs.keys(), reader)
        if is_constant(step.op_type):
            # Weights are what the package stores, so they are rounded whatever precision a run asks for.
            tensor = step.compute({})[0]
            constants[step.outputs[0].name] = round_to_fp16(tensor) if step.outputs[0].dtype == "FLOAT16" else tensor
            continue
        steps.append(step)
        specs.update({spec.name: spec for spec in step.outputs})
    missing = [output for output in block.outputs if output not in specs]
    if missing or not block.outputs:
        raise ReblurError(f"nothing in the program computes its outputs {missing or '(none declared)'}")
    return Graph(
        opset=function.opset,
        inputs=inputs,
        outputs=tuple(replace(specs[name], color_layout=layouts.get(name, "")) for name in block.outputs),
        steps=_with_releases(steps, {*block.outputs}),
        constants=constants,
    )


def _spec(declared: Message) -> TensorSpec:
    dtype, shape = tensor_type(declared.type)
    return TensorSpec(name=declared.name, dtype=dtype, shape=shape)


def _constant(operation: Message, reader: ValueReader) -> Value:
    name = operation.outputs[0].name
    if "val" not in operation.attributes:
        raise ReblurError(f"constant '{name}' holds no value")
    try:
        return reader.read(operation.attributes["val"])
    except ValueError as error:
        raise ReblurError(f"constant '{name}': {error}") from error


def _step(operation: Message, constants: Mapping[str, Value], known: Container[str], reader: ValueReader) -> Step:
    """The op with each argument bound to a constant or to an earlier name."""
    outputs = tuple(_spec(declared) for declared in operation.outputs)
    if not outputs:
        raise ReblurError(f"op '{operation.type}' has no output")
    bindings: dict[str, list[Reference | Value]] = {}
    for parameter, value in operation.attributes.items():
        # Compressed weights keep their parameters here (iOS 16 and 17); every op keeps its own name here.
        if parameter != "name":
            bindings[parameter] = [reader.read(value)]
    for parameter, argument in operation.inputs.items():
        items: list[Reference | Value] = []
        for binding in argument.arguments:
            if binding.WhichOneof("binding") != "name":
                items.append(reader.read(binding.value))
            elif binding.name in constants:
                items.append(constants[binding.name])
            elif binding.name in known:
                items.append(Reference(binding.name))
            else:
                raise ReblurError(
                    f"op '{operation.type}' (output '{outputs[0].name}') reads '{binding.name}', which nothing computes"
                )
        bindings[parameter] = items
    function = find_op(operation.type, outputs[0].name)
    return Step(op_type=operation.type, function=function, bindings=bindings, outputs=outputs)


def _with_releases(steps: Sequence[Step], kept: set[str]) -> tuple[Step, ...]:
    """The steps with what each may forget, so that a run holds only tensors that are still needed."""
    result = []
    needed = set(kept)
    for step in reversed(steps):
        mentioned = step.references() | {spec.name for spec in step.outputs}
        result.append(replace(step, releases=tuple(sorted(mentioned - needed))))
        needed |= step.references()
    return tuple(reversed(result))


def _check_declared(op_type: str, spec: TensorSpec, tensor: Tensor) -> None:
    if not spec.accepts(tensor.shape):
        raise ReblurError(
            f"op '{op_type}' (output '{spec.name}') gives shape {tuple(tensor.shape)}, "
            f"but the program declares {spec.shape}"
        )
    if tensor.dtype != computed_type(spec.dtype) and (is_float(spec.dtype) or tensor.is_floating_point()):
        raise ReblurError(f"op '{op_type}' (output '{spec.name}') gives {tensor.dtype}, declared is {spec.dtype}")
