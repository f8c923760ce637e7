"""A reason not to take a message, and the checks that find one.

A check returns the first flaw or None, so checks are joined by ``or``. Only :func:`required` minds a key
that is absent.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "bad_json",
    "missing_field",
    "wrong_type",
    "bad_value",
    "id_pattern",
    "unknown_topic",
    "unknown_command",
    "too_large",
]
Body = Mapping[str, object]
TOP = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a device does not take a message; ``field`` is the key at fault, empty for the whole message."""

    code: Code
    field: str
    why: str


def required(body: Body, *names: str) -> Flaw | None:
    """One of the names must be there."""
    if any(name in body for name in names):
        return None
    return Flaw("missing_field", names[0], f"{' or '.join(names)} is missing.")


def text(body: Body, key: str, most: int | None = None) -> Flaw | None:
    """A string, of at most so many characters."""
    value = body.get(key, "")
    if not isinstance(value, str):
        return Flaw("wrong_type", key, f"{key} must be a string, not {shown(value)}.")
    if most is not None and len(value) > most:
        return Flaw("bad_value", key, f"{key} has {len(value)} characters, the device keeps {most}.")
    return None


def word(body: Body, key: str, allowed: Collection[str]) -> Flaw | None:
    """A string out of a list."""
    if key in body and body[key] not in tuple(allowed):
        problem = f"{key} must be one of {', '.join(allowed)}, not {shown(body[key])}."
        return text(body, key) or Flaw("bad_value", key, problem)
    return None


def whole(body: Body, key: str, least: int = 0, most: int = TOP) -> Flaw | None:
    """An integer within bounds."""
    value = body.get(key, least)
    if type(value) is not int:
        return Flaw("wrong_type", key, f"{key} must be an integer, not {shown(value)}.")
    if not least <= value <= most:
        return Flaw("bad_value", key, f"{key} must be {least}..{most}, not {shown(value)}.")
    return None


def number(body: Body, key: str) -> Flaw | None:
    """A finite number."""
    value = body.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Flaw("wrong_type", key, f"{key} must be a number, not {shown(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        return Flaw("bad_value", key, f"{key} must be finite.")
    return None


def flag(body: Body, key: str) -> Flaw | None:
    """True or false."""
    value = body.get(key, False)
    if isinstance(value, bool):
        return None
    return Flaw("wrong_type", key, f"{key} must be true or false, not {shown(value)}.")


def table(body: Body, key: str) -> Flaw | None:
    """An array."""
    value = body.get(key, [])
    if isinstance(value, list):
        return None
    return Flaw("wrong_type", key, f"{key} must be an array, not {shown(value)}.")


def shown(value: object) -> str:
    """A value for a sentence: short, and of characters that can be written anywhere."""
    full = ascii(value) if isinstance(value, str | bool | float) or value is None else _kind(value)
    return full if len(full) <= 40 else full[:37] + "..."


def _kind(value: object) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) <= 2**64 else "a huge integer"
    return "an array" if isinstance(value, list) else "an object"
