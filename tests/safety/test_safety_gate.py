"""Every reason to refuse, the one rule that going safe never is, and what is sent when nothing objects."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.command import Halt, Move, Release
from godkaiser.model.instant import DAY, HOUR, MILLISECOND, SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Severity
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import NodeView
from godkaiser.safety.gate import Denied, Passed, examine, halt, judge, release
from tests.safety.bench import FAN, NODE, NOW, READY, View, spec_of, wants

RELAY = spec_of(type="relay")
PWM = spec_of()
PUMP = spec_of(type="pump", declared_by="node")
REASONS: list[tuple[str, Intent, View]] = [
    ("unknown_actuator", wants(1), View(None)),
    ("stop_active", wants(1), View(PWM, stop="smoke")),
    ("disabled", wants(1), View(spec_of(enabled=False))),
    ("node_not_approved", wants(1), View(PWM, replace(READY, approved=False))),
    ("link_down", wants(1), View(PWM, up=False)),
    ("journal_down", wants(1), View(PWM, journal_problem="No space left on device.")),
    ("node_unheard", wants(1), View(PWM, replace(READY, online=None))),
    ("node_offline", wants(1), View(PWM, replace(READY, online=False))),
    ("node_adopting", wants(1), View(PWM, replace(READY, adopting=True))),
    ("value_limits", wants(0.1), View(spec_of(min_value=0.2))),
    ("value_limits", wants(0.9), View(spec_of(max_value=0.8))),
    ("binary_value", wants(0.5), View(RELAY)),
    ("duration_range", wants(1, duration=0), View(PWM)),
    ("duration_range", wants(1, duration=-SECOND), View(PWM)),
    ("max_on_missing", wants(1), View(PUMP)),
    ("max_on_reached", wants(1), View(PWM, since=NOW - HOUR)),
    (
        "max_on_reached",
        wants(1, duration=SECOND),
        View(PWM, replace(READY, own_limit_s=600), since=NOW - 540 * SECOND),
    ),
]


@pytest.mark.parametrize(("code", "intent", "view"), REASONS, ids=[f"{r[0]} {r[1].value}" for r in REASONS])
def test_one_reason_refuses(code: str, intent: Intent, view: View) -> None:
    verdict = judge(intent, view, NOW, "c1")
    assert isinstance(verdict, Denied)
    (finding,) = verdict.findings
    assert (finding.code, finding.severity) == (code, Severity.REFUSE)
    assert finding.sentence.endswith(".")
    assert len(finding.sentence.split()) >= 3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 1.1])
def test_only_numbers_from_zero_to_one(value: float) -> None:
    verdict = judge(wants(value), View(PWM), NOW, "c1")
    assert isinstance(verdict, Denied)
    assert {finding.code for finding in verdict.findings} == {"value_range", "value_limits"}


def test_an_unheard_node_without_any_record() -> None:
    codes = [finding.code for finding in examine(wants(1), View(PWM, None), NOW)]
    assert codes == ["node_not_approved", "node_unheard"]


def test_every_finding_is_returned_not_the_first() -> None:
    view = View(
        spec_of(type="relay", enabled=False), NodeView(NODE, False, False, False), "smoke", since=NOW - HOUR
    )
    codes = [finding.code for finding in examine(wants(0.5, duration=2 * DAY), view, NOW)]
    assert codes == [
        "stop_active", "disabled", "node_not_approved", "node_offline", "binary_value", "duration_range",
        "max_on_reached", "duration_shortened",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "view"),
    [
        ({"duration": DAY}, View(spec_of(max_on_s=86400))),
        ({"duration": 1}, View(PWM)),
        ({}, View(PWM, since=NOW - HOUR + 1)),
        ({}, View(spec_of(min_value=1, max_value=1))),
    ],
)
def test_limits_themselves_are_allowed(fields: dict[str, Any], view: View) -> None:
    verdict = judge(wants(1, **fields), view, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.findings == ()


# ── going safe ─────────────────────────────────────────────────────────────────────────────────────────
def _spec(
    kind: str, safe: float, low: float, high: float, enabled: bool, longest: float | None
) -> ActuatorSpec:
    return spec_of(
        type=kind, safe_value=safe if kind == "pwm" else round(safe), min_value=min(low, high),
        max_value=max(low, high), enabled=enabled, max_on_s=longest, declared_by="node",
    )  # fmt: skip


UNIT = st.floats(0, 1)
SPECS = st.builds(
    _spec, st.sampled_from(["pump", "valve", "relay", "pwm"]), UNIT, UNIT, UNIT, st.booleans(),
    st.none() | st.floats(1, 86400),
)  # fmt: skip
NODES = st.none() | st.builds(
    NodeView, st.just(NODE), st.booleans(), st.sampled_from([None, True, False]), st.booleans(), st.booleans()
)
VIEWS = st.builds(
    View, SPECS, NODES, st.none() | st.text(), st.booleans(), st.none() | st.integers(NOW - 2 * DAY, NOW)
)
DURATIONS = st.none() | st.integers(-DAY, 3 * DAY)


@given(VIEWS, DURATIONS, st.sampled_from(Origin))
def test_going_safe_is_never_refused(view: View, duration: int | None, origin: Origin) -> None:
    assert view.of is not None
    intent = wants(view.of.safe_value, duration=duration, origin=origin)
    verdict = judge(intent, view, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease is None
    assert all(finding.severity is Severity.WARN for finding in verdict.findings)
    order = verdict.command.order
    assert isinstance(order, Move)
    assert order.duration_s is None
    assert order.value == pytest.approx(view.of.safe_value)
    assert order.verb == ("OFF" if view.of.safe_value == 0 else "PWM" if view.of.type == "pwm" else "ON")


@given(VIEWS, st.floats(-0.5, 1.5), DURATIONS)
def test_what_energises_is_bounded_and_needs_everything_in_order(
    view: View, value: float, duration: int | None
) -> None:
    verdict = judge(wants(value, duration=duration), view, NOW, "c1")
    assert view.of is not None
    if isinstance(verdict, Denied) or value == view.of.safe_value:
        return
    longest, since = view.of.longest_on_s, view.since
    assert longest is not None
    assert verdict.lease is not None
    assert 0 < verdict.lease <= round(longest * SECOND) - (0 if since is None else NOW - since)
    assert duration is None or verdict.lease <= duration
    assert view.stop is None
    assert view.up
    assert view.at is not None
    assert (view.at.approved, view.at.online, view.at.adopting) == (True, True, False)
    assert view.of.enabled
    assert view.of.min_value <= value <= view.of.max_value
    order = verdict.command.order
    assert isinstance(order, Move)
    timed = order.verb == "ON" and view.at.modern
    assert (order.duration_s is not None) == timed
    assert order.duration_s is None or 1 <= order.duration_s < verdict.lease / SECOND + 1


# ── what is sent ───────────────────────────────────────────────────────────────────────────────────────
def passed(intent: Intent, view: View) -> tuple[Move, int | None]:
    verdict = judge(intent, view, NOW, "c1-5-1")
    assert isinstance(verdict, Passed), verdict
    assert isinstance(verdict.command.order, Move)
    return verdict.command.order, verdict.lease


SEED_NODE = View(RELAY, replace(READY, modern=False))
HALF_DONE = View(RELAY, since=NOW - HOUR + 2 * SECOND)


@pytest.mark.parametrize(
    ("intent", "view", "order", "lease"),
    [
        (wants(0.8), View(PWM), Move(FAN, "PWM", 0.8), HOUR),
        (wants(0.8, duration=9 * SECOND), View(PWM), Move(FAN, "PWM", 0.8), 9 * SECOND),
        (wants(0.8), View(PWM, since=NOW), Move(FAN, "PWM", 0.8), HOUR),
        (wants(0.8), View(PWM, since=NOW + SECOND), Move(FAN, "PWM", 0.8), HOUR),
        (wants(1), View(RELAY), Move(FAN, "ON", 1.0, 3600), HOUR),
        (wants(1), View(spec_of(type="pump", max_on_s=300)), Move(FAN, "ON", 1.0, 300), 300 * SECOND),
        (wants(1, duration=90 * SECOND), View(RELAY), Move(FAN, "ON", 1.0, 90), 90 * SECOND),
        (wants(1, duration=1500 * MILLISECOND), View(RELAY), Move(FAN, "ON", 1.0, 2), 1500 * MILLISECOND),
        (wants(1, duration=1), View(RELAY), Move(FAN, "ON", 1.0, 1), 1),
        (wants(1), SEED_NODE, Move(FAN, "ON", 1.0, None), HOUR),
        (wants(1), HALF_DONE, Move(FAN, "ON", 1.0, 2), 2 * SECOND),
        (wants(0), View(RELAY), Move(FAN, "OFF", 0.0), None),
        (wants(0), View(PWM), Move(FAN, "OFF", 0.0), None),
        (wants(0), View(spec_of(type="relay", safe_value=1.0)), Move(FAN, "OFF", 0.0), HOUR),
        (wants(1), View(spec_of(type="relay", safe_value=1.0)), Move(FAN, "ON", 1.0, None), None),
        (wants(0.3), View(spec_of(safe_value=0.3)), Move(FAN, "PWM", 0.3), None),
    ],
)
def test_the_order_and_its_lease(intent: Intent, view: View, order: Move, lease: int | None) -> None:
    assert passed(intent, view) == (order, lease)


def test_a_longer_wish_is_shortened_and_says_so() -> None:
    verdict = judge(wants(1, duration=2 * HOUR), View(PWM), NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease == HOUR
    (finding,) = verdict.findings
    assert (finding.code, finding.severity) == ("duration_shortened", Severity.WARN)
    assert "3600 s" in finding.sentence


def test_a_command_carries_who_and_why() -> None:
    verdict = judge(wants(1, origin=Origin.RULE, who="rule:cool", cause=42), View(PWM), NOW, "c1-42-2")
    assert isinstance(verdict, Passed)
    command = verdict.command
    assert (command.id, command.at, command.who, command.origin) == ("c1-42-2", NOW, "rule:cool", "rule")
    assert (command.intent, command.cause) == ("i1-1-1", 42)


def test_stop_and_release_are_always_sealed() -> None:
    stop = halt(NODE, "smoke", "ann", NOW, "c1", 7)
    assert (stop.order, stop.origin, stop.cause) == (Halt(NODE, "smoke", "ann"), "safety", 7)
    assert halt(None, "smoke", "ann", NOW, "c1", 7).order == Halt(None, "smoke", "ann")
    assert release(NODE, "ann", NOW, "c2", 8).order == Release(NODE)


@pytest.mark.parametrize(
    ("limit", "longest", "duration", "lease", "warned"),
    [
        (None, 86400, None, 86400, False),
        (3600.0, 86400, None, 3540, True),
        (3600.0, 3600, None, 3540, True),
        (3600.0, 1800, None, 1800, False),
        (3600.0, 86400, 600, 600, False),
        (3600.0, 86400, 7200, 3540, True),
    ],
)
def test_ours_ends_it_before_the_nodes_own_limit_latches_it(
    limit: float | None, longest: float, duration: float | None, lease: float, warned: bool
) -> None:
    view = View(spec_of(max_on_s=longest), replace(READY, own_limit_s=limit))
    wish = wants(0.8, duration=None if duration is None else round(duration * SECOND))
    verdict = judge(wish, view, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease == lease * SECOND
    assert ("node_limit" in [finding.code for finding in verdict.findings]) is warned


@pytest.mark.parametrize("duration", [None, HOUR])
def test_without_a_maximum_the_nodes_own_limit_is_no_word(duration: int | None) -> None:
    findings = examine(wants(1, duration=duration), View(PUMP, replace(READY, own_limit_s=3600.0)), NOW)
    codes = [finding.code for finding in findings]
    assert ("max_on_missing" in codes, "node_limit" in codes) == (True, False)


@pytest.mark.parametrize(
    ("wish", "spec", "said"),
    [
        (wants(1, duration=2 * DAY), spec_of(max_on_s=86400), "Duration 172800 s"),
        (wants(1), PUMP, "is a pump and states no max_on_s"),
        (wants(1, duration=2 * HOUR), PWM, "7200 s is longer than"),
        (
            wants(1),
            spec_of(type="relay", kind="doser", declared_by="node"),
            "is a doser and states no max_on_s",
        ),
    ],
)
def test_the_sentence_names_what_is_wrong(wish: Intent, spec: ActuatorSpec, said: str) -> None:
    assert said in examine(wish, View(spec), NOW)[0].sentence
