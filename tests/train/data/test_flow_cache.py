from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.data.flow_cache import FlowCache, Recent
from train.data.pair_files import PairFiles, pair_pictures
from train.data.textures import dead_leaves


def never() -> tuple[np.ndarray, np.ndarray]:
    raise AssertionError("the flow was computed again")


@pytest.fixture
def pair(tmp_path: Path) -> PairFiles:
    picture = (dead_leaves(64, np.random.default_rng(1)) * 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "blurry.png")
    Image.fromarray(np.roll(picture, 3, axis=1)).save(tmp_path / "sharp.png")
    return PairFiles("x", tmp_path / "blurry.png", tmp_path / "sharp.png")


def test_recent_drops_what_was_used_longest_ago() -> None:
    made: list[str] = []

    def get(key: str) -> None:
        def make() -> np.ndarray:
            made.append(key)
            return np.zeros(10, np.uint8)

        recent.get(key, make)

    recent: Recent[str] = Recent(limit_bytes=25)
    for key in ("a", "b", "a", "c", "a", "b"):  # c drops b, b drops c
        get(key)
    assert made == ["a", "b", "c", "b"]
    assert recent.bytes == 20


def test_one_array_too_large_is_held_all_the_same() -> None:
    recent: Recent[str] = Recent(limit_bytes=5)
    recent.get("a", lambda: np.zeros(10, np.uint8))
    recent.get("a", lambda: pytest.fail("made twice"))
    assert recent.bytes == 10


def test_flow_is_read_back_as_it_was(pair: PairFiles, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "flow"
    first = FlowCache(folder, 1 << 20).flows(pair, lambda: pair_pictures([pair], 0))
    assert first.shape == (4, 64, 64)
    assert first.dtype == np.float16
    assert np.median(first[0]) == pytest.approx(3.0, abs=0.3)
    assert np.median(first[2]) == pytest.approx(-3.0, abs=0.3)
    np.testing.assert_array_equal(FlowCache(folder, 1 << 20).flows(pair, never), first)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")  # a file left open
def test_a_damaged_file_is_computed_again_and_mended(pair: PairFiles, tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    first = FlowCache(folder, 1 << 20).flows(pair, lambda: pair_pictures([pair], 0))
    (stored,) = folder.iterdir()
    whole = stored.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2], whole[:200] + b"\xff" * 50 + whole[250:]):
        stored.write_bytes(damaged)
        again = FlowCache(folder, 1 << 20).flows(pair, lambda: pair_pictures([pair], 0))
        np.testing.assert_array_equal(again, first)
        np.testing.assert_array_equal(FlowCache(folder, 1 << 20).flows(pair, never), first)


def test_changed_pictures_have_other_flow(pair: PairFiles, tmp_path: Path) -> None:
    folder = tmp_path / "flow"
    FlowCache(folder, 1 << 20).flows(pair, lambda: pair_pictures([pair], 0))
    pair.sharp.write_bytes(pair.blurry.read_bytes())
    flow = FlowCache(folder, 1 << 20).flows(pair, lambda: pair_pictures([pair], 0))
    assert np.median(flow[0]) == pytest.approx(0.0, abs=0.1)
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot make the folder .*file/flow for flow"):
        FlowCache(tmp_path / "file" / "flow", 1)
