"""How data sets of picture pairs lie on disk, as a table, and how the files of each pair up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runtime.system.errors import ReblurError

TIFF_SUFFIXES = (".tif", ".tiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF_SUFFIXES)
SPLITS = ("train", "val", "test")
NAMED_IN_ERRORS = 3
"""File names an error lists before it says how many more there are."""


class PairFiles(NamedTuple):
    """Where a pair lies."""

    name: str
    """Unique in its split; what reports call the pair."""
    blurry: Path
    """The blurry picture."""
    sharp: Path
    """The sharp picture, perhaps shared by several pairs."""


def by_order(blurry: Path, sharp: Path) -> list[PairFiles]:
    """The n-th file of one folder with the n-th of the other, numbers in names compared as numbers."""
    left, right = pictures_in(blurry), pictures_in(sharp)
    if len(left) != len(right):
        raise ReblurError(
            f"cannot pair {blurry} ({len(left)} pictures) with {sharp} ({len(right)}) by order: expected equal counts"
        )
    return [PairFiles(a.stem, a, b) for a, b in zip(left, right, strict=True)]


def by_stem(blurry: Path, sharp: Path) -> list[PairFiles]:
    """Files of the same name up to the extension."""
    left, right = _by_unique_stem(pictures_in(blurry)), _by_unique_stem(pictures_in(sharp))
    for here, there, missing in ((blurry, sharp, left.keys() - right.keys()), (sharp, blurry, right.keys() - left)):
        if missing:
            raise ReblurError(f"{here} has pictures without one of the same name in {there}: {first_few(missing)}")
    return [PairFiles(stem, path, right[stem]) for stem, path in left.items()]


def by_stem_or_order(blurry: Path, sharp: Path) -> list[PairFiles]:
    """``by_stem``; ``by_order`` where the two folders have not one name in common."""
    left, right = ({path.stem for path in pictures_in(folder)} for folder in (blurry, sharp))
    return by_order(blurry, sharp) if left.isdisjoint(right) else by_stem(blurry, sharp)


def by_scene(blurry: Path, sharp: Path) -> list[PairFiles]:
    """Several inputs a scene: blurry/<scene>/*.png all go with sharp/<scene>.png."""
    scenes = sorted((p for p in blurry.iterdir() if p.is_dir() and not p.name.startswith(".")), key=_natural)
    if not scenes:
        return by_stem(blurry, sharp)
    truths = _by_unique_stem(pictures_in(sharp))
    missing = {scene.name for scene in scenes} - truths.keys()
    if missing:
        raise ReblurError(f"{blurry} has scenes without a picture of that name in {sharp}: {first_few(missing)}")
    return [
        PairFiles(f"{scene.name}/{path.stem}", path, truths[scene.name])
        for scene in scenes
        for path in pictures_in(scene)
    ]


def by_stack(blurry: Path, sharp: Path) -> list[PairFiles]:
    """Every frame of a focal stack with its one all-in-focus picture."""
    truths = pictures_in(sharp)
    if len(truths) != 1:
        raise ReblurError(f"{sharp} has {len(truths)} pictures: expected the one all-in-focus picture of the stack")
    return [PairFiles(path.stem, path, truths[0]) for path in pictures_in(blurry)]


def is_stack(blurry: Path, sharp: Path) -> bool:
    """Whether there is one sharp picture, and it is not the partner of just one of several blurry ones."""
    frames, truths = _pictures(blurry), _pictures(sharp)
    return len(truths) == 1 and (len(frames) == 1 or truths[0].stem not in {frame.stem for frame in frames})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a data set lies on disk."""

    shape: str
    """For error messages."""
    splits: Mapping[str, tuple[str, ...]]
    """Split -> the sub-folders that may hold it, the first that is there wins; "" is the folder itself."""
    blurry: tuple[str, ...]
    """What the folder of blurry pictures may be called."""
    sharp: tuple[str, ...]
    """What the folder of sharp pictures may be called."""
    pair: Callable[[Path, Path], list[PairFiles]]
    """Pairs the files of the two folders."""
    fits: Callable[[Path, Path], bool] = lambda blurry, sharp: True
    """Whether two folders of the right names are of this layout; asked in auto-detection only."""

    def sides(self, folder: Path, split: str) -> tuple[Path, Path] | None:
        """The blurry and the sharp folder of a split, or None where it is not there."""
        for sub_folder in self.splits.get(split, ()):
            left = [p for name in self.blurry if (p := folder / sub_folder / name).is_dir()]
            right = [p for name in self.sharp if (p := folder / sub_folder / name).is_dir()]
            if left and right:
                return left[0], right[0]
        return None


UNDIVIDED = dict.fromkeys(SPLITS, ("",))
"""No splits on disk: the same pairs serve each."""
MAYBE_DIVIDED = {split: (split, "") for split in SPLITS}
BLURRY_NAMES = ("blurry", "blur", "input", "source")
SHARP_NAMES = ("sharp", "gt", "target", "ground_truth")

LAYOUTS: dict[str, Layout] = {
    "stack": Layout(
        shape="{blurry,sharp}/ with one picture in sharp/ for every frame in blurry/",
        splits=MAYBE_DIVIDED,
        blurry=BLURRY_NAMES,
        sharp=SHARP_NAMES,
        pair=by_stack,
        fits=is_stack,
    ),
    "dpdd": Layout(
        shape="train_c|val_c|test_c/{source,target}/, paired by order",
        splits={split: (f"{split}_c",) for split in SPLITS},
        blurry=("source",),
        sharp=("target",),
        pair=by_order,
    ),
    "sdd": Layout(
        shape="train|train_patches|test/{blur,gt}/, same names",
        splits={"train": ("train", "train_patches"), "val": ("val",), "test": ("test",)},
        blurry=("blur",),
        sharp=("gt",),
        pair=by_stem,
    ),
    "lfdof": Layout(
        shape="train_data|test_data/{input/<scene>/,ground_truth/<scene>.png}",
        splits={"train": ("train_data", ""), "val": ("val_data", ""), "test": ("test_data", "")},
        blurry=("input",),
        sharp=("ground_truth",),
        pair=by_scene,
    ),
    "realdof": Layout(
        shape="{source,target}/, paired by name, or by order where no name is shared",
        splits=UNDIVIDED,
        blurry=("source",),
        sharp=("target",),
        pair=by_stem_or_order,
    ),
    "folders": Layout(
        shape="{blurry|blur|input,sharp|gt|target}/, or these in train/, val/ and test/; same names",
        splits=MAYBE_DIVIDED,
        blurry=BLURRY_NAMES,
        sharp=SHARP_NAMES,
        pair=by_stem,
    ),
}
"""In the order of auto-detection."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, numbers in names compared as numbers.

    Raises:
        ReblurError: there are none.
    """
    paths = _pictures(folder)
    if not paths:
        raise ReblurError(f"{folder} holds no picture: expected files ending in {', '.join(PICTURE_SUFFIXES)}")
    return paths


def _pictures(folder: Path) -> list[Path]:
    found = (p for p in folder.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES and not p.name.startswith("."))
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[str | int]:
    """Sort key that puts "p9" before "p10"; text and numbers alternate, so like is compared with like."""
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"([0-9]+)", path.name))]


def _by_unique_stem(paths: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if path.stem in found:
            raise ReblurError(f"{path} and {found[path.stem].name} differ in extension only: keep one of them")
        found[path.stem] = path
    return found


def first_few(names: set[str]) -> str:
    """The first names in order, and how many more there are."""
    more = len(names) - NAMED_IN_ERRORS
    return ", ".join(sorted(names)[:NAMED_IN_ERRORS]) + (f" and {more} more" if more > 0 else "")
