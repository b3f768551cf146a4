"""What is exported: a table of graph x target x precision."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from export.recipes.targets import ALL_GRAPHS, PIPELINE_GRAPHS, PRECISIONS, TARGETS, VARIANTS
from runtime.manifest.records import Format
from runtime.system.errors import ReblurError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One artefact to make, at every size that is asked for."""

    graph: str
    """defocus, deblur, refocus, or fused: the three in one."""
    target: str
    """Key of ``export.recipes.targets.TARGETS``."""
    precision: str
    """Key of ``export.recipes.targets.PRECISIONS``."""
    variant: str = ""
    """Key of ``export.recipes.targets.VARIANTS``."""

    @property
    def id(self) -> str:
        """``<graph>-<target>-<precision>[-<variant>]``, the artefact's id in the manifest at the first size."""
        return "-".join(filter(None, (self.graph, self.target, self.precision, self.variant)))

    @property
    def stem(self) -> str:
        """``<graph>[_<delegate>]_<precision>[_<variant>]``, the file's name at the first size, without its suffix."""
        delegate = self.target.partition("-")[2]
        return "_".join(filter(None, (self.graph, delegate, self.precision, self.variant)))

    @property
    def format(self) -> Format:
        """Of the file."""
        return TARGETS[self.target].format

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that take part in making it."""
        target = TARGETS[self.target]
        return (*target.packages, target.quantizer) if self.precision == "int8" else target.packages


RECIPES: tuple[Recipe, ...] = tuple(
    Recipe(graph=graph, target=name, precision=files.precision, variant=files.variant)
    for name, target in TARGETS.items()
    for files in target.files
    for graph in files.graphs
)
"""In the order in which they are made."""
GRAPHS: tuple[str, ...] = ALL_GRAPHS
FORMATS: tuple[str, ...] = tuple(dict.fromkeys(target.format for target in TARGETS.values()))


def names_from(text: str, known: Sequence[str], kind: str) -> tuple[str, ...]:
    """Parse a comma-separated list, as the command line takes it.

    Args:
        text: names, for example "tflite,executorch".
        known: the valid names.
        kind: what they name, for the error.

    Returns:
        The names in the order of ``known``, each once.

    Raises:
        ReblurError: the list is empty or has an unknown name; the valid ones are listed.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ReblurError(f"no {kind} {name!r}: choose from {', '.join(known)}")
    if not names:
        raise ReblurError(f"no {kind} was named: choose from {', '.join(known)}")
    return tuple(name for name in known if name in names)


def select(
    formats: Iterable[str] = FORMATS,
    graphs: Iterable[str] = GRAPHS,
    names: Iterable[str] = ("*",),
    excluded: Iterable[str] = (),
) -> tuple[Recipe, ...]:
    """The recipes of those formats and graphs that have one of the names, in the order of the table.

    Args:
        formats: some of ``FORMATS``.
        graphs: some of ``GRAPHS``.
        names: ids with or without the graph, such as "deblur-tflite-int8" and "tflite-int8"; ``*`` and ``?`` stand
            for anything, as in "*-int8".
        excluded: names of those that are left out.

    Raises:
        ReblurError: a name is not known, or nothing is left.
    """
    wanted_formats = names_from(",".join(formats), FORMATS, "format")
    wanted_graphs = names_from(",".join(graphs), GRAPHS, "graph")
    patterns, unwanted = ([name.strip() for name in given if name.strip()] for given in (names, excluded))
    for pattern in (*patterns, *unwanted):
        if not any(_has_name(recipe, pattern) for recipe in RECIPES):
            raise ReblurError(f"no recipe {pattern!r}: --list shows them all")
    found = tuple(
        r
        for r in RECIPES
        if r.format in wanted_formats
        and r.graph in wanted_graphs
        and any(_has_name(r, p) for p in patterns)
        and not any(_has_name(r, p) for p in unwanted)
    )
    if not found:
        raise ReblurError("no recipe is of these formats, graphs and names: --list shows them all")
    return found


def pipelines(recipes: Sequence[Recipe]) -> tuple[tuple[str, str, dict[str, Recipe]], ...]:
    """Which recipes together serve a photograph: one set for each target and precision.

    Returns:
        (target, precision, recipe of each graph of the chain) for each set that is whole. A graph that has no recipe
        of that precision is served by the target's first one, which is the finest.
    """
    plain = [recipe for recipe in recipes if not recipe.variant and recipe.graph in PIPELINE_GRAPHS]
    found = []
    for target, precision in dict.fromkeys((r.target, r.precision) for r in plain):
        chosen: dict[str, Recipe] = {}
        for recipe in plain:
            if recipe.target == target and (recipe.graph not in chosen or recipe.precision == precision):
                chosen[recipe.graph] = recipe
        if set(chosen) == set(PIPELINE_GRAPHS):
            found.append((target, precision, chosen))
    return tuple(found)


def recipe_table(recipes: Sequence[Recipe] = RECIPES) -> str:
    """The recipes as lines of text: id, what computes, what it is for."""
    from tabulate import tabulate

    rows = []
    for recipe in recipes:
        precision = PRECISIONS[recipe.precision]
        notes = [precision.title, VARIANTS[recipe.variant], "experimental" if precision.experimental else ""]
        rows.append((recipe.id, TARGETS[recipe.target].title, "; ".join(filter(None, notes))))
    return tabulate(rows, ("recipe", "target", "arithmetic"), disable_numparse=True)


def _has_name(recipe: Recipe, pattern: str) -> bool:
    return fnmatch.fnmatchcase(recipe.id, pattern) or fnmatch.fnmatchcase(
        recipe.id.removeprefix(f"{recipe.graph}-"), pattern
    )
