"""Nothing of a rule stays behind: several actuators, pulses that take over, runs of before a restart."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.state import State
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, RuleId, SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.rules.arbitrate import PERSONS
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, HEATER, PUMP, WATER, Desk, moves, rule
from tests.engine.test_engine_started import crashed


def when(operator: str, value: float, series: SeriesId = AIR) -> list[dict[str, Any]]:
    where = {"esp_id": series.node, "gpio": series.gpio, "sensor_type": series.sensor_type}
    return [{"type": "sensor", **where, "operator": operator, "value": value}]


def to(actuator: ActuatorId, command: str = "ON", **more: Any) -> dict[str, Any]:
    return {"type": "actuator", "esp_id": actuator.node, "gpio": actuator.gpio, "command": command, **more}


def made(name: str, conditions: list[Any], actions: list[Any], **more: Any) -> Any:
    return rule({"name": name, "conditions": conditions, "actions": actions, "cooldown_seconds": 3600} | more)


def live(desk: Desk, seconds: int, air: float | None = None) -> None:
    """Second by second, and every node does as it is told."""
    for _ in range(seconds):
        effects = [] if air is None else desk.read(AIR, air)
        effects = [*effects, *desk.wait(1), *desk.beat(CLIMATE), *desk.beat(WATER)]
        while effects:
            effects = desk.obey(effects)


def orphans(state: State) -> list[tuple[str, str]]:
    """Wishes nobody stands behind."""
    found = [(who, thing) for thing, wishes in state.wishes.items() for who in wishes if who != PERSONS]
    return [
        (who, thing)
        for who, thing in found
        if not any(r.rule.id == who and r.active for r in state.rules.values())
    ]


# ── several actuators ──────────────────────────────────────────────────────────────────────────────────────
PAIRS = [
    ([to(PUMP, duration_seconds=10), to(FAN)], 12),
    ([to(FAN), to(PUMP, duration_seconds=10)], 12),
    ([to(HEATER, duration_seconds=30), to(FAN), to(PUMP, duration_seconds=10)], 12),
]


@pytest.mark.parametrize(("actions", "seconds"), PAIRS)
def test_when_the_time_of_one_is_up_the_others_go_back_as_well(actions: list[Any], seconds: int) -> None:
    desk = Desk(made("Several at once", when(">", 28), actions)).ready()
    live(desk, 2, 29)
    assert desk.state.actuators[FAN].reported
    live(desk, seconds, 29)
    assert [known.reported for known in desk.state.actuators.values() if known.reported] == []
    assert orphans(desk.state) == []
    assert [known.lease for known in desk.state.actuators.values() if known.lease] == []


def test_when_the_node_ends_one_by_itself_the_others_go_back_as_well() -> None:
    desk = Desk(made("Two at once", when(">", 28), [to(HEATER), to(FAN)])).ready()
    live(desk, 5, 29)
    desk.report(HEATER, 0.0)
    live(desk, 5, 29)
    assert desk.state.actuators[FAN].reported == 0.0
    assert orphans(desk.state) == []


def test_an_off_that_is_over_does_not_bar_others() -> None:
    """Its wish would have no lease, and so no end."""
    off = made("Off", when(">", 28), [to(PUMP, "OFF"), to(FAN, "OFF")], priority=5)
    low = made("Fan low", when(">", 20), [to(FAN, "PWM", value=0.3)], cooldown_seconds=0)
    desk = Desk(off, low).ready()
    live(desk, 2, 15)
    desk.obey(desk.ask(PUMP, 1.0, hold=600 * SECOND))
    live(desk, 130, 29)  # the pump has reached its maximum, and every wish for it is spent
    assert orphans(desk.state) == []
    live(desk, 400, 24)
    assert desk.state.actuators[FAN].reported == 0.3


# ── who takes over ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_pulse_that_takes_over_what_is_on_already_ends_in_its_time() -> None:
    strong = made("Strong", when(">", 28), [to(PUMP)], priority=10, cooldown_seconds=0)
    pulse = made("Pulse", when(">", 20), [to(PUMP, duration_seconds=30)])
    desk = Desk(strong, pulse).ready()
    live(desk, 20, 28.2)
    assert desk.state.actuators[PUMP].reported == 1.0
    live(desk, 8, 27.9)  # no jump: a spike would leave both rules without a reading
    assert [state.truth.value for state in desk.state.rules.values()] == ["false", "true"]
    assert desk.state.actuators[PUMP].reported == 1.0, "its own time is not over"
    live(desk, 5, 27.9)
    assert desk.state.actuators[PUMP].reported == 0.0
    assert orphans(desk.state) == []


def test_a_pulse_that_was_outranked_for_longer_than_its_time_is_over() -> None:
    strong = made("Strong", when(">", 28), [to(PUMP, "OFF")], priority=10, cooldown_seconds=0)
    pulse = made("Pulse", when(">", 20), [to(PUMP, duration_seconds=10)], cooldown_seconds=600)
    desk = Desk(strong, pulse).ready()
    live(desk, 30, 28.2)
    live(desk, 30, 27.9)
    assert not [move for move in moves(desk.log) if move.actuator == PUMP and move.value]
    assert not desk.state.wishes.get(PUMP)
    state = desk.state.rules[RuleId.known("pulse")]
    assert (state.active, state.deeds[-1].word) == (False, "not carried out")
    live(desk, 600, 27.9)
    assert [m.value for m in moves(desk.log) if m.actuator == PUMP and m.value], (
        "it has its cooldown, and begins"
    )


def test_a_pulse_that_takes_over_from_a_person_ends_in_its_time() -> None:
    desk = Desk(made("Pulse", when(">", 28), [to(PUMP, duration_seconds=10)])).ready()
    live(desk, 2, 20)
    desk.obey(desk.ask(PUMP, 1.0, hold=30 * SECOND))
    live(desk, 27, 29)
    assert desk.state.actuators[PUMP].reported == 1.0
    live(desk, 6, 29)
    assert desk.state.actuators[PUMP].reported == 0.0


@pytest.mark.parametrize(("first", "then", "end"), [(500, 10, 16), (20, 100, 106)])
def test_a_later_step_gives_the_same_actuator_another_time(first: int, then: int, end: int) -> None:
    steps = [
        to(HEATER, duration_seconds=first),
        {"type": "delay", "seconds": 5},
        to(HEATER, duration_seconds=then),
    ]
    desk = Desk(made("Steps", when(">", 28), [{"type": "sequence", "steps": steps}])).ready()
    live(desk, end - 4, 29)
    assert desk.state.actuators[HEATER].reported == 1.0
    live(desk, 8, 29)
    assert desk.state.actuators[HEATER].reported == 0.0


# ── what ran before a restart ──────────────────────────────────────────────────────────────────────────────
def test_a_run_of_before_ends_when_its_rule_is_blind() -> None:
    desk = crashed()
    live(desk, 30, 31)
    assert desk.state.actuators[FAN].lease is not None
    live(desk, 400)
    assert desk.state.actuators[FAN].lease is None
    assert desk.state.actuators[FAN].reported == 0.0


@pytest.mark.parametrize("rules", [(), (rule(COOL | {"cooldown_seconds": 900, "enabled": False}),)])
def test_a_run_of_before_ends_when_its_rule_is_switched_off_or_removed(rules: tuple[Any, ...]) -> None:
    desk = crashed()
    live(desk, 30, 31)
    desk.obey(desk.handle(ev.RulesChanged(desk.now, rules, (), "ann")))
    live(desk, 5, 31)
    assert desk.state.actuators[FAN].lease is None
    assert desk.state.actuators[FAN].reported == 0.0
