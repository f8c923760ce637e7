"""The software stop, from the click to the way back."""

from godkaiser.engine import picture
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from godkaiser.safety.stop import Phase
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SITE,
    VENT,
    WATER,
    Desk,
    Journal,
    Send,
    fates,
    halts,
    moves,
    only,
    releases,
)

ZERO_SITE = Site.model_validate(
    SITE.model_dump() | {"actuators": [a.model_dump() for a in SITE.actuators if a.gpio != 27]}
)


def phase(desk: Desk) -> Phase:
    return desk.state.stop.phase


def cleared(desk: Desk) -> None:
    """Through clearing and resuming to normal."""
    desk.wait(5)
    desk.clear()
    desk.wait(1)
    for node in (CLIMATE, WATER):
        desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))
    assert phase(desk) is Phase.RESUMING
    desk.wait(20)
    assert phase(desk) is Phase.NORMAL


def test_a_stop_is_journalled_first_and_everything_is_told() -> None:
    desk = Desk(COOL, site=ZERO_SITE).ready()
    desk.obey(desk.read(AIR, 29))
    effects = desk.stop()
    first = next(effect for effect in effects if isinstance(effect, Journal | Send))
    assert isinstance(first, Journal)
    assert first.data is not None
    assert (first.kind, first.data["reason"], first.data["by"]) == ("stop", "smoke", "ann")
    assert [move.actuator for move in moves(effects)] == [FAN, HEATER, PUMP]
    assert all(move.value == 0 for move in moves(effects))
    assert halts(effects) == [None, CLIMATE, WATER]
    assert not any(send.energising for send in only(Send, effects))


def test_a_node_with_another_safe_value_is_stopped_by_single_commands() -> None:
    desk = Desk().ready()
    effects = desk.stop()
    assert Move(VENT, "PWM", 0.3) in moves(effects)
    assert halts(effects) == [CLIMATE]


def test_while_stopped_nothing_energises_and_off_still_goes() -> None:
    desk = Desk(COOL).ready()
    desk.stop()
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
    assert moves(desk.read(AIR, 35)) == []
    assert moves(desk.ask(FAN, 0.0)) == [Move(FAN, "OFF", 0.0)]
    assert fates(desk.ask(VENT, 0.0)) == [Fate.REFUSED]


def test_confirmation_comes_from_words_or_from_safe_reports() -> None:
    desk = Desk().ready()
    desk.stop()
    assert picture.stop_picture(desk.state)["unconfirmed"] == [CLIMATE, WATER]
    desk.handle(ev.StopAck(desk.now, GOD, CLIMATE))
    assert picture.stop_picture(desk.state)["unconfirmed"] == [WATER]
    desk.report(PUMP, 0.0)
    assert picture.stop_picture(desk.state)["unconfirmed"] == [WATER]
    desk.report(VENT, 76 / 255)
    assert picture.stop_picture(desk.state)["unconfirmed"] == []


def test_a_silent_node_is_named() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.handle(ev.StopAck(desk.now, GOD, CLIMATE))
    desk.wait(11)
    shown = picture.stop_picture(desk.state)
    assert (shown["unconfirmed"], shown["problem"]) == ([WATER], f"not confirmed by {WATER}")
    assert phase(desk) is Phase.ACTIVE


def test_a_stop_survives_the_controller() -> None:
    desk = Desk(COOL).ready()
    desk.stop()
    desk.restart()
    assert phase(desk) is Phase.ACTIVE
    assert picture.stop_picture(desk.state)["reason"] == "smoke"
    effects = desk.link() + desk.beat() + desk.beat(WATER)
    assert {move.actuator for move in moves(effects)} == {FAN, HEATER, PUMP, VENT}
    assert CLIMATE in halts(effects)
    desk.wait(2)
    assert moves(desk.read(AIR, 35)) == []


def test_a_stop_without_a_broker_is_told_when_it_is_back() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.link(up=False)
    assert moves(desk.stop()) == []
    effects = desk.link()
    assert {move.actuator for move in moves(effects)} == {FAN, HEATER, PUMP}
    assert None in halts(effects)


