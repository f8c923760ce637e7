"""Stop and clear, for one node and for all."""

import json
from typing import Any

import pytest

from tests.sim.rig import BROADCAST, SPEC, Rig, named, online, outcomes, topics

STOPPED = "BROADCAST_EMERGENCY_STOP_TRIGGERED"
MISMATCH = "EMERGENCY_CONTRACT_MISMATCH"


def running() -> Rig:
    rig = online()
    rig.command(14, "ON")
    rig.command(25, "ON")
    return rig


def stopped(rig: Rig) -> bool:
    return all(rig.node.level(a.gpio) == 0.0 for a in SPEC.actuators)


def test_device_stop() -> None:
    rig = running()
    said = rig.send("actuator/emergency", {"command": "emergency_stop", "correlation_id": "e1"})
    assert stopped(rig)
    each = [f"actuator/{a.gpio}/{kind}" for a in SPEC.actuators for kind in ("alert", "status")]
    assert topics(said) == [*each, "system/intent_outcome", "actuator/emergency/ack"]
    assert all(s["emergency"] == "active" and s["pwm"] == 0 for s in named(said, "actuator/14/status"))
    assert outcomes(said) == [("applied", "EMERGENCY_STOP_TRIGGERED")]
    (ack,) = named(said, "actuator/emergency/ack")
    assert list(ack) == ["ts", "esp_id", "correlation_id", "command", "gpio_count", "outcome", "seq"]
    assert (ack["correlation_id"], ack["gpio_count"], ack["outcome"]) == ("e1", 3, "executed")
    assert named(rig.command(25, "OFF"), "actuator/25/response")[0]["success"] is False


def test_clear_is_refused_for_five_seconds_then_takes_two() -> None:
    rig = running()
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    rig.run(4.9)
    early = rig.send("actuator/emergency", {"command": "clear_emergency", "correlation_id": "e2"})
    assert named(early, "actuator/emergency/error")[0]["error"] == "clear_failed"
    assert named(early, "actuator/255/alert")[0]["alert_type"] == "verification_failed"
    assert outcomes(early) == [("rejected", "EMERGENCY_CLEAR_REJECTED")]
    rig.run(0.1)
    clear = {"command": "clear_emergency", "correlation_id": "e3", "intent_id": "e3"}
    assert rig.send("actuator/emergency", clear) == []
    said = rig.run(2)
    assert topics(said)[:3] == [
        "actuator/emergency/response", "system/intent_outcome", "actuator/recovery_confirm",
    ]  # fmt: skip
    (done,) = named(said, "actuator/emergency/response")
    assert list(done) == ["status", "timestamp", "seq"]
    assert (done["status"], done["timestamp"]) == ("emergency_cleared", 7000)
    (confirm,) = named(said, "actuator/recovery_confirm")
    assert (confirm["correlation_id"], confirm["state"]) == ("e3", "cleared")
    assert stopped(rig)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_what_arrives_while_clearing_waits() -> None:
    rig = running()
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    rig.run(6)
    rig.send("actuator/emergency", {"command": "clear_emergency"})
    assert rig.command(14, "ON") == []
    assert named(rig.run(2), "actuator/14/response")[0]["success"] is True
    assert rig.node.level(14) == 1.0


def test_clearing_also_frees_what_protection_latched() -> None:
    rig = running()
    rig.run(606)
    assert rig.node.level(14) == 0.0
    rig.send("actuator/emergency", {"command": "clear_emergency"})
    rig.run(30)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{broken", "EMERGENCY_PARSE_ERROR"),
        (b'{"command":"emergency_stop","reason":"' + b"r" * 220 + b'"}', "EMERGENCY_PARSE_ERROR"),
        (b'{"command":"STOP"}', "UNKNOWN_COMMAND"),
        (b'{"action":"stop_all"}', "UNKNOWN_COMMAND"),
        (b"[]", "UNKNOWN_COMMAND"),
    ],
)
def test_device_messages_that_stop_nothing(payload: bytes, code: str) -> None:
    rig = running()
    said = rig.send("actuator/emergency", payload)
    assert outcomes(said) == [("rejected", code)]
    assert not stopped(rig)


@pytest.mark.parametrize("token", ["s3cret", "wrong", None])
def test_a_stored_token_must_match(token: str | None) -> None:
    rig = running()
    reply = rig.send("system/command", {"command": "set_emergency_token", "token": "s3cret"})
    assert named(reply, "system/command/response")[0]["success"] is True
    fields = {"command": "emergency_stop"} | ({} if token is None else {"auth_token": token})
    said = rig.send("actuator/emergency", fields)
    assert stopped(rig) is (token == "s3cret")
    if token != "s3cret":
        assert named(said, "actuator/emergency/error")[0]["error"] == "unauthorized"
        assert named(said, "system/error")[0]["error_code"] == 3500
        assert outcomes(said) == [("rejected", "UNAUTHORIZED")]


