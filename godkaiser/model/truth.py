"""Kleene's strong three-valued logic: unknown is not false."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Truth(enum.Enum):
    """True, false, or not known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, value: bool | None) -> Truth:
        """`None` is unknown."""
        return cls.UNKNOWN if value is None else cls.TRUE if value else cls.FALSE

    def __bool__(self) -> bool:
        raise TypeError("a Truth has three values; compare it with Truth.TRUE")

    def __invert__(self) -> Truth:
        if self is Truth.UNKNOWN:
            return self
        return Truth.FALSE if self is Truth.TRUE else Truth.TRUE


# Asked for every part of every condition at every reading: by identity, as an Enum's hash is slow.
def conjunction(parts: Iterable[Truth]) -> Truth:
    """AND: false wins over unknown, unknown over true. Nothing at all is true."""
    found = Truth.TRUE
    for part in parts:
        if part is Truth.FALSE:
            return part
        if part is Truth.UNKNOWN:
            found = part
    return found


def disjunction(parts: Iterable[Truth]) -> Truth:
    """OR: true wins over unknown, unknown over false. Nothing at all is false."""
    found = Truth.FALSE
    for part in parts:
        if part is Truth.TRUE:
            return part
        if part is Truth.UNKNOWN:
            found = part
    return found
