"""The nodes' own latch: who is latched, and that nobody stays so after the end of a stop."""

from __future__ import annotations

from typing import Any

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import NodeId
from godkaiser.model.scope import Scope
from godkaiser.model.site import Site
from tests.engine.bench import (
    CLIMATE,
    FAN,
    GOD,
    SITE,
    STRANGER,
    VENT,
    WATER,
    Desk,
    halts,
    moves,
    releases,
)
from tests.engine.test_engine_alarm import steps
from tests.engine.test_engine_stop import ZERO_SITE


def changed(gpio: int, **fields: Any) -> Site:
    actuators = [a.model_dump() | (fields if a.gpio == gpio else {}) for a in SITE.actuators]
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


def test_one_that_is_disabled_stays_at_its_safe_value_too() -> None:
    desk = Desk(site=changed(27, enabled=False)).ready()
    said = desk.stop()
    assert Move(VENT, "PWM", 0.3) in moves(said)
    assert halts(said) == [CLIMATE], "the nodes' own stop would drive it to 0"


# ── whoever has not taken the end of a stop ────────────────────────────────────────────────────────────
def over(desk: Desk, *answering: NodeId) -> list[Effect]:
    """A stop of everything, lifted by force after the nodes' own time; who answers confirms."""
    said = desk.stop() + desk.wait(6) + desk.clear(force=True)
    for node in answering:
        said += desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))
    said += desk.wait(20)
    assert desk.state.stops == {}
    return said


def decide(desk: Desk, node: NodeId, *, approved: bool) -> list[Effect]:
    return desk.handle(ev.NodeDecided(desk.now, node, approved, "ann"))


def test_a_node_that_waited_for_its_approval_during_a_stop_is_released_when_it_is_let_in() -> None:
    desk = Desk(site=ZERO_SITE).ready(CLIMATE, WATER, STRANGER)
    over(desk, CLIMATE, WATER)
    assert releases(decide(desk, STRANGER, approved=True)) == [STRANGER]


def test_a_node_that_was_shut_out_and_let_in_again_is_released() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    decide(desk, CLIMATE, approved=False)
    desk.wait(6)
    desk.clear(force=True)
    desk.wait(20)
    assert CLIMATE not in releases(desk.log)
    assert releases(decide(desk, CLIMATE, approved=True)) == [CLIMATE]


def test_let_in_while_a_stop_stands_a_node_stays_latched() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    decide(desk, CLIMATE, approved=False)
    assert releases(decide(desk, CLIMATE, approved=True)) == []


def test_a_node_that_did_not_take_the_end_is_asked_again_until_it_does() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    assert releases(over(desk, WATER)) == [CLIMATE, WATER]
    asked = [releases(desk.wait(step) + desk.beat() + desk.beat(WATER)) for step in (1, 19, 1, 60)]
    assert asked == [[CLIMATE], [], [CLIMATE], [CLIMATE]]
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=False, message="not verified"))
    assert releases(desk.wait(60) + desk.beat()) == [CLIMATE]
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=True))
    assert releases(desk.wait(60) + desk.beat()) == []


def test_a_node_that_a_stop_holds_is_not_asked() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    desk.wait(6)
    desk.clear()
    desk.wait(11)
    assert picture.stop_picture(desk.state)["phase"] == "ACTIVE"
    assert releases(desk.wait(60) + desk.beat() + desk.beat(WATER)) == []


def test_a_node_that_stays_latched_after_the_end_is_shown() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    over(desk, WATER)
    desk.beat()
    desk.report(FAN, 0.0, emergency="active")
    assert ("node_latched", "raised") not in steps(desk.wait(39))
    assert ("node_latched", "raised") in steps(desk.wait(2))


# ── nodes do not take a clear right after a stop ───────────────────────────────────────────────────────
def test_after_a_second_stop_nodes_are_asked_not_before_they_take_it() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    desk.wait(30)
    desk.stop()
    desk.wait(1)
    assert releases(desk.clear() + desk.wait(3.9)) == []
    assert releases(desk.wait(0.1)) == [CLIMATE, WATER]


def test_nor_after_another_stop_that_told_them_too() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.handle(ev.StopAsked(desk.now, "ann", "leak", Scope("node", CLIMATE)))
    desk.wait(30)
    desk.stop()
    desk.clear(force=True)
    clear = ev.ClearAsked(desk.now, "ann", force=True, scope=Scope("node", CLIMATE))
    assert releases(desk.handle(clear) + desk.wait(4.9)) == []
    assert CLIMATE in releases(desk.wait(0.1))
