"""Limits of the actuator: what each refuses, whom, and the very instant at which it no longer does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.history import OnHistory
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Finding, Severity
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.view import Rival, Taken
from godkaiser.safety.gate import Denied, Passed, examine, judge
from godkaiser.safety.permissive import look_again
from tests.safety.bench import FAN, NODE, NOW, View, spec_of, wants

AIR = SeriesId.of(NODE, 0, "sht31_temp", "0x44")
WARM = {"series": AIR, "op": ">", "value": 18}
DAY_ONLY = {"window": {"start": "06:00", "end": "22:00"}}
RULE: dict[str, Any] = {"origin": Origin.RULE, "who": "rule:cool"}
JUST_OFF = OnHistory(((NOW - MINUTE, NOW),), (NOW - MINUTE,))
RUNNING = OnHistory((), (NOW,), since=NOW)
GOING_OFF = OnHistory((), (NOW - MINUTE,), since=NOW - MINUTE, stopping=True)
SPENT = OnHistory(((NOW - 10 * MINUTE, NOW),), ())
OFTEN = OnHistory(((NOW - 2, NOW - 1),), (NOW - 30 * MINUTE, NOW - 20 * MINUTE, NOW - 2))
OTHER = Rival("vent", "air", False, NOW)


def reading(value: float | None) -> Reading:
    return Reading(
        AIR, value, 0.0, "°C", Quality.GOOD, "", NOW, NOW, None, 0, 0, 0, usable=True, server_timed=False
    )


def found(intent: Intent, view: View, now: int = NOW) -> list[Finding]:
    return list(examine(intent, view, now))


# Code, the view in which it refuses an ON (an OFF for min_on), and for how long by time alone.
CASES: list[tuple[str, Intent, View, int | None]] = [
    ("min_on", wants(0, **RULE), View(spec_of(min_on_s=60), past=RUNNING), MINUTE),
    ("min_off", wants(1), View(spec_of(min_off_s=60), past=JUST_OFF), MINUTE),
    ("min_off", wants(1), View(spec_of(min_off_s=60), past=GOING_OFF), MINUTE),
    ("cooldown", wants(1), View(spec_of(cooldown_s=90), past=JUST_OFF), 90 * SECOND),
    ("start_budget", wants(1), View(spec_of(starts_per_hour=3), past=OFTEN), 30 * MINUTE),
    ("start_budget", wants(1), View(spec_of(starts_per_hour=1), past=GOING_OFF), 59 * MINUTE),
    ("on_budget", wants(1), View(spec_of(on_budget_s=600, on_window_s=3600), past=SPENT), 3001 * SECOND),
    ("changeover", wants(1), View(spec_of(changeover_s=20), others=(OTHER,)), 20 * SECOND),
    ("interlock", wants(1), View(spec_of(), others=(OTHER, Rival("heater", "air", True, None))), None),
    ("permissive", wants(1), View(spec_of(permissives=[DAY_ONLY])), HOUR),
    (
        "permissive",
        wants(1),
        View(spec_of(permissives=[WARM]), reading=reading(18.0), fresh=Freshness.FRESH),
        None,
    ),
    ("permissive_unknown", wants(1), View(spec_of(permissives=[WARM])), None),
    (
        "permissive_unknown",
        wants(1),
        View(spec_of(permissives=[WARM]), reading=reading(30.0), fresh=Freshness.STALE),
        None,
    ),
    ("manual_hold", wants(1, **RULE), View(spec_of(), hold=Taken("ann", NOW + 15 * SECOND)), 15 * SECOND),
    ("manual_hold", wants(0, **RULE), View(spec_of(), hold=Taken("ann", NOW + 15 * SECOND)), 15 * SECOND),
    ("service_mode", wants(1, **RULE), View(spec_of(), workshop=Taken("ann", NOW + HOUR)), HOUR),
    ("service_mode", wants(0, **RULE), View(spec_of(), workshop=Taken("ann", NOW + HOUR)), HOUR),
    ("bad_pin", wants(1), View(spec_of(), pin="pin 12 is reserved on a ESP32-WROOM"), None),
]


@pytest.mark.parametrize(
    ("code", "intent", "view", "lasts"), CASES, ids=[f"{n} {case[0]}" for n, case in enumerate(CASES)]
)
def test_it_refuses_and_says_until_when(code: str, intent: Intent, view: View, lasts: int | None) -> None:
    verdict = judge(intent, view, NOW, "c1")
    assert isinstance(verdict, Denied)
    (finding,) = verdict.findings
    assert (finding.code, finding.severity) == (code, Severity.REFUSE)
    assert finding.until == (None if lasts is None else NOW + lasts)
    assert finding.sentence.endswith(".")


TIMED = [
    case for case in CASES if case[3] is not None and case[0] != "permissive" and not case[2].past.stopping
]


@pytest.mark.parametrize(
    ("code", "intent", "view", "lasts"), TIMED, ids=[f"{n} {case[0]}" for n, case in enumerate(TIMED)]
)
def test_it_ends_at_the_very_instant(code: str, intent: Intent, view: View, lasts: int) -> None:
    (finding,) = found(intent, view, NOW + lasts - 1)
    assert finding.code == code
    assert finding.until == NOW + lasts
    assert isinstance(judge(intent, view, NOW + lasts, "c1"), Passed)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("min_on", "60 s are left"),
        ("cooldown", "90 s are left"),
        ("start_budget", "1800 s are left"),
        ("on_budget", "3001 s are left"),
        ("changeover", "vent went off (interlock air): 20 s are left"),
        ("interlock", "heater must not be on together"),
        ("permissive", "a time of day from 06:00 to 22:00"),
        ("permissive_unknown", "unknown"),
        ("manual_hold", "ann holds"),
        ("service_mode", "in service by ann"),
    ],
)
def test_the_sentence_says_what_somebody_who_waits_must_know(code: str, words: str) -> None:
    _, intent, view, _ = next(case for case in CASES if case[0] == code)
    assert words in found(intent, view)[0].sentence


def test_a_second_that_has_begun_counts() -> None:
    (finding,) = found(wants(1), View(spec_of(cooldown_s=90), past=JUST_OFF), NOW + 1)
    assert "90 s are left" in finding.sentence
    (finding,) = found(wants(1), View(spec_of(cooldown_s=90), past=JUST_OFF), NOW + 89 * SECOND + 1)
    assert "1 s are left" in finding.sentence


# ── going safe ─────────────────────────────────────────────────────────────────────────────────────────
ALL = View(
    spec_of(
        min_on_s=60, min_off_s=60, cooldown_s=60, starts_per_hour=1, on_budget_s=60, interlocks=["air"],
        permissives=[WARM, DAY_ONLY],
    ),
    past=RUNNING,
    others=(Rival("heater", "air", True, NOW),),
    hold=Taken("ann", NOW + HOUR),
    workshop=Taken("ann", NOW + HOUR),
)  # fmt: skip


@pytest.mark.parametrize(
    "intent",
    [wants(0), wants(0, origin=Origin.SAFETY, who="safety", protective=True)],
    ids=["person", "safety"],
)
def test_what_protects_never_waits(intent: Intent) -> None:
    verdict = judge(intent, ALL, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert all(finding.severity is Severity.WARN for finding in verdict.findings)


def test_an_ordinary_off_waits_for_these_three_alone() -> None:
    verdict = judge(wants(0, **RULE), ALL, NOW, "c1")
    assert isinstance(verdict, Denied)
    refusing = [finding.code for finding in verdict.findings if finding.severity is Severity.REFUSE]
    assert refusing == ["min_on", "manual_hold", "service_mode"]
    away = View(spec_of(), up=False, stop="smoke")
    assert isinstance(judge(wants(0, **RULE), away, NOW, "c1"), Passed)


def test_a_person_is_kept_out_by_neither_hold_nor_service() -> None:
    view = View(spec_of(), hold=Taken("bob", NOW + HOUR), workshop=Taken("bob", NOW + HOUR))
    assert found(wants(1), view) == []


# ── runs that go on ────────────────────────────────────────────────────────────────────────────────────
def test_a_run_that_goes_on_is_no_start() -> None:
    spec = spec_of(min_off_s=60, cooldown_s=60, starts_per_hour=1, changeover_s=60)
    past = OnHistory(((NOW - 2 * SECOND, NOW - SECOND),), (NOW - SECOND,), since=NOW - SECOND)
    assert found(wants(0.5), View(spec, past=past, others=(OTHER,))) == []


@pytest.mark.parametrize(
    ("used", "duration", "lease", "warned"),
    [
        (0, None, 600, True),
        (200, None, 400, True),
        (200, 400, 400, False),
        (200, 399, 399, False),
        (599, 60, 1, True),
    ],
)
def test_the_lease_never_exceeds_what_is_left(
    used: int, duration: int | None, lease: int, warned: bool
) -> None:
    past = OnHistory(((NOW - used * SECOND, NOW),), ())
    wish = wants(1, duration=None if duration is None else duration * SECOND)
    verdict = judge(wish, View(spec_of(on_budget_s=600), past=past), NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease == lease * SECOND
    assert [finding.code for finding in verdict.findings] == (["on_budget_shortened"] if warned else [])


def test_a_rest_too_short_for_the_least_run_is_nothing() -> None:
    past = OnHistory(((NOW - 580 * SECOND, NOW),), ())
    view = View(spec_of(on_budget_s=600, min_on_s=30), past=past)
    (finding,) = found(wants(1), view)
    assert finding.code == "on_budget"
    assert finding.until == NOW - 580 * SECOND + 86400 * SECOND + 10 * SECOND
    running = OnHistory((), (), since=NOW - 580 * SECOND)
    assert [f.code for f in found(wants(1), View(view.of, past=running))] == []
    assert [f.code for f in found(wants(1), View(view.of, past=running), NOW + 20 * SECOND)] == ["on_budget"]


@given(st.integers(0, 900), st.integers(1, 900), st.integers(1, 900))
def test_budget_is_never_overdrawn(used: int, budget: int, wish: int) -> None:
    past = OnHistory(((NOW - used * SECOND, NOW),), ())
    verdict = judge(wants(1, duration=wish * SECOND), View(spec_of(on_budget_s=budget), past=past), NOW, "c1")
    if isinstance(verdict, Passed):
        assert verdict.lease is not None
        assert used * SECOND + verdict.lease <= budget * SECOND
    else:
        assert used >= budget


# ── least time on, and a time that is given ────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("given", "past", "lease", "code"),
    [
        (RULE, OnHistory(), 60, "min_on_lengthened"),
        ({}, OnHistory(), 20, "min_on_short"),
        (RULE, OnHistory((), (), since=NOW - 25 * SECOND), 35, "min_on_lengthened"),
        (RULE, OnHistory((), (), since=NOW - 25 * SECOND, stopping=True), 60, "min_on_lengthened"),
        (RULE, OnHistory((), (), since=NOW - 40 * SECOND), 20, None),
        ({}, OnHistory((), (), since=NOW - 40 * SECOND), 20, None),
    ],
)
def test_a_rules_time_is_lengthened_and_a_persons_is_granted_with_a_warning(
    given: dict[str, Any], past: OnHistory, lease: int, code: str | None
) -> None:
    view = View(spec_of(min_on_s=60), past=past)
    verdict = judge(wants(1, duration=20 * SECOND, **given), view, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease == lease * SECOND
    assert [finding.code for finding in verdict.findings] == ([] if code is None else [code])
    assert all("20 s" in f.sentence and "60 s" in f.sentence for f in verdict.findings)


@given(st.integers(1, 300), st.integers(0, 200), st.integers(0, 200), st.integers(1, 300))
def test_no_lengthened_time_outlasts_the_maximum_or_the_budget(
    longest: int, least: int, used: int, wish: int
) -> None:
    least = min(least, longest)
    spec = spec_of(min_on_s=least, max_on_s=longest, on_budget_s=max(250, least))
    past = OnHistory(((NOW - used * SECOND, NOW),), ())
    verdict = judge(wants(1, duration=wish * SECOND, **RULE), View(spec, past=past), NOW, "c1")
    if isinstance(verdict, Passed):
        assert verdict.lease is not None
        assert least * SECOND <= verdict.lease <= min(longest, max(250, least) - used) * SECOND
    else:
        assert [finding.code for finding in verdict.findings if finding.severity is Severity.REFUSE] == [
            "on_budget"
        ]


def test_a_run_that_goes_on_is_lengthened_within_what_is_left_of_its_budget() -> None:
    past = OnHistory(((NOW - 500 * SECOND, NOW - 400 * SECOND),), (), since=NOW - 10 * SECOND)
    view = View(spec_of(min_on_s=60, on_budget_s=150), past=past)
    verdict = judge(wants(1, duration=20 * SECOND, **RULE), view, NOW, "c1")
    assert isinstance(verdict, Passed)
    assert verdict.lease == 40 * SECOND
    assert [f.code for f in verdict.findings] == ["min_on_lengthened"]


# ── permissives ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("op", "value", "allowed"),
    [
        (">", 18.0, False),
        (">", 18.1, True),
        (">=", 18.0, True),
        ("<", 18.0, False),
        ("<", 17.9, True),
        ("<=", 18.0, True),
    ],
)
def test_a_reading_is_compared(op: str, value: float, allowed: bool) -> None:
    spec = spec_of(permissives=[{"series": AIR, "op": op, "value": 18}])
    view = View(spec, reading=reading(value), fresh=Freshness.LATE)
    assert (found(wants(1), view) == []) is allowed


def test_a_reading_without_a_value_is_unknown() -> None:
    view = View(spec_of(permissives=[WARM]), reading=reading(None), fresh=Freshness.FRESH)
    assert [finding.code for finding in found(wants(1), view)] == ["permissive_unknown"]


def test_windows_follow_the_clock_of_the_site() -> None:
    view = View(spec_of(permissives=[DAY_ONLY]), timezone="Asia/Tokyo")
    assert found(wants(1), view) == []  # it is nine in the morning there
    assert view.of is not None
    assert look_again(view.of, "UTC", NOW + 5 * HOUR + 30 * MINUTE) == NOW + 6 * HOUR
    assert look_again(spec_of(permissives=[WARM]), "UTC", NOW) is None


def test_all_of_them_must_hold_and_the_first_that_does_not_is_named() -> None:
    view = View(spec_of(permissives=[DAY_ONLY, WARM]), timezone="Asia/Tokyo")
    (finding,) = found(wants(1), view)
    assert finding.code == "permissive_unknown"
    assert str(FAN) in finding.sentence
