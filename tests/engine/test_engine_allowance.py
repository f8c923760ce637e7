"""What is left to an actuator, as its picture says it, is what the gate would say."""

from __future__ import annotations

from typing import Any

from godkaiser.engine.allowance import limits_picture, timed_by
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND, parse_instant
from godkaiser.model.site import Site
from tests.engine.bench import CLIMATE, FAN, HEATER, PUMP, SITE, Desk, fates

LIMITED = {"min_off_s": 30, "cooldown_s": 90, "starts_per_hour": 2, "on_budget_s": 120, "on_window_s": 3600}


def limited(**more: Any) -> Desk:
    actuators = [a.model_dump() | (LIMITED | more if a.id == HEATER else {}) for a in SITE.actuators]
    return Desk(site=Site.model_validate(SITE.model_dump() | {"actuators": actuators})).ready()


def shown(desk: Desk, actuator: ActuatorId = HEATER) -> dict[str, Any]:
    return limits_picture(desk.state, desk.state.actuators[actuator], desk.now)


def test_a_fresh_one_has_everything_left() -> None:
    assert shown(limited()) == {
        "on_left_s": 120.0, "on_budget_s": 120.0, "on_window_s": 3600.0, "starts_left": 2, "starts_per_hour": 2,
        "locked_until": None, "why": None,
    }  # fmt: skip
    assert (shown(limited(), FAN)["on_left_s"], shown(limited(), FAN)["starts_left"]) == (None, 60)


def test_after_a_run_it_is_locked_as_long_as_the_gate_refuses() -> None:
    desk = limited()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.wait(20)
    running = shown(desk)
    assert (running["on_left_s"], running["starts_left"], running["locked_until"]) == (100.0, 1, None)
    desk.obey(desk.ask(HEATER, 0.0))
    rests = shown(desk)
    assert rests["why"] == f"{HEATER} rests 90 s after a run: 90 s are left."
    assert parse_instant(rests["locked_until"], 0) == desk.now + 90 * SECOND
    desk.wait(89)
    assert "refused" in {fate.value for fate in fates(desk.ask(HEATER, 1.0))}
    desk.wait(1)
    assert shown(desk)["locked_until"] is None
    assert "refused" not in {fate.value for fate in fates(desk.ask(HEATER, 1.0))}


def test_who_ends_a_run_in_time() -> None:
    desk = limited()
    state = desk.state
    assert timed_by(state, state.actuators[HEATER]) == "node"
    assert timed_by(state, state.actuators[FAN]) == "controller only", "a PWM command carries no time"
    state.nodes[CLIMATE].modern = False
    assert timed_by(state, state.actuators[HEATER]) == "controller only"
    fresh = Desk()
    assert timed_by(fresh.state, fresh.state.actuators[PUMP]) is None
    del fresh.state.nodes[NodeId.known(PUMP.node)]
    assert timed_by(fresh.state, fresh.state.actuators[PUMP]) is None
