from __future__ import annotations

from pathlib import Path

import pytest

from export.execution import cache
from export.execution.cache import Cache, key_of, read_record, write_record


def test_an_entry_is_found_by_its_key(tmp_path: Path) -> None:
    with Cache(tmp_path / "artifacts") as kept:
        entry = kept.entry("deblur-tflite-int8", "a" * 64)
        assert kept.folder == tmp_path / ".artifacts.cache"
        assert read_record(entry) is None
        entry.mkdir()
        write_record(entry, {"artifact": 3})
    with Cache(tmp_path / "artifacts") as kept:
        assert read_record(kept.entry("deblur-tflite-int8", "a" * 64)) == {"artifact": 3}
        assert read_record(kept.entry("deblur-tflite-int8", "b" * 64)) is None


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / cache.RECORD).write_text(text)
    assert read_record(tmp_path) is None


def test_what_was_half_made_is_swept_out(tmp_path: Path) -> None:
    left = tmp_path / ".a.cache" / "deblur-0123.building"
    left.mkdir(parents=True)
    (left.parent / "deblur-0123.log").write_text("")
    with Cache(tmp_path / "a") as kept:
        assert [path.name for path in kept.folder.iterdir()] == ["lock"]
        (kept.folder / "deblur-4567.log").write_text("")
    assert not kept.folder.exists()


def test_pruning_keeps_what_is_used(tmp_path: Path) -> None:
    with Cache(tmp_path / "a") as kept:
        entries = [kept.entry(name, "0" * 64) for name in ("old", "new")]
        for entry in entries:
            entry.mkdir()
        kept.prune(entries[1:])
        assert [entry.exists() for entry in entries] == [False, True]


def test_an_empty_cache_leaves_no_folder(tmp_path: Path) -> None:
    with Cache(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_two_exports_to_one_folder_do_not_meet(tmp_path: Path) -> None:
    with (
        Cache(tmp_path / "a"),
        pytest.raises(ValueError, match=r"another export to .* is running"),
        Cache(tmp_path / "a"),
    ):
        pass
    with Cache(tmp_path / "b"), Cache(tmp_path / "c"):
        pass


def test_the_key_follows_what_something_is_made_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of("artifact", {"precision": "int8"})
    assert len(key) == 64
    assert key == key_of("artifact", {"precision": "int8"})
    assert key != key_of("artifact", {"precision": "fp32"})
    monkeypatch.setattr(cache, "_sources", lambda: "other code")
    assert key != key_of("artifact", {"precision": "int8"})
