"""The ``reblur`` command: ``reblur NAME ...`` is ``python -m MODULE ...`` of the table of commands.

It works from any folder. Modules are imported by name when they are asked for: an installation has this one always,
the others with their extras.

Exit code: that of the command; 2 where there is no such command.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from runtime.system.command_line import run_command, words_of
from runtime.system.commands import COMMANDS
from runtime.system.errors import ReblurError
from runtime.system.version import reblur_version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names."""
    words = words_of(argv)
    if not words or words[0] in ("-h", "--help"):
        return run_command(None, lambda: _print(usage()))
    if words[0] == "--version":
        return run_command(None, lambda: _print(f"reblur {reblur_version()}"))
    if words[0] not in COMMANDS:
        return run_command(None, lambda: unknown(words[0]))
    command = COMMANDS[words[0]]
    module = importlib.import_module(command.module)
    return int(module.main(words[1:], prog=f"reblur {command.name}"))


def usage() -> str:
    """The commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {command.name:{width}}  {command.summary}" for command in COMMANDS.values()]
    return "\n".join(
        [
            "usage: reblur COMMAND ...",
            "",
            "Refocusing of portraits on phones: training, verified export, and a runtime.",
            "",
            *lines,
            "",
            "reblur COMMAND --help says more; reblur --version prints the version.",
        ]
    )


def unknown(name: str) -> int:
    """Say that there is no such command.

    Raises:
        ReblurError: always.
    """
    raise ReblurError(f"no command {name!r}: choose from {', '.join(COMMANDS)}")


def _print(text: str) -> int:
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
