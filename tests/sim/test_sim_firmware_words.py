"""Commands, liveness and places, rule by rule: what a device takes, and the word for what it does not."""

from typing import Any

import pytest

from godkaiser.io.sim.firmware.judge import judge
from godkaiser.io.sim.firmware.profile import Firmware
from tests.sim.rig import BROADCAST, NODE, ROOT, SERVER
from tests.sim.test_sim_firmware import SEED, sent

XIAO = Firmware(board="xiao_esp32c3")
UUID = "550e8400-e29b-41d4-a716-446655440000"
ACK = {"status": "online", "handover_epoch": 1}
STOP = {"command": "emergency_stop"}

Case = tuple[str, dict[str, Any], str]

CASES: list[Case] = [
    # Heartbeat ACK: any status word, an epoch of 1 or more.
    ("system/heartbeat/ack", ACK | {"server_time": 1777582649, "config_available": False}, ""),
    ("system/heartbeat/ack", ACK | {"status": "whatever"}, ""),
    ("system/heartbeat/ack", ACK | {"handover_epoch": 2**32 - 1}, ""),
    ("system/heartbeat/ack", {"handover_epoch": 1}, "missing_field"),
    ("system/heartbeat/ack", {"status": "online"}, "missing_field"),
    ("system/heartbeat/ack", ACK | {"status": 1}, "wrong_type"),
    ("system/heartbeat/ack", ACK | {"handover_epoch": 2**32}, "wrong_type"),
    ("system/heartbeat/ack", ACK | {"handover_epoch": "1"}, "wrong_type"),
    ("system/heartbeat/ack", ACK | {"handover_epoch": True}, "wrong_type"),
    ("system/heartbeat/ack", ACK | {"handover_epoch": 1.0}, "wrong_type"),
    # server/status.
    (SERVER, {"status": "offline", "reason": "graceful_shutdown", "timestamp": 1}, ""),
    (SERVER, {"status": "ONLINE"}, "bad_value"),
    (SERVER, {}, "bad_value"),
    (SERVER, {"status": ["online"]}, "bad_value"),
    # Emergency of one device.
    ("actuator/emergency", STOP | {"auth_token": NODE, "correlation_id": UUID, "intent_id": UUID}, ""),
    ("actuator/emergency", {"command": "clear_emergency"}, ""),
    ("actuator/emergency", {"command": "EMERGENCY_STOP"}, "unknown_command"),
    ("actuator/emergency", {"command": ["emergency_stop"]}, "unknown_command"),
    ("actuator/emergency", {"command": "stop_all"}, "unknown_command"),
    ("actuator/emergency", {}, "unknown_command"),
    ("actuator/emergency", STOP | {"created_at_ms": 1}, "bad_value"),
    # Emergency of all devices.
    (BROADCAST, STOP | {"timestamp": "2026-04-30T20:57:29+00:00", "gpio": 5}, ""),
    (BROADCAST, {"action": "emergency_stop"}, ""),
    (BROADCAST, {"command": "stop_all", "action": "stop_all", "auth_token": "t"}, ""),
    (BROADCAST, {"action": None}, "missing_field"),
    (BROADCAST, {"command": 1, "action": "stop_all"}, "missing_field"),
    (BROADCAST, {"command": "stop_all", "action": "emergency_stop"}, "bad_value"),
    (BROADCAST, {"command": "stop_all", "action": 5}, "wrong_type"),
    (BROADCAST, {"command": "Stop_All"}, "unknown_command"),
    (BROADCAST, STOP | {"timestamp": 1777582649}, "wrong_type"),
    (BROADCAST, STOP | {"reason": None}, "wrong_type"),
    (BROADCAST, STOP | {"issued_by": 7}, "wrong_type"),
    (BROADCAST, STOP | {"auth_token": 7}, "wrong_type"),
    # System commands.
    ("system/command", {"command": "get_config"}, ""),
    ("system/command", {"command": "exit_safe_mode", "correlation_id": UUID}, ""),
    ("system/command", {}, "unknown_command"),
    ("system/command", {"command": 1}, "unknown_command"),
    ("system/command", {"command": "Status"}, "unknown_command"),
    ("system/command", {"command": "set_log_level", "level": "DEBUG"}, ""),
    ("system/command", {"command": "set_log_level", "params": {"level": "ERROR"}}, ""),
    ("system/command", {"command": "set_log_level"}, "missing_field"),
    ("system/command", {"command": "set_log_level", "level": "debug"}, "bad_value"),
    ("system/command", {"command": "set_log_level", "level": 3}, "wrong_type"),
    ("system/command", {"command": "set_emergency_token", "token": "x" * 64}, ""),
    ("system/command", {"command": "set_emergency_token", "token": "x" * 65}, "bad_value"),
    ("system/command", {"command": "set_emergency_token", "token": ""}, "bad_value"),
    ("system/command", {"command": "set_emergency_token", "token": 5}, "wrong_type"),
    ("system/command", {"command": "set_emergency_token"}, "missing_field"),
    ("system/command", {"command": "set_emergency_token", "token": "x", "token_type": "all"}, "bad_value"),
    ("system/command", {"command": "onewire/scan"}, ""),
    ("system/command", {"command": "onewire/scan", "pin": 15}, ""),
    ("system/command", {"command": "onewire/scan", "params": {"pin": 12}}, "bad_value"),
    ("system/command", {"command": "onewire/scan", "pin": "4"}, "wrong_type"),
    ("system/command", {"command": "factory_reset", "confirm": True}, ""),
    ("system/command", {"command": "factory_reset"}, "missing_field"),
    ("system/command", {"command": "factory_reset", "confirm": 1}, "missing_field"),
    ("system/command", {"command": "factory_reset", "params": {"confirm": True}}, "missing_field"),
    ("system/command", {"command": "status", "created_at_ms": 1777582649000}, "bad_value"),
    # Sensor commands.
    ("sensor/4/command", {"command": "measure", "request_id": UUID, "timeout_ms": 900_000}, ""),
    ("sensor/4/command", {"command": "measure", "ttl_ms": 5000, "generation": 3}, ""),
    ("sensor/4/command", {"command": "MEASURE"}, "unknown_command"),
    ("sensor/4/command", {}, "unknown_command"),
    ("sensor/4/command", {"command": "measure", "request_id": 5}, "wrong_type"),
    ("sensor/4/command", {"command": "measure", "timeout_ms": "5"}, "wrong_type"),
    ("sensor/4/command", {"command": "measure", "ttl_ms": -1}, "bad_value"),
    ("sensor/4/command", {"command": "measure", "created_at_ms": 5}, "bad_value"),
    # Zones.
    ("zone/assign", {"zone_id": ""}, ""),
    ("zone/assign", {"zone_id": "A-z_0" + "9" * 27, "zone_name": "n" * 64, "kaiser_id": ""}, ""),
    ("zone/assign", {"zone_name": "n"}, "missing_field"),
    ("zone/assign", {"zone_id": 7}, "wrong_type"),
    ("zone/assign", {"zone_id": "z" * 33}, "bad_value"),
    ("zone/assign", {"zone_id": "zone 1"}, "bad_value"),
    ("zone/assign", {"zone_id": "zöne"}, "bad_value"),
    ("zone/assign", {"zone_id": "z", "master_zone_id": "m" * 33}, "bad_value"),
    ("zone/assign", {"zone_id": "z", "zone_name": "n" * 65}, "bad_value"),
    ("zone/assign", {"zone_id": "z", "zone_name": None}, "wrong_type"),
    ("zone/assign", {"zone_id": "z", "created_at_ms": 1}, "bad_value"),
    # Subzones.
    ("subzone/assign", {"subzone_id": "s" * 32, "assigned_gpios": [14, 34], "safe_mode_active": False}, ""),
    ("subzone/assign", {"assigned_gpios": [4]}, "missing_field"),
    ("subzone/assign", {"subzone_id": 5}, "wrong_type"),
    ("subzone/assign", {"subzone_id": ""}, "bad_value"),
    ("subzone/assign", {"subzone_id": "s" * 33}, "bad_value"),
    ("subzone/assign", {"subzone_id": "s", "assigned_gpios": 4}, "wrong_type"),
    ("subzone/assign", {"subzone_id": "s", "assigned_gpios": ["4"]}, "wrong_type"),
    ("subzone/assign", {"subzone_id": "s", "assigned_gpios": [14, 0]}, "bad_value"),
    ("subzone/assign", {"subzone_id": "s", "assigned_gpios": [255]}, "bad_value"),
    ("subzone/assign", {"subzone_id": "s", "safe_mode_active": "no"}, "wrong_type"),
    ("subzone/remove", {"subzone_id": "s", "reason": "moved"}, ""),
    ("subzone/remove", {}, "missing_field"),
    ("subzone/safe", {"subzone_id": "s", "action": "disable"}, ""),
    ("subzone/safe", {"subzone_id": "s", "safe_mode": True}, ""),
    ("subzone/safe", {"subzone_id": "s", "action": "off"}, "bad_value"),
    ("subzone/safe", {"subzone_id": "s", "action": 1}, "wrong_type"),
    ("subzone/safe", {"subzone_id": "s", "safe_mode": "true"}, "wrong_type"),
    ("subzone/safe", {"subzone_id": "s", "action": "disable", "safe_mode": True}, "bad_value"),
    ("subzone/safe", {"action": "enable"}, "missing_field"),
]


