"""Interlocks, permissives and service at work: what breaks them is made safe at once."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Audit, Effect
from godkaiser.engine.state import ActuatorState
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import ActuatorSpec, Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SITE,
    SOIL,
    VENT,
    WATER,
    Answer,
    Desk,
    fates,
    moves,
    only,
    stored,
)

ON, OFF = Move(FAN, "PWM", 0.8), Move(FAN, "OFF", 0.0)
HEAT, COLD = Move(HEATER, "ON", 1.0, 600), Move(HEATER, "OFF", 0.0)
RULE = {**COOL, "cooldown_seconds": 0}
WET = {"series": SOIL, "op": "<", "value": 60}


def desk_with(*rules: dict[str, Any], limits: dict[ActuatorId, dict[str, Any]]) -> Desk:
    actuators = [spec.model_dump() | limits.get(spec.id, {}) for spec in SITE.actuators]
    return Desk(*rules, site=Site.model_validate(SITE.model_dump() | {"actuators": actuators})).ready()


def apart(*rules: dict[str, Any], pause: float = 0, heard: bool = True) -> Desk:
    """Fan and heater must not be on together."""
    group = {"interlocks": ["air"], "changeover_s": pause}
    desk = desk_with(*rules, limits={FAN: group, HEATER: group})
    for actuator in (FAN, HEATER) if heard else ():
        desk.report(actuator, 0.0)
    return desk


def refusal(effects: list[Effect]) -> str:
    said = [answer.outcome for answer in only(Answer, effects)]
    (refused,) = [outcome for outcome in said if outcome.fate is Fate.REFUSED]
    return refused.message


def story(desk: Desk, actuator: ActuatorId = FAN) -> str:
    return " ".join(step.text for step in desk.state.actuators[actuator].chain)


# ── interlocks ─────────────────────────────────────────────────────────────────────────────────────────
def test_one_of_a_group_at_a_time_and_unknown_counts_as_on() -> None:
    desk = apart()
    desk.ask(HEATER, 1.0)  # nobody answers
    assert "heater" not in refusal(desk.ask(FAN, 0.8))
    assert f"{HEATER} may be on" in refusal(desk.ask(FAN, 0.8))
    desk.live(61)
    desk.ask(HEATER, 0.0)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED], "told to go off is not off"
    desk.report(HEATER, 0.0)
    desk.wait(12)
    desk.report(HEATER, 0.0)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_the_change_over_takes_its_pause_and_the_rule_comes_by_itself() -> None:
    desk = apart(RULE, pause=20)
    desk.obey(desk.ask(HEATER, 1.0))
    assert moves(desk.read(AIR, 29)) == []
    assert "may be on" in story(desk)
    desk.wait(60)
    desk.obey(desk.ask(HEATER, 0.0))
    assert moves(desk.wait(19.999)) == []
    assert moves(desk.wait(0.001)) == [ON]


def test_a_person_is_told_how_long_the_pause_lasts() -> None:
    desk = apart(pause=20)
    desk.obey(desk.ask(HEATER, 1.0))
    desk.obey(desk.ask(HEATER, 0.0))
    desk.wait(5)
    assert "15 s are left" in refusal(desk.ask(FAN, 0.8))


def test_of_two_that_nodes_report_on_the_younger_is_made_safe() -> None:
    desk = apart()
    desk.report(HEATER, 1.0)
    desk.wait(1)
    assert moves(desk.report(FAN, 0.5)) == [OFF]
    assert "must not be on together" in story(desk)
    assert desk.state.actuators[HEATER].owed is False


def test_three_leave_the_eldest() -> None:
    group = {"interlocks": ["air"]}
    desk = desk_with(limits={FAN: group, HEATER: group, PUMP: group})
    desk.report(FAN, 0.5)
    desk.wait(1)
    desk.report(HEATER, 1.0)
    desk.wait(1)
    assert moves(desk.report(PUMP, 1.0)) == [Move(PUMP, "OFF", 0.0)]
    assert [a for a, state in desk.state.actuators.items() if state.owed] == [HEATER, PUMP]


def test_a_rule_waits_for_the_word_of_one_that_was_only_told_to_be_safe() -> None:
    desk = apart(RULE, heard=False)
    desk.ask(HEATER, 0.0)  # whether it is on nobody knows
    assert moves(desk.read(AIR, 29)) == []
    desk.ack(HEATER, verb="OFF")
    assert moves(desk.report(HEATER, 0.0) + desk.wait(1)) == [ON]
    other = apart(RULE, heard=False)
    other.ask(HEATER, 0.0)
    assert moves(other.read(AIR, 29)) == []
    other.wait(11)  # no answer
    assert moves(other.report(HEATER, 0.0) + other.wait(1)) == [ON]


def test_a_person_who_lost_to_an_interlock_does_not_start_again_by_itself() -> None:
    desk = apart()
    desk.report(HEATER, 1.0)
    desk.wait(1)
    desk.report(FAN, 0.5)
    desk.obey(desk.ask(HEATER, 0.0))
    desk.report(FAN, 0.0)
    assert moves(desk.wait(60)) == []


# ── permissives ────────────────────────────────────────────────────────────────────────────────────────
def test_unknown_is_refused_and_false_too() -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET]}})
    assert "unknown" in refusal(desk.ask(FAN, 0.8))
    desk.read(SOIL, 70)
    assert "and it is" in refusal(desk.ask(FAN, 0.8))
    desk.read(SOIL, 40)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_lost_is_safe_at_once_and_the_rule_is_back_when_it_holds_again() -> None:
    desk = desk_with(RULE, limits={FAN: {"permissives": [WET]}})
    desk.read(SOIL, 40)
    desk.obey(desk.read(AIR, 29))
    lost = desk.read(SOIL, 70)
    assert moves(lost) == [OFF]
    assert "needs" in story(desk)
    desk.obey(lost)
    assert moves(desk.wait(60)) == []
    assert moves(desk.read(SOIL, 40)) == [ON]


def test_a_person_who_lost_to_a_permissive_does_not_start_again_by_itself() -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET]}})
    desk.read(SOIL, 40)
    desk.obey(desk.ask(FAN, 0.8, hold=HOUR))
    desk.obey(desk.read(SOIL, 70))
    assert moves(desk.read(SOIL, 40) + desk.wait(60)) == []


def test_a_rule_waits_for_a_permissive_that_was_never_known() -> None:
    desk = desk_with(RULE, limits={FAN: {"permissives": [WET]}})
    assert moves(desk.read(AIR, 29)) == []
    assert moves(desk.read(SOIL, 40)) == [ON]


@pytest.mark.parametrize("silent", [True, False])
def test_unknown_while_it_is_on_is_lost_too(silent: bool) -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET]}})
    desk.read(SOIL, 40)
    desk.obey(desk.ask(FAN, 0.8))
    stale = round(desk.state.sensors[SOIL].stale_after / SECOND)
    if silent:
        assert moves(desk.live(stale - 1)) == []
        assert moves(desk.live(2)) == [OFF]
    else:
        assert moves(desk.handle(ev.Will(desk.now, GOD, WATER, retained=False))) == [OFF]
        desk.obey([])
        assert "offline" in story(desk)


def test_to_keep_it_can_be_stated() -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET], "on_lost": "keep"}})
    desk.read(SOIL, 40)
    desk.obey(desk.ask(FAN, 0.8))
    assert moves(desk.read(SOIL, 70)) == []
    assert "and it is" in refusal(desk.ask(FAN, 0.5))


def test_a_window_ends_what_runs_and_lets_the_rule_in_at_its_edge() -> None:
    night = {"permissives": [{"window": {"start": "01:00", "end": "01:50"}}]}
    desk = desk_with(RULE, limits={FAN: night | {"max_on_s": 3500}})
    assert moves(tend(desk, 3600 - 2 - 1)) == []
    assert moves(tend(desk, 1)) == [ON]
    assert moves(tend(desk, 2999)) == []
    assert moves(tend(desk, 1)) == [OFF]


def tend(desk: Desk, seconds: float, value: float = 29) -> list[Effect]:
    said: list[Effect] = []
    while seconds > 0:
        step = min(60.0, seconds)
        seconds -= step
        for effects in (
            desk.wait(step),
            *(desk.beat(node) for node in (CLIMATE, WATER)),
            desk.read(AIR, value),
        ):
            said += effects + desk.obey(effects)
    return said


def test_what_a_node_switches_on_against_a_permissive_goes_off() -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET]}})
    assert moves(desk.report(FAN, 0.5)) == [OFF]


def test_a_restart_looks_at_what_still_runs() -> None:
    desk = desk_with(limits={FAN: {"permissives": [WET]}})
    desk.read(SOIL, 40)
    desk.obey(desk.ask(FAN, 0.8))
    desk.restart()
    assert OFF in moves(desk.link())


def test_a_series_may_be_named_without_its_address() -> None:
    bare = {"series": f"{CLIMATE}/0/sht31_temp", "op": "<", "value": 30}
    desk = desk_with(limits={FAN: {"permissives": [bare]}})
    desk.read(AIR, 25)
    desk.obey(desk.ask(FAN, 0.8))
    assert moves(desk.read(AIR, 31)) == [OFF]


def test_a_new_permissive_counts_for_what_runs() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    actuators = [s.model_dump() | ({"permissives": [WET]} if s.id == FAN else {}) for s in SITE.actuators]
    changed = Site.model_validate(SITE.model_dump() | {"actuators": actuators})
    desk.handle(ev.SiteChanged(desk.now, changed, (), "ann"))
    assert moves(desk.wait(1)) == [OFF]


# ── service ────────────────────────────────────────────────────────────────────────────────────────────
def serve(desk: Desk, until: int | None, who: str = "ann") -> list[Effect]:
    return desk.handle(ev.ServiceAsked(desk.now, FAN, until, who))


def test_in_service_only_people_move_it() -> None:
    desk = Desk(RULE).ready()
    desk.obey(desk.read(AIR, 29))
    begun = serve(desk, desk.now + HOUR)
    assert moves(begun) == [OFF]
    desk.obey(begun)
    assert moves(desk.wait(30)) == []
    assert "in service by ann" in story(desk)
    assert moves(desk.ask(FAN, 0.3)) == [Move(FAN, "PWM", 0.3)]


def test_it_ends_by_itself_goes_safe_and_then_the_rule_has_it_again() -> None:
    desk = Desk(RULE).ready()
    until = desk.now + 20 * MINUTE
    desk.obey(serve(desk, until))
    tend(desk, 20 * 60 - 1)
    desk.obey(desk.ask(FAN, 0.3, duration=10 * MINUTE))
    end = desk.wait(1)
    assert moves(end) == [OFF]
    desk.obey(end)
    desk.read(AIR, 29)
    assert moves(desk.wait(1)) == [ON]
    assert [(a.who, a.action) for a in stored(Audit, desk.log)] == [
        ("ann", "service.begun"),
        ("ann", "actuator.set"),
        ("controller", "service.ended"),
    ]


def test_a_person_ends_it_and_nobody_ends_what_is_not() -> None:
    desk = Desk().ready()
    desk.obey(serve(desk, desk.now + HOUR))
    assert moves(serve(desk, None, "bob")) == [OFF]
    assert ("service", FAN) not in desk.journal
    assert serve(desk, None, "bob") == []
    assert desk.handle(ev.ServiceAsked(desk.now, ActuatorId.parse("ESP_A1B2C3/4"), None, "bob")) == []


def test_service_outlives_a_restart_and_a_clock_that_was_set_back() -> None:
    desk = Desk().ready()
    serve(desk, desk.now + 2 * DAY)
    assert desk.journal["service", FAN]["until"] == desk.now + DAY, "a day at most"
    desk.now -= HOUR
    desk.restart()
    taken = desk.state.service(FAN)
    assert taken is not None
    assert taken.until <= desk.now + DAY
    shown = picture.actuator_picture(desk.state, desk.state.actuators[FAN], desk.now)
    assert shown["service"]["who"] == "ann"
    desk.now += 2 * DAY
    desk.link()
    assert desk.state.service(FAN) is None


def test_service_of_what_is_no_longer_there_is_forgotten() -> None:
    desk = Desk().ready()
    desk.obey(serve(desk, desk.now + HOUR))
    less = SITE.model_copy(update={"actuators": tuple(a for a in SITE.actuators if a.id != FAN)})
    desk.handle(ev.SiteChanged(desk.now, less, (), "ann"))
    assert FAN not in desk.state.actuators
    assert ("service", FAN) not in desk.journal
    desk.live(2 * 3600)


# ── pins, and what goes ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("gpio", "board", "words"),
    [
        (34, "esp32_dev", "can only read"),
        (12, "esp32_dev", "is reserved"),
        (12, None, "is reserved"),
        (21, None, ""),
        (34, "xiao_esp32c3", "no usable pin"),
        (34, None, "can only read"),
    ],
)
def test_a_pin_that_cannot_be_driven_is_refused(gpio: int, board: Any, words: str) -> None:
    desk = Desk().ready()
    desk.state.nodes[CLIMATE].board = board
    spec = ActuatorSpec(node=CLIMATE, gpio=gpio, type="relay", declared_by="rule")
    desk.state.actuators[spec.id] = ActuatorState(spec.id, spec)
    said = desk.ask(spec.id, 1.0)
    if not words:
        assert [move.verb for move in moves(said)] == ["ON"]
    else:
        assert words in refusal(said)
        assert moves(desk.ask(spec.id, 0.0)) == [Move(spec.id, "OFF", 0.0)]


def test_a_valves_second_pin_must_be_free_too() -> None:
    desk = Desk().ready()
    spec = ActuatorSpec(node=CLIMATE, gpio=24, aux_gpio=25, type="valve", declared_by="rule")
    desk.state.actuators[spec.id] = ActuatorState(spec.id, spec)
    assert "no usable pin 24" in refusal(desk.ask(spec.id, 1.0))
    other = ActuatorSpec(node=WATER, gpio=33, type="valve", declared_by="rule")
    desk.state.actuators[other.id] = ActuatorState(other.id, other)
    assert "pin 34 of a ESP32-WROOM can only read" in refusal(desk.ask(other.id, 1.0))


def test_a_removed_node_is_told_safe_also_what_it_never_reported() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    desk.report(HEATER, 0.0)
    effects = desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    assert moves(effects) == [OFF]
    assert [a.action for a in stored(Audit, effects)] == ["node.removed"]
    fresh = Desk().ready()
    assert set(moves(fresh.handle(ev.NodeRemoved(fresh.now, CLIMATE, "ann")))) == {OFF, COLD}


def test_a_lower_budget_ends_a_run_earlier() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(VENT, 0.8))
    desk.live(60)
    actuators = [s.model_dump() | ({"on_budget_s": 100} if s.id == VENT else {}) for s in SITE.actuators]
    changed = Site.model_validate(SITE.model_dump() | {"actuators": actuators})
    desk.handle(ev.SiteChanged(desk.now, changed, (), "ann"))
    assert desk.journal["lease", VENT]["until"] == desk.now + 40 * SECOND


def test_a_rival_nobody_has_heard_of_may_be_on() -> None:
    desk = apart(heard=False)
    assert HEATER in refusal(desk.ask(FAN, 0.8))
    desk.report(HEATER, 0.0)
    assert [move.value for move in moves(desk.ask(FAN, 0.8))] == [0.8]