BROADCASTS: list[tuple[dict[str, Any], bool, str]] = [
    (
        {"command": "emergency_stop", "reason": "fire", "timestamp": "2026-04-30T20:57:29+00:00"},
        True,
        STOPPED,
    ),
    ({"command": "stop_all"}, True, STOPPED),
    ({"action": "stop_all"}, True, STOPPED),
    ({"command": "emergency_stop", "action": "emergency_stop"}, True, STOPPED),
    ({"command": "emergency_stop", "auth_token": "any", "gpio": 5}, True, STOPPED),
    # Garbled: stopped, to be safe.
    ({"command": 123}, True, MISMATCH),
    ({"command": None}, True, MISMATCH),
    ({"command": "emergency_stop", "auth_token": 7}, True, MISMATCH),
    ({"command": "stop_all", "action": "emergency_stop"}, True, MISMATCH),
    # No request: nothing happens.
    ({"command": "emergency_stop", "timestamp": 1777582649}, False, MISMATCH),
    ({"command": "emergency_stop", "reason": 5}, False, MISMATCH),
    ({"command": "emergency_stop", "issued_by": None}, False, MISMATCH),
    ({"command": "clear_emergency"}, False, MISMATCH),
    ({"command": "EMERGENCY_STOP"}, False, MISMATCH),
    ({}, False, MISMATCH),
    ({"command": "emergency_stop", "reason": "r" * 480}, False, "EMERGENCY_PARSE_ERROR"),
]


@pytest.mark.parametrize(("fields", "stops", "code"), BROADCASTS)
def test_broadcast(fields: dict[str, Any], stops: bool, code: str) -> None:
    rig = running()
    said = rig.send(BROADCAST, fields)
    assert stopped(rig) is stops
    assert outcomes(said) == [("applied" if stops else "rejected", code)]
    assert "actuator/emergency/ack" not in topics(said)


@pytest.mark.parametrize("token", ["s3cret", "wrong"])
def test_broadcast_with_a_stored_token(token: str) -> None:
    rig = running()
    rig.send(
        "system/command", {"command": "set_emergency_token", "token": "s3cret", "token_type": "broadcast"}
    )
    rig.send(BROADCAST, {"command": "emergency_stop", "auth_token": token})
    assert stopped(rig) is (token == "s3cret")


def test_broken_broadcast_json_stops_nothing() -> None:
    rig = running()
    assert outcomes(rig.send(BROADCAST, b'{"command":"emergency_stop"')) == [
        ("rejected", "EMERGENCY_PARSE_ERROR")
    ]
    assert not stopped(rig)


def test_a_stop_works_before_registration() -> None:
    rig = Rig()
    rig.connect()
    assert rig.send(BROADCAST, {"command": "emergency_stop"}) == []
    assert rig.node.level(26) == 0.0
    assert not rig.node.safe  # the heater's default is on; it stays latched off
    rig.disconnect()
    assert rig.node.level(26) == 0.0


def test_the_safety_epoch_rises_with_each_stop() -> None:
    rig = running()
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    said = rig.command(14, "ON")
    assert {o["epoch"] for o in named(said, "system/intent_outcome")} == {1}


def test_safe_mode_is_a_stop_and_its_exit_obeys_the_five_seconds() -> None:
    rig = running()
    said = rig.send("system/command", {"command": "safe_mode"})
    assert named(said, "system/command/response")[0]["success"] is True
    assert stopped(rig)
    for wait, works in ((1, False), (5, True)):
        rig.run(wait)
        left = rig.send("system/command", {"command": "exit_safe_mode"})
        assert named(left, "system/command/response")[0]["success"] is True
        assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is works


@pytest.mark.parametrize("word", ["REBOOT", "STATUS", "", "reboot"])
def test_unknown_system_commands(word: str) -> None:
    said = online().send("system/command", {"command": word})
    (answer,) = named(said, "system/command/response")
    assert (answer["command"], answer["success"], answer["error"]) == (word, False, "Unknown command")


def test_system_commands_while_pending() -> None:
    rig = Rig()
    rig.connect()
    closed = named(rig.send("system/command", {"command": "status"}), "system/command/response")[0]
    assert closed["reason_code"] == "REGISTRATION_PENDING"
    rig.ack(status="pending_approval")
    status = named(rig.send("system/command", {"command": "status"}), "system/command/response")[0]
    assert (status["success"], status["state"], status["actuator_count"]) == (True, 10, 3)
    exit_ = named(rig.send("system/command", {"command": "exit_safe_mode"}), "system/command/response")[0]
    assert (exit_["reason_code"], exit_["state"]) == (
        "PENDING_APPROVAL_BLOCKED",
        "CONFIG_PENDING_AFTER_RESET",
    )


@pytest.mark.parametrize(
    "fields", [{"token": ""}, {"token": "x" * 65}, {"token": 1}, {"token": "x", "token_type": "?"}]
)
def test_bad_tokens_are_not_stored(fields: dict[str, Any]) -> None:
    rig = running()
    reply = rig.send("system/command", {"command": "set_emergency_token"} | fields)
    assert named(reply, "system/command/response")[0]["success"] is False
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    assert stopped(rig)


def test_an_oversized_system_command_is_not_read() -> None:
    said = online().send("system/command", json.dumps({"command": "status", "x": "y" * 230}))
    assert named(said, "system/command/response")[0]["error"] == "JSON_PARSE_ERROR"
