"""Names for the arrays that everything speaks of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
"""Any shape; each function says which, with range and unit."""
