"""A signature that the model-signing package made, and every way in which it must be refused."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.manifest.signature import read_signature, verify_folder, verify_manifest
from runtime.refocus import main
from runtime.refocusing.pipeline import RefocusPipeline

pytest.importorskip("cryptography", reason="not run: signatures need cryptography (pip install 'reblur[sign]')")

VECTORS = Path(__file__).with_name("vectors")
PUBLIC_KEY = VECTORS / "model_signing_1.1.1.pub"
FILES = {"manifest.json": "hello\n", "sub/b.txt": "a\n"}


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """A folder as it was when ``model_signing sign key`` (version 1.1.1) signed it."""
    folder = tmp_path / "folder"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(VECTORS / "model_signing_1.1.1.sig", folder / "model.sig")
    return folder


def rewrite(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Changes the bundle's JSON."""

    def apply(folder: Path) -> None:
        bundle = json.loads((folder / "model.sig").read_text())
        change(bundle)
        (folder / "model.sig").write_text(json.dumps(bundle))

    return apply


def swap_digest(bundle: dict[str, Any]) -> None:
    """What an attacker would do who has changed manifest.json: put its new digest into the statement."""
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"5891b5b5", b"00000000")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()


def test_it_is_accepted_whole_and_in_part(signed: Path) -> None:
    assert set(verify_folder(signed, PUBLIC_KEY).digests) == set(FILES)
    (signed / "sub" / "b.txt").unlink()
    assert "model.sig" in verify_manifest(signed, PUBLIC_KEY).ignored
    with pytest.raises(ValueError, match=r"b\.txt was signed, but is missing$"):
        verify_folder(signed, PUBLIC_KEY)


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "altered file": (lambda f: (f / "manifest.json").write_text("hullo\n"), "is not the file that was signed"),
    "missing signature": (lambda f: (f / "model.sig").unlink(), "is not signed, it has no model.sig"),
    "no JSON": (lambda f: (f / "model.sig").write_text("{"), "is no signature that can be read"),
    "no object": (lambda f: (f / "model.sig").write_text("[]"), "is no signature that can be read"),
    "altered statement": (rewrite(swap_digest), "or was altered since"),
    "no signatures": (rewrite(lambda b: b["dsseEnvelope"]["signatures"].clear()), "is no signature that can be read"),
    "other kind": (rewrite(lambda b: b.update(mediaType="text/plain")), "its types are text/plain and "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_refused(signed: Path, name: str) -> None:
    damage, sentence = BROKEN[name]
    damage(signed)
    for verify in (verify_manifest, verify_folder):
        with pytest.raises(ValueError, match=sentence):
            verify(signed, PUBLIC_KEY)


def test_a_new_file_or_link_is_refused(signed: Path) -> None:
    (signed / "sub" / "c.txt").write_text("new")
    with pytest.raises(ValueError, match=r"c\.txt is not among the signed files"):
        verify_folder(signed, PUBLIC_KEY)
    (signed / "sub" / "c.txt").unlink()
    (signed / "link").symlink_to(signed / "sub")
    with pytest.raises(ValueError, match="link is a symbolic link"):
        verify_folder(signed, PUBLIC_KEY)


def test_a_pipeline_asks_for_the_signature_first(signed: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"manifest\.json is not a valid|cannot read .*manifest\.json"):
        RefocusPipeline.open(signed, public_key=PUBLIC_KEY)
    (signed / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"manifest\.json is not the file that was signed"):
        RefocusPipeline.open(signed, public_key=PUBLIC_KEY)
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64)).save(photo)
    argv = [str(photo), "--focus", "0.5,0.5", "--out", str(tmp_path / "out.png"), "--artifacts", str(signed)]
    assert main([*argv, "--public-key", str(PUBLIC_KEY)]) == 2
    assert capsys.readouterr().err == f"error: {signed / 'manifest.json'} is not the file that was signed\n"


def test_keys_that_cannot_be_used(signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"cannot read the public key .*none: No such file"):
        read_signature(signed, tmp_path / "none")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(ValueError, match="is no public key in PEM"):
        read_signature(signed, tmp_path / "text")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ec", None)
    with pytest.raises(ValueError, match=r"pip install 'reblur\[sign\]'"):
        read_signature(signed, PUBLIC_KEY)
