"""What is exported: a table of graph x format x precision, and what each format's files look like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.schema import DType, Format, Layout


@dataclass(frozen=True, kw_only=True)
class Target:
    """A file format and the runtime that it is made for."""

    title: str
    """For people."""
    suffix: str
    """Of the file, or of the folder."""
    layout: Layout
    """Order of the axes of every tensor at the border."""
    dtype: DType
    """Type of every tensor at the border, whatever the precision inside."""
    packages: tuple[str, ...]
    """Distributions that convert to it."""
    quantizer: str
    """Distribution that makes its int8 files; empty where there are none."""


TARGETS: dict[str, Target] = {
    "coreml": Target(
        title="Core ML, iOS 17 and later",
        suffix=".mlpackage",
        layout="NCHW",
        dtype="float16",
        packages=("coremltools",),
        quantizer="",
    ),
    "tflite": Target(
        title="TFLite / LiteRT",
        suffix=".tflite",
        layout="NHWC",
        dtype="float32",
        packages=("litert-torch",),
        quantizer="ai-edge-quantizer",
    ),
    "executorch": Target(
        title="ExecuTorch, XNNPACK delegate",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch",),
        quantizer="torchao",
    ),
    "onnx": Target(
        title="ONNX, onnxruntime on desktops and in browsers",
        suffix=".onnx",
        layout="NCHW",
        dtype="float32",
        packages=("onnx", "onnxscript", "onnxsim"),
        quantizer="onnxruntime",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One artefact to make."""

    graph: str
    """defocus, deblur or refocus."""
    format: Format
    """Key of ``TARGETS``."""
    precision: str
    """Of the arithmetic inside: fp32, fp16 or int8."""

    @property
    def id(self) -> str:
        """``<graph>-<format>-<precision>``, the artefact's id in the manifest."""
        return f"{self.graph}-{self.format}-{self.precision}"

    @property
    def file_name(self) -> str:
        """``<graph>_<precision>.<ext>``."""
        return f"{self.graph}_{self.precision}{TARGETS[self.format].suffix}"

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that take part in making it."""
        target = TARGETS[self.format]
        return (*target.packages, target.quantizer) if self.precision == "int8" else target.packages


# The refocusing blur stays float: its weights span five decades, which eight bits cannot hold.
RECIPES: tuple[Recipe, ...] = (
    Recipe(graph="defocus", format="coreml", precision="fp16"),
    Recipe(graph="deblur", format="coreml", precision="fp16"),
    Recipe(graph="refocus", format="coreml", precision="fp16"),
    Recipe(graph="defocus", format="tflite", precision="fp32"),
    Recipe(graph="deblur", format="tflite", precision="fp32"),
    Recipe(graph="refocus", format="tflite", precision="fp32"),
    Recipe(graph="defocus", format="tflite", precision="int8"),
    Recipe(graph="deblur", format="tflite", precision="int8"),
    Recipe(graph="defocus", format="executorch", precision="fp32"),
    Recipe(graph="deblur", format="executorch", precision="fp32"),
    Recipe(graph="refocus", format="executorch", precision="fp32"),
    Recipe(graph="defocus", format="executorch", precision="int8"),
    Recipe(graph="deblur", format="executorch", precision="int8"),
    Recipe(graph="defocus", format="onnx", precision="fp32"),
    Recipe(graph="deblur", format="onnx", precision="fp32"),
    Recipe(graph="refocus", format="onnx", precision="fp32"),
    Recipe(graph="defocus", format="onnx", precision="int8"),
    Recipe(graph="deblur", format="onnx", precision="int8"),
)
GRAPHS: tuple[str, ...] = tuple(dict.fromkeys(recipe.graph for recipe in RECIPES))
FORMATS: tuple[str, ...] = tuple(TARGETS)


def names_from(text: str, known: Sequence[str], kind: str) -> tuple[str, ...]:
    """Parse a comma-separated list, as the command line takes it.

    Args:
        text: names, for example "tflite,executorch".
        known: the valid names.
        kind: what they name, for the error.

    Returns:
        The names in the order of ``known``, each once.

    Raises:
        ValueError: the list is empty or has an unknown name; the valid ones are listed.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ValueError(f"no {kind} {name!r}: choose from {', '.join(known)}")
    if not names:
        raise ValueError(f"no {kind} was named: choose from {', '.join(known)}")
    return tuple(name for name in known if name in names)


def select(formats: Iterable[str] = FORMATS, graphs: Iterable[str] = GRAPHS) -> tuple[Recipe, ...]:
    """The recipes of those formats and graphs, in the order of the table.

    Raises:
        ValueError: a name is not known.
    """
    wanted_formats = names_from(",".join(formats), FORMATS, "format")
    wanted_graphs = names_from(",".join(graphs), GRAPHS, "graph")
    return tuple(r for r in RECIPES if r.format in wanted_formats and r.graph in wanted_graphs)


def pipelines(recipes: Sequence[Recipe]) -> tuple[tuple[Format, str, dict[str, Recipe]], ...]:
    """Which recipes together serve a photograph: one set for each format and precision.

    Returns:
        (format, precision, recipe of each graph) for each set that is whole. A graph that has no recipe of that
        precision is served by the format's first one, which is the finest.
    """
    found = []
    for format_, precision in dict.fromkeys((r.format, r.precision) for r in recipes):
        chosen: dict[str, Recipe] = {}
        for recipe in recipes:
            if recipe.format == format_ and (recipe.graph not in chosen or recipe.precision == precision):
                chosen[recipe.graph] = recipe
        if set(chosen) == set(GRAPHS):
            found.append((format_, precision, chosen))
    return tuple(found)
