"""YAML out of a file, of which nobody knows who wrote it: looked through before it is built.

A name may stand for a part, and the part for others: a few lines may mean thousands of millions of values. Counted is
what is written out, without writing it out; so is the depth, as the library's own reader follows it without a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

from godkaiser.errors import DocumentError
from godkaiser.model.text import spoiled

MOST: Final = 1_000_000  # values
DEEPEST: Final = 100


def load_yaml(text: str, path: str) -> Any:
    """Plain data. Raises `DocumentError` with the line, also for what is no YAML."""
    try:
        for line, problem in too_much(text):
            raise DocumentError(path=f"{path}:{line}", problem=problem)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DocumentError(path=path, problem=" ".join(str(error).split())) from None


def too_much(text: str) -> Iterator[tuple[int, str]]:
    """The line where a text holds too much, or what cannot be kept, and in what way. Nothing where it does not."""
    # Sizes and depths of what has a name, and of what is open.
    named: dict[str, tuple[int, int]] = {}
    opened: list[tuple[str | None, int, int]] = [(None, 0, 0)]
    for event in yaml.parse(text, yaml.SafeLoader):
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            opened.append((event.anchor, 1, 0))
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in named:
                yield line, f"*{event.anchor} is not there, or contains itself"
                return
            size, depth = named[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            if problem := spoiled(event.value):
                yield line, problem
                return
            size, depth = 1, 0
            named |= {} if event.anchor is None else {event.anchor: (1, 0)}
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            anchor, size, depth = opened.pop()
            named |= {} if anchor is None else {anchor: (size, depth)}
        else:
            continue
        anchor, before, deepest = opened[-1]
        opened[-1] = (anchor, before + size, max(deepest, depth + 1))
        if before + size > MOST or len(opened) + depth > DEEPEST:
            what = f"more than {MOST} values" if before + size > MOST else f"parts deeper than {DEEPEST}"
            yield line, f"holds {what} when it is written out"
            return
