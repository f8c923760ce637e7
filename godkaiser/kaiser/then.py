"""What is stored of a time beside the readings: what rules decided and saw, what became of commands, who did what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, TypeVar

from godkaiser.engine.effect import Decision
from godkaiser.io.sql.lookback import last_decision, last_trace
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import AuditRow, DecisionRow, OutcomeRow, RuleTraceRow
from godkaiser.io.sql.trace_text import from_text
from godkaiser.kaiser.memory import decision_of
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import MINUTE, SECOND, Instant
from godkaiser.model.scope import Scope

T = TypeVar("T")
SAME: Final = 2 * SECOND  # a decision of then and one of now that lie so close are the same
SILENT: Final = 5 * MINUTE  # nothing of any node for so long: the controller or the broker was away
_EVER: Final = 1 << 62
_HANDS: Final = ("stop", "clear", "clear.forced", "rules.changed", "sensor.recalibrated")


@dataclass(frozen=True, slots=True)
class Stood:
    """A stop from when it was asked for until it was lifted for the last time; None: it stands."""

    scope: Scope
    since: Instant
    until: Instant | None
    by: str

    def at(self, at: Instant) -> bool:
        """Did it stand then?"""
        return self.since <= at and (self.until is None or at <= self.until)


@dataclass(frozen=True, slots=True)
class Edit:
    """A rule was changed. `enabled`: switched on or off by that; `matters`: more than its words or its switch."""

    at: Instant
    by: str
    said: str
    enabled: bool | None
    matters: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What an evaluation of then found, and what stood in the rule's way."""

    at: Instant
    truth: str
    acting: bool
    condition: Mapping[str, Any] | None
    blockers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Then:
    """Oldest first everywhere; by rule, and outcomes by actuator. `before`: the last decision until the span."""

    decisions: Mapping[str, Sequence[Decision]]
    before: Mapping[str, Decision | None]
    looks: Mapping[str, Sequence[Look]]
    outcomes: Mapping[str, Sequence[Mapping[str, Any]]]
    edits: Mapping[str, Sequence[Edit]]
    recalibrated: Sequence[Mapping[str, Any]]
    stops: Sequence[Stood]
    silences: Sequence[tuple[Instant, Instant]]


async def then_of(
    store: SqlStore,
    rules: Iterable[RuleId],
    actuators: Iterable[str],
    span: tuple[Instant, Instant],
    heard: Iterable[Instant],
) -> Then:
    """`heard`: when a node was. Stops may be older than the span, and changes of rules younger."""
    names, moved = sorted(set(rules)), sorted(set(actuators))
    hands = store.each(AuditRow, 0, _EVER, _column(AuditRow.action).in_(_HANDS))
    audits = [store.audits.readable(row) async for row in hands]
    before = {rule: await last_decision(store, rule, span[0] - 1) for rule in names}
    first = [await last_trace(store, rule, span[0] - 1) for rule in names]
    decided = [decision_of(row) async for row in store.each(DecisionRow, *span)]
    looks = [row async for row in store.each(RuleTraceRow, *span, _column(RuleTraceRow.rule).in_(names))]
    outcomes = [row async for row in store.each(OutcomeRow, *span, _column(OutcomeRow.actuator).in_(moved))]
    alive = [*heard, *(one.at for one in decided), *(row["at"] for row in (*audits, *looks, *outcomes))]
    changed = [row for row in audits if row["action"] == "rules.changed"]
    return Then(
        _by(decided, lambda one: one.rule),
        {rule: None if row is None else decision_of(row) for rule, row in before.items()},
        {
            rule: [look_of(row) for row in rows]
            for rule, rows in _by([*filter(None, first), *looks], lambda row: row["rule"]).items()
        },
        _by(outcomes, lambda row: row["actuator"]),
        {
            rule: [edit_of(row) for row in rows]
            for rule, rows in _by(changed, lambda row: row["target"]).items()
        },
        [row for row in audits if row["action"] == "sensor.recalibrated"],
        list(stood(audits)),
        silences(alive, span),
    )


def _column(column: Any) -> Any:
    """What SQLModel makes of a field is more than its type says."""
    return column


def _by(things: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for thing in things:
        found.setdefault(key(thing), []).append(thing)
    return found


def silences(heard: Iterable[Instant], span: tuple[Instant, Instant]) -> list[tuple[Instant, Instant]]:
    """When nothing came of anybody, and nothing was done."""
    times = sorted({*span, *(at for at in heard if span[0] <= at <= span[1])})
    return [(a, b) for a, b in pairwise(times) if b - a > SILENT]


def stood(audits: Iterable[Mapping[str, Any]]) -> Iterator[Stood]:
    """A clear that nodes did not confirm may be followed by a forced one: the last before the next stop."""
    open_: dict[str, Stood] = {}
    for row in audits:
        before = open_.get(row["target"])
        if row["action"] == "stop" and (before is None or before.until is not None):
            if before is not None:
                yield before
            open_[row["target"]] = Stood(Scope.parse(row["target"]), row["at"], None, row["who"])
        elif row["action"].startswith("clear") and before is not None:
            open_[row["target"]] = replace(before, until=row["at"])
    yield from open_.values()


def edit_of(row: Mapping[str, Any]) -> Edit:
    """Out of the words of engine/amended: “name” and what was done, the parts divided by a semicolon."""
    ends = [place for place in range(len(row["detail"])) if row["detail"].startswith("” ", place)]
    named = (end for end in ends if RuleId.from_name(row["detail"][1:end]) == row["target"])
    said = row["detail"][next(named, -2) + 2 :]
    switch, _, rest = said.partition("; ") if said.startswith("switched") else ("", "", said)
    changed = rest.removeprefix("changed: ")
    fields = changed.split(", ") if changed != rest else []
    matters = any(not field.startswith(("description", "name ")) for field in fields) or (
        bool(rest) and not fields
    )
    enabled = {"switched on": True, "switched off": False}.get(switch)
    return Edit(row["at"], row["who"], said, enabled, matters)


def look_of(row: Mapping[str, Any]) -> Look:
    """As it was stored."""
    condition, blockers, _ = from_text(row["document"])
    return Look(row["at"], row["truth"], row["acting"], condition, blockers)


def leaves_of(condition: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """The conditions without parts."""
    if condition is None:
        return
    if not condition["parts"]:
        yield condition
    for part in condition["parts"]:
        yield from leaves_of(part)


def codes_of(row: Mapping[str, Any]) -> list[str]:
    """What safety found."""
    found: list[str] = json.loads(row["findings"])
    return found
