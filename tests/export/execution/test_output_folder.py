from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
from pathlib import Path

import pytest

from export.execution.disk import is_full_disk
from export.execution.output_folder import check_destination, destination, publish, staging_folder, sweep


def earlier_export(folder: Path) -> Path:
    folder.mkdir()
    manifest = {"schema_version": 0, "reblur_version": "0.0.1", "artifacts": [{"path": "deblur_fp32.pte"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "deblur_fp32.pte").write_bytes(b"old")
    (folder / "golden").mkdir()
    return folder


def test_nothing_and_an_empty_folder_are_free(tmp_path: Path) -> None:
    check_destination(tmp_path / "new", overwrite=False)
    check_destination(tmp_path, overwrite=False)


def test_an_earlier_export_needs_overwrite(tmp_path: Path) -> None:
    out = earlier_export(tmp_path / "artifacts")
    with pytest.raises(ValueError, match="add --overwrite"):
        check_destination(out, overwrite=False)
    check_destination(out, overwrite=True)


@pytest.mark.parametrize("manifest", [None, "[]", "{}", "not json", '{"name": "a web page\'s manifest"}'])
def test_a_folder_of_other_things_is_refused_even_with_overwrite(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ValueError, match="files that no export wrote"):
        check_destination(tmp_path, overwrite=True)


def test_an_export_with_something_of_the_users_in_it_is_refused(tmp_path: Path) -> None:
    out = earlier_export(tmp_path / "artifacts")
    (out / ".DS_Store").write_bytes(b"")
    check_destination(out, overwrite=True)
    for name in ("notes.txt", ".env", ".git/HEAD", "golden/mine.bin", "mine/", "link"):
        path = out / name
        path.parent.mkdir(exist_ok=True)
        if name == "link":
            path.symlink_to(tmp_path)
        elif name.endswith("/"):
            path.mkdir()
        else:
            path.write_text("precious")
        with pytest.raises(ValueError, match=f"also holds {re.escape(name.rstrip('/'))}, which no export wrote"):
            check_destination(out, overwrite=True)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        with contextlib.suppress(OSError):
            path.parent.rmdir()
        check_destination(out, overwrite=True)


def test_what_a_nested_record_names_is_the_exports_own(tmp_path: Path) -> None:
    out = earlier_export(tmp_path / "artifacts")
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["golden"] = [{"inputs": [{"path": "golden/photo.bin"}]}]
    (out / "golden" / "photo.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"also holds golden/photo\.bin"):
        check_destination(out, overwrite=True)
    (out / "manifest.json").write_text(json.dumps(manifest))
    check_destination(out, overwrite=True)


def test_a_link_stays_one_and_what_it_names_is_filled(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "artifacts")  # dangling as yet
    assert destination(link) == tmp_path / "disk" / "artifacts"
    with staging_folder(destination(link)) as folder:
        (folder / "new").write_bytes(b"new")
        publish(folder, destination(link))
    assert link.is_symlink()
    assert (link / "new").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "link"]
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["artifacts"]


def test_a_link_to_itself_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    with pytest.raises(ValueError, match="leads nowhere"):
        destination(tmp_path / "link")


def test_what_came_during_the_work_is_not_lost(tmp_path: Path) -> None:
    out = tmp_path / "artifacts"
    with staging_folder(out) as folder:
        out.mkdir()
        (out / "notes.txt").write_text("precious")
        with pytest.raises(ValueError, match="holds files that no export wrote"):
            publish(folder, out)
    assert (out / "notes.txt").read_text() == "precious"


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("")
    with pytest.raises(ValueError, match="is a file, not a folder"):
        check_destination(tmp_path / "artifacts", overwrite=True)


def test_the_staging_folder_goes_whatever_happens(tmp_path: Path) -> None:
    def interrupted() -> None:
        with staging_folder(tmp_path / "artifacts") as folder:
            (folder / "half").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write to"), staging_folder(tmp_path / "file" / "artifacts"):
        pass


def test_publishing_replaces_an_earlier_export(tmp_path: Path) -> None:
    out = earlier_export(tmp_path / "artifacts")
    with staging_folder(out) as folder:
        (folder / "new").write_bytes(b"new")
        publish(folder, out)
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]
    assert [path.name for path in out.iterdir()] == ["new"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_an_earlier_export_comes_back_when_the_new_one_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = earlier_export(tmp_path / "artifacts")
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        if "building" in self.name and "replaced" not in self.name:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with staging_folder(out) as folder, pytest.raises(ValueError, match="cannot move the export"):
        publish(folder, out)
    assert (out / "deblur_fp32.pte").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]


def test_what_a_killed_export_left_is_swept_out(tmp_path: Path) -> None:
    out = earlier_export(tmp_path / "artifacts")
    for name in (".artifacts.building.a", ".artifacts.building.a.replaced", ".other.building.b"):
        (tmp_path / name).mkdir()
    sweep(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.building.b", "artifacts"]


def test_an_export_killed_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "artifacts"
    earlier_export(tmp_path / ".artifacts.building.a.replaced")
    (tmp_path / ".artifacts.building.a").mkdir()
    sweep(out)
    assert (out / "deblur_fp32.pte").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]


def test_a_full_disk_is_recognised_through_other_errors(tmp_path: Path) -> None:
    full = ValueError("cannot write")
    full.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert is_full_disk(full)
    assert not is_full_disk(ValueError("something else"), tmp_path)


def test_a_full_disk_is_recognised_by_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert is_full_disk(RuntimeError("flatbuffer export failed"), tmp_path)
    assert not is_full_disk(RuntimeError("flatbuffer export failed"))
