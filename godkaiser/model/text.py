"""Texts of strangers that no database takes: the character NUL, and halves of characters (lone surrogates).

JSON and YAML can spell both. PostgreSQL keeps no NUL, and UTF-8 has no halves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NUL: Final = "\0"
UNKNOWN: Final = "\ufffd"
DEEPEST: Final = 100
SHOWN: Final = 120  # of a path


def spoiled(text: str) -> str:
    """What is wrong with a text, or nothing."""
    if NUL in text:
        return "holds the character NUL"
    return "" if text.isascii() or _whole(text) else "holds half a character"


def spoiled_in(value: Any, path: str) -> tuple[str, str] | None:
    """Where in plain data such a text or key stands, and what is wrong with it; also where it is too deep."""
    left: list[tuple[Any, str, int]] = [(value, path, 0)]
    while left:
        part, where, depth = left.pop()
        if isinstance(part, str):
            if problem := spoiled(part):
                return where, problem
        elif isinstance(part, (Mapping, list, tuple)):
            if depth >= DEEPEST:
                return path, f"is deeper than {DEEPEST}"
            named = part.items() if isinstance(part, Mapping) else enumerate(part)
            for name, inner in named:
                if problem := spoiled(str(name)):
                    return where, problem
                left.append((inner, f"{where}.{name}"[:SHOWN], depth + 1))
    return None


def storable(text: str) -> str:
    """The same with a mark in the place of what cannot be kept: better so than a row that is missing."""
    if not spoiled(text):
        return text
    return text.replace(NUL, UNKNOWN).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
