"""The table of lint rules: one thing each that a phone's processor does not take, or does not like, and why.

None of the vendors publishes the whole truth: each rule names where its claim is written down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from export.analysis.allow_lists import (
    ANE_CATALOG,
    ANE_NATIVE,
    ANE_TABLES,
    GPU_OPS,
    GPU_SOURCE,
    NNAPI_LEVELS,
    NNAPI_SOURCE,
    WEBGPU_OPS,
    WEBGPU_SOURCE,
)
from export.analysis.operators import OpNode, Shape, Unit, size_of

Effect = Literal["blocks", "slows", "note"]

ANE_RULES = "https://ane-guide.readthedocs.io/en/latest/part-5-practice/17-model-design-rules.html"
ANE_SURFACE = "https://ane-guide.readthedocs.io/en/latest/part-1-machine/04-capability-surface.html"
ANE_LAYOUT = "https://machinelearning.apple.com/research/neural-engine-transformers"
ANE_PRECISION = "https://github.com/hollance/neural-engine docs/16-bit.md"
FLEXIBLE = "https://apple.github.io/coremltools/docs-guides/source/flexible-inputs.html"
GPU_GUIDE = "https://www.tensorflow.org/lite/performance/gpu"
VULKAN_LAYOUTS = "https://github.com/pytorch/executorch backends/vulkan/_passes/tag_memory_meta_pass.py"
VULKAN_LIMITS = "https://github.com/pytorch/executorch backends/vulkan/utils.py"
NNAPI_END = "https://developer.android.com/ndk/guides/neuralnetworks/migration-guide"

KERNEL_LIMIT = 13
PLANE_LIMIT_PX, CHANNEL_LIMIT = 16384, 65536
WORKING_SET_BYTES = 2 * 2**20
TEXTURE_LIMIT = 2048
SMALLEST_NORMAL_FP16 = 2.0**-14
FLOATS = frozenset({"FLOAT16", "FLOAT32"})
QUANTISED = frozenset({"INT8", "UINT8"})
SHUFFLES = frozenset(
    ["RESHAPE", "TRANSPOSE", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"]
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that a processor does not take, or does not like."""

    name: str
    unit: Unit
    effect: Effect
    """blocks: the operator runs elsewhere. slows: it runs, at a cost. note: what to know."""
    why: str
    source: str
    breaks: Callable[[OpNode], bool]


def is_plane(node: OpNode) -> bool:
    """Whether the operator gives pictures or maps (B, C, H, W)."""
    return len(node.shape) == 4


def channels_off(node: OpNode, axis: int, multiple: int) -> bool:
    """Whether a convolution's channels are many, and no multiple of ``multiple``."""
    channels = node.shape[axis] if node.kernel and is_plane(node) else None
    return channels is not None and channels > 4 and channels % multiple != 0


