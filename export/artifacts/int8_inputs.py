"""What the int8 files are made of: weights, representative inputs, and what stays float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from export.data.calibration import Samples, calibration_samples
from export.graphs.specs import GraphSpec, build_graphs
from export.recipes.int8_choice import UNTUNED, load_choice
from runtime.manifest.records import Int8Source
from train.checkpoint import Deployable
from train.quantization.settings import Int8Settings
from train.quantization.weights import find_int8


@dataclass(frozen=True, kw_only=True)
class Int8Inputs:
    """What the int8 recipes share."""

    specs: Mapping[str, GraphSpec] = field(default_factory=dict)
    """The graphs with the weights to quantise."""
    samples: Mapping[str, Samples] = field(default_factory=dict)
    """Graph -> representative inputs."""
    settings: Mapping[str, Mapping[str, Int8Settings]] = field(default_factory=dict)
    """Format -> graph -> how it is quantised."""
    source: Int8Source | None = None
    """Of the weights; None where nothing is quantised."""


def prepare_int8(
    checkpoint: Path, networks: Deployable, specs: Mapping[str, GraphSpec], height: int, width: int
) -> Int8Inputs:
    """Find the weights to quantise: fine-tuned ones beside the checkpoint where they fit it, else its own.

    The representative inputs are the float networks' in any case, sigma maps included.

    Args:
        checkpoint: the float one.
        networks: its networks.
        specs: its graphs, all four.
        height: of every tensor, in pixels.
        width: of every tensor, in pixels.

    Raises:
        ReblurError: there are fine-tuned weights, but they or the choice of settings cannot be read.
    """
    found, reason = find_int8(checkpoint, networks)
    source = Int8Source(
        qat=found is not None,
        name=found.path.name if found else None,
        sha256=found.sha256 if found else None,
        reason=reason,
    )
    return Int8Inputs(
        specs=build_graphs(found.networks) if found else specs,
        samples=calibration_samples(specs, height, width),
        settings=load_choice() if source.qat else UNTUNED,
        source=source,
    )


def describe_int8(source: Int8Source) -> str:
    """Which weights the int8 files were quantised from, in one phrase."""
    if source.qat:
        return f"weights fine-tuned for it, {source.name}"
    return f"the checkpoint's own weights, quantised after training ({source.reason}; see train.qat)"
