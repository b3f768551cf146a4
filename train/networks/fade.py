"""Where the deblurring network's restoration acts, and where the input stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.system.errors import ReblurError

CELL_PX = 4
"""Side of the cells that a smoothed map is averaged in."""


@dataclass(frozen=True, kw_only=True)
class FadeConfig:
    """The fade of the residual by the defocus map. Below a pixel there is little to restore and sharpness to lose."""

    start_px: float = 0.35
    """Blur up to which the input is returned as it is."""
    full_px: float = 0.85
    """Blur from which on the restoration acts in full."""
    window_cells: int = 0
    """Side of the window the map is averaged in before, in cells of ``CELL_PX``, odd; 0: each pixel by itself."""

    def __post_init__(self) -> None:
        if not 0 <= self.start_px < self.full_px:
            raise ReblurError(f"a fade needs 0 <= start_px < full_px, got {self.start_px} and {self.full_px}")
        if self.window_cells and (self.window_cells < 0 or self.window_cells % 2 == 0):
            raise ReblurError(f"window_cells must be 0 or odd, got {self.window_cells}")
