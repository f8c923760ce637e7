"""Corners where an actuator could have stayed on, or a stop not have reached it."""

from typing import get_args

from godkaiser.engine.effect import Journal, Send
from godkaiser.engine.engine import HANDLERS
from godkaiser.model import event as ev
from godkaiser.model.command import Halt, Move, Release
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate
from godkaiser.safety.stop import Phase
from tests.engine.bench import CLIMATE, FAN, HEATER, Desk, fates, moves


def halts(effects: list) -> list[object]:  # type: ignore[type-arg]
    return [
        e.command.order.node for e in effects if isinstance(e, Send) and isinstance(e.command.order, Halt)
    ]


def freed(effects: list) -> list[object]:  # type: ignore[type-arg]
    return [
        e.command.order.node for e in effects if isinstance(e, Send) and isinstance(e.command.order, Release)
    ]


def test_a_stop_after_a_restart_reaches_nodes_not_heard_yet_and_says_who_is_silent() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.restart()
    desk.link()
    effects = desk.stop()
    assert Move(HEATER, "OFF", 0.0) in moves(effects)
    assert CLIMATE in halts(effects)
    assert CLIMATE in desk.state.stop.waiting
    desk.wait(11)
    assert "ESP_A1B2C3" in desk.state.stop.problem


def test_a_lease_that_ran_out_is_ended_without_waiting_for_a_heartbeat() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0, duration=5 * SECOND))
    desk.restart()
    desk.now += 60 * SECOND
    effects = desk.link()
    assert Move(HEATER, "OFF", 0.0) in moves(effects)
    assert Move(HEATER, "OFF", 0.0) in moves(desk.beat())


def test_nothing_is_switched_on_after_closing() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    assert moves(desk.handle(ev.Closing(desk.now))) == [Move(HEATER, "OFF", 0.0)]
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]


def test_a_clock_set_back_does_not_prolong_a_lease_over_a_restart() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    longest = desk.state.actuators[HEATER].spec.longest_on_s or 0
    desk.now -= 30 * 86400 * SECOND
    desk.restart()
    lease = desk.state.actuators[HEATER].lease
    assert lease is not None
    assert lease.until - desk.now <= longest * SECOND
    assert lease.since <= desk.now


def test_a_node_that_was_away_while_others_were_cleared_is_released_when_it_returns() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.handle(ev.Will(desk.now, desk.state.kaiser, CLIMATE, False))
    desk.wait(6)
    desk.clear(force=True)
    desk.wait(30)
    assert desk.state.stop.phase is Phase.NORMAL
    assert CLIMATE in freed(desk.beat(CLIMATE))


def test_approval_during_a_stop_stops_the_node_too() -> None:
    desk = Desk().ready()
    desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    desk.stop()
    effects = desk.handle(ev.NodeDecided(desk.now, CLIMATE, True, "ann"))
    assert CLIMATE in halts(effects)


def test_a_stop_comes_before_a_timer_of_the_same_instant() -> None:
    """A clock rule that is due at the very instant of the stop must not switch on what the stop switches off."""
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0, duration=20 * SECOND, hold=20 * SECOND))
    desk.now += 20 * SECOND
    effects = desk.stop()
    sent = [effect for effect in effects if isinstance(effect, Send)]
    assert sent
    assert not any(effect.energising for effect in sent)
    assert isinstance(effects[0], Journal)
    assert effects[0].kind == "stop"


def test_every_event_has_its_row() -> None:
    assert set(HANDLERS) == set(get_args(ev.Event))
