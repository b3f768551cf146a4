"""k-means in one dimension, solved exactly.

In one dimension clusters are runs of the sorted values, so that dynamic programming finds the best ones: the best k
clusters of the first j values end in one cluster i..j, beside the best k - 1 of the first i. The best i never falls as
j grows (Wu, 1991), which leaves few to try: about two for each j once those of its neighbours are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.system.errors import ReblurError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def best_clusters(values: Floats, counts: NDArray[np.int64], clusters: int) -> Indices:
    """Cut sorted values into runs of the smallest sum of squared distances to their means.

    Args:
        values: (N,) in ascending order, each once.
        counts: (N,) how often each occurs.
        clusters: how many runs, 1 to N.

    Returns:
        (clusters,) where each run starts, in ascending order.

    Raises:
        ReblurError: there are fewer values than clusters.
    """
    if not 1 <= clusters <= len(values):
        raise ReblurError(f"expected 1 to {len(values)} clusters of {len(values)} values, got {clusters}")
    cost = _Cost(values, counts)
    ends = np.arange(len(values) + 1)
    best = np.concatenate([[0.0], cost.of(np.zeros(len(values), np.int64), ends[1:])])
    cuts = []
    for count in range(2, clusters + 1):
        best, cut = _add_cluster(best, cost, count)
        cuts.append(cut)
    starts = [len(values)]
    for cut in reversed(cuts):
        starts.append(int(cut[starts[-1]]))
    return np.array([0, *reversed(starts[1:])], np.int64)


class _Cost:
    """Squared distances of runs of values to their means, from running sums."""

    def __init__(self, values: Floats, counts: NDArray[np.int64]) -> None:
        centred = values - np.average(values, weights=counts)  # small sums lose fewer digits
        self._weight, self._first, self._second = (
            np.concatenate([[0.0], np.cumsum(counts * centred**power)]) for power in (0, 1, 2)
        )

    def of(self, start: Indices, end: Indices) -> Floats:
        """The cost of each run start..end - 1; no run may be empty."""
        weight, first, second = (
            total[end] - total[start] for total in (self._weight, self._first, self._second)
        )  # fmt: skip
        result: Floats = second - first * first / weight
        return result


def _add_cluster(best: Floats, cost: _Cost, count: int) -> tuple[Floats, Indices]:
    """From the best ``count - 1`` clusters of the first j values, for all j, to the best ``count``.

    Args:
        best: (N + 1,) costs; infinite where j is smaller than the number of clusters.
        cost: of the runs.
        count: clusters after this step, at least 2.

    Returns:
        The new (N + 1,) costs, and where the last cluster of each starts.
    """
    total = len(best) - 1
    result = np.full(total + 1, np.inf)
    cut = np.zeros(total + 1, np.int64)
    stride = 1 << total.bit_length()
    while stride:
        # Those between ends done before: the best start lies between those of the two neighbours.
        ends = np.arange(stride, total + 1, 2 * stride)
        ends = ends[ends >= count]
        below, above = ends - stride, ends + stride
        low = np.maximum(np.where(below >= count, cut[below], 0), count - 1)
        high = np.where(above <= total, np.minimum(cut[np.minimum(above, total)], ends - 1), ends - 1)
        result[ends], cut[ends] = _first_best(best, cost, ends, low, high)
        stride //= 2
    return result, cut


def _first_best(best: Floats, cost: _Cost, ends: Indices, low: Indices, high: Indices) -> tuple[Floats, Indices]:
    """For each end the best start from ``low`` to ``high``, both included, and its cost."""
    if not len(ends):
        return np.empty(0), np.empty(0, np.int64)
    tried = high - low + 1
    offsets = np.concatenate([[0], np.cumsum(tried)])
    owner = np.repeat(np.arange(len(ends)), tried)
    start = np.arange(offsets[-1]) - offsets[owner] + low[owner]
    costs = best[start] + cost.of(start, ends[owner])
    smallest = np.minimum.reduceat(costs, offsets[:-1])
    hits = np.flatnonzero(costs == smallest[owner])
    first = hits[np.searchsorted(owner[hits], np.arange(len(ends)))]
    return smallest, start[first]
