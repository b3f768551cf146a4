"""Which operators of an int8 graph stay float: one rule for fine-tuning and for every format.

A graph holds one network or several in a row. Int8 is each network from after its first convolutions that stay float
up to and with its head. Float is what stands between networks and after the last one. What stands before the first
network only joins and scales its inputs, which are rounded just once if that is done before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class NetworkPlace:
    """Where a network lies in a list of operators in the order of computation."""

    start: int
    """Its first operator."""
    conv_ends: tuple[int, ...]
    """For each convolution the place after it and its ReLU, which are one quantised operator."""
    head: int
    """The first operator of its head."""
    end: int
    """The place after its last operator."""


def float_positions(
    count: int, networks: Sequence[NetworkPlace], float_first_convs: Sequence[int], float_head: bool = False
) -> list[int]:
    """Places of the operators that stay float, in order.

    Args:
        count: of operators.
        networks: in order.
        float_first_convs: for each network, convolutions at its start that stay float; a missing one counts as 0.
        float_head: whether the heads stay float, too.

    Raises:
        ReblurError: there is no network, or one has fewer convolutions than are to stay float.
    """
    if not networks:
        raise ReblurError("int8 needs a U-Net in the graph, got one without: only networks can be quantised")
    kept = set(range(count))
    for index, network in enumerate(networks):
        first = float_first_convs[index] if index < len(float_first_convs) else 0
        if first > len(network.conv_ends):
            raise ReblurError(
                f"{first} convolutions should stay float, but network {index} has {len(network.conv_ends)}"
            )
        start = network.conv_ends[first - 1] if first else network.start
        kept -= set(range(start, network.head if float_head else network.end))
    return sorted(kept)
