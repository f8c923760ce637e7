"""Every public call of the awaitable face, against a simulated greenhouse."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

import godkaiser
from godkaiser import (
    AckTimeoutError,
    CommandRefusedError,
    DocumentError,
    Farm,
    GodkaiserError,
    InvalidValueError,
    NodeRefusedError,
    Probe,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownRuleError,
    UnknownSensorError,
    WhyNot,
)
from tests.facade.process import eventually

# A stretch that was simulated and stored before the farm was handed out.
SPAN: dict[str, Any] = {"since": "2026-05-01T00:30:00Z", "until": datetime(2026, 5, 1, 2, 30, tzinfo=UTC)}
AIR, SOIL, FAN = "ESP_A1B2C3/0/sht31_temp@0x44", "ESP_D4E5F6/34/moisture", "ESP_A1B2C3/25"


def test_looking_needs_no_await(farm: Farm) -> None:
    assert len(farm.nodes) == 3
    assert farm.nodes["climate node"].online is True
    assert {node.status for node in farm.nodes} == {"approved"}
    assert farm.link == "up"
    assert not farm.stopped
    assert farm.trouble is None
    assert farm.zones["propagation"] == "Propagation bench"
    assert farm.counters["malformed"] == 0
    assert farm.now > datetime(2026, 5, 1, 3, tzinfo=UTC)
    assert "3 of 3 nodes online" in repr(farm)
    assert "climate node" in repr(farm)


async def test_a_rule_says_why_it_does_nothing(farm: Farm) -> None:
    told = [await rule.why_not() for rule in farm.rules]
    assert [answer.rule for answer in told] == [rule.id for rule in farm.rules]
    for rule, answer in zip(farm.rules, told, strict=True):
        assert repr(answer).startswith(f"Rule “{rule.name}” is {answer.truth}")
        assert answer.truth == "true" or answer.flips
    none = next(answer for answer in told if answer.truth != "true")
    assert none.text.split(".")[0] in none._repr_html_()
    with pytest.raises(UnknownRuleError):
        await farm._line.ask("rules.why", rule="no such rule")


def test_an_obstacle_says_until_when_and_what_lifts_it() -> None:
    held = {"code": "manual_hold", "text": "ann holds <fan>", "lifts": "Wait.", "actuator": FAN, "who": "ann",
            "since": "2026-05-01T00:00:00Z", "until": "2026-05-01T00:15:00Z"}  # fmt: skip
    answer = WhyNot.of(
        {"rule": "cool", "at": "2026-05-01T00:01:00Z", "text": "Rule “cool” is true. In the way: …", "truth": "true",
         "acting": True, "outcome": "waiting", "blockers": [held], "flips": [], "condition": {}, "decided": None}
    )  # fmt: skip
    assert str(answer.obstacles[0]) == "ann holds <fan> until 00:15:00. Wait."
    assert "✘" in answer._repr_html_()
    assert "ann holds &lt;fan&gt; until 00:15:00" in answer._repr_html_()


def test_a_sensor_is_found_by_id_and_by_name_in_any_case(farm: Farm) -> None:
    assert farm.sensor(AIR) == farm.sensor("Bench Air") == farm.sensors["bench air"]
    assert farm.sensors[0] in list(farm.sensors)
    assert farm.sensors[:2] == list(farm.sensors)[:2]
    assert len({farm.sensor(AIR), farm.sensor("bench air")}) == 1
    air = farm.sensor(AIR)
    assert (air.node, air.zone, air.type, air.unit) == ("ESP_A1B2C3", "propagation", "sht31_temp", "°C")


def test_the_latest_reading_says_how_old_it_is(farm: Farm) -> None:
    reading = farm.sensor("bench air").latest
    assert reading is not None
    assert reading.value is not None
    assert 5 < reading.value < 45
    assert reading.unit == "°C"
    assert reading.measured_at.utcoffset() == timedelta(0)
    assert timedelta(0) <= reading.age < timedelta(hours=1)
    assert repr(farm.sensor("bench air")).startswith("<Sensor bench air ")
    assert repr(reading).startswith("<Reading bench air ")


def test_an_unknown_name_gets_its_neighbours(farm: Farm) -> None:
    with pytest.raises(UnknownSensorError, match="Near: 'bench air'") as caught:
        farm.sensor("bench ari")
    assert caught.value.remedy in caught.value.__notes__
    with pytest.raises(UnknownActuatorError, match="'exhaust fan'"):
        farm.actuator("exaust fan")
    with pytest.raises(UnknownActuatorError, match=r"No actuator 'zzzz'\.(?! Near)"):
        farm.actuator("zzzz")
    with pytest.raises(GodkaiserError, match="No node"):
        farm.nodes["nobody"]
    with pytest.raises(GodkaiserError, match="No rule"):
        farm.rules["nothing"]


async def test_history_of_one_sensor_has_a_utc_index_and_its_quality(farm: Farm) -> None:
    frame = await farm.history(farm.sensor(AIR), **SPAN)
    assert list(frame.columns) == ["value", "quality", "raw", "calibration"]
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert str(frame.index.tz) == "UTC"
    assert frame.index.is_monotonic_increasing
    assert frame["value"].dtype == "float64"
    assert frame.attrs["units"] == {"value": "°C"}
    assert frame.attrs["series"] == {"value": AIR}
    assert len(frame) == 240  # every 30 s for two hours


async def test_history_in_buckets_and_of_several_sensors(farm: Farm) -> None:
    frame = await farm.history("bench air", **SPAN, every="10min")
    assert list(frame.columns) == ["value", "min", "max", "std", "readings", "bad", "coverage"]
    assert (frame["min"] <= frame["value"]).all()
    assert frame["coverage"].iloc[1] == pytest.approx(1.0)
    assert frame.attrs["provenance"]["value"]["source"] == "1 min"
    assert frame.attrs["gap_s"] == {"value": 600.0}
    assert {time.minute % 10 for time in frame.index} == {0}
    assert frame["readings"].iloc[1] == 20
    wide = await farm.history(["bench air", SOIL], **SPAN, every=timedelta(minutes=10))
    assert list(wide.columns) == ["bench air", "bench soil"]
    assert wide.attrs["units"] == {"bench air": "°C", "bench soil": "%"}
    assert wide["bench air"].iloc[1] == pytest.approx(frame["value"].loc[wide.index[1]])


async def test_history_by_the_clock_of_a_zone(farm: Farm) -> None:
    frame = await farm.history("bench air", since="-1d", every="1d", tz="Asia/Kathmandu")
    assert str(frame.index.tz) == "Asia/Kathmandu"  # type: ignore[attr-defined]
    assert {(time.hour, time.minute) for time in frame.index} == {(0, 0)}
    assert frame.attrs["provenance"]["value"]["source"] == "15 min"
    every = await farm.history("bench air", **SPAN, tz="Europe/Berlin")
    assert str(every.index.tz) == "Europe/Berlin"  # type: ignore[attr-defined]
    assert every.attrs["units"] == {"value": "°C"}


async def test_what_rules_commands_and_nodes_did_are_frames(farm: Farm) -> None:
    decisions, commands, beats = await farm.decisions(), await farm.commands(), await farm.heartbeats()
    assert min(len(decisions), len(beats)) > 0
    for frame in (decisions, commands, beats):
        assert frame.index.is_monotonic_increasing
        assert str(frame.index.dtype).endswith("UTC]")
        assert frame.index.name == "time"
    assert set(beats["node"]) <= {str(node.id) for node in farm.nodes}
    assert "fate" in commands
    assert set(decisions["truth"]) <= {"true", "false", "unknown"}
    assert len(await farm.heartbeats(since="-0s", until="-0s")) == 0
    assert list(await farm.notices()) == ["rule", "text", "channel", "target", "sent", "cause"]


async def test_history_between_two_times_excludes_its_end(farm: Farm) -> None:
    since, until = datetime(2026, 5, 1, 1, tzinfo=UTC), pd.Timestamp("2026-05-01T03:30:00+02:00")
    frame = await farm.history(AIR, since=since, until=until)
    assert frame.index[0] >= pd.Timestamp(since)
    assert frame.index[-1] < until
    assert len(frame) == 60


@pytest.mark.parametrize(
    "bad",
    [
        {"since": datetime(2026, 5, 1)},  # noqa: DTZ001 - naive on purpose
        {"since": pd.Timestamp("2026-05-01")},
        {"since": pd.NaT},
        {"since": "yesterday"},
        {"since": 5},
        {"until": datetime(2026, 5, 1)},  # noqa: DTZ001 - naive on purpose
        {"every": 0},
        {"every": "-5min"},
    ],
)
async def test_times_without_a_zone_and_nonsense_are_refused(farm: Farm, bad: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError):
        await farm.history(AIR, **bad)  # type: ignore[arg-type]


async def test_readings_are_followed_as_they_come(farm: Farm) -> None:
    air = farm.sensor(AIR)
    readings = [reading async for reading in air.follow(limit=3)]
    times = [reading.measured_at for reading in readings]
    assert len(set(times)) == 3
    assert times == sorted(times)
    assert [reading async for reading in air.follow(limit=0)] == []
    with pytest.raises(InvalidValueError):
        await anext(aiter(air.follow(limit=-1)))


def test_checking_asks_the_gate_and_sends_nothing(farm: Farm) -> None:
    fan = farm.actuator(FAN)
    before = farm.counters["commands_sent"]
    assert fan.check(0.8)
    assert fan.check(np.float32(0.5))  # type: ignore[arg-type]
    verdict = fan.check(7)
    assert not verdict
    assert verdict.findings
    assert "refused" in repr(verdict)
    assert str(verdict.findings[0]) in repr(verdict)
    assert farm.counters["commands_sent"] == before
    for nonsense in (float("nan"), True, "0.8", None):
        with pytest.raises(InvalidValueError):
            fan.check(nonsense)  # type: ignore[arg-type]


async def test_setting_brings_an_outcome_and_why_tells_the_chain(farm: Farm) -> None:
    fan = farm.actuator("exhaust fan")
    outcome = await fan.set(0.8, within="10s", duration="30min", hold=timedelta(minutes=40))
    assert outcome.confirmed
    assert (outcome.actuator, outcome.value) == (FAN, 0.8)
    assert "confirmed" in repr(outcome)
    chain = await fan.why()
    assert "80%" in chain.text
    assert [step.what for step in chain.steps][:3] == ["intent", "verdict", "command"]
    assert "✔" in repr(chain)
    assert "holds it until" in chain.text
    await fan.release()
    assert "holds it until" not in (await fan.why()).text
    off = await fan.off()
    assert off.confirmed
    assert off.value == 0.0


async def test_an_actuator_shows_what_its_node_reports(farm: Farm) -> None:
    fan = farm.actuator("exhaust fan")
    await fan.set(0.6, duration="2h", hold="2h")
    assert await asyncio.to_thread(eventually, lambda: fan.reported == 0.6)
    assert fan.safe is False
    assert fan.wished == 0.6
    assert fan.ends_at is not None
    assert fan.reported_at is not None
    assert fan.last is not None
    assert fan.last.value == 0.6
    assert (fan.node, fan.zone) == ("ESP_A1B2C3", "propagation")
    assert "reported 60%" in repr(fan)
    await fan.off()


async def test_a_refusal_names_every_finding(farm: Farm) -> None:
    with pytest.raises(CommandRefusedError) as caught:
        await farm.actuator(FAN).set(7)
    assert caught.value.findings
    assert caught.value.remedy in caught.value.__notes__


async def test_patience_has_an_end(farm: Farm) -> None:
    with pytest.raises(AckTimeoutError, match=FAN):
        await farm.actuator(FAN).set(0.4, within=0, duration="1min")
    await farm.actuator(FAN).off()


async def test_the_stop_is_set_followed_and_cleared(farm: Farm) -> None:
    changes = farm.changes(kind="stop")
    assert (await anext(changes)).data["stop"]["phase"] == "NORMAL"
    stop = await farm.stop("smell of smoke")
    assert stop
    assert stop.reason == "smell of smoke"
    async with asyncio.timeout(60):
        first = await anext(changes)
        assert first.data["phase"] == "ACTIVE"
        assert not farm.actuator(FAN).check(1.0)
        while farm.stopped.unconfirmed:
            await anext(changes)
        assert "smell of smoke" in str(farm.stopped)
        assert (await farm.clear()).phase in ("CLEARING", "RESUMING", "NORMAL")
        while farm.stopped:
            await anext(changes)
    await changes.aclose()
    with pytest.raises(GodkaiserError, match="clear"):
        await farm.clear()


async def test_changes_come_from_one_zone_when_asked(farm: Farm) -> None:
    seen = []
    async for change in farm.changes(zone="flowering"):
        seen.append(change)
        if len(seen) == 5:
            break
    assert seen[0].kind == "snapshot"
    assert {change.data["zone"] for change in seen[1:]} == {"flowering"}


async def test_rules_are_exported_checked_and_imported(farm: Farm) -> None:
    documents = await farm.rules.export()
    assert len(documents) == len(farm.rules) == 3
    sentences = await farm.rules.check(documents)
    assert sentences == [rule.explain() for rule in farm.rules]
    assert await farm.rules.import_(documents[0]) == [farm.rules[0].id]
    cool = farm.rules["Cool the bench"]
    assert cool.enabled
    assert cool.truth in ("true", "false", "unknown")
    assert cool.acting in (True, False)
    assert cool.explain() in repr(cool)
    assert cool.last_decision is None or cool.last_decision.tzinfo is UTC
    with pytest.raises(DocumentError):
        await farm.rules.check([{"name": "no conditions"}])
    with pytest.raises(DocumentError, match=r"rules\[0\]"):
        await farm.rules.check(["not a mapping"])  # type: ignore[list-item]


async def test_nodes_are_rejected_and_approved(farm: Farm) -> None:
    await farm.reject("ESP_0A1B2C")
    # Five simulated minutes later, half a second here, it asks again.
    assert farm.nodes["ESP_0A1B2C"].status in ("rejected", "pending")
    await farm.approve("ESP_0A1B2C")
    assert farm.nodes["ESP_0A1B2C"].status == "approved"
    with pytest.raises(GodkaiserError, match="ESP_FFFFFF"):
        await farm.approve("ESP_FFFFFF")


def test_a_node_tells_how_it_is(farm: Farm) -> None:
    node = farm.node("Climate Node")
    assert isinstance(node, godkaiser.Node)
    assert node == farm.node("ESP_A1B2C3") == farm.nodes["climate node"]
    assert (node.kaiser_id, node.generation) == ("god", "2026")
    assert node.rssi is not None
    assert node.rssi < 0
    assert node.heap is not None
    assert node.heap > 0
    assert node.uptime is not None
    assert node.uptime >= timedelta(hours=2)
    assert node.unreadable == ()
    with pytest.raises(UnknownNodeError, match="nobody"):
        farm.node("nobody")


async def test_a_node_answers_and_scans_its_bus(farm: Farm) -> None:
    node = farm.node("ESP_A1B2C3")
    status = await node.ask("status")
    assert (status["esp_id"], status["success"]) == ("ESP_A1B2C3", True)
    assert (await node.ask("set_log_level", level="INFO"))["level"] == "INFO"
    assert await node.scan() == await node.scan(pin=4) == (Probe("28FF641E8D3C0C79", "ds18b20", 4),)
    with pytest.raises(InvalidValueError, match="reboot"):
        await node.ask("reboot")
    with pytest.raises(InvalidValueError, match="pin"):
        await node.scan(pin=-1)
    with pytest.raises(NodeRefusedError) as caught:
        await node.scan(pin=6)  # the board's own memory hangs there
    assert caught.value.remedy in caught.value.__notes__


async def test_a_sensor_measures_now(farm: Farm) -> None:
    air = farm.sensor("bench air")
    before = air.latest
    assert before is not None
    reading = await air.measure(within=timedelta(seconds=5))
    assert reading.received_at is not None
    assert before.received_at is not None
    assert reading.received_at > before.received_at, "nodes say whole seconds, we do not"
    assert reading.value is not None
    assert reading.age < timedelta(minutes=1)
    latest = air.latest
    assert latest is not None
    assert latest.measured_at >= reading.measured_at
    for nonsense in ("0s", "61s", -1, "soon"):
        with pytest.raises(InvalidValueError):
            await air.measure(within=nonsense)


async def test_who_follows_a_sensor_sees_a_measurement_once(farm: Farm) -> None:
    soil = farm.sensor("ESP_D4E5F6/34/moisture")
    following = asyncio.ensure_future(anext(aiter(soil.follow())))
    await asyncio.sleep(0)
    reading = await soil.measure()
    assert (await following).measured_at <= reading.measured_at


async def test_it_works_from_two_loops_and_goes_on_while_a_cell_blocks(farm: Farm) -> None:
    def another_loop() -> float:
        outcome = asyncio.run(farm.actuator(FAN).off())
        return outcome.value

    before = farm.counters["received"]
    assert await asyncio.to_thread(another_loop) == 0.0
    here = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < here + 20 and farm.counters["received"] == before:
        pass  # a cell that computes: this loop does nothing else
    assert farm.counters["received"] > before


async def test_cancelling_a_call_cancels_only_that(farm: Farm) -> None:
    changes = farm.changes(kind="nothing of the kind")
    await anext(changes)
    task = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await farm.actuator(FAN).off()).confirmed


async def test_two_connections_from_two_tasks_are_two_greenhouses() -> None:
    async def one(seed: int) -> tuple[str, float | None]:
        async with godkaiser.connect(f"sim://greenhouse?seed={seed}&history=10min") as farm:
            reading = farm.sensor("bench air").latest
            return farm.name, None if reading is None else reading.value

    (name_a, value_a), (name_b, value_b) = await asyncio.gather(one(1), one(2))
    assert name_a != name_b
    assert value_a != value_b
