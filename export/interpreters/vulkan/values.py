"""The values of a Vulkan graph: tensors, numbers, lists. Each has an id, by which ops and other lists refer to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from runtime.system.errors import ReblurError

CHANNELS_PACKED = "TENSOR_CHANNELS_PACKED"
TEXTURE_3D = "TEXTURE_3D"
HALF = "FLOAT16"
OWN_MEMORY = -1


@dataclass(frozen=True, kw_only=True)
class VkTensor:
    """A tensor, computed or constant."""

    dtype: str
    """Of its elements on the GPU, as the schema names it: FLOAT16, FLOAT32, INT32, ..."""
    shape: tuple[int, ...]
    memory: int = OWN_MEMORY
    """The piece of memory that it shares with others, one after the other; negative for one of its own."""
    storage: str = TEXTURE_3D
    """What kind of GPU memory: TEXTURE_3D, TEXTURE_2D, BUFFER, or DEFAULT_STORAGE for a constant."""
    layout: str = CHANNELS_PACKED
    """Which axis stands four to a texel."""
    constant: Tensor | None = field(default=None, repr=False)
    """Its elements, where they are in the file."""


@dataclass(frozen=True)
class IdList:
    """A list of other values."""

    ids: tuple[int, ...]


Value = VkTensor | IdList | tuple[int, ...] | tuple[float, ...] | str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One op of the chain."""

    op: str
    """Its name, such as ``aten.add.Tensor``."""
    arguments: tuple[int, ...]
    """Ids of its arguments in the order of the op's schema."""
    output: int
    """Id of its result."""


@dataclass(frozen=True, kw_only=True)
class VkGraph:
    """What the delegate runs: ops in order of execution."""

    values: tuple[Value, ...]
    """By id."""
    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    """In the delegate's order, which need not be the file's."""
    outputs: tuple[int, ...]

    def tensor(self, value_id: int) -> VkTensor:
        """The tensor with this id.

        Raises:
            ReblurError: there is none.
        """
        value = self.values[value_id] if 0 <= value_id < len(self.values) else None
        if not isinstance(value, VkTensor):
            raise ReblurError(f"value {value_id} should be a tensor, but is {value!r}")
        return value

    def reads(self, call: Call) -> tuple[int, ...]:
        """Ids of the tensors that a call takes, those in lists included, each as often as it is taken."""
        found: list[int] = []
        for value_id in call.arguments:
            value = self.values[value_id]
            found += value.ids if isinstance(value, IdList) else [value_id] if isinstance(value, VkTensor) else []
        return tuple(found)
