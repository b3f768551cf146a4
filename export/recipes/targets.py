"""What the files are made for: tables of targets, precisions and variants."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.manifest.records import CPU_DELEGATES, Artifact, Delegate, DType, Format, Layout


@dataclass(frozen=True, kw_only=True)
class Target:
    """A file format and the runtime that it is made for."""

    title: str
    """For people."""
    format: Format
    """What kind of file it is."""
    delegate: Delegate = ""
    """Of ExecuTorch files: what they are lowered for."""
    suffix: str
    """Of the file, or of the folder."""
    layout: Layout
    """Order of the axes of every tensor at the border."""
    dtype: DType
    """Type of every tensor at the border, whatever the precision inside."""
    packages: tuple[str, ...]
    """Distributions that convert to it."""
    quantizer: str = ""
    """Distribution that makes its int8 files; empty where there are none."""


TARGETS: dict[str, Target] = {
    "coreml": Target(
        title="Core ML, iOS 17 and later",
        format="coreml",
        suffix=".mlpackage",
        layout="NCHW",
        dtype="float16",
        packages=("coremltools",),
    ),
    "tflite": Target(
        title="TFLite / LiteRT",
        format="tflite",
        suffix=".tflite",
        layout="NHWC",
        dtype="float32",
        packages=("litert-torch",),
        quantizer="ai-edge-quantizer",
    ),
    "executorch": Target(
        title="ExecuTorch, XNNPACK delegate",
        format="executorch",
        delegate="xnnpack",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch",),
        quantizer="torchao",
    ),
    "executorch-coreml": Target(
        title="ExecuTorch, Core ML delegate",
        format="executorch",
        delegate="coreml",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch", "coremltools"),
    ),
    "executorch-vulkan": Target(
        title="ExecuTorch, Vulkan delegate",
        format="executorch",
        delegate="vulkan",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch",),
    ),
    "onnx": Target(
        title="ONNX, onnxruntime on desktops and in browsers",
        format="onnx",
        suffix=".onnx",
        layout="NCHW",
        dtype="float32",
        packages=("onnx", "onnxscript", "onnxsim"),
        quantizer="onnxruntime",
    ),
}
"""``<format>``, or ``<format>-<delegate>`` for a delegate other than XNNPACK -> what its files look like."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How a file computes."""

    title: str
    """For people."""
    calibrates: bool = False
    """Whether its making takes representative inputs."""
    experimental: bool = False
    """Whether it is made for trying out only."""


PRECISIONS: dict[str, Precision] = {
    "fp32": Precision(title="float32"),
    "fp16": Precision(title="float16"),
    "int8": Precision(title="int8 weights and activations, float at the border", calibrates=True),
    "w8": Precision(title="int8 weights, float16 arithmetic"),
    "p6": Precision(title="weights from a palette of 64 values, float16 arithmetic"),
    "w8a8": Precision(title="int8 weights and activations for the Neural Engine", calibrates=True, experimental=True),
}
VARIANTS: dict[str, str] = {
    "": "",
    "image": "pictures go in as the platform keeps them (CVPixelBuffer), without a copy",
    "nchw": "channels first, which a CPU computes faster",
    "sizes": "every size a function of one package, weights stored once (iOS 18); made where several sizes are",
}
"""What sets a file apart from that of the same graph, target and precision -> what it is for."""


def target_name(format_: Format, delegate: Delegate) -> str:
    """``<format>``, or ``<format>-<delegate>`` for a delegate other than XNNPACK."""
    return format_ if delegate in CPU_DELEGATES else f"{format_}-{delegate}"


def target_of(artifact: Artifact) -> str:
    """Key in ``TARGETS`` of a saved file."""
    return target_name(artifact.format, artifact.delegate)
