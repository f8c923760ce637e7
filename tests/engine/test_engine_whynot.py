"""Doing exactly what `why_not` names brings the actuator what the rule wants, whatever stood in the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from godkaiser.engine import picture
from godkaiser.engine.blocked import Blocker, blockers
from godkaiser.engine.effect import Effect
from godkaiser.engine.state import RuleState
from godkaiser.engine.whynot import why_not
from godkaiser.model import event as ev
from godkaiser.model.ids import RuleId, SeriesId
from godkaiser.model.instant import SECOND, parse_instant
from godkaiser.model.scope import Scope
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, GOD, SOIL, WATER, Desk, moves, rule
from tests.examples import examples

RIVAL = COOL | {
    "name": "Vent a little", "priority": 10, "cooldown_seconds": 0,
    "conditions": [{"type": "sensor", "esp_id": WATER, "gpio": 34, "sensor_type": "moisture", "operator": ">",
                    "value": 60}],
    "actions": [{**COOL["actions"][0], "value": 0.3}],
}  # fmt: skip
MINE = COOL | {"cooldown_seconds": 120, "max_executions_per_hour": 2}
COOL_ID = rule(COOL).id
WANTED = 0.8


def mine(desk: Desk) -> RuleState:
    return desk.state.rules[COOL_ID]


def asked(desk: Desk) -> dict[str, Any]:
    return why_not(desk.state, mine(desk), desk.now)


def codes(desk: Desk) -> list[str]:
    return [blocker["code"] for blocker in asked(desk)["blockers"]]


# ── things that get in the way ─────────────────────────────────────────────────────────────────────────
def started(desk: Desk) -> None:
    desk.obey(desk.read(AIR, 29))
    desk.obey(desk.read(AIR, 24))


def started_twice(desk: Desk) -> None:
    started(desk)
    desk.live(300)  # its cooldown, and what it owes for switching
    started(desk)


def stopped(desk: Desk) -> None:
    desk.read(AIR, 24)
    desk.stop()


def stopped_and_cleared(desk: Desk) -> None:
    desk.read(AIR, 24)
    desk.stop()
    desk.clear(force=True)
    desk.wait(10)


def held(desk: Desk) -> None:
    desk.obey(desk.ask(FAN, 0.0))


def rivalled(desk: Desk) -> None:
    soil(desk, 70)


def away(desk: Desk) -> None:
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))


def switched_off(desk: Desk) -> None:
    switch(desk, on=False)


def cut_off(desk: Desk) -> None:
    desk.link(up=False)


def without_journal(desk: Desk) -> None:
    desk.handle(ev.JournalHealth(desk.now, "disk full"))


WAYS = (
    started, started_twice, stopped, stopped_and_cleared, held, rivalled, away, switched_off, cut_off,
    without_journal,
)  # fmt: skip


def switch(desk: Desk, *, on: bool) -> None:
    rules = (rule(MINE, enabled=on), rule(RIVAL))
    desk.handle(ev.RulesChanged(desk.now, rules, (), "ann"))


def soil(desk: Desk, percent: float) -> list[Effect]:
    return desk.read(SOIL, 2800 - 16 * percent, raw_mode=True)


# ── doing what is named ────────────────────────────────────────────────────────────────────────────────
def lift(desk: Desk, blocker: dict[str, Any]) -> None:
    code = blocker["code"]
    if blocker["until"] is not None:
        wait_until(desk, blocker["until"])
    elif code == "stop_active":
        desk.clear(force=True)
        desk.wait(10)
    elif code == "unread":
        desk.obey(desk.read(AIR, 29))
    elif code in ("outranked", "max_on_reached"):  # the other rule has it on
        desk.obey(soil(desk, 10))
        desk.wait(1)
        desk.report(FAN, 0.0)
    elif code == "disabled":
        switch(desk, on=True)
    elif code == "link_down":
        desk.link()
    elif code == "journal_down":
        desk.handle(ev.JournalHealth(desk.now, ""))
    else:
        assert code in ("node_offline", "node_adopting"), blocker
        desk.beat()
        desk.wait(3)


def wait_until(desk: Desk, text: str) -> None:
    at = parse_instant(text, 0)
    while desk.now < at:
        desk.wait(min(60.0, (at - desk.now) / SECOND))
        desk.beat()
        desk.beat(WATER)


def flip(desk: Desk, found: dict[str, Any]) -> None:
    for change in found["changes"]:
        assert change["kind"] in ("value", "reading")
        desk.obey(desk.read(SeriesId.parse(change["series"]), change["target"]))


def asks_for_it(desk: Desk) -> bool:
    return any((move.actuator, move.value) == (FAN, WANTED) for move in moves(desk.log))


@given(st.lists(st.sampled_from(WAYS), max_size=4, unique=True))
@examples(15, deadline=None)
def test_exactly_what_is_named_brings_it_about(in_the_way: list[Any]) -> None:
    desk = Desk(MINE, RIVAL).ready()
    for happen in in_the_way:
        happen(desk)
    desk.log.clear()
    for turn in range(40):
        answer = asked(desk)
        event(f"{turn}: {', '.join(sorted(b['code'] for b in answer['blockers']))}")
        if asks_for_it(desk) or done(answer):
            return
        assert answer["blockers"] or answer["flips"], answer
        if answer["blockers"]:
            lift(desk, answer["blockers"][0])
        else:
            flip(desk, answer["flips"][0])
    raise AssertionError(answer)


def done(answer: dict[str, Any]) -> bool:
    return bool(answer["outcome"] == "carried out")


def test_named_one_by_one() -> None:
    said: dict[Any, tuple[str, ...]] = {}
    for happen in WAYS:
        desk = Desk(MINE, RIVAL).ready()
        happen(desk)
        said[happen] = tuple(codes(desk))
    assert said == {
        started: ("rule_cooldown", "rule_hold"),
        started_twice: ("rule_limit", "rule_hold"),
        stopped: ("stop_active",),
        stopped_and_cleared: ("unread",),
        held: ("manual_hold",),
        rivalled: ("outranked", "rule_hold"),
        away: ("node_offline",),
        switched_off: ("disabled",),
        cut_off: ("link_down",),
        without_journal: ("journal_down",),
    }


def the(desk: Desk) -> Blocker:
    [found] = blockers(desk.state, mine(desk), desk.now)
    return found


def test_each_says_who_since_when_until_when_and_what_lifts_it() -> None:
    desk = Desk(MINE, RIVAL).ready()
    held(desk)
    found = the(desk)
    assert (found.who, found.since, found.until) == ("ann", desk.now, desk.now + 900 * SECOND)
    desk = Desk(MINE, RIVAL).ready()
    stopped(desk)
    found = the(desk)
    assert (found.who, found.since) == ("ann", desk.now)
    desk = Desk(MINE, RIVAL).ready()
    away(desk)
    found = the(desk)
    assert (found.who, found.since) == (CLIMATE, desk.now)
    assert "is offline since 00:00:02 on 2026-05-01" in asked(desk)["text"]
    desk = Desk(MINE, RIVAL).ready()
    rivalled(desk)
    found, hold = blockers(desk.state, mine(desk), desk.now)
    assert found.text == "rule “Vent a little” (priority 10) wants fan otherwise"
    assert hold.until == desk.now + 120 * SECOND


def test_latched_and_unknown_actuators() -> None:
    desk = Desk(MINE).ready()
    desk.report(FAN, 0.0, emergency="active")
    assert codes(desk) == ["latched"]
    desk = Desk(rule(COOL, actions=[{**COOL["actions"][0], "gpio": 33}])).ready()
    assert codes(desk) == ["unknown_actuator"]
    desk.stop()
    assert codes(desk) == ["unknown_actuator", "stop_active"]


def test_why_of_an_actuator_names_the_rule_that_does_not_have_its_way() -> None:
    desk = Desk(MINE, RIVAL).ready()
    held(desk)
    desk.read(AIR, 29)
    text = picture.why(desk.state, FAN, desk.now)["text"]
    assert (
        "Rule “Cool the bench” does not have its way: ann holds fan since 00:00:02 on 2026-05-01 until"
        in text
    )


def test_looking_changes_nothing() -> None:
    desk, other = Desk(MINE, RIVAL).ready(), Desk(MINE, RIVAL).ready()
    for number in (24, 29, 27):
        desk.read(AIR, number)
        other.read(AIR, number)
        before = mine(desk).memory.under(())
        asked(desk)
        assert mine(desk).memory == before
    assert desk.log == other.log


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), "It would become true with a usable reading of ESP_A1B2C3/0/sht31_temp above 28 °C."),
        ((24,), "It would become true with bench air above 28 °C (now 24 °C)."),
        ((29,), "Its command is on its way."),
    ],
)
def test_in_words(values: tuple[float, ...], text: str) -> None:
    desk = Desk(MINE).ready()
    for value in values:
        desk.read(AIR, value)
    assert text in asked(desk)["text"]


def test_what_was_carried_out_and_what_was_not() -> None:
    desk = Desk(MINE).ready()
    desk.obey(desk.read(AIR, 29))
    assert asked(desk)["text"].endswith("Its nodes have confirmed what it wants.")
    desk = Desk(MINE).ready()
    desk.read(AIR, 29)
    desk.wait(11)
    assert "It wants to act and could not: no answer in 10 s." in asked(desk)["text"]
    assert asked(desk)["condition"]["reading"]["age_s"] == 11.0


def test_who_has_just_switched_it_is_named_and_waiting_brings_it_about() -> None:
    """Of the same priority; a stronger one would have its way at once."""
    peer = RIVAL | {"priority": 50}
    desk = Desk(MINE, peer).ready()
    desk.obey(soil(desk, 70))
    desk.obey(soil(desk, 10))
    desk.log.clear()
    desk.obey(desk.read(AIR, 29))
    assert not asks_for_it(desk)
    (found,) = asked(desk)["blockers"]
    assert (found["code"], found["who"]) == ("rule_hold", rule(peer).id)
    assert "“Vent a little” switched fan a short while ago" in asked(desk)["text"]
    wait_until(desk, found["until"])
    desk.obey(desk.read(AIR, 29))
    assert asks_for_it(desk)


def test_one_sensor_under_two_names_is_one() -> None:
    """An imported document leaves the address out; nobody can be above 25 and below 22 at once."""
    bare = {"type": "sensor", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp"}
    both = [{**bare, "operator": ">", "value": 25}, {**bare, "address": 68, "operator": "<", "value": 22}]
    desk = Desk(COOL | {"conditions": both}).ready()
    desk.read(AIR, 20)
    assert asked(desk)["flips"] == []
    desk = Desk(
        COOL | {"conditions": [both[0], {**bare, "address": 68, "operator": "<", "value": 30}]}
    ).ready()
    desk.read(AIR, 20)
    (found,) = asked(desk)["flips"]
    assert [change["series"] for change in found["changes"]] == [AIR]


def test_a_search_that_would_take_too_long_is_cut_and_says_so() -> None:
    one = {"type": "sensor_diff", "sensor_a_id": str(AIR), "operator": ">"}
    pins = (2, 4, 5, 6, 7, 8)
    others = [one | {"sensor_b_id": f"{CLIMATE}/{pin}/sht31_temp@0x44"} for pin in pins]
    ors = [{"logic": "OR", "conditions": [diff | {"value": 1 + k} for diff in others]} for k in range(10)]
    desk = Desk(COOL | {"conditions": ors}).ready()
    desk.read(AIR, 20)
    assert "There are too many ways to try them all." in asked(desk)["text"]


def test_rules_with_steps_that_wait_their_turn_say_so() -> None:
    steps = {"type": "sequence", "steps": [{**COOL["actions"][0]}, {"type": "delay", "seconds": 60}]}
    desk = Desk(COOL | {"actions": [steps]}).ready()
    assert codes(desk) == []
    desk.state.courses.update(dict.fromkeys((RuleId.known(f"r{n}") for n in range(20)), None))
    assert codes(desk) == ["steps_full"]


def test_of_a_zone_and_several_readings() -> None:
    """A stop of one scope names who ordered it, not who ordered another."""
    desk = Desk(MINE, RIVAL).ready()
    desk.handle(ev.StopAsked(desk.now, "bob", "leak", Scope("node", WATER)))
    desk.stop()
    assert the(desk).who == "ann"
    desk.handle(ev.Closing(desk.now))
    assert the(desk).text == "A software stop is active: the controller is closing"
