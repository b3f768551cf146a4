"""What all commands share: their parser, the types of their arguments, and how they end.

Nothing here takes long to import: a command answers ``--help`` and a wrong argument before it loads what it works with.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from runtime.system.argument_types import MOST_AT_ONCE, at_least
from runtime.system.commands import Command, command_of
from runtime.system.errors import ReblurError
from runtime.system.version import reblur_version

USUAL_CODES = "0 done, 2 wrong use, 130 interrupted"
INTERRUPTED = 130
BROKEN_PIPE = 141
"""Of a command whose reader went away, as of one that SIGPIPE ends."""
DEVICES = ("auto", "cpu", "cuda")


class Parser(argparse.ArgumentParser):
    """Says what is wrong with an argument in one sentence, and takes no shortened flags."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, which takes the value of ``--flag=--`` for a list."""
        for word in sys.argv[1:] if args is None else args:
            if word.startswith("--") and word.endswith("=--"):
                self.error(f"argument {word[:-3]}: expected a value, got '--'")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise what ``run_command`` prints."""
        raise ReblurError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")


def command_parser(module: str, prog: str | None, *, example: str, exit_codes: str = USUAL_CODES) -> Parser:
    """The parser of a command, with ``--version`` and an example.

    Args:
        module: of the command.
        prog: what was typed; None is ``python -m module``.
        example: arguments of an example.
        exit_codes: each with what it means.
    """
    epilog = f"example:\n  %(prog)s {example}\n\nexit codes: {exit_codes}"
    parser = Parser(
        prog=prog or f"python -m {module}",
        description=command_of(module).summary,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    return parser


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> None:
        print(f"reblur {reblur_version()}")
        raise SystemExit(0)


def renamed(parser: argparse.ArgumentParser, old: str, new: str) -> None:
    """Refuse a flag's old spelling in a sentence that names the new one."""

    class Refuse(argparse.Action):
        def __call__(self, *_: Any) -> None:
            parser.error(f"{old} is now {new}")

    parser.add_argument(old, action=Refuse, nargs="*", help=argparse.SUPPRESS)


def add_threads(parser: Any) -> None:
    """``--threads``: of this process."""
    parser.add_argument(
        "--threads", type=at_least(1, MOST_AT_ONCE), metavar="N", help="CPU threads; default: the runtime's own choice"
    )


def add_jobs(parser: Any) -> None:
    """``--jobs``: processes at once, None for as many as fit."""
    what = "processes; 0: all in this one; default: by processors and memory"
    parser.add_argument("--jobs", type=at_least(0, MOST_AT_ONCE), metavar="N", help=what)


def add_workers(parser: Any) -> None:
    """``--workers``: processes that make pairs, None for the default."""
    what = "processes that make pairs; default: the cores beside a GPU, else 0: pairs are made when they are needed"
    parser.add_argument("--workers", type=at_least(0, MOST_AT_ONCE), metavar="N", help=what)


def add_json(parser: Any) -> None:
    """``--json``: standard output is one JSON document and nothing else."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")


def add_device(parser: Any) -> None:
    """``--device``: where the networks run."""
    parser.add_argument("--device", choices=DEVICES, default=DEVICES[0], help="default: a GPU where there is one")


def run_command(
    module: str | None,
    work: Callable[[], int],
    *,
    interrupted: str = "interrupted",
    label: str = "error",
) -> int:
    """Do a command's work, from its arguments on, and turn whatever ends it into an exit code and a line on stderr.

    Args:
        module: of the command; None for the list of all, which needs nothing.
        work: parses the arguments, does what they say and returns the exit code.
        interrupted: what to say after Ctrl-C.
        label: before the sentence of an error.

    Returns:
        The exit code: that of ``work``; 2 for a user's mistake, 130 after Ctrl-C, 141 where the reader of stdout left.
    """
    try:
        code = _finished(work)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except ModuleNotFoundError as error:
        if module is None:
            raise
        print(f"{label}: {missing(error, command_of(module))}", file=sys.stderr)
        return 2
    except (ReblurError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _reader_left():
            return BROKEN_PIPE
        print(f"{label}: {sentence(error)}", file=sys.stderr)
        return 2


def _finished(work: Callable[[], int]) -> int:
    """The exit code of ``work``, also where argparse ends it after ``--help``."""
    try:
        return work()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0


def missing(error: ModuleNotFoundError, command: Command) -> str:
    """Which package is not installed, and what to do; a module of our own that is not there is a fault of ours."""
    package = (error.name or "").partition(".")[0]
    if not package or package in ("runtime", "train", "export", "benchmarks"):
        raise error
    return f"{package} is not installed: pip install 'reblur[{command.extra}]'"


def sentence(error: ReblurError | OSError) -> str:
    """What to tell the user."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _reader_left() -> bool:
    """Whether stdout is a pipe that nobody reads any more; what is left to write is thrown away then."""
    try:
        stdout = sys.stdout.fileno()
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(stdout, select.POLLOUT)
    if not any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
        return False
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stdout)
    os.close(null)
    return True


@contextlib.contextmanager
def text_to_stderr(as_json: bool) -> Iterator[None]:
    """With ``--json``: send what is printed for people to stderr for a while."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def print_json(document: object) -> None:
    """Print the document of ``--json``: records are objects, and what is no number is null, as JSON has none."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def words_of(argv: Sequence[str] | None) -> list[str]:
    """The words of the command line."""
    return list(sys.argv[1:] if argv is None else argv)
