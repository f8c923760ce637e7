"""What has to become safe is told until its node says so: over restarts, and when nobody wants the node any more."""

from __future__ import annotations

import pytest

from godkaiser.engine.effect import Effect, Send
from godkaiser.model import event as ev
from godkaiser.model.command import HeartbeatAck, Move
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate
from tests.engine.bench import CLIMATE, FAN, HEATER, SITE, Desk, fates, moves, notices, only

OFF = Move(HEATER, "OFF", 0.0)


def heated() -> Desk:
    """The heater is on, for ten minutes at most."""
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    return desk


def sent(effects: list[Effect]) -> str:
    """The id of the one command among them."""
    (send,) = only(Send, effects)
    return send.command.id


def minutes(desk: Desk, count: int) -> list[Effect]:
    """The node lives on, its heater too."""
    said: list[Effect] = []
    for _ in range(count):
        said += desk.beat(CLIMATE, uptime=1000) + desk.report(HEATER, 1.0) + desk.wait(60)
    return said


def test_an_off_that_was_kept_survives_a_restart() -> None:
    desk = heated()
    desk.link(up=False)
    assert fates(desk.ask(HEATER, 0.0)) == [Fate.QUEUED]
    desk.restart()
    told = desk.link() + desk.beat(CLIMATE)
    assert OFF in moves(told)
    desk.obey(told)
    assert ("owed", HEATER) not in desk.journal


def test_an_off_that_was_sent_and_not_answered_survives_a_restart() -> None:
    desk = heated()
    desk.ask(HEATER, 0.0)
    desk.restart()
    assert OFF in moves(desk.link() + desk.beat(CLIMATE))


@pytest.mark.parametrize("away", [0, 200], ids=["online", "while it was offline"])
@pytest.mark.parametrize("approved", [None, False], ids=["removed", "rejected"])
def test_who_is_shut_out_is_told_until_it_is_safe(away: int, approved: bool | None) -> None:
    desk = heated()
    desk.wait(away)
    event = ev.NodeRemoved if approved is None else lambda *a: ev.NodeDecided(a[0], a[1], False, a[2])
    desk.handle(event(desk.now, CLIMATE, "ann"))
    told = minutes(desk, 3)
    assert moves(told).count(OFF) >= 3
    assert notices(told, HeartbeatAck) == [], "it would take no command any more"
    for actuator in (HEATER, FAN):
        desk.report(actuator, 0.0)
    assert moves(desk.wait(60)) == []
    (ack, *_) = notices(desk.beat(CLIMATE, uptime=2000), HeartbeatAck)
    assert ack.status != "online"


def test_a_node_that_was_never_let_in_is_told_nothing() -> None:
    desk = Desk(site=SITE.model_copy(update={"nodes": ()}))
    desk.link()
    desk.beat(CLIMATE)
    assert moves(desk.ask(HEATER, 0.0) + desk.beat(CLIMATE) + desk.wait(5)) == []


def test_a_report_from_before_it_was_on_confirms_no_off() -> None:
    desk = Desk().ready()
    desk.report(HEATER, 0.0)
    desk.wait(3)
    on = desk.ask(HEATER, 1.0)
    desk.ack(HEATER, sent(on))
    desk.wait(3)
    off = desk.ask(HEATER, 0.0)
    assert fates(desk.ack(HEATER, sent(off))) == [Fate.ACKED]
    assert desk.state.actuators[HEATER].lease is not None
    assert fates(desk.report(HEATER, 1.0) + desk.report(HEATER, 0.0)) == [Fate.CONFIRMED]


def test_an_off_that_changes_nothing_is_confirmed_by_the_last_report() -> None:
    desk = Desk().ready()
    desk.report(HEATER, 0.0)
    desk.now += 3 * SECOND
    off = desk.ask(HEATER, 0.0)
    assert fates(desk.ack(HEATER, sent(off))) == [Fate.ACKED, Fate.CONFIRMED]
