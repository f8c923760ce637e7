"""Limits on the actuator at work: who waits, who does not, and until when; over restarts and jumps of the clock."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.effect import Effect
from godkaiser.model.command import Move
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    HEATER,
    SITE,
    WATER,
    Answer,
    Desk,
    fates,
    moves,
    only,
)

ON, OFF = Move(FAN, "PWM", 0.8), Move(FAN, "OFF", 0.0)
HEAT = Move(HEATER, "ON", 1.0, 600)
RULE = {**COOL, "cooldown_seconds": 0}


def site(**limits: Any) -> Site:
    """The bench's site with other limits for fan and heater."""
    actuators = [spec.model_dump() | (limits if spec.id in (FAN, HEATER) else {}) for spec in SITE.actuators]
    return Site.model_validate(SITE.model_dump() | {"actuators": actuators})


def desk_with(*rules: dict[str, Any], **limits: Any) -> Desk:
    return Desk(*rules, site=site(**limits)).ready()


def refusal(effects: list[Effect]) -> str:
    said = [answer.outcome for answer in only(Answer, effects)]
    (refused,) = [outcome for outcome in said if outcome.fate is Fate.REFUSED]
    return refused.message


def tend(desk: Desk, seconds: float, value: float) -> list[Effect]:
    """Time passes, the air is measured every minute, nodes carry out what they are told."""
    said: list[Effect] = []
    while seconds > 0:
        step = min(60.0, seconds)
        seconds -= step
        woken = desk.wait(step)
        said += woken + desk.obey(woken)
        for node in (CLIMATE, WATER):
            desk.beat(node)
        heard = desk.read(AIR, value)
        said += heard + desk.obey(heard)
    return said


# ── least time on ──────────────────────────────────────────────────────────────────────────────────────
def test_a_rules_off_waits_until_it_has_been_on_long_enough() -> None:
    desk = desk_with(RULE, min_on_s=300)
    desk.obey(desk.read(AIR, 29))
    begun = desk.now
    desk.wait(50)
    assert moves(desk.read(AIR, 20)) == []
    assert "250 s are left" in desk.state.actuators[FAN].chain[-1].text
    assert moves(tend(desk, 249, 20)) == []
    last = begun + 300 * SECOND - desk.now
    assert moves(desk.wait((last - 1) / SECOND)) == []
    assert moves(desk.wait(1 / SECOND)) == [OFF]


def test_it_stays_when_the_rule_wants_it_again_meanwhile() -> None:
    desk = desk_with(RULE, min_on_s=300)
    desk.obey(desk.read(AIR, 29))
    desk.wait(50)
    desk.read(AIR, 20)
    desk.wait(50)
    assert moves(desk.read(AIR, 29)) == []
    assert moves(tend(desk, 600, 29)) == []


def test_what_protects_does_not_wait() -> None:
    desk = desk_with(RULE, min_on_s=300)
    desk.obey(desk.read(AIR, 29))
    desk.wait(10)
    assert moves(desk.ask(FAN, 0.0)) == [OFF]
    other = desk_with(RULE, min_on_s=300)
    other.obey(other.read(AIR, 29))
    other.wait(10)
    assert OFF in moves(other.stop())


def test_a_rule_that_no_longer_knows_its_readings_does_not_wait() -> None:
    desk = desk_with(RULE, min_on_s=600)
    desk.obey(desk.read(AIR, 29))
    assert moves(desk.live(179)) == []
    assert moves(desk.live(2)) == [OFF]


def test_a_rules_shorter_duration_is_lengthened_and_its_node_is_told_so() -> None:
    action = {"type": "actuator", "esp_id": CLIMATE, "gpio": 26, "command": "ON", "duration_seconds": 30}
    desk = desk_with({**COOL, "actions": [action], "cooldown_seconds": 900}, min_on_s=300)
    on = desk.read(AIR, 29)
    assert moves(on) == [Move(HEATER, "ON", 1.0, 300)]
    desk.obey(on)
    begun = desk.now
    assert "stays on at least 300 s" in " ".join(step.text for step in desk.state.actuators[HEATER].chain)
    assert moves(tend(desk, 299, 29)) == []
    assert moves(desk.wait((begun + 300 * SECOND - desk.now) / SECOND)) == [Move(HEATER, "OFF", 0.0)]


def test_a_person_who_gives_less_time_gets_it_and_is_warned() -> None:
    desk = desk_with(min_on_s=300)
    on = desk.ask(HEATER, 1.0, duration=30 * SECOND)
    assert moves(on) == [Move(HEATER, "ON", 1.0, 30)]
    sent = next(answer.outcome for answer in only(Answer, on) if answer.outcome.fate is Fate.SENT)
    assert [finding.code for finding in sent.findings] == ["min_on_short"]
    desk.obey(on)
    assert moves(desk.wait(30)) == [Move(HEATER, "OFF", 0.0)]


