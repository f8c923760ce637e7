"""A person who holds an actuator keeps rules off it until the hold ends, whatever ends its run before."""

from __future__ import annotations

from collections.abc import Callable

from godkaiser.engine.effect import Effect
from godkaiser.model.command import Move
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, Desk, moves


def hot(desk: Desk, minutes: int) -> list[Move]:
    """The rule would cool all the time."""
    said = []
    for _ in range(minutes):
        desk.obey(desk.beat(CLIMATE, uptime=1000))
        steps: list[Callable[[], list[Effect]]] = [
            lambda: desk.read(AIR, 29.0), lambda: desk.wait(1), lambda: desk.wait(59)
        ]  # fmt: skip
        for step in steps:
            effects = step()
            desk.obey(effects)
            said += [move for move in moves(effects) if move.actuator == FAN]
    return said


def test_a_hold_outlasts_the_duration() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.ask(FAN, 0.5, duration=MINUTE, hold=HOUR))
    assert hot(desk, 50) == [Move(FAN, "OFF", 0.0)]
    assert [move.value for move in hot(desk, 12)] == [0.8]


def test_without_more_hold_the_rule_has_it_after_the_duration() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.ask(FAN, 0.5, duration=MINUTE))
    assert [move.value for move in hot(desk, 5)] == [0.0, 0.8]


def test_a_stop_keeps_what_a_person_wants_off() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.ask(FAN, 0.0, hold=HOUR))
    desk.stop()
    desk.wait(6)
    desk.clear(force=True)
    desk.now += 10 * SECOND
    assert [move for move in hot(desk, 40) if move.value > 0] == []
    assert {move.value for move in hot(desk, 25)} == {0.8}
