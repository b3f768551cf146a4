"""The arguments of one op, read by position and kind as ExecuTorch's Vulkan runtime reads them.

Equal numbers share one value in the file, whatever their kind: 1.0 may be stored as the whole number 1, or the other
way round. The runtime converts most numbers (``number``, ``count``) but insists on the kind of some (``whole``,
``flag``), and so do these readers: what they refuse would not load on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from runtime.system.errors import ReblurError

Argument: TypeAlias = Tensor | list[Tensor] | tuple[int, ...] | tuple[float, ...] | str | int | float | bool | None


class Arguments:
    """What an op was given. Every reader raises ValueError where the argument is missing or of another kind."""

    def __init__(self, values: Sequence[Argument]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def tensor(self, position: int) -> Tensor:
        """The tensor at ``position``."""
        value = self._at(position)
        if not isinstance(value, Tensor):
            raise ReblurError(f"argument {position} should be a tensor, but is {value!r}")
        return value

    def optional_tensor(self, position: int) -> Tensor | None:
        """The tensor at ``position``, or None."""
        return None if self._at(position) is None else self.tensor(position)

    def tensors(self, position: int) -> list[Tensor]:
        """The tensors in the list at ``position``."""
        value = self._at(position)
        if not isinstance(value, list) or not value:
            raise ReblurError(f"argument {position} should be a list of tensors, but is {value!r}")
        return value

    def number(self, position: int) -> float:
        """The number at ``position``, of any kind, in single precision: infinite beyond its range."""
        return float(torch.tensor(self._any_number(position), dtype=torch.float64).float())

    def optional_number(self, position: int, default: float) -> float:
        """The number at ``position``, of any kind; ``default`` where there is none."""
        return default if self._at(position) is None else self.number(position)

    def count(self, position: int, default: int | None = None) -> int:
        """The number at ``position``, of any kind, its fraction dropped; ``default`` where there is none."""
        return default if default is not None and self._at(position) is None else int(self._any_number(position))

    def whole(self, position: int) -> int:
        """The number at ``position``, which must be stored as a whole one."""
        value = self._at(position)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ReblurError(f"argument {position} should be stored as a whole number, but is {value!r}")
        return value

    def flag(self, position: int) -> bool:
        """The truth value at ``position``, which must be stored as one."""
        value = self._at(position)
        if not isinstance(value, bool):
            raise ReblurError(f"argument {position} should be stored as a truth value, but is {value!r}")
        return value

    def integers(self, position: int) -> list[int]:
        """The list of whole numbers at ``position``."""
        value = self._at(position)
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise ReblurError(f"argument {position} should be a list of whole numbers, but is {value!r}")
        return [int(item) for item in value]

    def numbers(self, position: int) -> list[float]:
        """The list of numbers, of any kind, at ``position``."""
        value = self._at(position)
        if not isinstance(value, tuple):
            raise ReblurError(f"argument {position} should be a list of numbers, but is {value!r}")
        return [float(item) for item in value]

    def _any_number(self, position: int) -> int | float:
        value = self._at(position)
        if not isinstance(value, int | float):
            raise ReblurError(f"argument {position} should be a number, but is {value!r}")
        return value

    def _at(self, position: int) -> Argument:
        if position >= len(self._values):
            raise ReblurError(f"argument {position} is missing: {len(self._values)} are given")
        return self._values[position]
