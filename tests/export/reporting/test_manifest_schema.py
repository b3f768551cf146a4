"""The published schema: the records', valid, and strict on a real manifest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator

from export.execution.output_folder import SCHEMA_FILE_NAME
from export.reporting.manifest_schema import SCHEMA_FILE, field_texts, schema_text
from runtime.manifest.check_records import Checks
from runtime.manifest.manifest import Manifest


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(SCHEMA_FILE.read_text())
    return content


@pytest.fixture
def content(small_export: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((small_export / "manifest.json").read_text())
    return value


def records(kind: Any) -> Iterator[type]:
    """The dataclass, and every one within it."""
    if dataclasses.is_dataclass(kind):
        assert isinstance(kind, type)
        yield kind
        elsewhere = {field.name for field in dataclasses.fields(kind) if field.metadata}
        for name, hint in get_type_hints(kind).items():
            if name not in elsewhere:
                yield from records(hint)
    for argument in get_args(kind):
        yield from records(argument)


def test_the_file_is_what_the_records_say() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run `python -m export.manifest_schema`"


def test_it_is_a_schema_of_draft_2020_12(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_records_and_schema_have_the_same_fields_types_and_needs(schema: dict[str, Any]) -> None:
    """Walks both, without the code that made the one from the other."""
    types = {str: "string", int: "integer", float: "number", bool: "boolean"}
    seen = set()
    for kind in (*records(Manifest), *records(Checks)):
        node = schema if kind is Manifest else schema["$defs"][kind.__name__]
        seen.add(kind.__name__)
        fields = [field for field in dataclasses.fields(kind) if not field.metadata]
        assert list(node["properties"]) == [field.name for field in fields]
        absent = dataclasses.MISSING
        needed = [field.name for field in fields if field.default is absent and field.default_factory is absent]
        assert node["required"] == needed
        assert "additionalProperties" not in node  # a later version may have more
        hints = get_type_hints(kind)
        for name, hint in ((field.name, hints[field.name]) for field in fields):
            entry = node["properties"][name]
            assert len(entry["description"]) > 3, (kind, name)
            if hint in types:
                assert entry["type"] == types[hint]
            if dataclasses.is_dataclass(hint):
                assert entry["$ref"] == f"#/$defs/{hint.__name__}"  # type: ignore[union-attr]
    assert seen == {"Manifest", *schema["$defs"]}


def test_a_real_manifest_is_valid(content: dict[str, Any], schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(content)


def test_every_export_carries_the_schema(small_export: Path) -> None:
    assert (small_export / SCHEMA_FILE_NAME).read_bytes() == SCHEMA_FILE.read_bytes()


def test_what_may_be_absent_may_be_absent(content: dict[str, Any], schema: dict[str, Any]) -> None:
    del content["checks"], content["golden_chain"], content["artifacts"][0]["variant"]
    Draft202012Validator(schema).validate(content)


def test_what_a_later_version_adds_is_valid(content: dict[str, Any], schema: dict[str, Any]) -> None:
    content.update(schema_minor=9, extra=1)
    content["artifacts"][0].update(extra=1)
    Draft202012Validator(schema).validate(content)


MUTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another version": lambda m: m.update(schema_version=1),
    "no licence": lambda m: m.pop("license"),
    "text for a number": lambda m: m["sizes"][0].update(height_px="64"),
    "half a pixel": lambda m: m["sizes"][0].update(width_px=63.5),
    "no height": lambda m: m["sizes"][0].update(height_px=0),
    "no size": lambda m: m["sizes"].clear(),
    "an image of another divisor": lambda m: m["artifacts"][0]["inputs"][0].update(divisor=0),
    "advice without evidence": lambda m: m["recommended"][0].update(evidence="hoped"),
    "so many threads": lambda m: m["recommended"][0].update(threads=4),
    "less than no memory": lambda m: m["pipelines"][0].update(peak_memory_mib=-1),
    "an unknown delegate": lambda m: m["artifacts"][0].update(delegate="qnn"),
    "a local time": lambda m: m.update(created="2026-01-02 03:04:05"),
    "upper-case digest": lambda m: m["checkpoint"].update(sha256="A" * 64),
    "short digest": lambda m: m["artifacts"][0]["files"][0].update(sha256="0" * 63),
    "unknown format": lambda m: m["artifacts"][0].update(format="gguf"),
    "unknown status": lambda m: m["artifacts"][0].update(status="skipped"),
    "unknown layout": lambda m: m["artifacts"][0]["inputs"][0].update(layout="CHWN"),
    "three axes": lambda m: m["artifacts"][0]["inputs"][0]["shape"].pop(),
    "path outside": lambda m: m["artifacts"][0].update(path="../x"),
    "path outside, within": lambda m: m["artifacts"][0]["files"][0].update(path="a/../../x"),
    "absolute path": lambda m: m["golden"][0]["inputs"][0].update(path="/x"),
    "one bound": lambda m: m["graphs"]["deblur"]["inputs"][0].update(range=[0]),
    "three bounds": lambda m: m["graphs"]["deblur"]["inputs"][0].update(range=[0, 1, 2]),
    "BGR": lambda m: m["graphs"]["deblur"]["inputs"][0].update(channel_order="BGR"),
    "a statistic that is none": lambda m: m["golden"][0]["tolerances"]["fp32"][0].update(statistic="max"),
    "a tolerance below zero": lambda m: m["golden"][0]["tolerances"]["fp32"][0].update(at_most=-1),
    "golden of 16 bits": lambda m: m["golden"][0]["inputs"][0].update(dtype="uint16"),
    "divided by zero": lambda m: m["golden"][0]["inputs"][0].update(divisor=0),
    "no stride": lambda m: m["golden"][0]["outputs"][0].update(stride_px=0),
    "other padding": lambda m: m["tiling"].update(padding="reflect"),
    "other filter": lambda m: m["resize"].update(filter="bicubic"),
    "other smoothing": lambda m: m["conventions"]["smoothing"].update(kind="bilateral filter"),
    "no optics": lambda m: m["conventions"].pop("optics"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_changed_manifest_is_not_valid(content: dict[str, Any], schema: dict[str, Any], mutation: str) -> None:
    MUTATIONS[mutation](content)
    assert not Draft202012Validator(schema).is_valid(content)


CHECK_MUTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "passed is text": lambda a: a["parity"][0].update(passed="yes"),
    "another answer": lambda a: a["parity"][0].update(answer="infinite"),
    "a key that is none": lambda a: a.update(key="new"),
    "a bound that is none": lambda a: a["gates"][0].update(bound="about"),
    "coverage by guess": lambda a: a["coverage"].append(
        {
            "delegate": "GPU",
            "method": "guessed",
            "subgraphs": 1,
            "inside": {},
            "outside": {},
            "multiplications_inside": 0,
            "multiplications_outside": 0,
        }
    ),
}


def test_real_checks_are_valid_and_changed_ones_are_not(small_export: Path, schema: dict[str, Any]) -> None:
    validator = Draft202012Validator({"$ref": "#/$defs/Checks", "$defs": schema["$defs"]})
    text = (small_export / "checks.json").read_text()
    validator.validate(json.loads(text))
    for change in CHECK_MUTATIONS.values():
        content = json.loads(text)
        change(content["artifacts"]["deblur-tflite-int8"])
        assert not validator.is_valid(content)


def test_a_field_without_a_sentence_is_refused() -> None:
    @dataclasses.dataclass
    class Undescribed:
        """One field has none."""

        first: int
        """Described."""
        second: int

    with pytest.raises(ValueError, match="Undescribed has none under second"):
        field_texts(Undescribed)