def is_beyond_texture(shape: Shape) -> bool:
    """Whether a tensor (B, C, H, W) is larger than a 3-D texture of every GPU: W, H, and B * C in fours."""
    *others, channels, rows, columns = (1, 1, 1, *(size or 1 for size in shape))
    return max(columns, rows, math.prod(others) * -(-channels // 4)) > TEXTURE_LIMIT


RULES: tuple[Rule, ...] = (
    Rule(
        name="ane-op",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_CATALOG,
        why="the engine has no such operation",
        breaks=lambda node: node.op not in ANE_NATIVE,
    ),
    Rule(
        name="ane-fp16",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_RULES,
        why="the engine computes in fp16; a float32 tensor is computed elsewhere",
        breaks=lambda node: node.op != "cast" and "FLOAT32" in node.dtypes,
    ),
    Rule(
        name="ane-integers",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_RULES,
        why="32-bit integers have no path through the engine",
        breaks=lambda node: bool({"INT32", "INT64"} & {*node.dtypes}),
    ),
    Rule(
        name="ane-rank",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_LAYOUT,
        why="the engine's layout has four dimensions, channels first",
        breaks=lambda node: any(len(shape) > 4 for shape in node.shapes),
    ),
    Rule(
        name="ane-fixed-shape",
        unit="Neural Engine",
        effect="blocks",
        source=FLEXIBLE,
        why="a dimension known only at run time cannot be planned for; fixed or enumerated sizes can",
        breaks=lambda node: any(None in shape for shape in node.shapes),
    ),
    Rule(
        name="ane-kernel",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_RULES,
        why=f"kernels are at most {KERNEL_LIMIT} wide",
        breaks=lambda node: max(node.kernel, default=0) > KERNEL_LIMIT,
    ),
    Rule(
        name="ane-extent",
        unit="Neural Engine",
        effect="blocks",
        source=ANE_RULES,
        why=f"rows and columns are at most {PLANE_LIMIT_PX}, channels at most {CHANNEL_LIMIT}",
        breaks=lambda node: any(
            (size or 0) > (CHANNEL_LIMIT if axis == 1 else PLANE_LIMIT_PX)
            for shape in node.shapes
            for axis, size in enumerate(shape)
        ),
    ),
    Rule(
        name="ane-pad",
        unit="Neural Engine",
        effect="slows",
        source=ANE_SURFACE,
        why="only zero padding is part of the data path; other modes need the sampler of A14 and later",
        breaks=lambda node: node.op == "pad" and node.mode not in ("", "constant"),
    ),
    Rule(
        name="ane-channels",
        unit="Neural Engine",
        effect="slows",
        source=ANE_RULES,
        why="channels are interleaved in groups; a convolution's channels should be a multiple of 16",
        breaks=lambda node: channels_off(node, 1, 16),
    ),
    Rule(
        name="ane-working-set",
        unit="Neural Engine",
        effect="slows",
        source=ANE_RULES,
        why="a tensor above 2 MiB does not stay on the chip: it is computed in tiles and streamed from memory",
        breaks=lambda node: 2 * size_of(node.shape) > WORKING_SET_BYTES,
    ),
    Rule(
        name="ane-subnormal",
        unit="Neural Engine",
        effect="note",
        source=ANE_PRECISION,
        why="a constant below 6.1e-5 is subnormal in fp16 and may become 0",
        breaks=lambda node: any(0.0 < abs(value) < SMALLEST_NORMAL_FP16 for value in node.scalars),
    ),
    Rule(
        name="ane-tables",
        unit="Neural Engine",
        effect="note",
        source=ANE_CATALOG,
        why="approximated by a table, whose error no other machine shows",
        breaks=lambda node: node.op in ANE_TABLES,
    ),
    Rule(
        name="gpu-op",
        unit="GPU delegate",
        effect="blocks",
        source=GPU_SOURCE,
        why="the delegate has no such operator",
        breaks=lambda node: node.op not in GPU_OPS,
    ),
    Rule(
        name="gpu-types",
        unit="GPU delegate",
        effect="blocks",
        source=GPU_SOURCE,
        why="tensors must be float, or 8 bits wide where quantised models are allowed",
        breaks=lambda node: not {*node.dtypes} <= FLOATS | QUANTISED,
    ),
    Rule(
        name="gpu-rank",
        unit="GPU delegate",
        effect="blocks",
        source=GPU_SOURCE,
        why="tensors have at most four dimensions: batch, height, width, channels",
        breaks=lambda node: any(len(shape) > 4 for shape in node.shapes),
    ),
    Rule(
        name="gpu-shuffle",
        unit="GPU delegate",
        effect="slows",
        source=GPU_GUIDE,
        why="moving values about costs a GPU as much as computing",
        breaks=lambda node: node.op in SHUFFLES,
    ),
    Rule(
        name="gpu-channels",
        unit="GPU delegate",
        effect="slows",
        source=GPU_GUIDE,
        why="channels are stored in fours; 5 cost as much as 8",
        breaks=lambda node: channels_off(node, 3, 4),
    ),
    Rule(
        name="gpu-quantised",
        unit="GPU delegate",
        effect="note",
        source=GPU_GUIDE,
        why="8-bit models are computed in float there: smaller, but not faster",
        breaks=lambda node: bool(QUANTISED & {*node.dtypes}),
    ),
    Rule(
        name="nnapi-op",
        unit="NNAPI",
        effect="blocks",
        source=NNAPI_SOURCE,
        why="NNAPI has no such operator",
        breaks=lambda node: node.op not in NNAPI_LEVELS,
    ),
    Rule(
        name="nnapi-rank",
        unit="NNAPI",
        effect="blocks",
        source=NNAPI_SOURCE,
        why="tensors have at most four dimensions",
        breaks=lambda node: any(len(shape) > 4 for shape in node.shapes),
    ),
    Rule(
        name="nnapi-level-29",
        unit="NNAPI",
        effect="slows",
        source=NNAPI_SOURCE,
        why="not before Android 10; the CPU does it on older phones",
        breaks=lambda node: NNAPI_LEVELS.get(node.op, 0) == 29,
    ),
    Rule(
        name="nnapi-level-30",
        unit="NNAPI",
        effect="slows",
        source=NNAPI_SOURCE,
        why="signed 8-bit tensors, and some operators, not before Android 11; the CPU does it on older phones",
        breaks=lambda node: NNAPI_LEVELS.get(node.op, 0) == 30 or "INT8" in node.dtypes,
    ),
    Rule(
        name="nnapi-end",
        unit="NNAPI",
        effect="note",
        source=NNAPI_END,
        why="deprecated from Android 15 on; new apps should not need it",
        breaks=lambda node: True,
    ),
    Rule(
        name="webgpu-op",
        unit="WebGPU",
        effect="blocks",
        source=WEBGPU_SOURCE,
        why="onnxruntime-web has no kernel of it for WebGPU: the CPU does it, and tensors travel there and back",
        breaks=lambda node: node.op not in WEBGPU_OPS,
    ),
    Rule(
        name="vulkan-layout",
        unit="Vulkan",
        effect="slows",
        source=VULKAN_LAYOUTS,
        why="the tensor is copied, since the next operator wants another of its axes four to a texel",
        breaks=lambda node: node.op == "aten.clone.default",
    ),
    Rule(
        name="vulkan-extent",
        unit="Vulkan",
        effect="blocks",
        source=VULKAN_LIMITS,
        why=f"3-D textures beyond {TEXTURE_LIMIT} in a direction are not on every GPU",
        breaks=lambda node: any(is_beyond_texture(shape) for shape in node.shapes),
    ),
)
