"""Exact words of the engine, each of which something depends on: what is forgotten, owed, counted and asked."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Effect
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    SITE,
    STRANGER,
    VENT,
    WATER,
    Desk,
    fates,
    moves,
)
from tests.engine.test_engine_stop import ZERO_SITE

OFF = Move(FAN, "OFF", 0.0)


def changed(actuator: ActuatorId, **fields: Any) -> Site:
    actuators = [a.model_dump() | (fields if a.id == actuator else {}) for a in SITE.actuators]
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


def warm(desk: Desk, seconds: float) -> list[Effect]:
    """Time passes while it is too warm; nodes carry out what they are told."""
    said: list[Effect] = []
    for _ in range(round(seconds / 30)):
        woken = desk.wait(30) + desk.beat() + desk.beat(WATER) + desk.read(AIR, 29)
        said += woken + desk.obey(woken)
    return said


# ── the end of a lease ─────────────────────────────────────────────────────────────────────────────────
def held_and_wanted() -> Desk:
    """A rule has the fan on, and a person who holds it has another level: both want it on."""
    desk = Desk({**COOL, "cooldown_seconds": 900}, site=changed(FAN, max_on_s=600)).ready()
    desk.obey(desk.read(AIR, 29))
    desk.obey(desk.ask(FAN, 0.5, hold=20 * MINUTE))
    return desk


def test_at_the_maximum_nobodys_wish_is_left() -> None:
    desk = held_and_wanted()
    ended = warm(desk, 630)
    assert moves(ended) == [OFF], "neither the person nor the rule beneath starts it anew"
    assert moves(warm(desk, 800)) == []
    assert FAN in [move.actuator for move in moves(warm(desk, 120))], "the rule, after its pause"


def test_a_node_that_ends_it_within_the_last_second_has_ended_it_at_the_maximum() -> None:
    desk = held_and_wanted()
    warm(desk, 570)
    desk.wait(29)
    ended = desk.report(FAN, 0.0)
    assert moves(ended + warm(desk, 870)) == []
    assert moves(warm(desk, 60)) == [Move(FAN, "PWM", 0.8)], "the rule, after its pause"


def test_before_the_maximum_only_the_winners_wish_is_over() -> None:
    desk = Desk({**COOL, "cooldown_seconds": 900}).ready()
    desk.obey(desk.read(AIR, 29))
    desk.obey(desk.ask(FAN, 0.5, duration=60 * SECOND))
    ended = warm(desk, 120)
    assert moves(ended) == [OFF, Move(FAN, "PWM", 0.8)], "the rule has it again"


# ── tried again ────────────────────────────────────────────────────────────────────────────────────────
def test_a_second_try_has_what_is_left_of_the_time() -> None:
    desk = Desk().ready()
    assert moves(desk.ask(HEATER, 1.0, duration=300 * SECOND)) == [Move(HEATER, "ON", 1.0, 300)]
    desk.ack(HEATER, verb="ON", success=False, message="busy")
    assert moves(desk.wait(60)) == [Move(HEATER, "ON", 1.0, 240)]


def test_what_is_granted_owes_no_off_any_more() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    desk.ask(FAN, 0.0)  # on its way, and never answered
    desk.obey(desk.ask(FAN, 0.8))
    assert not picture.actuator_picture(desk.state, desk.state.actuators[FAN], desk.now)["pending"]
    desk.link(up=False)
    assert moves(desk.link()) == []


def test_a_command_that_was_carried_out_is_not_replaced() -> None:
    desk = Desk().ready()
    desk.ask(FAN, 0.8)
    desk.ack(FAN, verb="PWM")
    assert fates(desk.ask(FAN, 0.0)) == [Fate.SENT]
    assert fates(desk.ask(FAN, 0.0)) == [Fate.SUPERSEDED, Fate.SENT]


def test_a_node_that_waits_for_its_approval_is_told_nothing() -> None:
    relay = {"node": STRANGER, "gpio": 26, "type": "relay", "max_on_s": 60}
    site = Site.model_validate(
        SITE.model_dump() | {"actuators": [*(a.model_dump() for a in SITE.actuators), relay]}
    )
    desk = Desk(site=site).ready(CLIMATE, STRANGER)
    said = desk.ask(ActuatorId.of(STRANGER, 26), 0.0)
    assert (moves(said), fates(said)) == ([], [Fate.QUEUED])


# ── over a restart ─────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("budget", "left"), [(400, 300), (150, 50)])
def test_a_run_that_was_kept_ends_within_the_budget_of_the_site_that_counts_now(
    budget: int, left: int
) -> None:
    desk = Desk(site=changed(FAN, on_budget_s=600)).ready()
    desk.obey(desk.ask(FAN, 0.8, duration=500 * SECOND))
    desk.obey(desk.live(100))
    desk.site = changed(FAN, on_budget_s=budget)
    desk.restart()
    assert OFF not in moves(desk.link() + desk.beat() + desk.wait(left - 1))
    assert OFF in moves(desk.wait(1))


# ── a stop and its end ─────────────────────────────────────────────────────────────────────────────────
def test_a_word_that_came_before_the_question_is_no_answer() -> None:
    """An old one, delivered again, while the nodes' own waiting time runs."""
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    desk.wait(1)
    desk.clear()
    for node in (CLIMATE, WATER):
        desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))
    shown = picture.stop_picture(desk.state)
    assert (shown["phase"], shown["unconfirmed"]) == ("CLEARING", [CLIMATE, WATER])
    desk.wait(4)
    for node in (CLIMATE, WATER):
        desk.handle(ev.ClearAck(desk.now, GOD, node, ok=True))
    assert picture.stop_picture(desk.state)["phase"] == "RESUMING"


def test_a_node_that_says_it_is_cleared_during_a_stop_still_counts_as_latched() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=True))
    assert ("halted", CLIMATE) in desk.journal
    desk.wait(6)
    desk.clear(force=True)
    desk.handle(ev.ClearAck(desk.now, GOD, CLIMATE, ok=True))
    assert ("halted", CLIMATE) not in desk.journal


def test_a_stop_tells_also_a_node_that_was_shut_out_and_still_owes() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    told = [move for move in moves(desk.stop()) if move.actuator.node == CLIMATE]
    assert told == [OFF], "the heater is off, as far as anybody knows"


def test_closing_makes_safe_what_is_away_without_a_run_of_ours() -> None:
    """Its safe value has become another one, and it has not gone there yet."""
    desk = Desk().ready()
    desk.report(VENT, 0.3)
    desk.handle(ev.SiteChanged(desk.now, changed(VENT, safe_value=0.0), (), "ann"))
    assert desk.state.actuators[VENT].lease is None
    assert moves(desk.handle(ev.Closing(desk.now))) == [Move(VENT, "OFF", 0.0)]
