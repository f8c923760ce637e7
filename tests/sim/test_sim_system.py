"""What a node tells about itself, and the settings it takes by system command."""

import json
from typing import Any

import pytest

from godkaiser.io.sim.spec import ActuatorSpec, NodeSpec, Publish, SensorSpec
from tests.sim.rig import NODE, Rig, named, online, outcomes, topics

STATUS = [
    "command", "success", "esp_id", "state", "uptime", "heap_free", "wifi_rssi", "sensor_count",
    "actuator_count", "zone_id", "zone_assigned", "ts",
]  # fmt: skip
SCAN_RESULT = f"kaiser/god/esp/{NODE}/onewire/scan_result"


def ask(rig: Rig, word: str, **fields: Any) -> tuple[dict[str, Any], list[Publish]]:
    said = rig.send("system/command", {"command": word} | fields)
    (answer,) = named(said, "system/command/response")
    return answer, said


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("status", [*STATUS, "seq"]),
        (
            "diagnostics",
            [*STATUS, "heap_min", "chip_model", "chip_revision", "flash_size", "sdk_version", "wifi_ssid",
             "wifi_ip", "wifi_mac", "master_zone_id", "kaiser_id", "boot_count", "config_status", "seq"],
        ),
        (
            "get_config",
            ["command", "success", "zone", "sensors", "actuators", "sensor_count", "actuator_count", "seq"],
        ),
    ],
)  # fmt: skip
def test_questions(word: str, fields: list[str]) -> None:
    answer, said = ask(online(), word, correlation_id="c")
    assert list(answer) == fields
    assert (answer["command"], answer["success"], answer["sensor_count"]) == (word, True, 4)
    assert outcomes(said) == [("accepted", "COMMAND_ACCEPTED"), ("applied", "NONE")]


def test_the_lists_of_get_config_are_always_empty() -> None:
    answer, _ = ask(online(), "get_config")
    assert (answer["sensors"], answer["actuators"], answer["actuator_count"]) == ([], [], 3)
    assert answer["zone"] == {
        "zone_id": "propagation", "master_zone_id": "", "zone_name": "", "kaiser_id": "god",
        "zone_assigned": True,
    }  # fmt: skip


def test_the_mac_ends_with_the_id() -> None:
    assert ask(online(), "diagnostics")[0]["wifi_mac"].endswith("AB:12:CD")


@pytest.mark.parametrize("place", [{"level": "DEBUG"}, {"params": {"level": "DEBUG"}}])
def test_log_level(place: dict[str, Any]) -> None:
    answer, _ = ask(online(), "set_log_level", **place)
    assert (answer["success"], answer["level"], answer["persisted"]) == (True, "DEBUG", True)


@pytest.mark.parametrize("place", [{}, {"level": "debug"}, {"level": 3}, {"params": {"level": "LOUD"}}])
def test_bad_log_levels(place: dict[str, Any]) -> None:
    answer, said = ask(online(), "set_log_level", **place)
    assert answer["success"] is False
    assert {"error", "requested_level"} <= set(answer)
    assert outcomes(said)[-1] == ("failed", "VALIDATION_FAILED")


@pytest.mark.parametrize(("fields", "pin"), [({}, 4), ({"pin": 4}, 4), ({"params": {"pin": 5}, "pin": 4}, 5)])
def test_a_scan_finds_what_is_on_the_bus(fields: dict[str, Any], pin: int) -> None:
    answer, said = ask(online(), "onewire/scan", **fields)
    assert answer | {"seq": 0} == {
        "command": "onewire/scan", "status": "ok", "found_count": int(pin == 4), "pin": pin, "seq": 0,
    }  # fmt: skip
    (result,) = [json.loads(message.payload) for message in said if message.topic == SCAN_RESULT]
    assert list(result) == ["devices", "found_count", "seq"]
    assert result["devices"] == [
        {"rom_code": "28FF641E8D3C0C79", "device_type": "ds18b20", "pin": 4}
    ] * int(pin == 4)  # fmt: skip


def test_a_scan_finds_ten_at_most_and_answers_under_the_default_kaiser() -> None:
    probes = tuple(SensorSpec(6, "ds18b20", rom=f"28FF641E8D3C0C{n:02X}") for n in range(12))
    rig = Rig(NodeSpec(NODE, "xiao_esp32c3", "z", probes, (ActuatorSpec(7, "relay", "fan"),)))
    rig.connect()
    rig.ack()
    answer, said = ask(rig, "onewire/scan")
    assert (answer["pin"], answer["found_count"]) == (6, 10)
    assert SCAN_RESULT in [message.topic for message in said]


def test_a_scan_of_a_pin_that_is_none() -> None:
    answer, said = ask(online(), "onewire/scan", pin=12)
    assert (answer["pin"], "error" in answer, "status" in answer) == (12, True, False)
    assert SCAN_RESULT not in [message.topic for message in said]
    assert outcomes(said)[-1] == ("failed", "EXECUTE_FAIL")


def test_factory_reset_wants_to_be_confirmed() -> None:
    answer, _ = ask(online(), "factory_reset")
    assert (answer["success"], answer["error"]) == (False, "Unknown command")
    answer, said = ask(online(), "factory_reset", confirm=True)
    assert (answer["status"], answer["esp_id"]) == ("factory_reset_initiated", NODE)
    assert outcomes(said)[-1] == ("applied", "NONE")


@pytest.mark.parametrize("word", ["status", "diagnostics", "get_config", "set_log_level"])
def test_what_a_pending_node_answers(word: str) -> None:
    rig = Rig()
    rig.connect()
    rig.ack(status="pending_approval")
    assert "reason_code" not in ask(rig, word, level="INFO")[0]


@pytest.mark.parametrize("word", ["onewire/scan", "factory_reset", "set_emergency_token"])
def test_what_a_pending_node_refuses(word: str) -> None:
    rig = Rig()
    rig.connect()
    rig.ack(status="pending_approval")
    answer, said = ask(rig, word, confirm=True)
    assert answer["reason_code"] == "PENDING_APPROVAL_BLOCKED"
    assert topics(said) == ["system/command/response", "system/intent_outcome"]
