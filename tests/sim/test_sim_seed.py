"""The older generation: no registration, no ids, no timers, and it goes on as it was when left alone."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.spec import SECOND, ActuatorSpec, NodeSpec, SensorSpec
from tests.sim.rig import BROADCAST, NODE, OLD_SPEC, ROOT, SERVER, START, Rig, named, old, topics
from tests.sim.test_sim_node import snippets

TS = START // SECOND
RELAY = {"gpio": 27, "actuator_type": "relay", "actuator_name": "lamp"}
PROBE = {"gpio": 35, "sensor_type": "moisture", "sensor_name": "bed"}


def push(rig: Rig, **sections: Any) -> list[dict[str, Any]]:
    return named(rig.send("config", sections), "config_response")


def test_eight_subscriptions_without_assurance() -> None:
    below = ["config", "system/command", "", "actuator/+/command", "actuator/emergency", "zone/assign",
             "subzone/assign", "subzone/remove"]  # fmt: skip
    expected = tuple((ROOT + topic if topic else BROADCAST, 0) for topic in below)
    assert old().node.subscriptions == expected


def test_a_heartbeat_of_ten_fields_a_minute_after_boot_and_every_minute() -> None:
    rig = Rig(OLD_SPEC)
    rig.now += 10 * SECOND
    assert "system/heartbeat" not in topics(rig.connect())
    beats = named(rig.run(190, ack=False), "system/heartbeat")
    assert [beat["uptime"] for beat in beats] == [60, 120, 180]
    assert list(beats[0]) == [
        "esp_id", "zone_id", "master_zone_id", "zone_assigned", "ts", "uptime", "heap_free", "wifi_rssi",
        "sensor_count", "actuator_count",
    ]  # fmt: skip


def test_nothing_is_announced_and_everything_is_sent_without_assurance() -> None:
    rig = old()
    rig.command(14, "ON")
    rig.run(120, ack=False)
    assert {message.qos for message in rig.log} == {0}
    kinds = {topic.rpartition("/")[2] for topic in topics(rig.log)}
    assert kinds == {"status", "data", "heartbeat", "response"}


def test_the_will_names_no_node() -> None:
    body = f'{{"status":"offline","reason":"unexpected_disconnect","timestamp":{TS}}}'
    assert old().node.will.payload == body.encode()


def test_a_command_is_taken_at_once_and_answered_without_ids() -> None:
    rig = old()
    said = rig.command(14, "ON", duration=30, correlation_id="c", intent_id="i", issued_by="ann", ttl_ms=1,
                       created_at_ms=9)  # fmt: skip
    assert topics(said) == ["actuator/14/response", "actuator/14/status"]
    (answer,), (status,) = named(said, "actuator/14/response"), named(said, "actuator/14/status")
    assert list(answer) == [
        "esp_id", "zone_id", "ts", "gpio", "command", "value", "duration", "success", "message",
    ]  # fmt: skip
    assert (answer["duration"], answer["success"]) == (30, True)
    assert {"seq", "command_source"}.isdisjoint(status)
    rig.run(300, ack=False)
    assert rig.node.level(14) == 1.0, "the duration is only echoed"


def test_actuators_keep_their_state_without_a_connection() -> None:
    rig = old()
    rig.command(14, "ON")
    rig.command(26, "OFF")
    rig.disconnect()
    rig.run(300, ack=False)
    assert (rig.node.level(14), rig.node.level(26)) == (1.0, 0.0)


def test_a_silent_server_does_not_matter() -> None:
    rig = old()
    rig.command(25, "ON")
    rig.send(SERVER, {"status": "offline", "timestamp": 1})
    assert rig.ack(status="rejected") == []
    rig.run(3000, ack=False)
    assert rig.node.level(25) == 1.0


def test_the_run_time_is_limited_all_the_same() -> None:
    rig = old()
    rig.command(14, "ON")
    (alert,) = named(rig.run(600, ack=False), "actuator/14/alert")
    assert alert["alert_type"] == "runtime_protection"
    assert "seq" not in alert


def test_a_hundred_messages_are_kept_for_better_times() -> None:
    rig = old()
    rig.disconnect()
    assert rig.run(7200, ack=False) == []
    late = rig.connect()
    data = [message for message in late if message.topic.endswith("/data")]
    assert len(data) == 100
    assert json.loads(data[0].payload)["ts"] == TS + 30, "what came first is kept"
    assert topics(late)[100:] == [f"actuator/{gpio}/status" for gpio in (14, 25, 26)]


@pytest.mark.parametrize(("celsius", "raw"), [(-1.0, 2**32 - 16), (21.5, 344)])
def test_a_negative_count_is_printed_unsigned(celsius: float, raw: int) -> None:
    rig = old()
    rig.world.values["ds18b20"] = celsius
    (data,) = named(rig.run(30, ack=False), "sensor/4/data")
    assert abs(data["raw"] - raw) < 4
    assert abs(data["value"] - celsius) < 0.3
    assert {"seq", "time_valid", "onewire_address"}.isdisjoint(data)
    assert data["raw_mode"] is True


def test_zones() -> None:
    rig = old()
    place = {"zone_id": "bench", "master_zone_id": "m", "zone_name": "n", "kaiser_id": "god"}
    said = rig.send("zone/assign", place | {"correlation_id": "c"})
    assert topics(said) == ["zone/ack", "system/heartbeat"]
    assert list(named(said, "zone/ack")[0]) == ["esp_id", "status", "zone_id", "master_zone_id", "ts"]
    removed = rig.send("zone/assign", place | {"zone_id": ""})
    assert topics(removed) == ["system/heartbeat"], "a removal is not acknowledged"
    assert named(removed, "system/heartbeat")[0]["zone_assigned"] is False
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_a_subzone_is_acknowledged_in_seconds_since_boot() -> None:
    rig = old()
    rig.run(42, ack=False)
    assign = {"subzone_id": "left", "assigned_gpios": [14], "safe_mode_active": False}
    (ack,) = named(rig.send("subzone/assign", assign), "subzone/ack")
    assert ack == {"esp_id": NODE, "status": "subzone_assigned", "subzone_id": "left", "timestamp": 42}
    assert rig.send("subzone/safe", {"subzone_id": "left", "action": "enable"}) == []


def test_a_configuration_needs_no_ids_and_has_no_guard() -> None:
    rig = old()
    for _ in range(2):
        answers = push(rig, sensors=[PROBE], actuators=[RELAY], offline_rules="whatever", generation=4)
        assert [(a["type"], a["status"], a["count"]) for a in answers] == [
            ("sensor", "success", 1), ("actuator", "success", 1),
        ]  # fmt: skip
        assert all({"seq", "correlation_id", "failed_count"}.isdisjoint(answer) for answer in answers)
    assert named(rig.run(60, ack=False), "system/heartbeat")[-1]["sensor_count"] == 5


def test_a_configuration_half_good_is_an_error_without_a_summary() -> None:
    answers = push(old(), sensors=[PROBE, PROBE | {"gpio": 1}], actuators=[RELAY])
    assert [(answer["type"], answer["status"]) for answer in answers] == [
        ("sensor", "error"), ("actuator", "success"),
    ]  # fmt: skip
    assert answers[0]["error_code"] == "GPIO_CONFLICT"


def test_a_configuration_is_parsed_for_either_section() -> None:
    """In a pool of 4096 bytes, within a packet of 2048."""
    many = [{"gpio": 35, "a": [0] * 60} for _ in range(5)]
    for payload in (b"{", json.dumps({"sensors": many}, separators=(",", ":")).encode()):
        answers = named(old().send("config", payload), "config_response")
        assert [(answer["type"], answer["error_code"]) for answer in answers] == [
            ("sensor", "JSON_PARSE_ERROR"), ("actuator", "JSON_PARSE_ERROR"),
        ]  # fmt: skip


@pytest.mark.parametrize(("board", "most"), [("esp32_dev", 2048), ("xiao_esp32c3", 1024)])
def test_the_packet_limit_counts_in_both_directions(board: Any, most: int) -> None:
    actuators = (ActuatorSpec(7 if board == "xiao_esp32c3" else 14, "relay", "fan"),)
    rig = Rig(replace(OLD_SPEC, board=board, sensors=(), actuators=actuators))
    rig.connect()
    gpio = actuators[0].gpio
    topic = f"actuator/{gpio}/command"
    command = b'{"command":"TOGGLE"}'
    spare = most - len(ROOT + topic) - 7
    assert rig.send(topic, command.ljust(spare + 1)) == []
    assert rig.send(topic, command.ljust(spare)) != []
    huge = {"gpio": gpio, "actuator_type": "x" * (most - 220), "actuator_name": ""}
    assert push(rig, actuators=[huge]) == [], "the error would repeat it and not fit"


@pytest.mark.parametrize(("token", "stopped"), [(NODE, True), (None, False), ("ESP_000000", False)])
def test_the_token_is_the_own_id(token: str | None, stopped: bool) -> None:
    rig = old()
    rig.command(14, "ON")
    said = rig.send("actuator/emergency", {"command": "emergency_stop", "auth_token": token})
    assert (rig.node.level(14) == 0.0) is stopped
    kinds = {topic.rpartition("/")[2] for topic in topics(said)}
    assert kinds == ({"alert", "status"} if stopped else {"error"})


def test_a_broadcast_needs_no_token_and_a_stop_can_be_cleared() -> None:
    rig = old()
    rig.command(25, "ON")
    rig.send(BROADCAST, {"command": "stop_all", "auth_token": "anything"})
    assert rig.node.level(25) == 0.0
    rig.run(6, ack=False)
    rig.send("actuator/emergency", {"command": "clear_emergency", "auth_token": NODE})
    (done,) = named(rig.run(3, ack=False), "actuator/emergency/response")
    assert done == {"status": "emergency_cleared", "timestamp": 8000}
    assert named(rig.command(25, "ON"), "actuator/25/response")[0]["success"] is True


def test_one_system_command_is_known() -> None:
    rig = old()
    (answer,) = named(rig.send("system/command", {"command": "status"}), "system/command/response")
    assert answer == {"command": "status", "success": False, "error": "Unknown command"}
    said = rig.send("system/command", {"command": "factory_reset", "confirm": True})
    assert named(said, "system/command/response")[0]["status"] == "factory_reset_initiated"


def test_time_before_sync() -> None:
    rig = Rig(NodeSpec(NODE, "esp32_dev", "z", (SensorSpec(4, "ds18b20"),), synced=False, generation="seed"))
    rig.connect()
    (data,) = named(rig.run(30, ack=False), "sensor/4/data")
    assert data["ts"] == 0


inbound = st.sampled_from([topic for topic, _ in old().node.subscriptions]).map(
    lambda t: t.replace("+", "14")
)
events = st.one_of(
    st.tuples(inbound, st.binary(max_size=80) | snippets),
    st.tuples(st.just("run"), st.integers(0, 200)),
    st.tuples(st.sampled_from(["connect", "disconnect", "reboot"]), st.none()),
)


@given(st.lists(events, max_size=25))
def test_nothing_makes_an_old_node_raise_or_speak_of_what_it_does_not_know(
    happened: list[tuple[str, bytes | int | None]],
) -> None:
    rig = old()
    for what, detail in happened:
        if isinstance(detail, bytes):
            rig.send(what, detail)
        elif isinstance(detail, int):
            rig.run(detail, ack=False)
        else:
            getattr(rig, what)()
    bodies = [json.loads(message.payload) for message in rig.log]
    assert all({"seq", "correlation_id", "boot_sequence_id"}.isdisjoint(body) for body in bodies)
    assert not any("intent_outcome" in topic or "announce" in topic for topic in topics(rig.log))
    assert rig.node.next_wakeup > rig.now
