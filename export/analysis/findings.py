"""What keeps a saved file off the accelerators of phones and browsers, by rules: a prediction, not a measurement.

Where an operator really runs is decided on the device, by its system and its drivers. Each rule says why, and where
that is written down. The table is ``export.analysis.rules``; a rule looks at one operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from export.analysis.onnx import onnx_nodes
from export.analysis.operators import OpNode, mil_nodes, tflite_nodes
from export.analysis.pte import pte_nodes
from export.analysis.rules import RULES, Unit
from export.interpreters.mil.from_pte import BACKEND as CORE_ML_DELEGATE
from export.interpreters.vulkan.program import BACKEND as VULKAN_DELEGATE
from runtime.manifest.check_records import LintFinding
from runtime.system.errors import ReblurError

PREDICTION = "prediction, not measurement"
UNITS: dict[str, tuple[Unit, ...]] = {
    ".mlpackage": ("Neural Engine",),
    ".onnx": ("WebGPU",),
    ".tflite": ("GPU delegate", "NNAPI"),
}
"""Suffix of a file that is for no delegate in particular -> what it may run on."""
DELEGATE_UNITS: dict[str, tuple[Unit, ...]] = {CORE_ML_DELEGATE: ("Neural Engine",), VULKAN_DELEGATE: ("Vulkan",)}
"""Delegate of an ExecuTorch file -> what it may run on."""


def lint_findings(path: Path, function: str | None = None) -> tuple[LintFinding, ...]:
    """What the rules say about a saved file, for every processor that may run it.

    Args:
        path: an .mlpackage, .onnx or .tflite; or a .pte, of which what is for Core ML or Vulkan has rules.
        function: which one of an .mlpackage with several.

    Raises:
        ReblurError: the file is of another kind, or damaged.
    """
    if path.suffix not in READERS:
        raise ReblurError(f"cannot lint {path}: expected a file ending in {' or '.join(READERS)}")
    units, nodes = READERS[path.suffix](path, function)
    return tuple(finding for unit in units for finding in lint_nodes(nodes, unit))


def lint_nodes(nodes: Iterable[OpNode], unit: Unit) -> list[LintFinding]:
    """The rules of one processor that some of ``nodes`` break, in the order of the table."""
    nodes = tuple(nodes)
    findings = []
    for rule in RULES:
        broken = [node for node in nodes if rule.breaks(node)] if rule.unit == unit else []
        if broken:
            kinds = tuple(dict.fromkeys(node.op for node in broken))
            findings.append(
                LintFinding(
                    rule=rule.name, unit=unit, effect=rule.effect, count=len(broken), operators=kinds,
                    why=rule.why, source=rule.source,
                )
            )  # fmt: skip
    return findings


def is_taken(node: OpNode, unit: Unit) -> bool:
    """Whether no rule keeps the operator off this processor."""
    return not any(rule.unit == unit and rule.effect == "blocks" and rule.breaks(node) for rule in RULES)


Operators = tuple[tuple[Unit, ...], tuple[OpNode, ...]]
"""What a file may run on, and the operators that it has for that."""


def _lowered(path: Path) -> Operators:
    """Of an ExecuTorch file, what is inside its delegates."""
    found = pte_nodes(path)
    return tuple(u for name in dict.fromkeys(found.delegates) for u in DELEGATE_UNITS.get(name, ())), found.inside


READERS: dict[str, Callable[[Path, str | None], Operators]] = {
    ".mlpackage": lambda path, function: (UNITS[".mlpackage"], mil_nodes(path, function)),
    ".onnx": lambda path, function: (UNITS[".onnx"], onnx_nodes(path)),
    ".pte": lambda path, function: _lowered(path),
    ".tflite": lambda path, function: (UNITS[".tflite"], tflite_nodes(path)),
}
"""Suffix of a file -> how it is read."""
