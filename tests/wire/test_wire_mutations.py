"""Each of our duties done wrongly on purpose is noticed by the emulated node, as the firmware would notice it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from godkaiser.io.sim.firmware.judge import judge
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.request import Request, read_inquiry
from tests.sim.rig import BROADCAST, NODE, ROOT
from tests.wire.pair import Pair
from tests.wire.test_wire_lane import fresh, node

ACK = ROOT + "system/heartbeat/ack"


def without_epoch(topic: str, body: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k != "handover_epoch"} if topic == ACK else body


def too_large(topic: str, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"session_id": "s" * 140} if topic == ACK else body


def epoch_as_text(topic: str, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"handover_epoch": str(body["handover_epoch"])} if topic == ACK else body


@pytest.mark.parametrize("mutation", [without_epoch, too_large, epoch_as_text])
def test_an_acknowledgement_done_wrongly_costs_the_actuators(mutation: Any) -> None:
    pair = Pair().start().fan_on()
    assert pair.fan > 0
    pair.mutate = mutation
    pair.live(100)
    assert pair.fan > 0, "the node is patient"
    pair.live(85)
    assert pair.fan == 0.0
    assert pair.mode != "ONLINE"


@pytest.mark.parametrize("mutation", [without_epoch, too_large, epoch_as_text])
def test_a_node_that_never_hears_a_good_one_says_nothing_but_heartbeats(mutation: Any) -> None:
    pair = Pair(mutate=mutation).start().live(60)
    assert pair.engine.state.counters["readings_received"] == 0
    beats = sum("heartbeat/ack" in message.topic for message in pair.sent)
    assert beats > 10, "every 5 s until one is good"


def test_a_broadcast_with_a_number_as_time_stops_nobody() -> None:
    """So the single commands are what makes safe: they are sent in any case."""
    pair = fresh().start().live(5).fan_on()
    assert pair.fan > 0

    def numeric(topic: str, body: dict[str, Any]) -> dict[str, Any]:
        return body | {"timestamp": 1_777_582_649} if topic == BROADCAST else body

    pair.mutate = numeric
    pair.only = BROADCAST
    pair.handle(ev.StopAsked(pair.rig.now, "ann", "smoke"))
    assert pair.fan > 0
    pair.mutate = lambda topic, body: body
    pair.handle(ev.StopAsked(pair.rig.now, "ann", "smoke"))
    assert pair.fan == 0.0


def test_a_system_command_in_capitals_is_unknown() -> None:
    pair = Pair().start()
    pair.mutate = lambda topic, body: (
        body | {"command": body["command"].upper()} if topic == ROOT + "system/command" else body
    )
    ask = Request("q1-1", NodeId.parse(NODE), "ann", read_inquiry("status", {}))
    pair.handle(ev.RequestAsked(pair.rig.now, ask))
    pair.live(11)
    (reply,) = pair.replies
    assert reply.end == "refused"
    assert "UNKNOWN_COMMAND" in reply.message


def test_an_address_as_text_is_not_the_sensor_that_was_meant() -> None:
    pair = fresh()
    told: list[bytes] = []

    def as_text(topic: str, body: dict[str, Any]) -> dict[str, Any]:
        if topic != ROOT + "config" or "sensors" not in body:
            return body
        changed = [
            s | ({"i2c_address": hex(s["i2c_address"])} if "i2c_address" in s else {})
            for s in body["sensors"]
        ]
        told.append(json.dumps(body | {"sensors": changed}).encode())
        return body | {"sensors": changed}

    pair.mutate = as_text
    pair.start().live(120)
    assert judge(ROOT + "config", told[0]).code == "bad_value"
    series = [sensor.id for sensor in pair.engine.state.sensors.values()]
    assert not any("0x45" in text for text in series), "the node reads the chip at its usual address instead"
    good = fresh().start().live(120)
    assert any("0x45" in sensor.id for sensor in good.engine.state.sensors.values())


def test_a_creation_time_of_ours_makes_commands_expire() -> None:
    """The node subtracts it from its own uptime."""
    pair = Pair().start()
    pair.mutate = lambda topic, body: (
        body | {"created_at_ms": 1_777_582_649, "ttl_ms": 10_000} if topic.endswith("/command") else body
    )
    pair.fan_on().live(11)
    assert pair.fan == 0.0
    assert "TTL_EXPIRED" in node(pair).notes[0].text
