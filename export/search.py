"""Try ways to quantize each network, and keep the smallest and fastest that passes its gates with margin.

    python -m export.search [--checkpoint FILE] [--graphs defocus,deblur] [--formats tflite,executorch,onnx]
                            [--size HxW] [--rounds N] [--out FILE] [--choice FILE] [--json]

Every candidate is written, run on the check pictures and timed in turns with the float file of its format; they come
one after the other (there is no ``--jobs``), since others at work would spoil the times. The table goes to
export/quantization_search/RESULTS.md, the choice to export/recipes/quantization.json, which ``export.all`` reads.
Ranges come from the calibration pictures, which are none of the check pictures.

Exit code: 0 a choice was made everywhere, 1 no candidate passed somewhere, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.recipes.int8_choice import CHOICE_FILE, FORMATS, NETWORKS
from runtime.system.argument_types import positive, size_px
from runtime.system.command_line import add_json, command_parser, print_json, run_command
from train.weights import SHIPPED

MODULE = "export.search"
TABLE_FILE = Path(__file__).parent / "quantization_search" / "RESULTS.md"


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    interrupted = "interrupted: nothing was written"
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)), interrupted=interrupted)


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 a choice was made everywhere, 1 no candidate passed somewhere, 2 wrong use, 130 interrupted"
    example = "--graphs defocus --formats tflite --out table.md --choice choice.json"
    parser = command_parser(MODULE, prog, example=example, exit_codes=codes)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=SHIPPED, metavar="FILE", help="default: the shipped one")
    add("--graphs", default=",".join(NETWORKS), metavar="NAMES", help="default: %(default)s")
    add("--formats", default=",".join(FORMATS), metavar="NAMES", help="default: %(default)s")
    add("--size", type=size_px, default="256x256", metavar="HxW", help="pixels; default: %(default)s")
    add("--rounds", type=positive, default=100, metavar="N", help="of timing (default: %(default)s)")
    add("--out", type=Path, default=TABLE_FILE, metavar="FILE", help="default: export/quantization_search/RESULTS.md")
    add("--choice", type=Path, default=CHOICE_FILE, metavar="FILE", help="default: export/recipes/quantization.json")
    add_json(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Search, write what was found, and print it.

    Raises:
        ReblurError: an argument is wrong, or a file cannot be read or written.
    """
    from export.execution.interrupts import Interrupts
    from export.quantization_search.command import search
    from runtime.manifest.json_codec import to_json

    with Interrupts():
        groups, chosen, text = search(arguments)
    if arguments.json:
        trials = [to_json(trial) for group in groups for trial in group]
        print_json({"trials": trials, "chosen": [trial and to_json(trial.candidate) for trial in chosen]})
    else:
        print(text)
    return 0 if all(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
