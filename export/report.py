"""A page to look at: report.html beside the files, in one piece, without anything from a network.

    python -m export.report DIR [--checkpoint F]

``export.all`` writes it. The checkpoint is needed for the pictures: it must be the one that DIR was made from.

Exit code: 0 the page was written, 2 wrong use or no export there, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.reporting.page import networks_of, write_report
from runtime.manifest.manifest import Manifest
from runtime.system.errors import ReblurError
from train.weights import SHIPPED


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring for arguments and exit codes."""
    parser = argparse.ArgumentParser(prog="python -m export.report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="folder that export.all wrote")
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="F", help="default: the shipped one")
    arguments = parser.parse_args(argv)
    try:
        networks = networks_of(Manifest.load(arguments.directory), arguments.checkpoint)
        path = write_report(arguments.directory, networks)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ReblurError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if networks is None:
        print(f"no pictures: {arguments.checkpoint} is not what the files were made from", file=sys.stderr)
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
