"""Palettes against a search of all possibilities, and by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from export.formats.mlpackage.weights import PALETTE_BITS, palette


def test_no_other_palette_is_better() -> None:
    """Of 66 values two pairs must share; every other way to choose the pairs is tried."""
    values = np.sort(np.random.default_rng(0).standard_normal(2**PALETTE_BITS + 2)).astype(np.float32)
    table, places = palette(values)
    error = float(np.sum((table[places].astype(np.float64) - values) ** 2))
    gaps = np.diff(values.astype(np.float64)) ** 2 / 2
    pairs = [gaps[a] + gaps[b] for a, b in combinations(range(len(gaps)), 2) if b - a > 1]
    triples = [float(np.var(values[i : i + 3].astype(np.float64)) * 3) for i in range(len(values) - 2)]
    assert error == pytest.approx(min(*pairs, *triples), abs=1e-12)


def test_a_palette_of_few_values_is_exact() -> None:
    weights = np.array([[0.5, -1.0], [0.5, 2.0]], np.float16)
    table, places = palette(weights)
    assert table.dtype == np.float16
    assert table.shape == (2**PALETTE_BITS,)
    np.testing.assert_array_equal(table[places].reshape(2, 2), weights)


def test_a_palette_gives_each_weight_a_near_value() -> None:
    weights = np.random.default_rng(0).standard_normal((40, 50)).astype(np.float16)
    table, places = palette(weights)
    assert (places.shape, places.dtype) == ((2000,), np.uint8)
    assert np.all(np.diff(table) > 0)
    chosen = np.abs(table[places].astype(np.float64) - weights.reshape(-1))
    nearest = np.abs(table[None].astype(np.float64) - weights.reshape(-1, 1)).min(1)
    # The best clusters end half-way between two means, but for the rounding of the table to fp16.
    np.testing.assert_allclose(chosen, nearest, atol=2e-3)
    assert np.sqrt(np.mean(chosen**2)) < 0.03  # 64 equal steps over the range would leave 0.035
