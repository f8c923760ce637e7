"""One moment at a time: what is stored of it, and which cause that is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from godkaiser.engine.course import INTERRUPTED
from godkaiser.engine.effect import Decision
from godkaiser.io.sql.rows import outcome_row
from godkaiser.kaiser.cause import Case
from godkaiser.kaiser.then import Edit, Look, Stood, Then, edit_of, stood
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, MINUTE, Instant
from godkaiser.model.outcome import Outcome
from godkaiser.model.scope import Scope
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from tests.engine.bench import AIR, COOL, FAN, HEATER, START, Desk, stored

RULE = build_rule(read_document(COOL), timezone="UTC", known=[AIR])
AT = START + HOUR
NOTHING = Then({}, {}, {}, {}, {}, [], [], [])
STOP = Stood(Scope(), AT - MINUTE, None, "ann")


def case(then: Then = NOTHING, **changes: Any) -> Case:
    made = Case(RULE, RULE, then, lambda _: None, frozenset({RULE.id, "night"}), (), (), START)
    return replace(made, **changes)


def ended(note: str) -> dict[str, list[Decision]]:
    return {RULE.id: [Decision(RULE.id, AT, "true", False, "", 1, note)]}


def row(fate: str, **changes: Any) -> dict[str, Any]:
    told = {
        "id": 1,
        "at": AT,
        "actuator": FAN,
        "who": f"rule:{RULE.id}",
        "origin": "rule",
        "value": 0.8,
        "command": "c1",
    }
    return told | {"fate": fate, "message": "so it was", "findings": "[]"} | changes


def look(
    truth: str, *blockers: dict[str, Any], condition: dict[str, Any] | None = None
) -> dict[str, list[Look]]:
    return {RULE.id: [Look(AT - MINUTE, truth, False, condition, list(blockers))]}


def blocker(code: str) -> dict[str, Any]:
    return {"code": code, "text": f"{code} it is", "since": "2026-05-01", "until": None}


LEAF = {"parts": [], "truth": "unknown", "text": "air is above 28 °C", "note": "last reading is stale"}


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({}, "unknown", "looked at were"),
        ({"decisions": ended("its time is up")}, "limit", "then it ended as its time is up"),
        ({"decisions": ended("disabled")}, "change", "the rule was changed then"),
        ({"decisions": ended(INTERRUPTED)}, "restart", "started anew"),
        ({"decisions": ended("stopped"), "stops": [STOP]}, "stop", "a stop by ann (all) stood from"),
        (
            {
                "decisions": ended("its time is up"),
                "outcomes": {FAN: [row("sent", who="ann", origin="person")]},
            },
            "person",
            "ann had switched it",
        ),
        (
            {"decisions": ended("step 1 failed"), "outcomes": {FAN: [row("expired")]}},
            "confirmation",
            "then it was expired",
        ),
        ({"looks": look("unknown", condition=LEAF)}, "reading", "last reading is stale"),
    ],
)
def test_of_an_end(changes: dict[str, Any], kind: str, words: str) -> None:
    found = case(replace(NOTHING, **changes)).of_turn(AT, False, None)
    assert (found.kind, words in found.text) == (kind, True), found


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"stops": [STOP]}, "stop", "a stop by ann"),
        ({"stops": [replace(STOP, until=AT - MINUTE)]}, "unknown", ""),
        ({"stops": [replace(STOP, scope=Scope("node", "ESP_FF00AA"))]}, "unknown", ""),
        ({"looks": look("true", blocker("rule_cooldown"))}, "limit", "rule_cooldown it is since"),
        ({"looks": look("true", blocker("rule_hold"))}, "outranked", "rule_hold it is"),
        ({"looks": look("true", blocker("unread"))}, "stop", "unread it is"),
        ({"looks": look("true", blocker("latched"))}, "unknown", ""),
        ({"looks": look("false"), "stops": [STOP]}, "unknown", ""),
        (
            {"looks": look("true", blocker("rule_hold")), "silences": [(AT - 30, AT - 10)]},
            "silence",
            "nothing was",
        ),
        (
            {"looks": look("true", blocker("rule_hold")), "silences": [(AT - 30_000_000, AT - 10_000_000)]},
            "unknown",
            "",
        ),
    ],
)
def test_of_a_beginning_that_was_not(changes: dict[str, Any], kind: str, words: str) -> None:
    found = case(replace(NOTHING, **changes)).of_turn(AT, None, True)
    assert (found.kind, words in found.text) == (kind, True), found


def test_of_a_beginning_that_the_trial_has_not() -> None:
    rested = case(turns=((AT - MINUTE, True), (AT - 1, False)), rule=replace(RULE, cooldown=HOUR))
    rested = replace(rested, stored=rested.rule)
    assert rested.of_turn(AT, True, None).text.startswith("in the trial its cooldown lasted")
    assert replace(rested, turns=((AT - 2 * HOUR, True),)).of_turn(AT, True, None).kind == "unknown"
    blind = case(told=(Decision(RULE.id, AT - MINUTE, "unknown", False, "no reading yet", 1),))
    assert blind.of_turn(AT, True, None).kind == "reading"
    assert case().of_turn(START, True, None).kind == "memory"
    assert case(replace(NOTHING, silences=[(START, AT)])).of_turn(START, True, None).kind == "silence"
    other = case(rule=replace(RULE, priority=3)).of_turn(AT, True, None)
    assert (other.kind, "priority 50 → 3" in other.text) == ("document", True)
    assert case(rule=replace(RULE, enabled=False)).of_turn(AT, True, None).kind == "switch"


def test_of_a_sensor_that_was_recalibrated_later() -> None:
    audit = {"at": AT + 1, "target": AIR, "who": "ann"}
    assert case(replace(NOTHING, recalibrated=[audit])).of_turn(AT, True, None).kind == "recalibrated"
    for other in ({"at": AT - 1}, {"target": "ESP_FF00AA/34/moisture"}):
        told = replace(NOTHING, recalibrated=[audit | other])
        assert case(told).of_turn(AT, True, None).kind == "unknown"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (row("refused", findings=json.dumps(["duration_shortened", "manual_hold"])), "person"),
        (row("refused", findings=json.dumps(["node_offline"])), "node"),
        (row("refused", findings=json.dumps(["start_budget"])), "limit"),
        (row("refused", findings=json.dumps(["interlock"])), "safety"),
        (row("superseded", message="night has priority"), "outranked"),
        (row("superseded", message="user:ann has priority"), "person"),
        (row("failed"), "confirmation"),
    ],
)
def test_of_a_command_that_failed(given: dict[str, Any], kind: str) -> None:
    assert case().of_command(FAN, AT, given).kind == kind


HOLD = "switched it last, and it is kept so until 00:04:02 on 2026-05-01"
GONE = Edit(AT - MINUTE, "ann", "removed", None, True)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (f"Cool the bench {HOLD}", "outranked"),
        (f"Night {HOLD}", "outranked"),
        (f"Night (failover) {HOLD}", "outranked"),
        (f"Gone (failover) {HOLD}", "outranked"),
        (f"Old {HOLD}", "outranked"),
        (f"Nobody {HOLD}", "unknown"),
        (f"ann {HOLD}", "unknown"),
        ("night has priority", "outranked"),
        ("night:failover has priority", "outranked"),
        ("gone-failover has priority", "outranked"),
        ("old has priority", "outranked"),
        ("user:ann has priority", "person"),
        ("user:night/desk has priority", "person"),
        ("local:pi has priority", "person"),
        ("ben has priority", "person"),
        ("nobody has priority", "unknown"),
        ("nobody:failover has priority", "unknown"),
        (" has priority", "unknown"),
        ("night was there", "unknown"),
        ("", "unknown"),
    ],
)
def test_who_had_their_way_is_told_by_what_is_stored_of_them(message: str, kind: str) -> None:
    old = Decision(RuleId.known("old"), AT, "true", False, "", 1, "")
    then = replace(
        NOTHING,
        decisions={"old": [old]},
        edits={"gone-failover": [GONE]},
        outcomes={HEATER: [row("sent", actuator=HEATER, who="ben", origin="person", at=AT - HOUR)]},
    )
    found = case(then).of_command(FAN, AT, row("superseded", message=message))
    assert found.kind == kind
    assert found.text.startswith(f"then it was superseded at 2026-05-01T01:00:00Z: {message}".rstrip(": "))


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        ([], "unknown"),
        ([row("sent", id=3, who="rule:night")], "outranked"),
        ([row("sent", id=3, who="rule:night:failover")], "outranked"),
        ([row("queued", id=3, who="user:ann", origin="person")], "person"),
        ([row("sent", id=3, who="safety", origin="safety")], "unknown"),
        ([row("sent", id=3)], "unknown"),
        ([row("sent", id=3, who="rule:night", at=AT + HOUR)], "unknown"),
        ([row("sent", id=3, who="rule:night"), row("sent", id=4, who="user:ann")], "outranked"),
        ([row("refused", id=3, who="user:ann"), row("sent", id=4, who="rule:night")], "outranked"),
    ],
)
def test_the_command_that_replaced_it_tells_who_did(later: list[dict[str, Any]], kind: str) -> None:
    before = row("sent", id=1, who="user:ben", origin="person", at=AT - HOUR)
    replaced = row("superseded", id=2, message="a newer command replaced it")
    found = case(replace(NOTHING, outcomes={FAN: [before, replaced, *later]})).of_command(FAN, AT, replaced)
    assert found.kind == kind
    by = "" if kind == "unknown" else f", that of {next(r for r in later if r['fate'] != 'refused')['who']}"
    assert f"a newer command replaced it{by}" in found.text


def test_a_stop_that_stood_when_safety_replaced_it_is_the_cause() -> None:
    replaced = row("superseded", id=2, message="a newer command replaced it")
    then = replace(NOTHING, outcomes={FAN: [replaced, row("sent", id=3, who="safety")]}, stops=[STOP])
    assert case(then).of_command(FAN, AT, replaced).kind == "stop"


def spoken(desk: Desk) -> list[dict[str, Any]]:
    """Every outcome as the database has it."""
    return [outcome_row(one) | {"id": at} for at, one in enumerate(stored(Outcome, desk.log))]


def of_each(desk: Desk) -> dict[str, str]:
    """What the engine itself said of commands and wishes that were superseded, and the cause that is."""
    rows = spoken(desk)
    then = replace(NOTHING, outcomes={FAN: rows})
    lost = [one for one in rows if one["fate"] == "superseded"]
    return {one["message"]: case(then).of_command(FAN, one["at"], one).kind for one in lost}


def test_the_words_of_the_engine_are_understood() -> None:
    action = COOL["actions"][0]
    night = COOL | {"name": "Night", "priority": 10, "actions": [action | {"value": 0.4}]}
    outranked = Desk(COOL, night).ready()
    outranked.obey(outranked.read(AIR, 29))
    assert of_each(outranked) == dict.fromkeys(
        ("night has priority", "a newer command replaced it"), "outranked"
    )

    cold = {k: v for k, v in COOL["conditions"][0].items() if not k.endswith(("above", "below"))}
    frost = night | {"conditions": [cold | {"type": "sensor", "operator": "<", "value": 20}], "priority": 50}
    held = Desk(COOL | {"actions": [action, action | {"gpio": HEATER.gpio}]}, frost).ready()
    for value in (19, 21, 29):
        held.obey(held.read(AIR, value))
    ((said, kind),) = of_each(held).items()
    assert (said.partition(" until ")[0], kind) == (
        "Night switched it last, and it is kept so",
        "outranked",
    )

    person = Desk(COOL).ready()
    person.ask(FAN, 0.3, who="user:ann")
    person.obey(person.read(AIR, 29))
    assert of_each(person) == {"user:ann has priority": "person"}

    taken = Desk(COOL).ready()
    taken.read(AIR, 29)
    taken.ask(FAN, 0.3, who="user:ann")
    assert of_each(taken)["a newer command replaced it"] == "person"


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], "unknown"),
        ([row("confirmed", at=AT - HOUR)], "unknown"),
        ([row("confirmed", at=AT - HOUR, who="ann", origin="person"), row("sent")], "person"),
        ([row("confirmed", at=AT - HOUR, who="rule:night")], "outranked"),
        ([row("confirmed", at=AT - HOUR, who="safety", origin="safety")], "unknown"),
        ([row("expired", at=AT - HOUR)], "confirmation"),
        ([row("confirmed", at=AT + HOUR, who="ann", origin="person")], "unknown"),
    ],
)
def test_of_a_command_that_differs(rows: list[dict[str, Any]], kind: str) -> None:
    assert case(replace(NOTHING, outcomes={FAN: rows})).of_command(FAN, AT, None).kind == kind


@pytest.mark.parametrize(
    ("detail", "enabled", "matters"),
    [
        ("“Cool the bench” switched off", False, False),
        ("“Cool the bench” switched on; changed: priority 50 → 3", True, True),
        ("“Cool the bench” changed: description", None, False),
        ("“Cool the bench” changed: name Cool the bench → Cool The Bench, description", None, False),
        ("“Cool the bench” changed: conditions", None, True),
        ("“Cool the bench” added", None, True),
        ("“Cool the bench” removed", None, True),
    ],
)
def test_the_words_of_the_audit_are_read(detail: str, enabled: bool | None, matters: bool) -> None:
    edit = edit_of({"at": AT, "who": "ann", "detail": detail, "target": "cool-the-bench"})
    assert (edit.enabled, edit.matters) == (enabled, matters)


def test_a_name_that_looks_like_words_of_the_audit() -> None:
    told = {"at": AT, "who": "ann", "detail": "“a” switched on” switched off", "target": "a-switched-on"}
    assert edit_of(told).enabled is False


def audit(action: str, at: Instant, target: str = "all") -> dict[str, Any]:
    return {"action": action, "at": at, "target": target, "who": "ann"}


def test_stops_are_told_apart_by_their_scope_and_end_with_the_last_clear() -> None:
    rows = [
        audit("clear", 1), audit("stop", 2), audit("stop", 3), audit("stop", 4, "node:ESP_A1B2C3"),
        audit("clear", 5), audit("clear.forced", 6), audit("stop", 7),
    ]  # fmt: skip
    found = {(str(one.scope), one.since, one.until) for one in stood(rows)}
    assert found == {("all", 2, 6), ("all", 7, None), ("node:ESP_A1B2C3", 4, None)}


def test_an_edit_covers_what_lies_before_it_and_nothing_after() -> None:
    told = replace(NOTHING, edits={RULE.id: [Edit(AT, "ann", "changed: conditions", None, True)]})
    assert case(told).of_turn(AT - MINUTE, True, None).kind == "change"
    assert case(told).of_turn(AT + MINUTE, True, None).kind == "unknown"
