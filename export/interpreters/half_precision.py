"""Half precision as the interpreters keep it: float32 numbers, rounded after each operator that stores fp16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

FP16_MAX = 65504.0


def round_to_fp16(tensor: Tensor) -> Tensor:
    """Each value as its nearest fp16 value, held in float32; infinite from 65520 on."""
    return tensor.half().float()


PRECISIONS = ("fp16", "fp32")


@dataclass(frozen=True, kw_only=True)
class Overflow:
    """An op whose inputs were all finite and whose result was not."""

    op_type: str
    output: str
    count: int
    """Values that became infinite or NaN."""
    total: int
    largest: float
    """Largest magnitude before rounding; infinite or NaN when the op itself gave such values."""

    def __str__(self) -> str:
        cause = (
            f"up to {self.largest:.4g}, beyond fp16's {FP16_MAX:.0f}"
            if np.isfinite(self.largest)
            else "by the op itself, before rounding"
        )
        return f"{self.op_type} '{self.output}': {self.count} of {self.total} values became inf or NaN ({cause})"
