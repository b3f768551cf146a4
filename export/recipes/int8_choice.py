"""The settings that every int8 file is made with: what ``export.search`` found best, kept in quantization.json.

They were found with the weights fine-tuned for int8. Weights that were not need more care at the start of the defocus
network, see ``export.formats.tflite.quantize``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from export.recipes.targets import NETWORKS, TARGETS
from runtime.manifest.json_codec import from_json, to_json
from runtime.system.errors import ReblurError
from runtime.system.files import write_atomically
from train.quantization.settings import NARROW, Int8Settings

CHOICE_FILE = Path(__file__).with_name("quantization.json")
FORMATS = tuple(target.format for target in TARGETS.values() if target.quantizer)

Choice = Mapping[str, Mapping[str, Int8Settings]]
"""Format -> graph -> settings."""


def with_fused(settings: Mapping[str, Int8Settings]) -> dict[str, Int8Settings]:
    """The settings of the networks, and those of the graph that holds both.

    A quantiser has one way to find ranges for all of a graph: the fused one takes the deblurring network's.
    """
    defocus, deblur = (settings[name] for name in NETWORKS)
    fused = Int8Settings(
        float_first_convs=(*defocus.float_first_convs, *deblur.float_first_convs),
        float_head=defocus.float_head or deblur.float_head,
        per_channel=defocus.per_channel or deblur.per_channel,
        ranges=deblur.ranges,
    )
    return {**settings, "fused": fused}


CAREFUL = {
    "defocus": Int8Settings(float_first_convs=(2,), ranges=NARROW),
    "deblur": Int8Settings(float_first_convs=(1,), float_head=True, ranges=NARROW),
}
UNTUNED: Choice = {name: with_fused(CAREFUL) for name in FORMATS}
"""For a checkpoint's own weights, which were not fine-tuned."""


def load_choice(path: Path = CHOICE_FILE) -> Choice:
    """What the search chose, with the fused graph's settings; the defaults where it has not been run for a network.

    Raises:
        ReblurError: the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {
            name: with_fused(
                {
                    graph: from_json(Int8Settings, content[name][graph], f"{path.name}: {name}, {graph}")
                    if graph in content.get(name, {})
                    else Int8Settings()
                    for graph in NETWORKS
                }
            )
            for name in FORMATS
        }
    except (OSError, json.JSONDecodeError) as error:
        raise ReblurError(f"{path} cannot be read ({error}): run python -m export.search again") from error


def save_choice(found: Choice, path: Path = CHOICE_FILE) -> None:
    """Write a choice; what an earlier one says about other formats and graphs is kept.

    Raises:
        ReblurError: the file cannot be written.
    """
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    merged = {
        name: {**earlier.get(name, {}), **{graph: to_json(settings) for graph, settings in found.get(name, {}).items()}}
        for name in FORMATS
    }
    write_atomically(path, (json.dumps(merged, indent=2) + "\n").encode())
