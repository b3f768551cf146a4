"""The table of all commands: ``reblur NAME`` and ``python -m MODULE`` are the same code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. Its module has ``main(argv, prog)``, ``parser(prog)`` and ``run(arguments)``."""

    name: str
    """After ``reblur``."""
    module: str
    """After ``python -m``."""
    summary: str
    """One line."""
    extra: str
    """What has to be installed for it: ``pip install 'reblur[EXTRA]'``."""


# name, module, extra, summary
ROWS = (
    ("refocus", "runtime.refocus", "runtime", "refocus a photograph on a point"),
    ("selftest", "runtime.selftest", "runtime", "run every file of an export against its golden vectors"),
    ("studio", "runtime.studio", "runtime", "serve a page that refocuses photographs in the browser"),
    ("train", "train.fit", "train", "train the networks from misaligned pairs"),
    ("evaluate", "train.evaluate", "train", "figures of a checkpoint on scenes, or on pairs of a data set"),
    ("card", "train.card", "train", "measure a checkpoint for its model card"),
    ("ablate", "train.ablate", "train", "the method and its parts against misalignment"),
    ("distil", "train.distil", "train", "teach an estimator its own map with activations that int8 can hold"),
    ("qat", "train.qat", "train", "fine-tune the networks for int8"),
    ("export", "export.all", "export", "make verified files for every runtime from a checkpoint"),
    ("verify", "export.verify", "export", "check an export again: digests, and results on the golden vectors"),
    ("report", "export.report", "export", "write report.html beside the files of an export"),
    ("controls", "export.controls", "export", "break files on purpose, and see whether the checks notice"),
    ("search", "export.search", "export", "try ways to quantize each network, and keep the best"),
    ("lint", "export.lint", "export", "what keeps a file off the accelerators of phones and browsers"),
    ("schema", "export.manifest_schema", "export", "write the JSON Schema of manifest.json"),
    ("bench-latency", "benchmarks.latency", "bench", "how fast files, stages, taps and single operations are"),
    ("bench-peers", "benchmarks.peers", "bench", "our networks and blur beside published and other ones"),
    ("bench-limits", "benchmarks.limits", "bench", "how near a graph comes to what the machine can do"),
    ("bench-quality", "benchmarks.quality", "bench", "what every precision costs in quality, on scenes or pairs"),
    ("bench-scale", "benchmarks.scale", "bench", "how fast training is, by pictures and by processes"),
    ("bench-arm64", "benchmarks.arm64", "bench", "the saved files on emulated ARM kernels, against this machine"),
    ("bench-phone", "benchmarks.phone", "bench", "install, start and collect a demo application's benchmark"),
    ("bench-report", "benchmarks.report", "bench", "a page and Markdown from rows; compare with a baseline"),
    ("bench-alignment", "benchmarks.alignment", "bench", "how close alignment brings a misaligned pair to the truth"),
    ("bench-int8-maps", "benchmarks.int8_maps", "bench", "how far int8 defocus maps are from the float network's"),
    ("bench-refocus", "benchmarks.refocus", "bench", "how good refocusing is at outlines, and what a tap costs"),
)
COMMANDS: dict[str, Command] = {
    name: Command(name=name, module=module, extra=extra, summary=summary) for name, module, extra, summary in ROWS
}
"""Name -> command."""


def command_of(module: str) -> Command:
    """The command whose code is in that module."""
    (command,) = (command for command in COMMANDS.values() if command.module == module)
    return command
