from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import train.data.photo_pairs
from train.data.pair_files import PairFiles, find_pairs, read_stored
from train.data.photo_pairs import CROPS_IN_A_ROW, RealSource, best_crop, cut
from train.data.textures import dead_leaves

SHIFT = (-9, 31)
"""(y, x): blurry(p) shows what sharp(p + shift) shows."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[PairFiles]:
    """Three pairs of 160 x 128 (width x height), the sharp picture displaced by 31 px and nothing else."""
    folder = tmp_path_factory.mktemp("data")
    for side in ("blurry", "sharp"):
        (folder / side).mkdir()
    for n in range(3):
        scene = (dead_leaves(240, np.random.default_rng(n)) * 255).astype(np.uint8)
        y, x = 20, 40
        Image.fromarray(scene[y : y + 128, x : x + 160]).save(folder / f"blurry/{n}.png")
        y, x = y - SHIFT[0], x - SHIFT[1]
        Image.fromarray(scene[y : y + 128, x : x + 160]).save(folder / f"sharp/{n}.png")
    return find_pairs(folder)


def flat_flow(x: float, y: float, height: int = 40, width: int = 60) -> np.ndarray:
    flows = np.empty((4, height, width), np.float16)
    flows[0], flows[1], flows[2], flows[3] = x, y, -x, -y
    return flows


def test_the_sharp_window_follows_the_rounded_median_flow() -> None:
    blurry = np.arange(40 * 60 * 3, dtype=np.uint16).reshape(40, 60, 3)
    flows = flat_flow(6.75, -2.25)
    flows[0, 10, 20] = 99  # one outlier does not move the median
    crop = cut(blurry, blurry, flows, y=10, x=20, size_px=8)
    np.testing.assert_allclose(crop.blurry, blurry[10:18, 20:28] / 65535, rtol=1e-6)
    np.testing.assert_allclose(crop.sharp, blurry[8:16, 27:35] / 65535, rtol=1e-6)
    np.testing.assert_array_equal(crop.flows[:, 1, 1], [-0.25, -0.25, 0.25, 0.25])
    assert crop.flows[0, 0, 0] == 92


def test_the_sharp_window_stays_in_the_picture() -> None:
    picture = np.zeros((40, 60, 3), np.uint16)
    picture[:, 52:] = 65535
    crop = cut(picture, picture, flat_flow(20, -30), y=5, x=40, size_px=8)
    assert crop.sharp.min() == 1.0  # x clamped to 52, y to 0
    np.testing.assert_array_equal(crop.flows[:, 0, 0], [20 - 12, -30 + 5, -8, 25])


def test_the_most_detailed_of_the_draws_is_taken() -> None:
    rng = np.random.default_rng(0)
    picture = np.full((40, 60, 3), 30000, np.uint16)
    picture[:, 30:] = rng.integers(0, 65535, (40, 30, 3))
    crops = [best_crop(picture, picture, flat_flow(0, 0), 8, np.random.default_rng(i)) for i in range(40)]
    flat = sum(crop.sharp.std() == 0 for crop in crops)
    assert flat < 10  # one draw would be flat in 23 of 53 places, three in a row in 8 %


def test_crops_show_the_same_scene_at_31_px_of_misalignment(files: list[PairFiles]) -> None:
    pairs = RealSource(files, size_px=64, seed=0).pairs(0, 12)
    assert pairs.blurry.shape == pairs.sharp.shape == (12, 3, 64, 64)
    assert pairs.flow_to_sharp.shape == pairs.flow_to_blurry.shape == (12, 2, 64, 64)
    assert all(part.dtype == torch.float32 for part in pairs)
    # The sharp picture ends 31 px from an edge of the blurry one; windows there cannot follow all the way.
    followed = pairs.flow_to_sharp.abs().amax((1, 2, 3)) < 1.0
    assert followed.sum() >= 4
    torch.testing.assert_close(pairs.blurry[followed], pairs.sharp[followed], atol=0, rtol=0)
    assert float(pairs.flow_to_sharp[followed].abs().median()) < 0.1


def test_a_pair_depends_on_the_seed_and_its_index_alone(files: list[PairFiles], tmp_path: Path) -> None:
    whole = RealSource(files, size_px=32, seed=3, cache_folder=tmp_path).pairs(0, 8)
    # Next to no memory, flow read back from disk, another order.
    other = RealSource(files, size_px=32, seed=3, cache_folder=tmp_path, picture_bytes=1, flow_bytes=1)
    for first, count in ((5, 3), (2, 3), (0, 2)):
        for part, expected in zip(other.pairs(first, count), whole, strict=True):
            torch.testing.assert_close(part, expected[first : first + count], atol=0, rtol=0)
    assert not torch.equal(RealSource(files, size_px=32, seed=4).pairs(0, 8).blurry, whole.blurry)


def test_every_file_has_its_turn(files: list[PairFiles]) -> None:
    source = RealSource(files, size_px=32, seed=0)
    turns = [source.file_of(i) for i in range(0, 12 * CROPS_IN_A_ROW, CROPS_IN_A_ROW)]
    assert all(sorted(turns[i : i + 3]) == [0, 1, 2] for i in range(0, 12, 3))
    assert len({tuple(turns[i : i + 3]) for i in range(0, 12, 3)}) > 1
    assert {source.file_of(i) for i in range(CROPS_IN_A_ROW)} == {turns[0]}


def test_pictures_are_decoded_once_while_they_fit(files: list[PairFiles], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def noting(path: Path) -> np.ndarray:
        read.append(path)
        return read_stored(path)

    monkeypatch.setattr(train.data.photo_pairs, "read_stored", noting)
    one_picture = 160 * 128 * 3 * 2
    source = RealSource(files, size_px=32, seed=0)
    for first in (0, 3 * CROPS_IN_A_ROW):
        source.pairs(first, 3 * CROPS_IN_A_ROW)
    assert len(read) == 6
    read.clear()
    source = RealSource(files, size_px=32, seed=0, picture_bytes=2 * one_picture)
    for first in (0, 3 * CROPS_IN_A_ROW):
        source.pairs(first, 3 * CROPS_IN_A_ROW)
    assert 6 < len(read) <= 12
    assert source._pictures.bytes <= 2 * one_picture


def test_errors_come_before_the_run(files: list[PairFiles]) -> None:
    with pytest.raises(ValueError, match="no pairs of pictures to train on"):
        RealSource([], size_px=32, seed=0)
    with pytest.raises(ValueError, match="is 160x128: expected at least 129 px a side"):
        RealSource(files, size_px=129, seed=0)
