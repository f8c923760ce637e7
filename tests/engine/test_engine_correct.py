"""A node that reports another level than it was told is told again, through the gate, and not for ever at once."""

from godkaiser.engine.effect import Send
from godkaiser.engine.state import ChainStep
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, GOD, HEATER, Desk, moves, only


def cooled() -> Desk:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    assert desk.state.actuators[FAN].reported == 0.8
    return desk


def test_a_level_in_between_is_corrected_after_a_moment() -> None:
    desk = cooled()
    desk.report(FAN, 0.5)
    assert moves(desk.wait(9)) == []
    effects = desk.wait(2)
    assert moves(effects) == [Move(FAN, "PWM", 0.8)]
    step = desk.state.actuators[FAN].chain[0]
    assert isinstance(step, ChainStep)
    assert "reports 50% instead of 80%" in step.text
    desk.obey(effects)
    assert moves(desk.wait(100)) == []


def test_it_is_repeated_once_a_minute_while_it_lasts_and_ends_with_the_lease() -> None:
    desk = cooled()
    until = desk.state.actuators[FAN].lease
    assert until is not None
    told = []
    for _ in range(20):
        desk.report(FAN, 0.5)
        told += [move for move in moves(desk.wait(10)) if move.value]
        desk.beat()
    assert 3 <= len(told) <= 4
    lease = desk.state.actuators[FAN].lease
    assert lease is not None
    assert lease.until == until.until, "telling it again prolongs nothing"


def test_a_report_that_crosses_a_command_corrects_nothing() -> None:
    desk = cooled()
    desk.report(FAN, 0.5)
    desk.wait(3)
    desk.report(FAN, 0.8)
    assert moves(desk.wait(30)) == []


def test_what_a_node_switches_by_itself_and_what_nobody_wants_is_not_corrected() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.4)
    desk.report(FAN, 0.6)
    desk.report(HEATER, 1.0)
    assert moves(desk.wait(60)) == []


def test_what_comes_on_against_our_last_word_is_switched_off_and_raises_an_alarm() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.obey(desk.ask(HEATER, 0.0))
    desk.wait(10)
    told = desk.report(HEATER, 1.0) + desk.wait(0)
    assert moves(told) == [Move(HEATER, "OFF", 0.0)]
    for _ in range(6):
        for send in only(Send, told):
            told = desk.ack(HEATER, send.command.id)
        told = desk.wait(30) + desk.beat(CLIMATE, uptime=1000) + desk.report(HEATER, 1.0)
    assert f"actuator_stuck:{HEATER}" in desk.state.alarms.watch.standing


def test_a_node_that_returns_with_something_on_is_adopted_first() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    desk.obey(desk.ask(HEATER, 0.0))
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.wait(60)
    assert moves(desk.beat(CLIMATE) + desk.report(HEATER, 1.0) + desk.wait(2)) == []
    assert moves(desk.wait(1)) == [Move(HEATER, "OFF", 0.0)]
