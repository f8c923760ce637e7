"""A rule's trace as JSON text of a bounded length, and back.

What is empty is left out, and a sentence that repeats those of its parts keeps only what stands between them. A trace
that would be longer is cut, and says so: parts and blockers from the end are left out, `cut` counts them where they
would stand, and long sentences end with an ellipsis.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

MOST: Final = 16_384  # bytes
TEXT_MOST: Final = 400  # characters of one sentence in a trace that has to be cut
CUT: Final = "cut"
_EMPTY: Final[Mapping[str, Any]] = {"value": None, "note": "", "reading": None}
Picture = dict[str, Any]


def to_text(condition: Picture | None, blockers: Sequence[Picture]) -> str:
    """As much of it as may be kept, the beginning."""
    things = len(blockers) + _count(condition)
    whole = _first(things, condition, blockers)
    if _size(whole) <= MOST:
        return whole

    def cut(count: int) -> str:
        return _first(count, _shortened(condition), [_shortened(blocker) for blocker in blockers])

    return cut(bisect_right(range(things + 1), MOST, key=lambda count: _size(cut(count))) - 1)


def from_text(text: str) -> tuple[Picture | None, list[Picture], int]:
    """The condition, the blockers, and of how many things is known that they are missing."""
    document = json.loads(text)
    condition = document["condition"]
    missing = document.get(CUT, 0) + _missing(condition)
    return None if condition is None else _filled(condition), document["blockers"], missing


def _count(node: Picture | None) -> int:
    return 0 if node is None else sum(1 + _count(part) for part in node.get("parts", ()))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _first(count: int, condition: Picture | None, blockers: Sequence[Picture]) -> str:
    """With so many blockers and parts, blockers first: they are few, and no reading tells them again."""
    document: Picture = {"condition": None, "blockers": list(blockers[:count])}
    if condition is not None:
        document["condition"] = _kept(condition, iter(range(count - len(blockers))))
    if count < len(blockers):
        document[CUT] = len(blockers) - count
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _kept(node: Picture, room: Iterator[int]) -> Picture:
    """With as many parts as there is room for."""
    made = {key: value for key, value in node.items() if key != "parts" and _EMPTY.get(key, node) != value}
    every = node.get("parts", ())
    parts = [_kept(part, room) for part in every if next(room, None) is not None]
    if len(parts) < len(every):
        made[CUT] = len(every) - len(parts)
    elif parts:
        made["text"] = _between(node["text"], [part["text"] for part in every])
    return made | ({"parts": parts} if parts else {})


def _between(text: str, parts: Sequence[str]) -> str | list[str]:
    """What stands around its parts in a text that repeats them; the text itself when it does not."""
    pieces, rest = list[str](), text
    for part in parts:
        if not part or part not in rest:
            return text
        before, _, rest = rest.partition(part)
        pieces.append(before)
    return [*pieces, rest]


def _shortened(thing: Any) -> Any:
    """Its sentences."""
    if isinstance(thing, dict):
        return {key: _shortened(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_shortened(one) for one in thing]
    if isinstance(thing, str) and len(thing) > TEXT_MOST:
        return thing[: TEXT_MOST - 1] + "…"
    return thing


def _missing(node: Picture | None) -> int:
    return 0 if node is None else node.get(CUT, 0) + sum(map(_missing, node.get("parts", ())))


def _filled(node: Picture) -> Picture:
    parts = [_filled(part) for part in node.get("parts", ())]
    text = node["text"]
    if isinstance(text, list):
        first, *others = text
        text = first + "".join(part["text"] + after for part, after in zip(parts, others, strict=True))
    return {**_EMPTY, **node, "text": text, "parts": parts}