# ── rest ───────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("limit", ["cooldown_s", "min_off_s"])
def test_a_person_is_told_how_long_to_wait(limit: str) -> None:
    desk = desk_with(**{limit: 90})
    desk.obey(desk.ask(FAN, 0.8))
    desk.wait(5)
    desk.obey(desk.ask(FAN, 0.0))
    desk.wait(30)
    assert "60 s are left" in refusal(desk.ask(FAN, 0.8))
    assert moves(desk.wait(60)) == [], "a person's refused wish does not come back"
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_a_rule_is_tried_again_at_the_very_instant() -> None:
    desk = desk_with(RULE, cooldown_s=600)
    desk.obey(desk.read(AIR, 29))
    desk.wait(10)
    desk.obey(desk.read(AIR, 20))
    off_at = desk.now
    desk.wait(10)
    assert moves(desk.read(AIR, 29)) == []
    assert moves(tend(desk, 570, 29)) == []
    assert moves(desk.wait((off_at + 600 * SECOND - 1 - desk.now) / SECOND)) == []
    assert moves(desk.wait(1 / SECOND)) == [ON]


def test_rest_counts_from_the_nodes_word_and_not_from_the_command() -> None:
    desk = desk_with(min_off_s=60)
    desk.obey(desk.ask(FAN, 0.8))
    off = desk.ask(FAN, 0.0)
    desk.wait(5)
    assert "60 s are left" in refusal(desk.ask(FAN, 0.8)), "it is only just going off"
    desk.obey(off)
    desk.wait(59)
    assert "1 s are left" in refusal(desk.ask(FAN, 0.8))
    desk.wait(1)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_a_start_the_node_refused_was_none() -> None:
    desk = desk_with(cooldown_s=60, starts_per_hour=1)
    sent = desk.ask(FAN, 0.8)
    desk.ack(FAN, command_of(sent), success=False)
    assert desk.state.history(FAN).starts == ()
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def command_of(effects: list[Effect]) -> str:
    return next(answer.outcome.command for answer in only(Answer, effects) if answer.outcome.command)


# ── starts ─────────────────────────────────────────────────────────────────────────────────────────────
def test_so_many_starts_within_any_hour() -> None:
    desk = desk_with(starts_per_hour=3)
    for _ in range(3):
        desk.obey(desk.ask(FAN, 0.8))
        desk.live(299)
        desk.obey(desk.ask(FAN, 0.0))
        desk.live(1)
    first = desk.now - 900 * SECOND
    assert f"{(first + HOUR - desk.now) // SECOND} s are left" in refusal(desk.ask(FAN, 0.8))
    desk.live((first + HOUR - desk.now) / SECOND - 1)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
    desk.live(1)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_another_level_is_no_start_but_on_after_an_unconfirmed_off_is() -> None:
    desk = desk_with(starts_per_hour=2)
    desk.obey(desk.ask(FAN, 0.8))
    desk.obey(desk.ask(FAN, 0.5))
    assert len(desk.state.history(FAN).starts) == 1
    desk.ask(FAN, 0.0)
    desk.obey(desk.ask(FAN, 0.8))
    assert len(desk.state.history(FAN).starts) == 2
    desk.ask(FAN, 0.0)
    assert "2 times within an hour" in refusal(desk.ask(FAN, 0.8))


# ── seconds ────────────────────────────────────────────────────────────────────────────────────────────
def test_the_lease_ends_with_the_budget_and_the_next_day_it_may_again() -> None:
    desk = desk_with(on_budget_s=300, on_window_s=7200)
    desk.obey(desk.ask(FAN, 0.8, duration=200 * SECOND))
    begun = desk.now
    off = desk.live(200)
    assert moves(off) == [OFF]
    desk.obey(off)
    granted = desk.ask(FAN, 0.8)
    desk.obey(granted)
    assert desk.journal["lease", FAN]["until"] - desk.now == 100 * SECOND
    assert "100 s left" in desk.state.actuators[FAN].chain[1].text
    end = desk.live(100)
    assert moves(end) == [OFF]
    desk.obey(end)
    left = begun + 7200 * SECOND + SECOND - desk.now
    assert f"{left // SECOND} s are left" in refusal(desk.ask(FAN, 0.8))
    desk.live(left / SECOND)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_what_a_node_switches_on_by_itself_is_within_the_budget_too() -> None:
    desk = desk_with(on_budget_s=300)
    desk.obey(desk.ask(HEATER, 1.0, duration=200 * SECOND))
    desk.obey(desk.live(200))
    desk.restart()  # else it would be against our last word
    desk.ready()
    desk.report(HEATER, 1.0)
    assert desk.journal["lease", HEATER]["until"] == desk.now + 100 * SECOND
    desk.obey(desk.live(100))
    desk.report(HEATER, 1.0)
    assert moves(desk.wait(1)) == [Move(HEATER, "OFF", 0.0)]


