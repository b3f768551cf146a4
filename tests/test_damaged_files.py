"""Damaged and foreign files, for every command that reads any: one sentence, exit code 2 (1 of a check), soon.

What each command reads is in a table, and so is what can happen to it. Nothing here may end by a signal: commands whose
parsers are C++ read in processes of their own, which ``tests/export/test_damaged_exports.py`` tries.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.manifest.manifest import Manifest
from runtime.system.commands import COMMANDS
from tests.runtime.conftest import GOLDEN_IMAGE, GOLDEN_SIGMA, GRAPHS, artifact_of, manifest_of
from train.weights import SHIPPED

LIMIT_S = 10.0
Damage = Callable[[bytes], bytes]


def noisy(content: bytes) -> bytes:
    """A byte in sixteen is another one, from the first on."""
    rng = random.Random(0)
    return bytes(rng.randrange(256) if i % 16 == 0 else byte for i, byte in enumerate(content))


ANY_FILE: dict[str, Damage] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "first bytes": lambda content: content[:8],
    "a tenth": lambda content: content[: len(content) // 10],
    "half": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "noise": noisy,
    "text": lambda content: b"hello\n" * 100,
    "backwards": lambda content: content[::-1],
    "a web page": lambda content: b"<!DOCTYPE html><html><title>404 Not Found</title></html>\n",
    "a pointer of Git LFS": lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "a zip": lambda content: b"PK\x03\x04" + content,
}
"""What happens to files of all kinds."""


def json_damage(change: Callable[[dict], object]) -> Damage:
    """A change of the manifest that leaves it JSON."""

    def damage(content: bytes) -> bytes:
        document = json.loads(content)
        changed = change(document)
        return json.dumps(document if changed is None else changed).encode()

    return damage


def set_to(*path: str | int, value: object) -> Damage:
    """The manifest with one thing in it changed."""

    def change(document: dict) -> None:
        place: object = document
        for key in path[:-1]:
            place = place[key]  # type: ignore[index]
        place[path[-1]] = value  # type: ignore[index]

    return json_damage(change)


MANIFEST: dict[str, Damage] = {
    **{name: damage for name, damage in ANY_FILE.items() if name != "one byte"},
    "a list": json_damage(lambda document: [document]),
    "null": json_damage(lambda document: "null"),
    "another version": set_to("schema_version", value=99),
    "deep": lambda content: b"[" * 100_000 + b"]" * 100_000,
    "a number too long": lambda content: content.replace(b"6.0", b"9" * 5000, 1),
    "not a number": lambda content: content.replace(b"6.0", b"NaN", 1),
    "latin": lambda content: content.replace(b"estimates", b"estim\xe9", 1),
    "no artefacts": json_damage(lambda document: document.pop("artifacts") and None),
    "artefacts by name": set_to("artifacts", value={}),
    "a path outside": set_to("artifacts", 0, "path", value="../../etc/passwd"),
    "a huge shape": set_to("artifacts", 0, "inputs", 0, "shape", value=[1, 10**9, 10**9, 3]),
    "a shape of text": set_to("artifacts", 0, "inputs", 0, "shape", value="1x2"),
    "no divisor": set_to("artifacts", 0, "inputs", 0, "divisor", value=0),
    "an unknown format": set_to("artifacts", 0, "format", value="gguf"),
    "a pipeline of nothing": set_to("pipelines", 0, "deblur", value="nothing"),
    "advice on nothing": set_to("recommended", value=[{"platform": "iOS"}]),
    "a negative halo": set_to("graphs", "deblur", "halo_px", value=-4),
    "no largest sigma": set_to("sigma_max_px", value=0.0),
}
CHECKPOINT: dict[str, Damage] = {
    **ANY_FILE,
    "a long header": lambda content: (2**62).to_bytes(8, "little") + content[8:],
    "a header of text": lambda content: content[:8] + b"x" * (len(content) - 8),
    "a header without tensors": lambda content: (2).to_bytes(8, "little") + b"{}",
    "one tensor less": lambda content: content[:-4096],
}
PHOTO: dict[str, Damage] = {name: damage for name, damage in ANY_FILE.items() if name != "backwards"}

FOLDER_COMMANDS: dict[str, list[str]] = {
    "verify": ["{folder}", "--jobs", "0"],
    "selftest": ["{folder}"],
    "report": ["{folder}"],
    "bench-int8-maps": ["{folder}"],
    "controls": ["--overwrite", "{folder}", "--jobs", "0"],
    "refocus": ["{photo}", "--artifacts", "{folder}", "--focus", "0.5,0.5", "--out", "{out}.png"],
}
CHECKPOINT_COMMANDS: dict[str, list[str]] = {
    "export": ["--checkpoint", "{checkpoint}", "--out", "{out}", "--jobs", "0"],
    "controls": ["--checkpoint", "{checkpoint}"],
    "search": ["--checkpoint", "{checkpoint}", "--out", "{out}.md", "--choice", "{out}.json"],
    "evaluate": ["--checkpoint", "{checkpoint}"],
    "qat": ["--checkpoint", "{checkpoint}"],
}
PHOTO_COMMANDS: dict[str, list[str]] = {
    "photograph": ["{file}", "--artifacts", "{folder}", "--focus", "0.5,0.5", "--out", "{out}.png"],
    "disparity": [
        *("{photo}", "--disparity", "{file}", "--artifacts", "{folder}"),
        *("--focus", "0.5,0.5", "--out", "{out}.png"),
    ],
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export whose files are none, and a photograph beside it."""
    folder = tmp_path_factory.mktemp("sound") / "artifacts"
    (folder / "golden").mkdir(parents=True)
    for graph in GRAPHS:
        (folder / f"{graph}_fp32.tflite").write_bytes(graph.encode())
    (folder / "golden" / "defocus.noise.image.u8").write_bytes(GOLDEN_IMAGE)
    (folder / "golden" / "defocus.noise.sigma_px.f32").write_bytes(GOLDEN_SIGMA)
    manifest_of(tuple(artifact_of(graph, directory=folder) for graph in GRAPHS)).write(folder)
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 80, 3), np.uint8)
    for suffix in (".jpg", ".png", ".webp"):
        Image.fromarray(picture).save(folder.parent / f"photo{suffix}")
    return folder


