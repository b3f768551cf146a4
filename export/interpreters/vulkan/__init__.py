"""Executes what an ExecuTorch file holds for the Vulkan delegate, on any machine, from the file alone.

    from export.interpreters.vulkan import VkProgram

    program = VkProgram.load("deblur_vulkan_fp16.pte")   # ReblurError: damaged, or an op is not known
    program.op_counts                                    # {"aten.add.Tensor": 6, "aten.cat.default": 1, ...}
    (sharp,) = program.run([image, sigma_px])            # tensors stored as FLOAT16 are rounded after their op
    (sharp,) = program.run([image, sigma_px], "fp32")    # not rounded: the graph and the weights alone
    report = program.trace([image, sigma_px])            # as run, but overflow is reported, not refused

What a run shows is what the saved file computes: its graph as it was fused and planned, its weights, the order of its
inputs, and what storing each result in half precision does. Loading also checks what ExecuTorch's runtime insists on:
kinds of arguments, memory layouts, and that no tensor is read after another took its memory. What it cannot show: a
phone's driver and the limits of its GPU, whether a shader sums in half precision, and speed.

Inside, bottom-up: ``values`` (what the graph's values are), ``blob`` (the delegate's data), ``arguments`` and ``ops``
(one torch function per op), ``checks`` (what the runtime insists on), ``program`` (the run), ``runner`` (by name).
A new op is an entry in the table of ``ops`` and a case in ``tests/export/interpreters/vulkan/test_ops.py``.
"""

from export.interpreters.vulkan.program import VkProgram
from export.interpreters.vulkan.runner import open_graph

__all__ = ["VkProgram", "open_graph"]
