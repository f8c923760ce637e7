"""A restart forgets nothing that was measured: readings that are still fresh, and what a signal is judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND
from tests.kaiser.house import NODE, TEXT, House, file, house

PH = SeriesId.parse(f"{NODE}/35/ph")
ACID = f"""
  - name: Acid
    conditions: [{{type: sensor, esp_id: {NODE}, gpio: 35, sensor_type: ph, operator: ">", value: 6.5}}]
    actions: [{{type: actuator_command, esp_id: {NODE}, gpio: 25, command: "ON"}}]
"""


def text(more: str = "", calibration: str = ", calibration: {slope: 10.636364, offset: -11.428571}") -> str:
    probe = f"  - {{node: {NODE}, gpio: 35, type: ph, name: tank pH{more}{calibration}}}\nactuators:"
    return TEXT.replace("actuators:", probe, 1).partition("  - name: Cool")[0] + ACID.lstrip("\n")


async def ph(one: House, raw: float = 2150, **fields: Any) -> None:
    body = {"esp_id": NODE, "gpio": 35, "sensor_type": "ph", "raw": raw, "raw_mode": True}
    await one.hear("sensor/35/data", body | {"quality": "good", "time_valid": True} | fields)


async def shown(one: House, gpio: int = 35) -> dict[str, Any]:
    (sensor,) = [s for s in (await one.call("snapshot"))["sensors"] if f"/{gpio}/" in s["id"]]
    return {name: sensor[name] for name in ("value", "quality", "freshness", "reason")}


async def settled(one: House) -> None:
    await one.beat(sensors=2)
    for _ in range(4):
        one.pass_time(30)
        await one.beat(sensors=2)
        await ph(one)


async def test_what_an_older_scale_made_is_no_measure_of_the_new_one(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as one:
        await one.beat()
        for number in range(25):
            one.pass_time(60)
            await one.beat()
            await one.soil(2000 + number % 3)
        points = [{"raw": 2800, "role": "dry"}, {"raw": 1800, "role": "wet"}]
        await one.call("sensors.calibrate", sensor="soil", points=points)
    one.pass_time(100)
    async with house(tmp_path, clock=one.clock) as two:
        await two.beat()
        for number in range(6):
            two.pass_time(60)
            await two.beat()
            await two.soil(2000 + number % 3)
            assert (await shown(two, 34))["quality"] == "good"


@pytest.mark.parametrize(
    ("more", "hours", "freshness"),
    [
        ("", 10, "fresh"),
        ("", 25, "stale"),
        (", mode: scheduled, schedule: '0 */6 * * *'", 3, "fresh"),
        (", mode: scheduled, schedule: '0 */6 * * *'", 5, "late"),
        (", mode: scheduled, schedule: '0 */6 * * *', stale_after_s: 600", 8, "stale"),
    ],
)
async def test_what_is_measured_rarely_is_known_after_a_restart_with_its_age(
    tmp_path: Path, more: str, hours: float, freshness: str
) -> None:
    async with house(tmp_path, file(text(more))) as one:
        await settled(one)
        before = one.controller.engine.state.sensors[PH].latest
        one.pass_time(hours * 3600)
    async with house(tmp_path, clock=one.clock) as two:
        found = await shown(two)
        assert (found["quality"], found["freshness"], found["reason"]) == ("good", freshness, None)
        assert found["value"] == pytest.approx(7.0, abs=1e-3)
        state = two.controller.engine.state
        after = state.sensors[PH].latest
        assert before is not None
        assert after is not None
        assert (after.usable, after.measured_at, after.zone) == (True, before.measured_at, "bench")
        assert (state.latest(PH) is after, state.freshness(PH, two.clock.now()).value) == (True, freshness)


async def test_rules_act_on_it_as_if_nothing_had_been_and_stop_when_it_grows_stale(tmp_path: Path) -> None:
    async with house(tmp_path, file(text(", stale_after_s: 7200"))) as one:
        await settled(one)
        one.pass_time(3600)
    async with house(tmp_path, clock=one.clock) as two:
        rule = next(iter(two.controller.engine.state.rules.values()))
        await two.beat(sensors=2)
        for _ in range(3):
            two.pass_time(30)
            await two.beat(sensors=2)
        assert rule.truth.name == "TRUE"
        for _ in range(62):
            two.pass_time(60)
            await two.beat(sensors=2)
        assert rule.truth.name == "UNKNOWN"


@pytest.mark.parametrize(
    ("calibration", "word", "late", "quality"),
    [
        ("", "good", 0, "uncalibrated"),
        (", calibration: {slope: 10.636364, offset: -11.428571}", "poor", 0, "suspect"),
        (", calibration: {slope: 10.636364, offset: -11.428571}", "good", 300, "suspect"),
    ],
)
async def test_what_no_rule_could_use_is_shown_and_stays_unused(
    tmp_path: Path, calibration: str, word: str, late: int, quality: str
) -> None:
    async with house(tmp_path, file(text(calibration=calibration))) as one:
        await one.beat(sensors=2)
        for _ in range(4):
            one.pass_time(30)
            await ph(one, quality=word, ts=one.clock.now() // SECOND - late)
    async with house(tmp_path, clock=one.clock) as two:
        assert (await shown(two))["quality"] == quality
        assert two.controller.engine.state.latest(PH) is None


async def test_what_is_measured_all_the_time_speaks_for_itself(tmp_path: Path) -> None:
    async with house(tmp_path, file(text())) as one:
        await one.beat()
        await one.soil(2000)
    async with house(tmp_path, clock=one.clock) as two:
        assert (await shown(two, 34))["freshness"] == "never"


async def test_a_spike_just_after_a_restart_is_a_spike(tmp_path: Path) -> None:
    async with house(tmp_path, file(text())) as one:
        await one.beat()
        for n in range(20):
            one.pass_time(30)
            await one.beat()
            await one.soil(2000 + n % 3)
    async with house(tmp_path, clock=one.clock) as two:
        two.pass_time(30)
        await two.beat()
        await two.soil(1300)
        found = await shown(two, 34)
        assert (found["quality"], found["value"]) == ("suspect", pytest.approx(93.75))
        assert found["reason"].startswith("spike: ")


async def test_a_flat_line_goes_on_over_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path, file(text())) as one:
        await one.beat()
        for _ in range(32):
            one.pass_time(110)
            await one.beat()
            await one.soil(2000)
        assert (await shown(one, 34))["quality"] == "good"
    async with house(tmp_path, clock=one.clock) as two:
        for _ in range(2):
            two.pass_time(110)
            await two.beat()
            await two.soil(2000)
        assert (await shown(two, 34))["reason"].startswith("flat line: ")
