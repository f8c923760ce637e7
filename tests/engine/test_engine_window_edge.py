"""Two rules, night and day, and one heater: at the edge of their windows it is not switched back and forth."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.bench import rule
from tests.engine.night import HEATER, A, B, Night, heating, local

OFF: dict[str, Any] = {
    "name": "By day off",
    "conditions": [
        {"type": "hysteresis", "esp_id": A, "gpio": 4, "sensor_type": "ds18b20",
         "address": "28FF641E8D3C0C79", "activate_above": 21.5, "deactivate_below": 21.0},
        {"type": "time_window", "start_time": "05:30", "end_time": "22:00", "timezone": "Europe/Berlin"},
    ],
    "actions": [{"type": "actuator", "esp_id": B, "gpio": 26, "command": "OFF"}],
    "cooldown_seconds": 60,
}  # fmt: skip


def switches(desk: Night, begin: str, end: str) -> int:
    day = "2026-01-15"
    return sum(local(begin, day) <= at <= local(end, day) for at, _ in desk.switched)


@pytest.mark.parametrize("air", [20.4, 21.2, 21.6, 22.2])
def test_night_hands_over_to_day_with_one_switch_at_most(air: float) -> None:
    """Windows that meet at 06:00; by day 20 °C will do."""
    desk = Night(
        heating(), heating("Heat by day", "06:00", "22:00", below=20.0, above=20.5),
        begin=local("05:50:00"), air=air,
    )  # fmt: skip
    desk.until(local("06:10:00"))
    assert switches(desk, "05:58:00", "06:02:00") <= 1
    assert len(desk.switched) <= 2, "the night's heat on, and off at its end"


@pytest.mark.parametrize("air", [20.9, 21.3, 21.6, 21.9])
def test_where_their_windows_overlap_and_one_wants_it_off_the_safer_one_wins_and_stays(air: float) -> None:
    """Half an hour in which the night wants heat below 22 and the day wants none above 21.5."""
    desk = Night(heating(), rule(OFF), begin=local("05:26:00"), air=air)
    desk.until(local("06:30:00"))
    assert [value for _, value in desk.switched] == [1.0, 0.0], (
        "on before the edge, off at it or at 21.5, and so it stays"
    )
    assert desk.state.actuators[HEATER].safe
