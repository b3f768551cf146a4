"""Executes a saved Core ML package on any machine, from its protobuf and weight file alone.

    from export.interpreters.mil import MilProgram

    program = MilProgram.load("deblur_fp16.mlpackage")     # ReblurError: damaged, truncated, or an op is not known
    program.inputs, program.outputs                        # TensorSpec: name, MIL element type, shape
    program.op_counts                                      # {"conv": 11, "relu": 9, ...}
    program.constants                                      # name -> array; compressed weights made dense
    result = program.run({"image": image, "sigma_px": s})  # fp16: every FLOAT16 tensor rounded after its op
    result = program.run(inputs, "fp32")                   # not rounded: the graph and the weights alone
    report = program.trace(inputs)                         # as run, but overflow is reported, not refused
    print(report.overflows[0])                             # mul 'weights_3': 2 of 4 values became inf or NaN (...)

    ranges = program.ranges([inputs, others])              # name -> smallest and largest value: for quantisation

``MilProgram.load(path, function="size_768x512")`` opens one function of a package that has several.

What a run shows is what the saved file computes: its graph, its weights as they were compressed, its layout, and
what rounding to fp16 after each op does to the result. What it cannot show: on which unit Core ML places an op, how
fast that is, in which precision a unit sums, and the error of the tables by which the Neural Engine approximates
functions such as ``exp``.

Inside, bottom-up: ``dtypes`` (how MIL stores numbers), ``blob`` (the weight file), ``package`` (the protobuf),
``arguments`` and ``ops_*`` (one torch function per op), ``ops`` (the table of all of them), ``graph`` (names bound,
constants made), ``program`` (the run). A new op is a function in the ``ops_*`` file of its kind, an entry in that
file's table, and a case in ``tests/export/interpreters/mil/test_one_op.py``.

Only Core ML's ML Programs are read; their ops are two-dimensional vision ops with fixed strides. A picture
(``TensorSpec.color_layout``) is given as the numbers of its pixels, (1, C, H, W) whole and from 0 to 255, since scale
and bias are ops of the program itself. Core ML rounds a picture that it gives back; here it stays as computed, because
how it rounds is not documented.

Eight-bit activations are exact: what ``quantize`` and ``dequantize`` give for fp16 numbers is what exact arithmetic
gives, and for fp32 numbers bit for bit what coremltools computes. Compressed weights are bit for bit those that
coremltools decompresses.
"""

from export.interpreters.half_precision import Overflow
from export.interpreters.mil.graph import TensorSpec
from export.interpreters.mil.program import MilProgram, RunReport

__all__ = ["MilProgram", "Overflow", "RunReport", "TensorSpec"]
