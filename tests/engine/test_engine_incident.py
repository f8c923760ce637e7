"""The night this product exists to prevent: the heater's node is away for five and a half hours, and nobody is told.

In the system it happened in, 682 evaluations were logged, every one as a success, the room fell to 19.8 °C.
"""

from __future__ import annotations

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Decision
from godkaiser.engine.ruling import rule_picture
from godkaiser.model.instant import MINUTE, SECOND, Instant
from godkaiser.model.outcome import Fate, Outcome
from tests.engine.bench import Send, moves, only, stored
from tests.engine.night import BACK_AT, HEATER, OFF_AT, A, B, Night, heating, local

SINCE = "is offline since 00:12:03 on 2026-01-15"
SILENT = f"node_silent:{B}"


def night(*, air: float = 23.2, max_on_s: float = 28800) -> Night:
    """At 23.2 °C nothing is wanted yet when the node goes; at 21.5 °C the heater is on then."""
    return Night(heating(), begin=local("22:30", "2026-01-14"), air=air, max_on_s=max_on_s)


def shown(desk: Night) -> dict[str, object]:
    return rule_picture(desk.state, desk.only_rule, desk.now)


@pytest.mark.parametrize(("max_on_s", "air"), [(28800, 23.2), (1200, 23.2), (28800, 21.5), (1200, 21.5)])
def test_the_incident(max_on_s: float, air: float) -> None:
    desk = night(max_on_s=max_on_s, air=air)
    desk.until(OFF_AT - 3 * SECOND)
    confirmed = shown(desk)["carried_out"]
    assert (desk.heat, confirmed) == ((1.0, 1) if air < 22 else (0.0, 0))
    desk.wait(3)
    desk.leave()
    # Within one evaluation: none was needed.
    assert desk.only_rule.degraded == f"cannot act: node {B} {SINCE}"
    desk.until(OFF_AT + MINUTE)
    raised = [(at, key) for at, key, step in desk.alarms() if step == "raised"]
    assert [key for _, key in raised] == [SILENT]
    assert raised[0][0] - OFF_AT <= MINUTE
    alarm = desk.state.alarms.watch.standing[SILENT]
    assert "Not since 00:12:03 on 2026-01-15." in alarm.text
    assert "Rules that cannot work without it: “Heat at night”." in alarm.text

    evaluations = desk.readings
    desk.until(BACK_AT - 30 * SECOND)
    assert desk.readings - evaluations > 660
    assert desk.air < 20.0, "nobody can heat without the heater's node: what counts is that people know"
    told = picture.why(desk.state, HEATER, desk.now)["text"]
    assert f"Rule “Heat at night” cannot act: node {B} {SINCE}, so nothing was sent." in told
    assert "It has wanted on since 0" in told
    missed = desk.only_rule.lately
    assert missed is not None
    assert (missed.carried_out, missed.not_carried_out) in ((0, 1), (0, 2)), "two where a lease had run out"
    assert f" 0 of {missed.not_carried_out} decisions since then carried out." in told
    assert shown(desk)["carried_out"] == confirmed
    assert shown(desk)["state"] == "degraded"
    assert shown(desk)["alarm"] == SILENT
    assert str(shown(desk)["last_outcome"]).count("not carried out") == 1
    assert [step for _, _, step in desk.alarms()] == ["raised"], "one, and not 682"
    kept = stored(Outcome, desk.log)
    assert not [o for o in kept if OFF_AT < o.at < BACK_AT and o.fate is Fate.CONFIRMED]
    assert len([d for d in stored(Decision, desk.log) if OFF_AT < d.at < BACK_AT]) <= 4


@pytest.mark.parametrize(("max_on_s", "air"), [(28800, 23.2), (1200, 23.2), (28800, 21.5), (1200, 21.5)])
def test_on_its_return_it_is_told_again_and_the_alarm_goes(max_on_s: float, air: float) -> None:
    desk = night(max_on_s=max_on_s, air=air)
    desk.until(OFF_AT, [(OFF_AT, desk.leave)])
    before = desk.only_rule.tally.carried_out if desk.only_rule.tally else 0
    desk.until(BACK_AT)
    mark = len(desk.log)
    heard: Instant = desk.now
    desk.back()
    desk.until(heard + 10 * SECOND)
    assert desk.heat == 1.0, "asserted again within 10 s of its first heartbeat"
    assert [at - heard <= 10 * SECOND for at, value in desk.switched if value and at >= heard] == [True]
    assert desk.only_rule.degraded == ""
    state = shown(desk)
    assert (state["state"], str(state["last_outcome"]).count("'carried out'")) == ("active", 1)
    # What was wanted while it was away is carried out in the end, late, and only now counted so.
    assert state["carried_out"] == before + 1
    said = [step for _, key, step in desk.alarms() if key == SILENT]
    assert said == ["raised", "returned"]
    configuring = [e for e in desk.log[mark:] if isinstance(e, Send) and not moves([e])]
    assert configuring == [], "nothing drifted: neither zone nor configuration is told again"
    desk.until(local("06:30"))
    assert [step for _, key, step in desk.alarms() if key == SILENT] == ["raised", "returned", "cleared"]
    assert not desk.state.alarms.watch.standing
    assert desk.heat == 0.0
    assert only(Send, desk.log)


def test_a_heater_that_was_on_when_its_node_went_is_on_again_soon_after_it_is_back() -> None:
    """Not only after the rule's cooldown: the node lost it, it was not the rule that ended it."""
    desk = night(air=21.5)
    desk.until(OFF_AT)
    assert desk.heat == 1.0
    desk.leave()
    desk.wait(25)
    heard = desk.now
    desk.back()
    desk.wait(9)
    assert desk.heat == 1.0
    assert desk.switched[-1][0] - heard <= 10 * SECOND


def test_a_restart_with_the_node_still_away_keeps_one_alarm_and_since_when() -> None:
    desk = night()
    desk.until(OFF_AT, [(OFF_AT, desk.leave)])
    desk.until(local("02:00"))
    before = desk.state.alarms.watch.standing[SILENT]
    desk.restart()
    desk.link()
    desk.beat(A)
    desk.until(local("02:30"))
    assert desk.state.alarms.watch.standing == {SILENT: before}
    assert [step for _, _, step in desk.alarms()] == ["raised"]
    since = "has not been heard since 00:12:03 on 2026-01-15"
    assert desk.only_rule.degraded == f"cannot act: node {B} {since}"
    assert A in desk.state.nodes
