"""What becomes of each rule when the set of rules is replaced, in words for the audit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Final

from godkaiser.model.ids import RuleId
from godkaiser.model.instant import describe_duration
from godkaiser.rules.rule import Rule

TEXT_MOST: Final = 400  # the audit names what was changed; the documents say everything
_NAMES: Final = {
    "when": "conditions", "steps": "actions", "hourly_limit": "executions per hour", "when_unknown": "when unknown",
}  # fmt: skip
_TOLD: Final = ("name", "priority", "cooldown", "hourly_limit")  # short enough to be told whole


def amendments(old: Mapping[RuleId, Rule], new: Iterable[Rule]) -> Iterator[tuple[RuleId, str]]:
    """The id and what was done with it, one for each rule that is not as it was."""
    after = {rule.id: rule for rule in new}
    for rule_id in dict.fromkeys((*old, *after)):
        said = _said(old.get(rule_id), after.get(rule_id))
        if said:
            yield rule_id, said if len(said) <= TEXT_MOST else said[: TEXT_MOST - 1] + "…"


def _said(old: Rule | None, new: Rule | None) -> str:
    if new is None:
        assert old is not None  # the id is of one of the two
        return f"“{old.name}” removed"
    if old is None:
        return f"“{new.name}” added" + ("" if new.enabled else ", switched off")
    parts = [] if old.enabled is new.enabled else [f"switched {'on' if new.enabled else 'off'}"]
    if changed := ", ".join(dict.fromkeys(_changed(old, new))):
        parts.append(f"changed: {changed}")
    return f"“{new.name}” {'; '.join(parts)}" if parts else ""


def _changed(old: Rule, new: Rule) -> Iterator[str]:
    for field in fields(Rule):
        was, now = getattr(old, field.name), getattr(new, field.name)
        if was == now or field.name == "enabled":
            continue
        name = _NAMES.get(field.name, field.name)
        yield f"{name} {_word(field.name, was)} → {_word(field.name, now)}" if field.name in _TOLD else name


def _word(name: str, value: object) -> str:
    if value is None:
        return "none"
    return describe_duration(value) if name == "cooldown" and isinstance(value, int) else str(value)