@pytest.mark.parametrize(("topic", "body", "code"), CASES)
def test_objects(topic: str, body: dict[str, Any], code: str) -> None:
    verdict = sent(topic, body)
    assert (verdict.valid, verdict.code) == (not code, code), verdict.why


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"command":"ON","value":1.0,"duration":30}', ""),
        (b'{"command":"toggle"}', ""),
        (b'{"command":"ON","value":"much"}', ""),
        (b'{"command":"PWM","value":0}', ""),
        (b'{"command":"PWM","value":1}', ""),
        (b'{"command":"PWM","value": .5}', ""),
        # The text search needs no JSON.
        (b'{"command":"ON"', ""),
        (b'\xff{"command":"ON"}', ""),
        (b'{"a":NaN,"command":"ON"}', ""),
        (b"", "missing_field"),
        (b"{}", "missing_field"),
        (b'{"command" :"ON"}', "missing_field"),
        (b'{"command":"ON', "missing_field"),
        (b'{"command":1}', "missing_field"),
        (b'{"command":"STOP"}', "unknown_command"),
        (b'{"command":""}', "unknown_command"),
        (b'{"note":{"command":"why"},"command":"ON"}', "unknown_command"),
        (b'{"command":"PWM"}', "missing_field"),
        (b'{"command":"PWM","value":"0.5"}', "wrong_type"),
        (b'{"command":"PWM","value":null}', "wrong_type"),
        (b'{"command":"PWM","value":1.001}', "bad_value"),
        (b'{"command":"PWM","value":-0.1}', "bad_value"),
        (b'{"command":"PWM","value":1e999}', "bad_value"),
        (b'{"command":"ON","duration":"30"}', "wrong_type"),
        (b'{"command":"ON","duration":0.5}', "bad_value"),
        (b'{"command":"ON","duration":-1}', "bad_value"),
        (b'{"command":"ON","created_at_ms":1777582649000}', "bad_value"),
        (b'{"command":"ON","correlation_id":7}', "wrong_type"),
        (b'{"command":"ON","generation":-1}', "bad_value"),
    ],
)
def test_actuator_commands_are_searched_as_text(payload: bytes, code: str) -> None:
    for gpio in (14, 25):
        verdict = judge(f"{ROOT}actuator/{gpio}/command", payload)
        assert (verdict.valid, verdict.code) == (not code, code), verdict.why


