"""What the files are made for: tables of targets, precisions and variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.manifest.records import CPU_DELEGATES, EXECUTORCH_METHOD, Artifact, Delegate, DType, Format, Layout

IOS = 17
"""What Core ML packages are converted for."""
IOS_OF_FUNCTIONS = 18
"""What runs packages with several functions."""
TFLITE_SIGNATURE = "serving_default"
TFLITE_RUNTIME = "2.14"
"""The oldest interpreter that every file was tried in: `make interpreters`."""
ONNX_OPSET = 18
PIXEL_FORMAT = "32BGRA"
"""Of a CVPixelBuffer that Core ML takes for an RGB picture."""
NETWORKS = ("defocus", "deblur")
PIPELINE_GRAPHS = (*NETWORKS, "refocus")
"""The graphs through which a photograph passes."""
BLURS = ("refocus", "preview")
"""Without weights to train, and always float."""
ALL_GRAPHS = (*PIPELINE_GRAPHS, "preview", "fused")


@dataclass(frozen=True, kw_only=True)
class Files:
    """Artefacts of one kind: some graphs in one precision and variant."""

    precision: str
    """Key of ``PRECISIONS``."""
    variant: str = ""
    """Key of ``VARIANTS``."""
    graphs: tuple[str, ...]
    """Those that are made so."""


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
    settings_from: Format | None = None
    """Format whose int8 settings it takes, where there is no search for its own."""
    folder: str
    """Of ``export.formats``, whose module ``targets`` says how its files are written, read and run."""
    entry: str = ""
    """What a runtime calls in its files; empty where there is one thing only."""
    requires: Mapping[str, str] = field(default_factory=dict)
    """What a device must have -> from which version on."""
    files: tuple[Files, ...]
    """What is made for it."""


# The refocusing blur stays float: eight bits of light are too few in the dark. In the fused graph it does, too.
# Compressed Core ML files of the blur would be no smaller: it has no weights to speak of. What it is given is no photo
# but the deblurring network's answer, which eight bits of an image would round. On Vulkan the fused graph is copied
# between memory layouts dozens of times (``export.lint`` counts them), the three by themselves hardly are.
TARGETS: dict[str, Target] = {
    "coreml": Target(
        title="Core ML, iOS 17 and later",
        format="coreml",
        suffix=".mlpackage",
        layout="NCHW",
        dtype="float16",
        packages=("coremltools",),
        settings_from="tflite",
        folder="mlpackage",
        requires={"iOS": f"{IOS}.0", "macOS": f"{IOS - 3}.0"},
        files=(
            Files(precision="fp16", graphs=ALL_GRAPHS),
            Files(precision="fp16", variant="image", graphs=(*NETWORKS, "fused")),
            Files(precision="fp16", variant="sizes", graphs=ALL_GRAPHS),
            Files(precision="w8", graphs=NETWORKS),
            Files(precision="p6", graphs=NETWORKS),
            Files(precision="w8a8", graphs=NETWORKS),
        ),
    ),
    "tflite": Target(
        title="TFLite / LiteRT",
        format="tflite",
        suffix=".tflite",
        layout="NHWC",
        dtype="float32",
        packages=("litert-torch",),
        quantizer="ai-edge-quantizer",
        folder="tflite",
        entry=TFLITE_SIGNATURE,
        requires={"TensorFlow Lite": TFLITE_RUNTIME},
        files=(
            Files(precision="fp32", graphs=ALL_GRAPHS),
            Files(precision="fp16", graphs=(*NETWORKS, "fused")),
            Files(precision="int8", graphs=(*NETWORKS, "fused")),
        ),
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
        folder="pte",
        entry=EXECUTORCH_METHOD,
        files=(
            Files(precision="fp32", graphs=ALL_GRAPHS),
            Files(precision="int8", graphs=(*NETWORKS, "fused")),
        ),
    ),
    "executorch-coreml": Target(
        title="ExecuTorch, Core ML delegate",
        format="executorch",
        delegate="coreml",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch", "coremltools"),
        folder="pte",
        entry=EXECUTORCH_METHOD,
        requires={"iOS": f"{IOS}.0", "macOS": f"{IOS - 3}.0"},
        files=(Files(precision="fp16", graphs=PIPELINE_GRAPHS),),
    ),
    "executorch-vulkan": Target(
        title="ExecuTorch, Vulkan delegate",
        format="executorch",
        delegate="vulkan",
        suffix=".pte",
        layout="NCHW",
        dtype="float32",
        packages=("executorch",),
        folder="pte",
        entry=EXECUTORCH_METHOD,
        files=(Files(precision="fp16", graphs=PIPELINE_GRAPHS),),
    ),
    "onnx": Target(
        title="ONNX, onnxruntime on desktops and in browsers",
        format="onnx",
        suffix=".onnx",
        layout="NCHW",
        dtype="float32",
        packages=("onnx", "onnxscript", "onnxsim"),
        quantizer="onnxruntime",
        folder="onnx",
        requires={"ONNX opset": str(ONNX_OPSET)},
        files=(
            Files(precision="fp32", graphs=ALL_GRAPHS),
            Files(precision="int8", graphs=(*NETWORKS, "fused")),
        ),
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
    "sizes": "every size a function of one package, weights stored once (iOS 18); made where several sizes are",
}
"""What sets a file apart from that of the same graph, target and precision -> what it is for."""


def target_name(format_: Format, delegate: Delegate) -> str:
    """``<format>``, or ``<format>-<delegate>`` for a delegate other than XNNPACK."""
    return format_ if delegate in CPU_DELEGATES else f"{format_}-{delegate}"


def target_of(artifact: Artifact) -> str:
    """Key in ``TARGETS`` of a saved file."""
    return target_name(artifact.format, artifact.delegate)