def test_a_node_that_comes_back_is_told() -> None:
    desk = Desk().ready()
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.stop()
    effects = desk.beat()
    assert {move.actuator for move in moves(effects)} == {FAN, HEATER}
    assert halts(effects) == [CLIMATE]


def test_what_is_switched_on_during_a_stop_is_switched_off() -> None:
    desk = Desk().ready()
    desk.obey(desk.stop())
    assert moves(desk.wait(60)) == []
    desk.report(HEATER, 1.0)
    assert Move(HEATER, "OFF", 0.0) in moves(desk.wait(1))


# ── the way back ───────────────────────────────────────────────────────────────────────────────────────
def test_nodes_are_asked_to_lift_their_latch_not_before_they_do() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(1)
    assert releases(desk.clear()) == []
    assert phase(desk) is Phase.CLEARING
    assert releases(desk.wait(3.9)) == []
    assert releases(desk.wait(0.2)) == [CLIMATE, WATER]


def test_clearing_needs_every_node() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.clear()
    desk.wait(1)
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=True))
    assert phase(desk) is Phase.CLEARING
    desk.wait(12)
    assert phase(desk) is Phase.ACTIVE
    assert WATER in picture.stop_picture(desk.state)["problem"]


def test_a_clear_at_the_end_of_the_stops_own_wait_has_its_whole_time() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(9.9999)
    desk.clear()
    desk.now += 5_000_000  # no timer in between: all that is due comes at once
    desk.handle(ev.Timer(desk.now))
    assert phase(desk) is Phase.CLEARING
    desk.wait(9)
    assert phase(desk) is Phase.CLEARING


def test_a_refused_clear_is_a_stop_again() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.clear()
    desk.wait(1)
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=False, message="too early"))
    assert phase(desk) is Phase.ACTIVE
    assert "ESP_A1B2C3 refused: too early" in picture.stop_picture(desk.state)["problem"]


def test_force_does_not_wait_for_the_silent() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    assert releases(desk.clear(force=True)) == [CLIMATE, WATER]
    assert phase(desk) is Phase.RESUMING
    other = Desk().ready()
    other.stop()
    other.wait(6)
    other.clear()
    other.clear(force=True)
    assert phase(other) is Phase.RESUMING


def test_force_right_after_a_stop_asks_the_nodes_when_they_accept_it() -> None:
    desk = Desk().ready()
    desk.stop()
    assert releases(desk.clear(force=True)) == []
    assert phase(desk) is Phase.RESUMING
    assert releases(desk.wait(6)) == [CLIMATE, WATER]


def test_actuators_are_released_one_by_one() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.clear(force=True)
    counts = []
    for _ in range(4):
        desk.wait(2)
        counts.append(sum(desk.state.stopped(actuator) is None for actuator in desk.state.actuators))
    assert counts == [1, 2, 3, 4]
    assert phase(desk) is Phase.NORMAL
    assert ("stop", "") not in desk.journal


def test_clearing_energises_nothing_and_rules_wait_for_something_new() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    desk.stop()
    before = len(desk.log)
    cleared(desk)
    desk.wait(60)
    assert not any(send.energising for send in only(Send, desk.log[before:]))
    assert moves(desk.read(AIR, 29)) == [Move(FAN, "PWM", 0.8)]


def test_a_stop_while_resuming_is_a_stop() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(6)
    desk.clear(force=True)
    desk.wait(2)
    desk.stop("again")
    desk.wait(30)
    assert phase(desk) is Phase.ACTIVE
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]


def test_a_crash_while_clearing_or_resuming_leaves_a_stop() -> None:
    for force in (False, True):
        desk = Desk().ready()
        desk.stop()
        desk.wait(6)
        desk.clear(force=force)
        desk.restart()
        assert phase(desk) is Phase.ACTIVE


def test_clear_without_a_stop_changes_nothing() -> None:
    desk = Desk().ready()
    assert only(Send, desk.clear(force=True)) == []
    assert phase(desk) is Phase.NORMAL


def test_ten_seconds_are_given_to_confirm_and_not_one_more() -> None:
    desk = Desk().ready()
    desk.stop()
    desk.wait(9.9)
    assert desk.state.stop.problem == ""
    desk.wait(0.2)
    assert "not confirmed by" in desk.state.stop.problem
