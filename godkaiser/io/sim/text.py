"""How the device reads and writes JSON.

Writing: fields are concatenated in a fixed order; a :class:`Raw` stands for a number with its own formatting.
Reading, two ways. Most topics go through a parser with a fixed memory pool on a 32-bit machine: each object
member and array element takes a slot of 16 bytes, each distinct string its UTF-8 length and a terminator,
and what does not fit is not read at all. Actuator commands are searched as text: the first ``"key":``
anywhere wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

SLOT = 16
NESTING = 10
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)


class Raw(str):
    """Text that is already JSON, such as a number printed with two decimals."""

    __slots__ = ()


def fixed(value: float, digits: int) -> Raw:
    """A number printed with exactly ``digits`` decimals, never as minus zero."""
    return Raw(f"{value:.{digits}f}") if round(value, digits) else Raw(f"{0:.{digits}f}")


def foreign(value: object) -> Raw:
    """Something that came in, to be sent back; a number that JSON cannot write becomes null."""
    clean = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return Raw(json.dumps(clean, ensure_ascii=False, separators=(",", ":")))


def compose(fields: Mapping[str, object]) -> bytes:
    """Compact UTF-8 JSON with the fields in the given order."""
    return _object(fields).encode("utf-8", "replace")


def _object(fields: Mapping[str, object]) -> str:
    return "{" + ",".join(f'"{key}":{_value(value)}' for key, value in fields.items()) + "}"


def _value(value: object) -> str:
    if isinstance(value, Raw):
        return value
    if isinstance(value, Mapping):
        return _object(value)
    if type(value) is int:
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(payload: bytes, pool: int) -> dict[str, object] | None:
    """The root object, or None when the text is not JSON, nests too deep, or does not fit in ``pool`` bytes.

    A root that is no object reads as an empty one: looking up a key in it finds nothing. Text after the
    root value is not looked at.
    """
    try:
        root = load(payload)
        if pool_need(root) > pool:
            return None
    except ValueError:
        return None
    return root if isinstance(root, dict) else {}


def load(payload: bytes) -> object:
    """The root value, whatever its kind and size; raises ValueError when the text is not JSON."""
    try:
        return _DECODER.raw_decode(payload.decode("utf-8").lstrip(" \t\r\n"))[0]
    except RecursionError as error:
        raise ValueError("too deep") from error


def _refuse(constant: str) -> object:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def pool_need(value: object) -> int:
    """Bytes of the device's parser pool that a JSON value takes; raises ValueError beyond ten levels."""
    strings: set[str] = set()
    slots = sum(_slots(value, strings, NESTING))
    return SLOT * slots + sum(len(text.encode("utf-8", "replace")) + 1 for text in strings)


def _slots(value: object, strings: set[str], depth: int) -> Iterator[int]:
    if isinstance(value, str):
        strings.add(value)
    if not isinstance(value, dict | list):
        return
    if depth == 0:
        raise ValueError("too deep")
    if isinstance(value, dict):
        strings.update(value)
    yield len(value)
    for item in value.values() if isinstance(value, dict) else value:
        yield from _slots(item, strings, depth - 1)


def scan_raw(text: str, key: str) -> str | None:
    """Everything after the first ``"key":``; None when there is none."""
    _, found, rest = text.partition(f'"{key}":')
    return rest.lstrip(" \t") if found else None


def scan_text(text: str, key: str) -> str:
    """The string after the first ``"key":``; empty when there is none or the value is no closed string."""
    rest = scan_raw(text, key) or ""
    value, closed, _ = rest[1:].partition('"')
    return value if rest.startswith('"') and closed else ""


def scan_number(text: str, key: str) -> float:
    """The number after the first ``"key":``; 0.0 when there is none or it does not start like a number."""
    match = _NUMBER.match(scan_raw(text, key) or "")
    return float(match.group()) if match else 0.0


def numeric(raw: str) -> bool:
    """Whether a text starts like a number."""
    return _NUMBER.match(raw) is not None
