"""Instants and durations: exact, and only with a zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import (
    DAY,
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    describe_duration,
    describe_wait,
    from_datetime,
    parse_duration,
    parse_instant,
    to_datetime,
    to_iso,
)

NOW = 1_777_593_600 * SECOND
INSTANTS = st.integers(0, 4_000_000_000 * SECOND)


@given(INSTANTS)
def test_there_and_back_without_losing_a_microsecond(at: int) -> None:
    assert from_datetime(to_datetime(at)) == at
    assert parse_instant(to_iso(at), 0) == at


@given(INSTANTS, st.integers(-14, 14))
def test_the_zone_does_not_change_the_instant(at: int, hours: int) -> None:
    local = to_datetime(at).astimezone(timezone(timedelta(hours=hours)))
    assert from_datetime(local) == at
    assert parse_instant(local, 0) == at
    assert parse_instant(local.isoformat(), 0) == at


def test_iso_has_the_precision_it_needs() -> None:
    assert to_iso(NOW) == "2026-05-01T00:00:00Z"
    assert to_iso(NOW + MILLISECOND) == "2026-05-01T00:00:00.001000Z"
    assert to_datetime(NOW) == datetime(2026, 5, 1, tzinfo=UTC)


def test_a_time_without_a_zone_names_no_instant() -> None:
    with pytest.raises(InvalidValueError, match="no time zone"):
        from_datetime(datetime(2026, 5, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(InvalidValueError, match="no time zone"):
        parse_instant("2026-05-01T00:00:00", NOW)


@pytest.mark.parametrize("text", ["yesterday", "", "7d", "12:00"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_instant(text, NOW, "since")
    assert caught.value.field == "since"


def test_before_now() -> None:
    assert parse_instant("-7d", NOW) == NOW - 7 * DAY
    assert parse_instant(" -1h 30min ", NOW) == NOW - HOUR - 30 * MINUTE


@pytest.mark.parametrize(
    ("what", "span"),
    [
        ("90s", 90 * SECOND), ("1h 30min", HOUR + 30 * MINUTE), ("2 m", 2 * MINUTE), ("5ms", 5 * MILLISECOND),
        ("1.5h", HOUR + 30 * MINUTE), ("1w", 7 * DAY), ("2d3h", 2 * DAY + 3 * HOUR), (0, 0), (1.5, 1_500_000),
        (90, 90 * SECOND), (timedelta(minutes=2), 2 * MINUTE), ("0s", 0),
    ],
)  # fmt: skip
def test_durations(what: str | float | timedelta, span: int) -> None:
    assert parse_duration(what) == span


@pytest.mark.parametrize(
    "what",
    [
        "",
        "s",
        "5",
        "5 parsecs",
        "5s x",
        "-5s",
        -1,
        float("nan"),
        float("inf"),
        True,
        1e13,
        timedelta(seconds=-1),
    ],
)
def test_what_is_no_duration(what: str | float | timedelta) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_duration(what, "hold")
    assert caught.value.field == "hold"
    assert '"90s"' in caught.value.remedy


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "0 s"), (-5, "0 s"), (59 * SECOND, "59 s"), (119 * SECOND, "119 s"), (2 * MINUTE, "2 min"),
     (119 * MINUTE, "119 min"), (2 * HOUR, "2 h"), (47 * HOUR, "47 h"), (2 * DAY, "2 d")],
)  # fmt: skip
def test_one_unit_for_people(span: int, text: str) -> None:
    assert describe_duration(span) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "0 s"), (-5, "0 s"), (1, "1 s"), (45 * SECOND, "45 s"), (2 * MINUTE - 1, "120 s"), (2 * MINUTE, "2 min"),
     (14 * MINUTE + 1, "15 min"), (59 * MINUTE + 1, "1 h"), (HOUR, "1 h"), (200 * MINUTE, "3 h 20 min"),
     (DAY, "24 h")],
)  # fmt: skip
def test_how_long_to_wait_is_never_said_too_short(span: int, text: str) -> None:
    assert describe_wait(span) == text
