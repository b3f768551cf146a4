"""Frozen dataclasses from JSON and back, strictly: what is missing or of another type is named.

A field whose metadata has ``FILE`` is kept in that other file; None of a field that is None by default is not written.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from runtime.system.errors import ReblurError

Record = TypeVar("Record")

FILE = "file"
"""Key of a field's metadata: the file that it is kept in, where that is not the record's own."""

_NAMES = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def from_json(kind: type[Record], value: Any, where: str, *, ignore_unknown: bool = False) -> Record:
    """Build the dataclass ``kind`` from a parsed JSON object.

    Fields may be str, int, float, bool, Literal, ``X | None``, tuples, dict[str, ...] and dataclasses.

    Args:
        kind: the dataclass.
        value: what ``json.loads`` gave.
        where: name of the place, for error messages.
        ignore_unknown: whether keys that are no fields are passed over, as a later version may have.

    Raises:
        ReblurError: names the place, what was expected there and what was found.
    """
    return _read(kind, value, where, ignore_unknown)


def to_json(record: Any, *, file: str | None = None) -> Any:
    """What ``json.dumps`` takes, keys in the order of the fields; infinities and NaN become null.

    Args:
        record: a dataclass, or what is made of them.
        file: if given, fields that are kept in another file than this one are left out.
    """
    if dataclasses.is_dataclass(record):
        return {
            field.name: to_json(getattr(record, field.name), file=file)
            for field in dataclasses.fields(record)
            if file is None or field.metadata.get(FILE, file) == file
            if not (getattr(record, field.name) is None and field.default is None)
        }
    if isinstance(record, dict):
        return {key: to_json(item, file=file) for key, item in record.items()}
    if isinstance(record, tuple | list):
        return [to_json(item, file=file) for item in record]
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record


def lines_of(content: dict[str, Any]) -> str:
    """JSON text without spaces, with a line for each key, and for each entry of a list of objects."""

    def text(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def block(value: Any) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n  " + ",\n  ".join(map(text, value)) + "\n ]"
        return text(value)

    return "{\n " + ",\n ".join(f"{text(key)}:{block(value)}" for key, value in content.items()) + "\n}\n"


def _read(kind: Any, value: Any, where: str, lenient: bool) -> Any:
    """One value of the annotated type ``kind``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where, lenient)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(arguments[0], value, where, lenient)
    if origin is Literal:
        known = ", ".join(repr(item) for item in arguments)
        return value if value in arguments else _fail(where, f"one of {known}", value)
    if origin is dict:
        if not isinstance(value, dict):
            return _fail(where, "an object", value)
        return {key: _read(arguments[1], item, f"{where}.{key}", lenient) for key, item in value.items()}
    if origin is tuple:
        return _read_tuple(arguments, value, where, lenient)
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        return _fail(where, _name(kind), value)
    return float(value) if kind is float else value


def _read_tuple(arguments: tuple[Any, ...], value: Any, where: str, lenient: bool) -> tuple[Any, ...]:
    if not isinstance(value, list):
        return _fail(where, "a list", value)
    kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(value):
        return _fail(where, f"{len(kinds)} entries", value)
    pairs = zip(kinds, value, strict=True)
    return tuple(_read(kind, item, f"{where}[{index}]", lenient) for index, (kind, item) in enumerate(pairs))


def _read_dataclass(kind: Any, value: Any, where: str, lenient: bool) -> Any:
    if not isinstance(value, dict):
        return _fail(where, "an object", value)
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    optional = [field.name for field in dataclasses.fields(kind) if is_optional(field)]
    missing = [name for name in names if name not in value and name not in optional]
    unknown = [name for name in value if name not in names and not lenient]
    if missing or unknown:
        problems = [f"lacks {', '.join(missing)}"] * bool(missing)
        problems += [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        raise ReblurError(f"{where} {' and '.join(problems)}")
    return kind(
        **{name: _read(hints[name], value[name], f"{where}.{name}", lenient) for name in names if name in value}
    )


def is_optional(field: dataclasses.Field[Any]) -> bool:
    """Whether a record may lack the field."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _name(kind: Any) -> str:
    return _NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def _fail(where: str, expected: str, value: Any) -> Any:
    found = repr(value)
    found = found if len(found) <= 60 else f"{found[:57]}..."
    raise ReblurError(f"{where}: expected {expected}, got {found}")
