"""The report's pictures: what the float model answers, what each file answers, and ten times the difference."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from export.check import open_runners
from export.golden import SYNTHETIC, Case, tile_px
from export.golden_files import load_case
from export.graphs import GraphSpec, build_graphs
from export.report_html import figure, section, text
from runtime.manifest import Manifest, check_files
from runtime.schema import Artifact, TensorMeaning
from runtime.silence import silence
from train.checkpoint import Deployable

Array = NDArray[np.float32]

SHOWN_CASES = {"defocus": "astronaut", "deblur": SYNTHETIC, "refocus": "astronaut"}
"""Graph -> the case that is shown; the first one where there is none of that name."""
SHOWN_PX = 192
"""Side of the square that is shown, from the middle of the stored tile."""
DIFFERENCE_GAIN = 10.0


def pictures(manifest: Manifest, directory: Path, networks: Deployable | None) -> str:
    """The section; says so where there is no float model to compare with.

    Args:
        manifest: of the export.
        directory: its folder.
        networks: the float model that the files were made from; None where it is not at hand.
    """
    title = "Pictures"
    if networks is None:
        return section(title, "Not run: the checkpoint that the files were made from is not here (--checkpoint).", "")
    specs = build_graphs(networks)
    parts = [
        f"<h3>{text(graph)}</h3>\n{chr(10).join(found)}"
        for graph in manifest.graphs
        if (found := list(_of_graph(specs[graph], manifest, directory)))
    ]
    note = (
        "One golden case of each graph: its input, the float model's answer, then each file's answer beside ten times "
        "its difference from the float model. A map of blur is white at its largest sigma."
    )
    return section(title, note, "\n".join(parts))


def _of_graph(spec: GraphSpec, manifest: Manifest, directory: Path) -> Iterator[str]:
    """The rows of figures of one graph, as HTML; none where it has no golden case."""
    golden = sorted(
        (case for case in manifest.golden if case.graph == spec.name),
        key=lambda case: case.case != SHOWN_CASES.get(spec.name),
    )
    if not golden:
        return
    case = load_case(golden[0], directory, (manifest.height_px, manifest.width_px))
    with torch.no_grad():
        reference = spec.module(*(torch.from_numpy(case.inputs[tensor.name]) for tensor in spec.inputs)).numpy()
    (output,) = spec.outputs
    given = [
        figure(_data_uri(case.inputs[meaning.name], meaning), "input", f"{meaning.name}, {case.name}")
        for meaning in spec.inputs
    ]
    yield _row([*given, figure(_data_uri(reference, output), "float model", output.name)])
    passed = [a for a in manifest.artifacts if a.graph == spec.name and a.status == "passed"]
    yield _row(_compared(artifact, directory, case, reference, output) for artifact in passed)


def _row(figures: Iterable[str]) -> str:
    return f'<div class="pictures">\n{chr(10).join(figures)}\n</div>'


def _compared(artifact: Artifact, directory: Path, case: Case, reference: Array, output: TensorMeaning) -> str:
    """What a file answers, and its difference."""
    check_files(artifact, directory)
    with silence():
        runner = next(iter(open_runners(artifact, directory).values()))
        answer = runner.run(case.inputs)[output.name]
    difference = np.abs(answer - reference)
    unit = f" {output.unit}" if output.unit else ""
    name = f"{artifact.format} {artifact.precision}"
    answered = figure(_data_uri(answer, output), name, output.name)
    differing = figure(
        _data_uri(DIFFERENCE_GAIN * difference, output),
        f"{name}, difference x{DIFFERENCE_GAIN:g}",
        f"mean {difference.mean():.2g}{unit}, largest {difference.max():.2g}{unit}",
    )
    return f'<div class="pair">{answered}\n{differing}</div>'


def _data_uri(value: Array, meaning: TensorMeaning) -> str:
    """The middle of a tensor's first tile as a PNG; its largest value is white."""
    from PIL import Image

    side = tile_px(*value.shape[2:])
    shown = min(SHOWN_PX, side)
    first = (side - shown) // 2
    planes = value[0, :, first : first + shown, first : first + shown] / meaning.range[1]
    levels = np.rint(255.0 * np.clip(planes, 0.0, 1.0)).astype(np.uint8).transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(levels.squeeze(-1) if levels.shape[2] == 1 else levels).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
