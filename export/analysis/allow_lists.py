"""Which operators each phone processor is said to take: sets of names, with where they come from."""

from __future__ import annotations


def names(text: str) -> frozenset[str]:
    """The words of ``text``."""
    return frozenset(text.split())


ANE_CATALOG = "https://aneforge.readthedocs.io/en/latest/op-catalog/"
"""Measured on M1 to M5 by its authors; Apple publishes no such list."""

ANE_NATIVE = names(
    """
    abs add avg_pool batch_norm cast clip concat conv conv_transpose dequantize erf exp expand_dims floor gelu
    greater greater_equal identity instance_norm inverse layer_norm leaky_relu less less_equal linear log matmul
    max_pool maximum minimum mul pad pixel_shuffle pixel_unshuffle pow quantize real_div reduce_max reduce_mean
    reduce_min reduce_sum relu relu6 reshape rsqrt select sigmoid silu slice_by_index softmax softplus split
    sqrt square squeeze stack sub tanh transpose upsample_bilinear upsample_nearest_neighbor
    """
)
"""MIL ops that the Neural Engine runs itself."""

ANE_TABLES = names(
    """
    erf exp gelu inverse log pow rsqrt sigmoid silu softmax softplus sqrt tanh
    """
)
"""MIL ops that the Neural Engine approximates by tables."""

GPU_SOURCE = "https://github.com/google-ai-edge/LiteRT tflite/delegates/gpu/common/model_builder.cc"

GPU_OPS = names(
    """
    ABS ADD ADD_N AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D COS CUMSUM DENSIFY DEPTHWISE_CONV_2D
    DEPTH_TO_SPACE DEQUANTIZE DIV ELU EQUAL EXP FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GELU GREATER
    GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN
    MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN
    REDUCE_PROD RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT
    SELECT_V2 SIGN SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE
    SUB SUM TANH TILE TRANSPOSE TRANSPOSE_CONV UNPACK
    """
)
"""TFLite operators for which LiteRT's GPU delegate has a parser."""

WEBGPU_SOURCE = "https://www.npmjs.com/package/onnxruntime-web docs/webgpu-operators.md of version 1.24.3"

WEBGPU_OPS = names(
    """
    Abs Acos Acosh Add ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip
    Concat Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Einsum Elu Equal Erf Exp
    Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater
    GreaterOrEqual GridSample HardSigmoid If InstanceNormalization LayerNormalization LeakyRelu Less
    LessOrEqual Log MatMul MaxPool Mul Neg Not Pad Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize
    ScatterND Shape Sigmoid SimplifiedLayerNormalization Sin Sinh Slice Softmax Split Sqrt Squeeze Sub Tan
    Tanh ThresholdedRelu Tile Transpose Unsqueeze Where
    """
)
"""Operators of ONNX's own domain for which onnxruntime-web has a WebGPU kernel, in some opset."""

NNAPI_SOURCE = "https://developer.android.com/ndk/reference/group/neural-networks"

NNAPI_LEVELS: dict[str, int] = {
    **dict.fromkeys(
        names(
            """
            ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE FLOOR
            FULLY_CONNECTED LOGISTIC MAX_POOL_2D MUL RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR SOFTMAX
            SPACE_TO_DEPTH TANH
            """
        ),
        27,
    ),
    **dict.fromkeys(
        names(
            """
            DIV MEAN PAD SQUEEZE STRIDED_SLICE SUB TRANSPOSE
            """
        ),
        28,
    ),
    **dict.fromkeys(
        names(
            """
            ABS CAST EQUAL EXP EXPAND_DIMS GATHER GREATER GREATER_EQUAL LESS LESS_EQUAL LOG MAXIMUM MINIMUM NEG
            NOT_EQUAL PADV2 POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN REDUCE_PROD RESIZE_NEAREST_NEIGHBOR RSQRT
            SELECT SIN SLICE SPLIT SQRT SUM TILE TRANSPOSE_CONV
            """
        ),
        29,
    ),
    **dict.fromkeys(
        names(
            """
            BATCH_MATMUL ELU FILL HARD_SWISH RANK
            """
        ),
        30,
    ),
}
"""TFLite operator -> Android API level from which NNAPI has its counterpart."""
