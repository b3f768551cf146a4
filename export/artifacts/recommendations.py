"""Which files to take on which platform: a table, and what of it an export has."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from export.recipes.targets import PIPELINE_GRAPHS, TARGETS
from runtime.manifest.records import Artifact, Pipeline, Recommendation, Size, Threads

FAST_CORES: Threads = "one for each fast core"
OF_DELEGATE: Threads = "the delegate's own"
CPU = "CPU"
PREVIEW = "preview"


@dataclass(frozen=True)
class Choice:
    """A row of the table."""

    platform: str
    unit: str
    target: str
    """Key of ``TARGETS``."""
    precision: str
    why: str

    @property
    def threads(self) -> Threads:
        """A processor's threads are the caller's to choose, a delegate's are not."""
        return FAST_CORES if self.unit == CPU else OF_DELEGATE


CHOICES = (
    Choice("iOS", "Neural Engine", "coreml", "fp16", "its own arithmetic; rules keep two operators of refocus off it"),
    Choice("macOS", "Neural Engine", "coreml", "fp16", "as on iOS"),
    Choice("macOS", CPU, "executorch", "fp32", "one subgraph of XNNPACK, and close to the float networks"),
    Choice("Android", "GPU", "tflite", "fp16", "by the rules the GPU delegate takes every graph whole"),
    Choice("Android", CPU, "tflite", "fp16", "one subgraph of XNNPACK, which computes in fp16 where the processor can"),
    Choice(
        "Android",
        CPU,
        "tflite",
        "int8",
        "the fastest, but its maps of even blur may be off by over half a pixel",
    ),
    Choice("Linux", CPU, "tflite", "fp32", "one subgraph of XNNPACK, and as close as float32 gets"),
    Choice("Linux", CPU, "onnx", "fp32", "where LiteRT has no package"),
    Choice("Windows", CPU, "onnx", "fp32", "onnxruntime has packages for it"),
    Choice("Web", "WebAssembly", "onnx", "fp32", "onnxruntime-web's processor back end takes every operator"),
)
"""Of a platform and a processor the better one first."""


def recommendations(
    artifacts: Sequence[Artifact], pipelines: Sequence[Pipeline], size: Size
) -> tuple[Recommendation, ...]:
    """The rows of the table whose files were made at a size, and passed.

    Args:
        artifacts: all of an export.
        pipelines: all of it.
        size: the one that an application takes if it does not choose.
    """
    here = platform.system()
    found = []
    for choice in CHOICES:
        target = TARGETS[choice.target]
        wanted = (target.format, target.delegate, choice.precision, size.height_px, size.width_px, "passed")
        for p in pipelines:
            if (p.backend, p.delegate, p.precision, p.height_px, p.width_px, p.status) != wanted:
                continue
            found.append(
                Recommendation(
                    platform=choice.platform,
                    unit=choice.unit,
                    backend=p.backend,
                    delegate=p.delegate,
                    precision=p.precision,
                    artifacts={graph: getattr(p, graph) for graph in PIPELINE_GRAPHS} | _preview(artifacts, p, size),
                    threads=choice.threads,
                    evidence="measured" if (choice.platform, choice.unit) == (here, CPU) else "predicted",
                    why=choice.why,
                )
            )
    return tuple(found)


def _preview(artifacts: Sequence[Artifact], pipeline: Pipeline, size: Size) -> dict[str, str]:
    """The graph for while a finger moves, in the pipeline's format; empty where there is none."""
    kind = (PREVIEW, pipeline.backend, pipeline.delegate, "", (size.height_px, size.width_px), "passed")
    found = [a.id for a in artifacts if (a.graph, a.format, a.delegate, a.variant, a.size_px, a.status) == kind]
    return {PREVIEW: found[0]} if found else {}