def test_unknown_counts_as_on() -> None:
    desk = desk_with(on_budget_s=300)
    desk.obey(desk.ask(FAN, 0.8, duration=100 * SECOND))
    desk.live(250)  # nobody confirms the OFF
    desk.report(FAN, 0.0)
    assert desk.state.history(FAN).runs[-1][1] == desk.now
    granted = desk.ask(FAN, 0.8)
    assert moves(granted) == [ON]
    assert desk.journal["lease", FAN]["until"] - desk.now == 50 * SECOND


# ── restarts and clocks ────────────────────────────────────────────────────────────────────────────────
def used_up(**limits: Any) -> Desk:
    """A fan that was on for 200 s and is off by its node's word."""
    desk = desk_with(**limits)
    desk.obey(desk.ask(FAN, 0.8, duration=200 * SECOND))
    desk.obey(desk.live(200))
    return desk


LIMITS = [
    ({"cooldown_s": 3600}, 3600),
    ({"min_off_s": 3600}, 3600),
    ({"starts_per_hour": 1}, 3400),
    ({"on_budget_s": 200, "on_window_s": 3600}, 3401),
]


@pytest.mark.parametrize(("limits", "wait"), LIMITS, ids=[str(next(iter(one))) for one, _ in LIMITS])
def test_a_restart_neither_resets_nor_prolongs(limits: dict[str, Any], wait: int) -> None:
    desk = used_up(**limits)
    desk.wait(100)
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.0)
    assert f"{wait - 103} s are left" in refusal(desk.ask(FAN, 0.8))
    desk.live(wait - 103)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


@pytest.mark.parametrize(
    "limits", [one for one, _ in LIMITS], ids=[str(next(iter(one))) for one, _ in LIMITS]
)
def test_a_clock_set_back_over_a_restart_gives_nothing_back_and_locks_no_longer_than_the_limit(
    limits: dict[str, Any],
) -> None:
    desk = used_up(**limits)
    desk.wait(100)
    desk.now -= HOUR
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.0)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
    desk.live(3600)
    assert moves(desk.ask(FAN, 0.8)) == [ON]


def test_a_clock_put_forward_counts_as_time_that_passed_and_no_more() -> None:
    desk = used_up(on_budget_s=300, on_window_s=86400)
    desk.now += HOUR
    desk.restart()
    desk.ready()
    desk.obey(desk.ask(FAN, 0.8))
    assert desk.journal["lease", FAN]["until"] - desk.now == 100 * SECOND


@pytest.mark.parametrize("jump", [-HOUR, 0, HOUR])
def test_a_run_that_goes_on_over_a_restart_keeps_its_seconds(jump: int) -> None:
    desk = desk_with(on_budget_s=600)
    desk.obey(desk.ask(FAN, 0.8, duration=500 * SECOND))
    desk.live(180)
    desk.now += jump
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.8)
    lease = desk.journal["lease", FAN]
    state = desk.state.actuators[FAN].lease
    assert state is not None
    assert state.until - desk.now <= 500 * SECOND
    desk.live(1)
    desk.obey(desk.ask(FAN, 0.0))
    counted = sum(until - since for since, until in desk.state.history(FAN).runs)
    assert counted >= 180 * SECOND
    assert counted <= 190 * SECOND + max(0, jump)
    assert lease["who"] == "ann"


def test_a_crash_between_the_journal_and_the_command_counts_as_a_start() -> None:
    desk = desk_with(starts_per_hour=1)
    desk.ask(FAN, 0.8)  # journalled; whether it left nobody knows
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.0)
    assert "1 times within an hour" in refusal(desk.ask(FAN, 0.8))
    assert desk.state.history(FAN).since is None


def test_a_run_is_told_every_minute_while_it_lasts() -> None:
    desk = desk_with()
    desk.obey(desk.ask(FAN, 0.8, duration=5 * MINUTE))
    desk.live(130)
    assert desk.now - desk.journal["lease", FAN]["told"] < MINUTE
    desk.obey(desk.ask(FAN, 0.0))
    desk.live(120)
    assert ("lease", FAN) not in desk.journal


def test_after_a_clock_set_back_the_journal_speaks_of_the_present() -> None:
    desk = used_up(cooldown_s=60)
    desk.now -= HOUR
    desk.restart()
    desk.link()
    kept = desk.journal["history", FAN]
    assert max(*kept["starts"], *kept["runs"][-1]) <= desk.now


@pytest.mark.parametrize(
    "limits", [one for one, _ in LIMITS], ids=[str(next(iter(one))) for one, _ in LIMITS]
)
def test_a_second_restart_after_a_clock_set_back_gives_nothing_back_either(limits: dict[str, Any]) -> None:
    desk = desk_with(**limits)
    desk.obey(desk.ask(HEATER, 1.0))  # what else stands in the journal from before
    desk.wait(10)
    desk.now -= HOUR
    desk.restart()
    desk.ready()
    desk.obey(desk.ask(FAN, 0.8, duration=200 * SECOND))
    desk.obey(desk.live(200))
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.0)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
