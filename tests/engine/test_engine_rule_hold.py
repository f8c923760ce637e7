"""What a rule has switched is not switched back and forth: the hold of a rule, and the end of a person's hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from godkaiser.engine import picture
from godkaiser.model import event as ev
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, MINUTE, SECOND, to_iso
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.arbitrate import PERSON, Tenure, Wish, leads_away, settle, taken
from tests.engine.bench import AIR, CLIMATE, FAN, GOD, SITE, SOIL, START, WATER, Desk, moves, rule
from tests.examples import examples

HOLD = 120 * SECOND


def site(**limits: Any) -> Site:
    data = SITE.model_dump()
    fan, *others = data["actuators"]
    data["actuators"] = [fan | {"max_on_s": 86400, "starts_per_hour": 360} | limits, *others]
    return Site.model_validate(data)


def plain(name: str, operator: str, limit: float, value: float, series: Any = AIR, **more: Any) -> Any:
    condition = {
        "type": "sensor", "esp_id": series.node, "gpio": series.gpio, "sensor_type": series.sensor_type,
        "operator": operator, "value": limit, "min_quality": "suspect",
    }  # fmt: skip
    action = {"type": "actuator", "esp_id": FAN.node, "gpio": FAN.gpio, "command": "PWM", "value": value}
    return rule({"name": name, "conditions": condition, "actions": [action], "cooldown_seconds": 0} | more)


def sent(desk: Desk) -> list[float]:
    return [move.value for move in moves(desk.log) if move.actuator == FAN]


def say(desk: Desk, series: Any, value: float) -> None:
    """The node carries out what follows."""
    effects = (
        desk.read(series, value)
        if series == AIR
        else desk.read(series, round(2800 - 16 * value), raw_mode=True)
    )
    desk.obey(effects)


def shown(desk: Desk) -> dict[str, Any]:
    return picture.actuator_picture(desk.state, desk.state.actuators[FAN], desk.now)


HOT, DAMP = plain("Hot", ">", 28, 0.8), plain("Damp", ">", 60, 0.5, SOIL)


# ── two rules ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_rule_of_the_same_rank_waits_although_another_sensor_wakes_it() -> None:
    desk = Desk(HOT, DAMP, site=site()).ready()
    say(desk, AIR, 29)
    desk.obey(desk.wait(5))
    say(desk, AIR, 27)
    assert sent(desk) == [0.8, 0.0], "going back is never delayed"
    say(desk, SOIL, 70)
    assert sent(desk) == [0.8, 0.0]
    free = START + 2 * SECOND + 2 * HOLD
    hold = {"rule": "hot", "until": to_iso(free), "waits": "damp"}
    assert shown(desk)["rule_hold"] == hold
    said = picture.why(desk.state, FAN, desk.now)["text"]
    assert "Rule “Damp” waits until 00:04:02 on 2026-05-01: rule “Hot” switched it last" in said
    assert not desk.state.rules[RuleId.known("damp")].starts, "it has not begun, so its limits count nothing"
    desk.obey(desk.live(120))
    say(desk, SOIL, 70)
    desk.obey(desk.wait((free - desk.now) / SECOND - 1))
    assert sent(desk) == [0.8, 0.0]
    desk.obey(desk.wait(1))
    assert sent(desk) == [0.8, 0.0, 0.5], "at that very instant, without another reading"
    assert shown(desk)["rule_hold"]["waits"] is None
    desk.live(200)
    assert shown(desk)["rule_hold"] is None


def test_a_stronger_rule_waits_for_nothing() -> None:
    desk = Desk(HOT, plain("Damp", ">", 60, 1.0, SOIL, priority=10), site=site()).ready()
    say(desk, AIR, 29)
    say(desk, SOIL, 70)
    assert sent(desk) == [0.8, 1.0]
    say(desk, SOIL, 50)
    assert sent(desk) == [0.8, 1.0, 0.8], "nearer to the safe value is never delayed"


def test_a_weaker_rule_that_wants_more_waits_at_the_safe_value() -> None:
    desk = Desk(plain("Hot", ">", 28, 0.3, priority=10), plain("Damp", ">", 60, 1.0, SOIL), site=site())
    desk.ready()
    say(desk, AIR, 29)
    say(desk, SOIL, 70)
    say(desk, AIR, 27)
    assert sent(desk) == [0.3, 0.0]
    messages = [e.outcome.message for e in desk.log if hasattr(e, "outcome") and e.outcome.who == "damp"]
    assert "hot has priority" in messages
    desk.obey(desk.live(241))
    assert sent(desk) == [0.3, 0.0, 1.0]


def test_a_rule_of_several_actuators_begins_with_those_that_are_free() -> None:
    both = rule({
        "name": "Both", "conditions": {"type": "sensor", "esp_id": WATER, "gpio": 34, "sensor_type": "moisture",
                                       "operator": ">", "value": 60},
        "actions": [{"type": "actuator", "esp_id": FAN.node, "gpio": 25, "command": "ON"},
                    {"type": "actuator", "esp_id": FAN.node, "gpio": 26, "command": "ON"}],
        "cooldown_seconds": 0,
    })  # fmt: skip
    desk = Desk(HOT, both, site=site()).ready()
    say(desk, AIR, 29)
    say(desk, AIR, 27)
    say(desk, SOIL, 70)
    assert [(m.actuator.gpio, m.value) for m in moves(desk.log)] == [(25, 0.8), (25, 0.0), (26, 1.0)]
    told = [e.outcome.message for e in desk.log if hasattr(e, "outcome") and e.outcome.who == "both"]
    assert told == ["Hot switched it last, and it is kept so until 00:04:02 on 2026-05-01"]
    assert shown(desk)["rule_hold"]["waits"] == "both"
    for _ in range(5):
        desk.obey(desk.live(60))
        say(desk, SOIL, 70)
    assert (25, 1.0) in [(m.actuator.gpio, m.value) for m in moves(desk.log)]


def test_unknown_input_goes_safe_within_the_hold() -> None:
    desk = Desk(plain("Damp", ">", 60, 0.5, SOIL), site=site()).ready()
    say(desk, SOIL, 70)
    desk.wait(1)
    desk.obey(desk.handle(ev.Will(desk.now, GOD, WATER, False)))
    assert sent(desk) == [0.5, 0.0]


# ── one rule, no hold, other hands ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("hold", "most"), [(0, 240), (120, 32), (600, 8)])
def test_a_rule_at_the_edge_of_its_threshold(hold: float, most: int) -> None:
    """A reading every 15 s, on either side in turns: an hour of it."""
    desk = Desk(HOT, site=site(rule_hold_s=hold)).ready()
    for turn in range(240):
        say(desk, AIR, 27.9 + turn % 2 / 5)
        desk.obey(desk.wait(15))
        desk.obey(desk.beat())
    assert len(sent(desk)) <= most
    assert len(sent(desk)) >= most / 2


def test_a_pulse_is_spaced_by_its_cooldown_alone() -> None:
    pulse = {"type": "actuator", "esp_id": FAN.node, "gpio": 25, "command": "ON", "duration": 5}
    desk = Desk(plain("Hot", ">", 28, 0, actions=[pulse], cooldown_seconds=30), site=site()).ready()
    for _ in range(10):
        say(desk, AIR, 29)
        for _ in range(6):
            desk.obey(desk.wait(5))
        desk.obey(desk.beat())
    assert sent(desk).count(1.0) >= 8


def test_a_person_does_not_wait_and_what_follows_does_not_either() -> None:
    desk = Desk(HOT, DAMP, site=site()).ready()
    say(desk, AIR, 29)
    say(desk, AIR, 27)
    desk.obey(desk.ask(FAN, 1.0))
    assert sent(desk) == [0.8, 0.0, 1.0]
    say(desk, SOIL, 70)
    assert shown(desk)["hold"] == {"who": "ann", "until": to_iso(desk.now + 15 * MINUTE)}
    assert "ann holds it until" in picture.why(desk.state, FAN, desk.now)["text"]
    desk.obey(desk.handle(ev.HoldEnded(desk.now, FAN, "bob")))
    assert sent(desk) == [0.8, 0.0, 1.0, 0.5]
    assert shown(desk)["hold"] is None
    assert desk.engine.state.due.get(("hold", FAN)) is None
    assert desk.handle(ev.HoldEnded(desk.now, FAN, "bob")) == [], "nobody holds it"


def test_without_rules_the_end_of_a_hold_is_the_safe_value() -> None:
    desk = Desk(site=site()).ready()
    desk.obey(desk.ask(FAN, 1.0, hold=HOUR))
    desk.handle(ev.HoldEnded(desk.now, FAN, "bob"))
    assert sent(desk) == [1.0, 0.0]


def test_a_person_who_changes_the_rules_need_not_wait() -> None:
    desk = Desk(HOT, site=site()).ready()
    say(desk, AIR, 29)
    desk.obey(desk.handle(ev.RulesChanged(desk.now, (DAMP,), (), "ann")))
    say(desk, SOIL, 70)
    assert sent(desk) == [0.8, 0.0, 0.5]


def test_a_clock_that_jumps_moves_it_along() -> None:
    desk = Desk(HOT, DAMP, site=site()).ready()
    say(desk, AIR, 29)
    say(desk, AIR, 27)
    left = desk.state.actuators[FAN].tenure
    desk.now += HOUR
    desk.handle(ev.ClockJumped(desk.now, HOUR))
    desk.beat(CLIMATE)
    moved = desk.state.actuators[FAN].tenure
    assert left is not None
    assert moved is not None
    assert (moved.at - left.at, moved.until - left.until) == (HOUR, HOUR)


@pytest.mark.parametrize("seconds", [-1, 3601])
def test_a_hold_out_of_range_is_refused(seconds: float) -> None:
    with pytest.raises(ValidationError, match="rule_hold_s"):
        ActuatorSpec.model_validate({"node": FAN.node, "gpio": 25, "type": "pwm", "rule_hold_s": seconds})


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("value", "origin", "safe", "away"),
    [(1.0, 0.0, 0.0, True), (0.5, 1.0, 0.0, False), (0.0, 1.0, 0.0, False), (0.2, 0.5, 0.3, True),
     (0.3, 0.0, 0.3, False)],
)  # fmt: skip
def test_away_is_farther_or_past_the_safe_value(value: float, origin: float, safe: float, away: bool) -> None:
    assert leads_away(value, origin, safe) is away


def test_what_is_paid_for() -> None:
    strong, weak = Wish(FAN, "a", 10, 1.0, 0), Wish(FAN, "b", 50, 0.5, 0)
    assert taken(None, None, 0, 10, away=False) is None
    first = taken(None, weak, 0, 10, away=True)
    assert first == Tenure("b", 50, 0, 10, since=0)
    assert taken(first, None, 4, 10, away=False) == Tenure("b", 50, 4, 20), "back to safe, paid all the same"
    assert taken(first, strong, 4, 10, away=True) == Tenure("a", 10, 4, 14, since=0), (
        "came in between: keeps, pays nothing"
    )
    owing: Tenure | None = first
    for at in range(9):
        owing = taken(owing, None, at, 10, away=False)
    assert owing == Tenure("b", 50, 8, 48), "nobody owes more than four"


def test_who_is_kept_out() -> None:
    tenure = Tenure("a", 50, 100, 200, since=100)
    assert tenure.keeps_out(Wish(FAN, "b", 50, 1.0, 150), 199)
    assert not tenure.keeps_out(Wish(FAN, "b", 50, 1.0, 150), 200)
    assert not tenure.keeps_out(Wish(FAN, "b", 49, 1.0, 150), 150)
    assert not tenure.keeps_out(Wish(FAN, "ann", PERSON, 1.0, 150), 150)
    assert not tenure.keeps_out(Wish(FAN, "a", 50, 1.0, 100), 150), "its own wish that stands since"
    assert tenure.keeps_out(Wish(FAN, "a", 50, 1.0, 101), 150)
    back = Tenure("a", 50, 100, 200)
    assert back.keeps_out(Wish(FAN, "a", 50, 1.0, 100), 150), "begun again at the instant it had ended"


# ── anything at all ────────────────────────────────────────────────────────────────────────────────────
PLAIN = st.tuples(
    st.sampled_from([">", "<"]), st.sampled_from([27.8, 28.0, 28.2]), st.sampled_from([0.0, 0.4, 1.0]),
    st.sampled_from([AIR, SOIL]), st.sampled_from([20, 50, 50]),
)  # fmt: skip
NOISE = st.tuples(st.sampled_from([AIR, AIR, SOIL]), st.floats(27.5, 28.5), st.sampled_from([1, 7, 20, 45]))


@examples(40)
@given(st.lists(PLAIN, min_size=2, max_size=4), st.lists(NOISE, min_size=20, max_size=90))
def test_plain_rules_over_noisy_sensors_do_not_chatter(rules: list[Any], noise: list[Any]) -> None:
    made = [plain(f"rule {i}", o, limit, v, s, priority=p) for i, (o, limit, v, s, p) in enumerate(rules)]
    desk = Desk(*made, site=site()).ready()
    begun, forced = desk.now, 0
    for series, value, pause in noise:
        before = desk.state.actuators[FAN].tenure
        say(desk, series, value)
        after = desk.state.actuators[FAN].tenure
        forced += before is not None and after is not None and after.rank < before.rank
        check(desk)
        desk.obey(desk.wait(pause))
        desk.obey(desk.beat(CLIMATE))
        desk.beat(WATER)
        check(desk)
    assert len(sent(desk)) <= (desk.now - begun) / HOLD + 5 + 2 * forced
    desk.obey(desk.live(150))
    desk.obey(desk.live(600))
    assert shown(desk)["rule_hold"] is None, "it settles by itself"


def check(desk: Desk) -> None:
    """Who is strongest has its way, but for a hold that is in the way; what nobody wants is not on."""
    actuator = desk.state.actuators[FAN]
    wishes = desk.state.wishes.get(FAN, {})
    winner = settle(wishes.values(), 0.0).winner
    at = actuator.wished or 0.0
    assert at in (0.0, *(wish.value for wish in wishes.values()))
    if winner is not None and winner.value != at:
        tenure = actuator.tenure
        assert tenure is not None
        assert tenure.until > desk.now
        assert winner.rank >= tenure.rank
        assert winner.value > at
