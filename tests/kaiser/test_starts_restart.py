"""Who ends the controller and starts it again does not start a pump again: the whole program over one data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from godkaiser.io.clock import VirtualClock
from godkaiser.io.recorder import RECORDINGS
from godkaiser.io.replay import recordings, replay
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, MINUTE
from tests.kaiser.house import NODE, T0, House, file, house

PLENTY = 1 << 30
WATER: dict[str, Any] = {
    "name": "Water",
    "conditions": [{"type": "sensor", "esp_id": NODE, "gpio": 34, "operator": "<", "value": 40}],
    "actions": [{"type": "actuator", "esp_id": NODE, "gpio": 26, "command": "ON", "duration_seconds": 20}],
    "cooldown_seconds": 0,
}
RESTED = {"type": "cooldown", "seconds": 1800}


def started(one: House) -> int:
    return [sent["command"] for sent in one.sent("actuator/26/command")].count("ON")


async def dry(one: House, minutes: int) -> None:
    """The pump does what it is told, and ends by itself."""
    for number in range(minutes):
        one.pass_time(60)
        await one.beat()
        await one.soil(2600 + number % 3)
        await one.hear(
            "actuator/26/status", {"esp_id": NODE, "gpio": 26, "type": "relay", "state": False, "pwm": 0}
        )


@pytest.mark.parametrize(
    ("rule", "again"),
    [
        (WATER | {"cooldown_seconds": 1800}, 31),  # from the end of its pulse
        (WATER | {"max_executions_per_hour": 1}, 60),
        (WATER | {"conditions": [*WATER["conditions"], RESTED]}, 30),
    ],
    ids=["cooldown", "hourly limit", "condition"],
)
async def test_a_restart_starts_nothing_again(rule: dict[str, Any], again: int, tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as one:
        await one.call("rules.import", documents=[rule])
        await one.beat()
        await dry(one, 5)
        assert started(one) == 1
    async with house(tmp_path, clock=one.clock, record_most=PLENTY) as two:
        await two.beat()
        await dry(two, 22)
        assert started(two) == 0
        changed = rule | {"description": "an edit is no way around it either"}
        await two.call("rules.import", documents=[changed])
        await dry(two, 1)
        assert started(two) == 0
    async with house(tmp_path, clock=one.clock, record_most=PLENTY) as three:
        await three.beat()
        await dry(three, again - 29)
        assert started(three) == 0
        await dry(three, 2)
        assert started(three) == 1
    reports = [replay(path) for path in recordings(tmp_path / RECORDINGS)]
    assert [report.differences for report in reports] == [[], [], []]


@pytest.mark.parametrize("rule", [WATER | {"cooldown_seconds": 1800}, WATER | {"max_executions_per_hour": 1}])
async def test_a_start_of_a_clock_that_was_ahead_is_counted_once(
    rule: dict[str, Any], tmp_path: Path
) -> None:
    """Three restarts, the last of them when the clock has come to where it had been."""
    ahead = VirtualClock(T0 + 5 * HOUR)
    async with house(tmp_path, file(), clock=ahead) as one:
        await one.call("rules.import", documents=[rule])
        await one.beat()
        await dry(one, 5)
        assert started(one) == 1
    clock = VirtualClock(T0)
    for _ in range(3):  # each sooner than the rule might begin, were it counted anew
        async with house(tmp_path, clock=clock) as again:
            await again.beat()
            await dry(again, 9)
            assert started(again) == 0
    async with house(tmp_path, clock=clock) as free:
        await free.beat()
        await dry(free, 35)
        assert started(free) >= 1
        (met,) = json.loads(await free.controller.store.fact("decisions_ahead"))
        assert met[1] == T0
    clock.advance(T0 + 5 * HOUR + 10 * MINUTE)
    async with house(tmp_path, clock=clock) as later:
        await later.beat()
        water = later.controller.runner.engine.state.rules[RuleId.known("water")]
        assert (water.memory.started or 0) < T0 + 2 * HOUR
