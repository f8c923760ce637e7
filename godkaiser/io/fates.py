"""What became of stored decisions, from the stored outcomes of the commands they led to.

A decision and its outcomes have rule and cause in common. Causes count anew with every start of the controller, so an
outcome belongs to the latest such decision before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from godkaiser.engine.tally import BEGUN, DONE, ENDED, MISSED, turned, word
from godkaiser.model.outcome import Fate

Row = Mapping[str, Any]
_NOTHING: Final[dict[str, Any]] = {"outcome": None, "outcome_reason": ""}


def with_outcomes(decisions: Sequence[Row], outcomes: Iterable[Row]) -> list[dict[str, Any]]:
    """Each decision with `outcome` and `outcome_reason`; both are given oldest first.

    `carried out` when the nodes of all its actuators have confirmed, `not carried out` with the reason when one could
    or would not, `waiting` until then. None for a decision that wanted nothing new.
    """
    mine = _by_decision(decisions, outcomes)
    later, courses = _later(decisions, mine), _courses(decisions)
    return [
        dict(row) | (courses.get(number) or _became(mine.get(number, ()), later[number]))
        if row["active"]
        else dict(row) | _NOTHING
        for number, row in enumerate(decisions)
    ]


def _courses(decisions: Sequence[Row]) -> dict[int, dict[str, Any]]:
    """Of rules with steps: a decision is as good as the last of them, which a later one of the rule tells."""
    found: dict[int, dict[str, Any]] = {}
    ahead: dict[str, Row] = {}
    for number in range(len(decisions) - 1, -1, -1):
        row = decisions[number]
        note = str(row.get("note", ""))
        if note == BEGUN:
            found[number] = _ended(ahead.pop(row["rule"], None))
        elif note == DONE or note.startswith(MISSED) or not row["active"]:
            ahead[row["rule"]] = row
    return found


def _ended(row: Row | None) -> dict[str, Any]:
    if row is None:
        return {"outcome": word(None), "outcome_reason": ""}
    note = str(row["note"])
    if note == DONE:
        return {"outcome": word(True), "outcome_reason": ""}
    return {"outcome": word(False), "outcome_reason": note.removeprefix(MISSED) or ENDED}


def _by_decision(decisions: Sequence[Row], outcomes: Iterable[Row]) -> dict[int, list[Row]]:
    known: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for number, row in enumerate(decisions):
        known[row["rule"], row["cause"]].append((row["at"], number))
    found: dict[int, list[Row]] = defaultdict(list)
    for outcome in outcomes:
        candidates = known.get((outcome["who"].removeprefix("rule:"), outcome["cause"]), ())
        place = bisect_right(candidates, outcome["at"], key=lambda one: one[0])
        if place:
            found[candidates[place - 1][1]].append(outcome)
    return found


def _later(decisions: Sequence[Row], mine: Mapping[int, object]) -> list[bool]:
    """Did the rule cease to want it since, or want it anew?"""
    seen: set[str] = set()
    said = []
    for number, row in reversed(list(enumerate(decisions))):
        said.append(row["rule"] in seen)
        if not row["active"] or number in mine:
            seen.add(row["rule"])
    return said[::-1]


def _became(outcomes: Sequence[Row], ended: bool) -> dict[str, Any]:
    if not outcomes:
        return dict(_NOTHING)
    confirmed: set[str] = set()
    reasons: dict[str, str] = {}
    for row in outcomes:
        good = turned(Fate(row["fate"]))
        if good:
            confirmed.add(row["actuator"])
        elif good is False:
            reasons[row["actuator"]] = row["message"]
    if confirmed == {row["actuator"] for row in outcomes}:
        return {"outcome": word(True), "outcome_reason": ""}
    missed = [reason for actuator, reason in reasons.items() if actuator not in confirmed]
    if missed or ended:
        return {"outcome": word(False), "outcome_reason": missed[-1] if missed else ENDED}
    return {"outcome": word(None), "outcome_reason": ""}
