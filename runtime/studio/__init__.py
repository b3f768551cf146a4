"""The studio: a page that refocuses photographs in the browser, served on this machine.

    python -m runtime.studio --artifacts artifacts --port 8017
    python -m runtime.studio --artifacts artifacts --write site

The page is built by `make studio-build`, which needs Node; serving it needs nothing but Python. It runs the TFLite
files of the export in the browser; no photograph comes here.

Exit code: 0 stopped or written, 2 wrong use, no page or no export there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from runtime.system.argument_types import at_least
from runtime.system.command_line import command_parser, run_command

MODULE = "runtime.studio"
PORT = 8017
MOST_PORT = 65535
PAGE = Path(__file__).parent / "dist"
"""Where `make studio-build` puts the page."""


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    return run_command(MODULE, lambda: run(parser(prog).parse_args(argv)))


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Arguments of the command line."""
    codes = "0 stopped or written, 2 wrong use, no page or no export there"
    parser = command_parser(MODULE, prog, example="--artifacts artifacts --port 8017", exit_codes=codes)
    add = parser.add_argument
    add(
        "--artifacts",
        type=Path,
        default=Path("artifacts"),
        metavar="FOLDER",
        help="that an export wrote; default: %(default)s",
    )
    add(
        "--port",
        type=at_least(0, MOST_PORT),
        default=PORT,
        metavar="N",
        help="default: %(default)s; 0: any that is free",
    )
    add(
        "--page",
        type=Path,
        default=PAGE,
        metavar="FOLDER",
        help="the built page; default: the one of make studio-build",
    )
    site = "write the page and the export's files into this new folder, for any host, and serve nothing"
    add("--write", type=Path, metavar="FOLDER", help=site)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted, or write the static page.

    Raises:
        ReblurError: there is no export, no page, or the port is taken.
    """
    from runtime.studio.server import open_server
    from runtime.studio.site import write_site

    if arguments.write:
        count = write_site(arguments.page, arguments.artifacts, arguments.write)
        print(f"{arguments.write}: {count} files; any host of static files will do")
        return 0
    server = open_server(arguments.page, arguments.artifacts, arguments.port)
    print(f"Reblur Studio: http://localhost:{server.server_address[1]}/ (Ctrl-C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0
