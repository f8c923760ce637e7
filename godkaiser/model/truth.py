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
        return _NOT[self]


_NOT = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


def conjunction(parts: Iterable[Truth]) -> Truth:
    """AND: false wins over unknown, unknown over true. Nothing at all is true."""
    seen = set(parts)
    if Truth.FALSE in seen:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.TRUE


def disjunction(parts: Iterable[Truth]) -> Truth:
    """OR: true wins over unknown, unknown over false. Nothing at all is false."""
    return ~conjunction(~part for part in parts)
