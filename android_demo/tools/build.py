"""Builds and checks the app without Gradle and without Google's SDK: a JDK 17 and Maven are enough.

python android_demo/tools/build.py all                  everything, as `make android` does
python android_demo/tools/build.py core                 the shared logic and its tests
python android_demo/tools/build.py core app lint apk    some goals, in this order
python android_demo/tools/build.py lock                 accept what Maven resolves now
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import resources
import testing
from processes import ROOT, BuildError, stage
from resolve import Dependencies, resolve

GOALS = ("core", "app", "lint", "apk")


def main() -> int:
    """Run the goals; 2 where something has to be put right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goals", nargs="+", choices=(*GOALS, "all", "lock"), metavar="GOAL")
    parser.add_argument(
        "--artifacts", type=Path, default=ROOT.parent / "artifacts", help="the export to take models from"
    )
    parser.add_argument(
        "--no-references", action="store_true", help="do not compare photographs with the Python runtime"
    )
    parser.add_argument("--only", default="", metavar="NAME", help="run only test classes with this in their names")
    options = parser.parse_args()
    try:
        goals = GOALS if "all" in options.goals else options.goals
        build(goals, options.artifacts.resolve(), with_references=not options.no_references, only=options.only)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def build(goals: list[str] | tuple[str, ...], artifacts: Path, *, with_references: bool, only: str) -> None:
    """Each goal with what it needs."""
    with stage("resolve"):
        deps = resolve(accept=True) if "lock" in goals else Dependencies.load()
    given = None
    if {"core", "app"} & set(goals):
        with stage("references"):
            given = dataclasses.replace(testing.inputs(artifacts, with_references=with_references), only=only)
    if "core" in goals and given:
        with stage("core"):
            testing.core(deps, given)
    if {"app", "lint", "apk"} & set(goals):
        with stage("resources"):
            resources.gather_models(artifacts)
            resources.link(deps)
    if "app" in goals and given:
        with stage("app"):
            testing.app(deps, given)
    if "lint" in goals:
        import lint

        with stage("lint"):
            lint.check(deps)
    if "apk" in goals:
        import packing

        with stage("apk"):
            packing.pack(deps)


if __name__ == "__main__":
    raise SystemExit(main())