def test_what_the_device_reads_out_of_a_command() -> None:
    body = {"command": "on", "value": 0.5, "duration": 30, "correlation_id": "c", "issued_by": "user:1"}
    assert sent("actuator/14/command", body).content == {
        "gpio": 14, "command": "ON", "value": 0.5, "duration": 30, "correlation_id": "c", "issued_by": "user:1",
    }  # fmt: skip
    assert sent("sensor/4/command", {"command": "measure", "timeout_ms": 0}).content["timeout_ms"] == 1
    assert sent("sensor/4/command", {"command": "measure"}).content["timeout_ms"] == 5000
    assert sent(BROADCAST, {"action": "stop_all"}).content == {"command": "stop_all"}
    assert sent("subzone/assign", {"subzone_id": "s"}).content["safe_mode_active"] is True


@pytest.mark.parametrize("word", ["status", "safe_mode", "set_log_level", "onewire/scan"])
def test_the_older_generation_knows_one_system_command(word: str) -> None:
    assert sent("system/command", {"command": word}, SEED).code == "unknown_command"
    assert sent("system/command", {"command": "factory_reset", "confirm": True}, SEED).valid


@pytest.mark.parametrize(("token", "code"), [(NODE, ""), (None, "wrong_type"), ("", "")])
def test_the_older_generation_wants_a_token_with_every_emergency(token: str | None, code: str) -> None:
    assert sent("actuator/emergency", STOP | {"auth_token": token}, SEED).code == code
    assert sent("actuator/emergency", STOP, SEED).code == "missing_field"
    assert sent(BROADCAST, STOP, SEED).valid


def test_pins_differ_by_board() -> None:
    for body in ({"command": "onewire/scan", "pin": 7}, {"command": "onewire/scan", "pin": 15}):
        assert sent("system/command", body).valid is (body["pin"] == 15)
        assert sent("system/command", body, XIAO).valid is (body["pin"] == 7)


def test_a_reason_names_the_field_and_can_be_printed() -> None:
    why = sent("system/command", {"command": "set_log_level", "level": "\ud800" * 40}).why
    assert why.startswith("level must be one of DEBUG")
    assert len(why) < 120
    assert why.isascii()