def one_sentence(command: str, words: list[str], capsys: pytest.CaptureFixture[str], codes: tuple[int, ...]) -> str:
    """Run a command that cannot do its work; its last line, before which nothing but progress stands."""
    started = time.monotonic()
    code = import_module(COMMANDS[command].module).main(words, f"reblur {command}")
    seconds = time.monotonic() - started
    printed = capsys.readouterr()
    assert code in codes, printed
    assert "Traceback" not in printed.err
    if code == 2:
        *progress, line = printed.err.splitlines()
        assert line.startswith("error: "), printed.err
        assert len(line) < 600
        assert all(words.startswith(("[", "warning: ", "note: ")) for words in progress), printed.err
        assert printed.out == ""
    assert seconds < LIMIT_S
    return printed.err


def filled(words: list[str], **places: Path | str) -> list[str]:
    return [word.format(**places) for word in words]


def copy_of(folder: Path, tmp_path: Path) -> Path:
    out = tmp_path / "artifacts"
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            (out / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            (out / path.relative_to(folder)).write_bytes(path.read_bytes())
    return out


@pytest.mark.parametrize("how", MANIFEST)
@pytest.mark.parametrize("command", FOLDER_COMMANDS)
def test_a_manifest(command: str, how: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy_of(sound, tmp_path)
    path = folder / "manifest.json"
    path.write_bytes(MANIFEST[how](path.read_bytes()))
    before = sorted(tmp_path.rglob("*"))
    places = {"folder": folder, "photo": sound.parent / "photo.png", "out": tmp_path / "out"}
    line = one_sentence(command, filled(FOLDER_COMMANDS[command], **places), capsys, (2,))
    assert "manifest.json" in line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("how", ["empty", "half", "text", "deep", "an unknown key of ours", "gone", "a folder"])
@pytest.mark.parametrize("command", ["verify", "report", "controls"])
def test_checks_json(command: str, how: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the digest that the manifest has of it, so that it is its content that is read."""
    folder = copy_of(sound, tmp_path)
    path = folder / "checks.json"
    content = path.read_bytes()
    damages = {**MANIFEST, "an unknown key of ours": json_damage(lambda document: document.update(artifacts=[]))}
    if how in ("gone", "a folder"):
        path.unlink()
        if how == "a folder":
            path.mkdir()
    else:
        path.write_bytes(damages[how](content))
        reseal(folder, path)
    words = filled(FOLDER_COMMANDS[command], folder=folder, out=tmp_path / "out")
    assert "checks.json" in one_sentence(command, words, capsys, (2,))


def reseal(folder: Path, path: Path) -> None:
    """Let the manifest have a file's digest as it is now."""
    from runtime.system.files import sha256_of

    document = json.loads((folder / "manifest.json").read_text())
    document["checks"].update(sha256=sha256_of(path), bytes=path.stat().st_size)
    (folder / "manifest.json").write_text(json.dumps(document))


@pytest.mark.parametrize("how", CHECKPOINT)
@pytest.mark.parametrize("command", CHECKPOINT_COMMANDS)
def test_a_checkpoint(
    command: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.safetensors"
    path.write_bytes(CHECKPOINT[how](SHIPPED.read_bytes()))
    words = filled(CHECKPOINT_COMMANDS[command], checkpoint=path, out=tmp_path / "out")
    assert "mine.safetensors" in one_sentence(command, words, capsys, (2,))
    assert [left.name for left in tmp_path.iterdir()] == ["mine.safetensors"]


@pytest.mark.parametrize("how", PHOTO)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("role", PHOTO_COMMANDS)
def test_a_picture(
    role: str, suffix: str, how: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(PHOTO[how]((sound.parent / f"photo{suffix}").read_bytes()))
    places = {"file": path, "folder": sound, "photo": sound.parent / "photo.png", "out": tmp_path / "out"}
    assert f"damaged{suffix}" in one_sentence("refocus", filled(PHOTO_COMMANDS[role], **places), capsys, (2,))
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("command", ["verify", "selftest", "refocus"])
def test_files_that_are_no_models(
    command: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their digests are right, so an interpreter gets to see them."""
    assert Manifest.load(sound).artifacts[0].files[0].bytes < 16
    places = {"folder": sound, "photo": sound.parent / "photo.png", "out": tmp_path / "out"}
    one_sentence(command, filled(FOLDER_COMMANDS[command], **places), capsys, (1, 2))
    assert list(tmp_path.iterdir()) == []


def test_there_are_enough() -> None:
    manifests = len(MANIFEST) * len(FOLDER_COMMANDS) + 21
    checkpoints = len(CHECKPOINT) * len(CHECKPOINT_COMMANDS)
    pictures = len(PHOTO) * 3 * len(PHOTO_COMMANDS)
    assert manifests + checkpoints + pictures >= 200
