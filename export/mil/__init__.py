"""Executes a saved Core ML package on any machine, from its protobuf and weight file alone."""

from export.mil.graph import TensorSpec
from export.mil.program import MilProgram, Overflow, RunReport

__all__ = ["MilProgram", "Overflow", "RunReport", "TensorSpec"]
