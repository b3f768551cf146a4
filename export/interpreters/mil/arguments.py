"""The arguments of one op, read by name and kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from export.interpreters.mil.dtypes import Value
from runtime.system.errors import ReblurError


class Arguments:
    """What an op was given: for each parameter one value, or several (``concat``).

    Every reader raises ValueError where the parameter is missing (and has no default) or of another kind, so
    that a damaged program ends in a sentence.
    """

    def __init__(self, values: Mapping[str, Sequence[Value]]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def tensor(self, name: str) -> Tensor:
        """The one tensor given as ``name``."""
        value = self._one(name)
        if isinstance(value, str):
            raise ReblurError(f"argument '{name}' should be a tensor, but is the text '{value}'")
        return value

    def optional_tensor(self, name: str) -> Tensor | None:
        """The one tensor given as ``name``, or None."""
        return self.tensor(name) if name in self._values else None

    def tensors(self, name: str) -> list[Tensor]:
        """All the tensors given as ``name``."""
        values = self._values.get(name, ())
        tensors = [value for value in values if isinstance(value, Tensor)]
        if not tensors or len(tensors) != len(values):
            raise ReblurError(f"argument '{name}' should be one or more tensors")
        return tensors

    def text(self, name: str, default: str | None = None) -> str:
        """The text given as ``name``."""
        if default is not None and name not in self._values:
            return default
        value = self._one(name)
        if not isinstance(value, str):
            raise ReblurError(f"argument '{name}' should be text, but is a tensor of shape {tuple(value.shape)}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """The single number given as ``name``."""
        if default is not None and name not in self._values:
            return default
        tensor = self.tensor(name)
        if tensor.numel() != 1:
            raise ReblurError(f"argument '{name}' should be one number, but has shape {tuple(tensor.shape)}")
        return float(tensor)

    def integer(self, name: str, default: int | None = None) -> int:
        """The single whole number given as ``name``."""
        return int(self.number(name, default))

    def flag(self, name: str, default: bool | None = None) -> bool:
        """The single truth value given as ``name``."""
        return bool(self.number(name, default))

    def integers(self, name: str, default: Sequence[int] | None = None) -> list[int]:
        """The whole numbers given as ``name``."""
        if default is not None and name not in self._values:
            return list(default)
        return [int(value) for value in self.tensor(name).flatten()]

    def flags(self, name: str, count: int) -> list[bool]:
        """The ``count`` truth values given as ``name``; all False without it."""
        return [bool(value) for value in self.integers(name, [0] * count)]

    def _one(self, name: str) -> Value:
        values = self._values.get(name, ())
        if len(values) != 1:
            raise ReblurError(f"argument '{name}' should be one value, but {len(values)} are given")
        return values[0]
