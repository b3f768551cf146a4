"""The manifest's schema (JSON Schema, draft 2020-12), made from the records that the runtime reads it into.

That of checks.json is ``#/$defs/Checks`` within it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import shutil
import textwrap
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from export.execution.output_folder import SCHEMA_FILE_NAME
from runtime.manifest.check_records import Checks
from runtime.manifest.json_codec import FILE, is_optional
from runtime.manifest.manifest import FILE_NAME, SCHEMA_VERSION, Manifest
from runtime.system.errors import ReblurError

SCHEMA_FILE = Path(__file__).with_name(SCHEMA_FILE_NAME)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHA256 = {"pattern": "^[0-9a-f]{64}$"}
RELATIVE_PATH = {"pattern": r"^(?!/)(?!.*\\)(?!(.*/)?\.\.(/|$)).+$"}
AT_LEAST_0 = {"minimum": 0}
AT_LEAST_1 = {"minimum": 1}
RULES: dict[str, dict[str, Any]] = {
    "Manifest.schema_version": {"const": SCHEMA_VERSION},
    "Manifest.schema_minor": AT_LEAST_0,
    "Manifest.created": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    "Manifest.sizes": {"minItems": 1},
    "Size.height_px": AT_LEAST_1,
    "Size.width_px": AT_LEAST_1,
    "Manifest.sigma_max_px": {"exclusiveMinimum": 0},
    "Checkpoint.sha256": SHA256,
    "Int8Source.sha256": SHA256,
    "ResizePolicy.long_side_px": AT_LEAST_1,
    "ResizePolicy.one_call_share": {"exclusiveMinimum": 0, "maximum": 1},
    "Tiling.alignment_px": AT_LEAST_1,
    "Graph.halo_px": AT_LEAST_0,
    "Graph.smallest_tile_px": AT_LEAST_1,
    "TensorMeaning.channels": {"enum": [1, 3]},
    "TensorMeaning.channel_order": {"enum": ["RGB", None]},
    "TensorMeaning.color_space": {"enum": ["sRGB", None]},
    "TensorMeaning.unit": {"enum": ["px", None]},
    "Artifact.path": RELATIVE_PATH,
    "ArtifactFile.path": RELATIVE_PATH,
    "ArtifactFile.bytes": AT_LEAST_0,
    "ArtifactFile.sha256": SHA256,
    "ArtifactTensor.shape": {"minItems": 4, "maxItems": 4},
    "ArtifactTensor.divisor": {"exclusiveMinimum": 0},
    "ArtifactChecks.key": {"pattern": "^([0-9a-f]{64})?$"},
    "Pipeline.height_px": AT_LEAST_1,
    "Pipeline.width_px": AT_LEAST_1,
    "Pipeline.peak_memory_mib": AT_LEAST_0,
    "LintFinding.count": AT_LEAST_1,
    "DelegateCoverage.subgraphs": AT_LEAST_0,
    "DelegateCoverage.multiplications_inside": AT_LEAST_0,
    "DelegateCoverage.multiplications_outside": AT_LEAST_0,
    "GoldenCase.height_px": AT_LEAST_1,
    "GoldenCase.width_px": AT_LEAST_1,
    "GoldenInput.path": RELATIVE_PATH,
    "GoldenInput.divisor": {"exclusiveMinimum": 0},
    "GoldenInput.shape": {"minItems": 4, "maxItems": 4},
    "GoldenInput.sha256": SHA256,
    "GoldenOutput.path": RELATIVE_PATH,
    "GoldenOutput.stride_px": AT_LEAST_1,
    "GoldenOutput.shape": {"minItems": 4, "maxItems": 4},
    "GoldenOutput.sha256": SHA256,
    "Tolerance.at_most": AT_LEAST_0,
}
"""Record and field -> what its type does not say."""
PRIMITIVES: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def build_schema() -> dict[str, Any]:
    """The schema as plain JSON values."""
    definitions: dict[str, Any] = {}
    root = _record(Manifest, definitions)
    _value(Checks, definitions)
    unused = set(RULES) - {
        f"{name}.{field}" for name, d in {"Manifest": root, **definitions}.items() for field in d["properties"]
    }
    if unused:
        raise ReblurError(f"RULES must name fields of the manifest's records, got {', '.join(sorted(unused))}")
    return {
        "$schema": DIALECT,
        "$id": f"urn:reblur:manifest:{SCHEMA_VERSION}",
        "title": "Reblur manifest.json",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The text of manifest.schema.json."""
    return json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n"


def copy_schema(directory: Path) -> None:
    """Put the schema beside a manifest."""
    shutil.copyfile(SCHEMA_FILE, directory / SCHEMA_FILE_NAME)


def _record(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """A dataclass as an object that has its fields, and perhaps others, which a reader ignores."""
    hints, texts = get_type_hints(kind), field_texts(kind)
    fields = [field for field in dataclasses.fields(kind) if field.metadata.get(FILE, FILE_NAME) == FILE_NAME]
    return {
        "description": (inspect.getdoc(kind) or "").strip(),
        "type": "object",
        "properties": {
            field.name: {
                "description": texts[field.name],
                **_value(hints[field.name], definitions),
                **RULES.get(f"{kind.__name__}.{field.name}", {}),
            }
            for field in fields
        },
        "required": [field.name for field in fields if not is_optional(field)],
    }


def _value(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Any annotated type that ``runtime.manifest.json_codec`` reads."""
    origin, arguments = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        name = kind.__name__  # type: ignore[union-attr]
        if name not in definitions:
            definitions[name] = {}  # so that a record within itself would end
            definitions[name] = _record(kind, definitions)  # type: ignore[arg-type]
        return {"$ref": f"#/$defs/{name}"}
    if origin in (Union, types.UnionType):
        inner = _value(arguments[0], definitions)
        if "$ref" in inner:
            return {"anyOf": [inner, {"type": "null"}]}
        return {**inner, "type": [inner["type"], "null"]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1], definitions)}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _value(arguments[0], definitions)}
    if origin is tuple:
        items = [_value(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": PRIMITIVES[kind]}


def field_texts(kind: type) -> dict[str, str]:
    """The sentence under each field of a dataclass.

    Raises:
        ReblurError: a field has none.
    """
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for statement, following in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
            name, text = statement.target, following.value
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant):
                texts[name.id] = " ".join(str(text.value).split())
    missing = [field.name for field in dataclasses.fields(kind) if field.name not in texts]
    if missing:
        raise ReblurError(f"every field needs a sentence under it, {kind.__name__} has none under {', '.join(missing)}")
    return texts
