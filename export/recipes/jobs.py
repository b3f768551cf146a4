"""What an export is asked for, and the jobs that follow from it: one for each artefact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from export.recipes.recipe import Recipe
from export.recipes.targets import TARGETS
from runtime.manifest.records import Size
from runtime.system.errors import ReblurError

JOINT_VARIANT = "sizes"
"""Of files that have a function for each size; there are none where there is one size only."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One artefact to make: a recipe at a size."""

    recipe: Recipe
    size: Size
    is_first_size: bool
    """Files of the first size do not have it in their names."""
    joint_sizes: tuple[Size, ...] = ()
    """Sizes that the file has a function for; empty for a file of one size."""

    @property
    def id(self) -> str:
        """The artefact's id in the manifest."""
        return self.recipe.id + ("" if self.is_first_size else f"-{size_name(self.size)}")

    @property
    def file_name(self) -> str:
        """The artefact's name in the export's folder."""
        size = "" if self.is_first_size or self.joint_sizes else f"_{size_name(self.size)}"
        return f"{self.recipe.stem}{size}{TARGETS[self.recipe.target].suffix}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to export, from what, and where to."""

    checkpoint: Path
    out: Path
    recipes: tuple[Recipe, ...]
    sizes: tuple[Size, ...]
    jobs_at_once: int = 1
    """Processes; 0 makes everything in this one."""
    force: bool = False
    """Whether to make again what has not changed."""
    keep_going: bool = True
    """Whether one that fails does not stop the others."""
    controls: bool = True
    """Whether to try the negative controls."""

    @property
    def graphs(self) -> tuple[str, ...]:
        """Graphs that have a recipe here."""
        return tuple(dict.fromkeys(recipe.graph for recipe in self.recipes))

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every artefact, size by size, in the order of the recipes."""
        several = self.sizes if len(self.sizes) > 1 else ()
        return tuple(
            Job(
                recipe=recipe,
                size=size,
                is_first_size=number == 0,
                joint_sizes=several if recipe.variant == JOINT_VARIANT else (),
            )
            for number, size in enumerate(self.sizes)
            for recipe in self.recipes
            if several or recipe.variant != JOINT_VARIANT
        )


def size_name(size: Size) -> str:
    """For example "512x768": height, then width."""
    return f"{size.height_px}x{size.width_px}"


SIZE_MULTIPLE = 16
SMALLEST_PX = 64


def size_from(text: str) -> Size:
    """Parse a size such as "512x512".

    Raises:
        ReblurError: it is no size that the graphs can have, or there are several.
    """
    size, *more = sizes_from(text)
    if more:
        raise ReblurError(f"--size: expected one size, got {text!r}")
    return size


def sizes_from(text: str) -> tuple[Size, ...]:
    """Parse sizes such as "512x512,256x384".

    Raises:
        ReblurError: one is no size that the graphs can have, or comes twice.
    """
    sizes = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)x(\d+)\s*", part)
        if not match:
            raise ReblurError(f"--size must be HEIGHTxWIDTH in pixels, for example 512x512, got {text!r}")
        size = Size(height_px=int(match[1]), width_px=int(match[2]))
        for name, pixels in (("height", size.height_px), ("width", size.width_px)):
            if pixels % SIZE_MULTIPLE or pixels < SMALLEST_PX:
                raise ReblurError(
                    f"--size: the {name} must be a multiple of {SIZE_MULTIPLE} and at least {SMALLEST_PX}, got {pixels}"
                )
        if size in sizes:
            raise ReblurError(f"--size: {part.strip()} is there twice")
        sizes.append(size)
    return tuple(sizes)
