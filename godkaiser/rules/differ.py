"""Two sets of rule documents compared, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from godkaiser.model.difference import Difference
from godkaiser.model.ids import RuleId
from godkaiser.rules.document import RuleDocument, canonical_json

_DEFAULTS: Final = {
    name: field.default for name, field in RuleDocument.model_fields.items() if not field.is_required()
}
_ABSENT: Final = object()


def differences(old: Iterable[RuleDocument], new: Iterable[RuleDocument]) -> tuple[Difference, ...]:
    """What becomes of each rule, found again by its id; empty when both say the same, however it is spelled."""
    before, after = _by_id(old), _by_id(new)
    found: list[Difference] = []
    for rule_id in dict.fromkeys([*before, *after]):
        found += _rule(rule_id, before.get(rule_id), after.get(rule_id))
    return tuple(found)


def _by_id(documents: Iterable[RuleDocument]) -> dict[str, RuleDocument]:
    return {str(RuleId.from_name(document.name)): document for document in documents}


def _rule(rule_id: str, old: RuleDocument | None, new: RuleDocument | None) -> Iterator[Difference]:
    if new is None:
        assert old is not None  # the id is of one of the two
        yield Difference(rule_id, _plain(old), None, f"{old.name}: gone")
    elif old is None:
        yield Difference(rule_id, None, _plain(new), f"{new.name}: new")
    else:
        for path, was, now in _walk("", _plain(old), _plain(new)):
            said = f"{new.name}: {path} {_word(was, path)} → {_word(now, path)}"
            yield Difference(f"{rule_id}.{path}", _value(was), _value(now), said)


def _plain(document: RuleDocument) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(canonical_json(document))
    return data


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every field that differs, as deep as both sides have the same shape. Lists are compared by place."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.get("type") == new.get("type"):
        for key in dict.fromkeys([*old, *new]):
            step = f"{path}.{key}" if path else key
            yield from _walk(step, old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif isinstance(old, list) and isinstance(new, list) and _of_parts(old) and _of_parts(new):
        for place in range(max(len(old), len(new))):
            pair = (side[place] if place < len(side) else _ABSENT for side in (old, new))
            yield from _walk(f"{path}[{place}]", *pair)
    elif old != new:
        yield path, old, new


def _of_parts(items: list[Any]) -> bool:
    return all(isinstance(item, Mapping) for item in items)


def _value(value: Any) -> Any:
    return None if value is _ABSENT else value


def _word(value: Any, path: str) -> str:
    """As it would be written; what is left out is as by default."""
    if value is not _ABSENT:
        return json.dumps(value, ensure_ascii=False)
    default = _DEFAULTS.get(path)
    return f"{json.dumps(default, ensure_ascii=False)} (default)" if _simple(default) else "not stated"


def _simple(default: Any) -> bool:
    return isinstance(default, (bool, int, float, str)) and default != ""
