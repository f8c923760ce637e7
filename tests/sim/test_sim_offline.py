"""What one offline rule wants, against a plain table and against the calendar."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.firmware.offline import Rule, Window, rule_of
from godkaiser.io.sim.firmware.rules import rule_item

HEAT = Rule(26, 0, "sht31_temp", activate_below=18.0, deactivate_above=22.0)
COOL = Rule(25, 0, "sht31_temp", activate_above=26.0, deactivate_below=24.0)
NIGHT = Window(22 * 60, 6 * 60, 127, "UTC")
BERLIN = "Europe/Berlin"
FRIDAY = 1 << 5


def unix(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("rule", "value", "running", "wanted"),
    [
        (HEAT, 17.9, False, True),
        (HEAT, 17.9, True, None),
        (HEAT, 18.0, False, None),
        (HEAT, 20.0, False, None),
        (HEAT, 20.0, True, None),
        (HEAT, 22.0, True, None),
        (HEAT, 22.1, True, False),
        (HEAT, 22.1, False, None),
        (COOL, 26.1, False, True),
        (COOL, 25.0, True, None),
        (COOL, 23.9, True, False),
        (COOL, None, True, None),
        # Zero is unset: this one never ends, that one never begins.
        (replace(HEAT, deactivate_above=0.0), 30.0, True, None),
        (replace(HEAT, activate_below=0.0), -5.0, False, None),
        # Both pairs: the heating one counts.
        (replace(HEAT, activate_above=26.0), 30.0, False, None),
    ],
)
def test_pairs_of_thresholds(rule: Rule, value: float | None, running: bool, wanted: bool | None) -> None:
    assert rule.wants(value, None, running) is wanted


values = st.none() | st.floats(-50, 50)
thresholds = st.just(0.0) | st.floats(-40, 40)


@given(st.sampled_from(["heat", "cool"]), thresholds, thresholds, values, st.booleans())
def test_against_a_plain_table(
    kind: str, begin: float, end: float, value: float | None, running: bool
) -> None:
    """Written from the side of the actuator: what must be true for it to be switched at all."""
    idle = Rule(26, 0, "sht31_temp")
    heat = replace(idle, activate_below=begin, deactivate_above=end)
    rule = heat if kind == "heat" else replace(idle, activate_above=begin, deactivate_below=end)
    sign = 1 if kind == "heat" else -1
    starts = not running and value is not None and begin != 0 and sign * (begin - value) > 0
    ends = running and value is not None and end != 0 and sign * (value - end) > 0
    assert rule.wants(value, None, running) is (True if starts else False if ends else None)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-05-01T21:59:59", False),
        ("2026-05-01T22:00:00", True),
        ("2026-05-02T00:00:00", True),
        ("2026-05-02T05:59:59", True),
        ("2026-05-02T06:00:00", False),
    ],
)
def test_a_window_over_midnight_ends_exclusively(at: str, inside: bool) -> None:
    assert NIGHT.holds(unix(at)) is inside


def test_the_hours_after_midnight_belong_to_the_day_the_window_began_on() -> None:
    friday = replace(NIGHT, days=FRIDAY)  # 2026-05-01 is a Friday
    assert friday.holds(unix("2026-05-01T23:00"))
    assert friday.holds(unix("2026-05-02T02:00"))
    assert not friday.holds(unix("2026-05-01T02:00"))
    assert not friday.holds(unix("2026-05-02T23:00"))


def test_sunday_is_bit_zero_and_saturday_bit_six() -> None:
    day = Window(0, 24 * 60, 1, "UTC")
    assert day.holds(unix("2026-05-03T12:00"))
    assert replace(day, days=64).holds(unix("2026-05-02T12:00"))
    assert not replace(day, days=126).holds(unix("2026-05-03T12:00"))


def test_equal_ends_are_no_time_at_all_and_24_00_is_the_end_of_the_day() -> None:
    assert not Window(600, 600, 127, "UTC").holds(unix("2026-05-03T10:00"))
    assert Window(0, 1440, 127, "UTC").holds(unix("2026-05-03T23:59:59"))


@pytest.mark.parametrize("zone", [BERLIN, "CET", "CEST"])
@pytest.mark.parametrize(("day", "hour_utc"), [("2026-01-15", 7), ("2026-07-15", 6)])
def test_three_names_for_the_clock_of_berlin(zone: str, day: str, hour_utc: int) -> None:
    eight = Window(8 * 60, 9 * 60, 127, zone)
    inside = [hour for hour in range(24) if eight.holds(unix(f"{day}T{hour:02}:30"))]
    assert inside == [hour_utc]


@given(
    st.integers(0, 1440), st.integers(0, 1440), st.integers(0, 127), st.sampled_from(["UTC", BERLIN]),
    st.integers(1_700_000_000, 2_000_000_000),
)  # fmt: skip
def test_windows_against_minutes_counted_one_by_one(
    start: int, end: int, days: int, zone: str, seconds: int
) -> None:
    local = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    span = list(range(start, end)) if start <= end else [*range(start, 1440), *range(1440, 1440 + end)]
    weekday = local.isoweekday() % 7
    minute = local.hour * 60 + local.minute
    today = minute in span and days >> weekday & 1
    yesterday = minute + 1440 in span and days >> (weekday - 1) % 7 & 1
    assert Window(start, end, days, zone).holds(seconds) is bool(today or yesterday)


@pytest.mark.parametrize(
    ("kind", "inside", "outside"), [("__twindow_on", True, False), ("__twindow_off", False, None)]
)
def test_rules_of_the_clock(kind: str, inside: bool, outside: bool | None) -> None:
    rule = Rule(16, 255, kind, window=NIGHT)
    for running in (True, False):
        assert rule.wants(None, unix("2026-05-01T23:00"), running) is inside
        assert rule.wants(None, unix("2026-05-01T12:00"), running) is outside
        assert rule.wants(None, None, running) is None, "the clock is not set"


def test_outside_its_window_a_rule_lets_go() -> None:
    rule = replace(HEAT, window=NIGHT)
    assert rule.wants(10.0, unix("2026-05-01T23:00"), False) is True
    assert rule.wants(10.0, unix("2026-05-01T12:00"), True) is False
    assert rule.wants(10.0, None, False) is None


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        ({}, True),
        ({"activate_below": 0, "deactivate_above": 0}, False),
        ({"activate_below": 0}, True),
        ({"sensor_gpio": 255}, False),
        ({"sensor_value_type": ""}, False),
        ({"sensor_value_type": "x" * 23}, True),
        ({"sensor_value_type": "x" * 24}, False),
        ({"sensor_value_type": "ph"}, False),
        ({"sensor_value_type": "ec"}, False),
        ({"sensor_value_type": "moisture"}, False),
        ({"sensor_value_type": "soil_moisture"}, False),
        ({"sensor_value_type": "__twindow_on"}, False),
        ({"sensor_value_type": "__twindow_on", "sensor_gpio": 255, "time_filter": {"enabled": True}}, True),
        ({"sensor_value_type": "__twindow_on", "time_filter": {"end_hour": 8}}, False),
        ({"activate_below": "18", "deactivate_above": True}, False),
        ({"activate_below": 10**400, "deactivate_above": 0}, False),
    ],
)
def test_which_rules_ever_run(change: dict[str, Any], runs: bool) -> None:
    written = {"actuator_gpio": 26, "sensor_gpio": 0, "sensor_value_type": "sht31_temp"}
    assert rule_of(rule_item(written | {"activate_below": 18, "deactivate_above": 22} | change)).runs is runs


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(st.dictionaries(st.sampled_from([
    "actuator_gpio", "sensor_gpio", "sensor_value_type", "activate_below", "deactivate_above",
    "activate_above", "deactivate_below", "current_state_active",
]), json_values), st.none() | st.dictionaries(st.sampled_from([
    "enabled", "start_hour", "start_minute", "end_hour", "end_minute", "days_of_week_mask", "timezone",
]), json_values))  # fmt: skip
def test_no_rule_is_too_strange(rule: dict[str, Any], window: dict[str, Any] | None) -> None:
    kept = rule_of(rule_item(rule | {"time_filter": window}))
    assert kept.wants(20.0, 1_777_593_600, True) in (True, False, None)
