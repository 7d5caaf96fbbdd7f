"""Results as JSON. What JSON has no word for either becomes something that is defined (README.md has the table), or is an
error that says what it is and where."""

import base64
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import math
import os
import uuid

# A result may be nested so deep.
MAX_DEPTH = 150


class BadResult(TypeError):
    """What a handler returned cannot be answered with."""


class _Unknown(Exception):
    """Nothing is defined for a value: a second pass finds where it is."""


def dumps(value, what="result"):
    """The JSON text of a value."""
    try:
        # The quick way, which is right nearly always; it does not know where it was when something is wrong.
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_simpler)
    except (_Unknown, TypeError, ValueError, RecursionError):
        plain = _convert(value, [what], set())
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair can be written, but not as UTF-8.
        plain = json.loads(text)
        return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode()


def _simpler(value):
    """A value that JSON does not know by one that is nearer to it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        if not value.is_finite():
            raise _Unknown
        return str(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return path if isinstance(path, str) else os.fsdecode(path)
    if isinstance(value, type):
        raise _Unknown
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "__pydantic_validator__") or hasattr(value, "__pydantic_core_schema__"):
        return value.model_dump(mode="json")
    if hasattr(value, "__fields__") and hasattr(value, "__validators__"):  # pydantic 1
        return json.loads(value.json())
    if hasattr(type(value), "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in type(value).__attrs_attrs__}
    if isinstance(value, collections.abc.Mapping):
        return dict(value)
    if isinstance(value, collections.abc.Set):
        return _in_order(value)
    if isinstance(value, (collections.abc.Sequence, collections.abc.ValuesView)):
        return list(value)
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise _Unknown


def _in_order(values):
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _convert(value, path, above):
    """The value in JSON's own types. `path` leads to it, `above` has the values that it is in."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        # An integer may have more digits than Python is willing to write.
        try:
            int.__repr__(value)
        except ValueError as error:
            raise BadResult(f"{_shown(path)}: {error}") from None
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        raise BadResult(f"{_shown(path)} is {name}, which JSON cannot express")
    if id(value) in above:
        raise BadResult(f"{_shown(path)} contains itself")
    if len(above) == MAX_DEPTH:
        raise BadResult(f"{_shown(path[:5])}… is nested more than {MAX_DEPTH} levels deep")
    above.add(id(value))
    try:
        return _convert_structure(value, path, above)
    finally:
        above.discard(id(value))


def _convert_structure(value, path, above):
    def inner(key, item):
        path.append(key)
        converted = _convert(item, path, above)
        path.pop()
        return converted

    if isinstance(value, dict):
        return {_name(key, path): inner(key, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner(index, item) for index, item in enumerate(value)]
    try:
        simpler = _simpler(value)
    except _Unknown:
        raise _unknown(value, path) from None
    return _convert(simpler, path, above)


def _name(key, path):
    """A dictionary's key as a name."""
    if isinstance(key, enum.Enum):
        key = key.value
    if key is None or isinstance(key, (str, int)):
        return key
    if isinstance(key, float) and math.isfinite(key):
        return key
    try:
        simpler = _simpler(key)
    except _Unknown:
        simpler = None
    if isinstance(simpler, str) and not isinstance(key, (bytes, bytearray, memoryview)):
        return simpler
    raise BadResult(f"{_shown(path)} has a key of the type {type_name(key)}, which cannot be a name in JSON")


def _unknown(value, path):
    if isinstance(value, decimal.Decimal):
        return BadResult(f"{_shown(path)} is {value}, which JSON cannot express")
    hint = ""
    if hasattr(value, "__await__"):
        hint = ": it was not awaited"
    elif hasattr(value, "__next__") or hasattr(value, "__anext__"):
        hint = ": only the result itself, or its body, can be a generator; list(…) makes a list of it"
    return BadResult(f"{_shown(path)} is of the type {type_name(value)}, which cannot be written as JSON{hint}")


def type_name(value):
    """`Decimal`, or `module.Thing` for what is not built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _shown(path):
    """`result["items"][0]`."""
    return path[0] + "".join(f"[{key!r}]" if not isinstance(key, str) else f"[{json.dumps(key, ensure_ascii=False)}]" for key in path[1:])
