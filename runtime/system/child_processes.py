"""Python processes that find this code, whatever lies in the folder that the user works in.

``python -m`` and ``python -c`` look for modules in the working folder first: a user's own ``export.py`` or ``train.py``
there would take the place of ours.
"""

from __future__ import annotations

import contextlib
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PACKAGE_ROOT = Path(__file__).parents[2]
"""The folder that holds the packages."""


def child_environment() -> dict[str, str]:
    """Environment for a Python process: no module from the working folder, ours from where this one is."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    # What is installed is found without help; site-packages before the standard library could shadow that.
    if Path(sysconfig.get_path("purelib")) != PACKAGE_ROOT:
        paths = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


@contextlib.contextmanager
def as_child_environment(**more: str) -> Iterator[None]:
    """Have ``os.environ`` be ``child_environment()`` for a while, for those who start processes without asking.

    Args:
        more: further variables, by name.
    """
    before = dict(os.environ)
    os.environ.update({**child_environment(), **more})
    try:
        yield
    finally:
        for name in ("PYTHONSAFEPATH", "PYTHONPATH", *more):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]
