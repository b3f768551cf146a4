"""k-means in one dimension against a search of all possibilities; palettes by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from export.formats.mlpackage.kmeans import best_clusters
from export.formats.mlpackage.weights import PALETTE_BITS, palette


def square_error(values: np.ndarray, counts: np.ndarray, starts: tuple[int, ...] | np.ndarray) -> float:
    total = 0.0
    for start, end in zip(starts, (*starts[1:], len(values)), strict=True):
        mean = np.average(values[start:end], weights=counts[start:end])
        total += float(np.sum(counts[start:end] * (values[start:end] - mean) ** 2))
    return total


@pytest.mark.parametrize("clusters", [1, 2, 3, 4, 9, 10])
def test_no_other_clusters_are_better(clusters: int) -> None:
    generator = np.random.default_rng(clusters)
    for _ in range(20):
        values = np.sort(generator.standard_normal(10))
        counts = generator.integers(1, 5, 10)
        found = best_clusters(values, counts, clusters)
        assert found[0] == 0
        assert np.all(np.diff(found) > 0)
        best = min(square_error(values, counts, (0, *others)) for others in combinations(range(1, 10), clusters - 1))
        assert square_error(values, counts, found) == pytest.approx(best, abs=1e-12)


def test_clusters_by_hand() -> None:
    values, counts = np.array([0.0, 1.0, 10.0, 11.0, 30.0]), np.array([1, 1, 1, 1, 1])
    assert best_clusters(values, counts, 3).tolist() == [0, 2, 4]
    # Two clusters: 30 alone leaves 101, {10, 11, 30} beside {0, 1} leaves 254.5.
    assert best_clusters(values, counts, 2).tolist() == [0, 4]


@pytest.mark.parametrize("clusters", [0, 3])
def test_impossible_numbers_of_clusters_are_refused(clusters: int) -> None:
    with pytest.raises(ValueError, match=f"expected 1 to 2 clusters of 2 values, got {clusters}"):
        best_clusters(np.array([0.0, 1.0]), np.array([1, 1]), clusters)


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
