"""A document that is nested too deeply, or grows without end, is refused before anything follows it into its depth.

YAML lets a part be named and used again: a file of a few lines may mean thousands of millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from godkaiser.errors import DocumentError

DEEPEST: Final = 20  # conditions within each other; a step's condition has two less
MOST: Final = 20_000  # values in one rule, written out


def check_bounds(data: Any, path: str) -> None:
    """Raises `DocumentError` with the path of what lies too deep, or of the whole when there is too much of it."""
    waiting, seen = [(data, path, 0)], 0
    while waiting:
        value, place, depth = waiting.pop()
        seen += 1
        if seen > MOST:
            raise DocumentError(path=path, problem=f"holds more than {MOST} values when it is written out")
        if depth > DEEPEST:
            raise DocumentError(
                path=place, problem=f"stands deeper than {DEEPEST} within each other: split the rule"
            )
        waiting += [
            (part, f"{place}{name}", depth + _deeper(value, part))
            for name, part in reversed([*_parts(value)])
        ]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f".{key}", part) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))


def _deeper(value: Any, part: Any) -> int:
    """Every object in another counts once, and so does a list in a list."""
    return isinstance(part, dict) or (isinstance(value, (list, tuple)) and isinstance(part, (list, tuple)))
