"""The clock is set forward while we run: that time has not passed. Runs end, nothing else is given back or lost."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, HEATER, SITE, Desk, fates, moves


def limited(**limits: Any) -> Site:
    actuators = [spec.model_dump() | (limits if spec.id == HEATER else {}) for spec in SITE.actuators]
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


def jumped(desk: Desk, by: int = HOUR) -> list[Any]:
    desk.now += by
    return desk.handle(ev.ClockJumped(desk.now, by))


def started(effects: list[Any]) -> list[str]:
    return [move.actuator for move in moves(effects) if move.value > 0]


@pytest.mark.parametrize(
    "limits",
    [
        {"cooldown_s": 600},
        {"min_off_s": 600},
        {"starts_per_hour": 1},
        {"on_budget_s": 100, "on_window_s": 3600},
    ],
    ids=str,
)
def test_no_pause_and_no_budget_is_over_because_of_it(limits: dict[str, Any]) -> None:
    desk = Desk(site=limited(max_on_s=100, **limits)).ready()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.obey(desk.wait(100))
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]
    jumped(desk)
    desk.beat(CLIMATE, uptime=1000)
    desk.wait(3)
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]
    desk.restart()
    desk.ready()
    assert fates(desk.ask(HEATER, 1.0)) == [Fate.REFUSED]


def test_a_run_ends_and_counts_only_what_it_lasted() -> None:
    desk = Desk(site=limited(max_on_s=600, on_budget_s=600)).ready()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.wait(100)
    said = jumped(desk)
    assert [(move.actuator, move.value) for move in moves(said)] == [(HEATER, 0.0)]
    desk.obey(said)
    (run,) = desk.state.actuators[HEATER].history.runs
    assert run[1] - run[0] == 100 * SECOND


def test_who_works_on_it_or_holds_it_has_it_as_long_as_before() -> None:
    desk = Desk(COOL).ready()
    desk.handle(ev.ServiceAsked(desk.now, HEATER, desk.now + HOUR, "ann"))
    desk.obey(desk.ask(FAN, 0.0, hold=30 * MINUTE))
    jumped(desk)
    desk.beat(CLIMATE, uptime=1000)
    service = desk.state.actuators[HEATER].service
    assert service is not None
    assert service.until == desk.now + HOUR
    desk.wait(29 * 60)
    assert started(desk.beat(CLIMATE, uptime=3000) + desk.read(AIR, 29.0)) == []
    assert started(desk.wait(60) + desk.beat(CLIMATE, uptime=4000) + desk.read(AIR, 29.0)) == [FAN]


def test_nodes_have_not_been_silent() -> None:
    desk = Desk().ready()
    jumped(desk)
    assert desk.state.nodes[CLIMATE].online is True
    desk.wait(180)
    assert desk.state.nodes[CLIMATE].online is False
