"""What rules knew before a restart, from the readings that are stored."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.prime import prime, wanted
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, HOUR, MINUTE
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, SOIL, WATER, Desk, moves, stored

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
ON_AIR = {"esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp"}
ON_SOIL = {"esp_id": WATER, "gpio": 34, "sensor_type": "moisture"}


def when(*conditions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return COOL | {"name": "Cool", "conditions": list(conditions)} | fields


def restart(desk: Desk) -> None:
    """A new process that finds what was stored."""
    found: dict[SeriesId, list[Reading]] = {}
    for reading in stored(Reading, desk.log):
        found.setdefault(reading.series, []).append(reading)
    desk.restart()
    for series in found:
        desk.state.add_sensor(series)
    prime(desk.state, found, desk.now)
    desk.ready()


def truth(desk: Desk) -> Truth:
    (one,) = desk.state.rules.values()
    return one.truth


def feed(desk: Desk, minutes: float, value: float, series: SeriesId = AIR) -> None:
    for _ in range(round(minutes * 2)):
        desk.read(series, value)
        desk.live(30)


LASTING = {"type": "sensor", **ON_AIR, "operator": ">", "value": 28, "for_seconds": 600}


def test_a_for_goes_on_counting_across_a_restart() -> None:
    desk = Desk(when(LASTING)).ready()
    feed(desk, 8, 30)
    restart(desk)
    assert truth(desk) is U
    assert not moves(desk.log)
    feed(desk, 1, 30)
    assert truth(desk) is F
    feed(desk, 1.5, 30)
    assert truth(desk) is T
    assert [move.actuator for move in moves(desk.log)] == [FAN]


def test_without_what_was_stored_it_starts_over() -> None:
    desk = Desk(when(LASTING)).ready()
    feed(desk, 8, 30)
    desk.restart()
    desk.ready()
    feed(desk, 3, 30)
    assert truth(desk) is F


def test_a_restart_that_takes_too_long_is_a_break() -> None:
    desk = Desk(when(LASTING)).ready()
    feed(desk, 8, 30)
    desk.now += 3 * MINUTE  # nothing is heard of it, and it is stale after three
    restart(desk)
    feed(desk, 3, 30)
    assert truth(desk) is F
    feed(desk, 8, 30)
    assert truth(desk) is T


def test_a_silence_after_the_restart_is_a_break() -> None:
    desk = Desk(when(LASTING)).ready()
    feed(desk, 8, 30)
    restart(desk)
    desk.live(200)
    feed(desk, 3, 30)
    assert truth(desk) is F


def test_what_broke_it_before_the_restart_broke_it() -> None:
    for breach in (lambda desk: feed(desk, 0.5, 20), lambda desk: desk.live(240)):
        desk = Desk(when(LASTING)).ready()
        feed(desk, 5, 30)
        breach(desk)
        feed(desk, 5, 30)
        restart(desk)
        feed(desk, 3, 30)
        assert truth(desk) is F
        feed(desk, 3, 30)
        assert truth(desk) is T


def test_a_false_reading_after_the_restart_breaks_it() -> None:
    desk = Desk(when(LASTING)).ready()
    feed(desk, 8, 30)
    restart(desk)
    feed(desk, 0.5, 20)
    feed(desk, 5, 30)
    assert truth(desk) is F


@pytest.mark.parametrize(("value", "side"), [(30.0, T), (20.0, F)])
def test_a_hysteresis_keeps_its_side(value: float, side: Truth) -> None:
    desk = Desk(COOL).ready()
    feed(desk, 1, value)
    feed(desk, 10, 26)
    assert truth(desk) is side
    restart(desk)
    assert truth(desk) is U
    feed(desk, 0.5, 26)
    assert truth(desk) is side


def test_a_slope_has_its_readings() -> None:
    rising = {"type": "rate_of_change", **ON_AIR, "operator": ">", "value": 3, "window_seconds": 1200}
    desk = Desk(when(rising)).ready()
    for step in range(30):
        desk.read(AIR, 20 + step * 0.1)
        desk.live(30)
    assert truth(desk) is T
    restart(desk)
    desk.read(AIR, 23.1)
    assert truth(desk) is T


def test_a_streak_goes_on() -> None:
    apart = {
        "type": "sensor_diff",
        "sensor_a_id": AIR,
        "sensor_b_id": f"{WATER}/4/ds18b20",
        "operator": ">",
        "value": 2,
        "consecutive_count": 4,
    }
    tank = SeriesId.parse(f"{WATER}/4/ds18b20")

    def both() -> None:
        desk.read(AIR, 20)
        desk.read(tank, 25)
        desk.live(30)

    desk = Desk(when(apart)).ready()
    both()
    both()
    restart(desk)
    both()
    assert truth(desk) is F
    both()
    assert truth(desk) is T


def test_a_rest_of_the_controller_is_no_silence() -> None:
    silent = {"type": "no_data", **ON_SOIL, "seconds": 600}
    desk = Desk(when(silent, LASTING, logic_operator="OR")).ready()
    desk.read(SOIL, 2000, raw_mode=True)
    desk.live(60)
    desk.now += HOUR
    restart(desk)
    desk.live(540)
    assert truth(desk) is not T
    desk.live(60)
    assert truth(desk) is T


def test_only_what_remembers_is_asked_for() -> None:
    plain = {"type": "sensor", **ON_AIR, "operator": ">", "value": 28}
    for condition, asked in ((plain, frozenset()), (plain | {"for_seconds": 5}, {AIR})):
        desk = Desk(when({"logic": "NOT", "conditions": [condition]}, plain)).ready()
        desk.read(AIR, 20)
        assert wanted(desk.state) == asked
    off = Desk(when(LASTING, enabled=False)).ready()
    off.read(AIR, 20)
    assert wanted(off.state) == frozenset()


def test_what_is_too_old_is_not_looked_at() -> None:
    desk = Desk(COOL).ready()
    feed(desk, 1, 30)
    desk.now += DAY
    restart(desk)
    feed(desk, 0.5, 26)
    assert truth(desk) is U
