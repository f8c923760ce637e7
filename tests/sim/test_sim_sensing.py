"""A measurement on demand: data, answer, outcomes."""

from typing import Any

import pytest

from godkaiser.io.sim.spec import Publish
from tests.sim.rig import Rig, named, online, outcomes, topics

ACCEPTED = ("accepted", "COMMAND_ACCEPTED")


def measure(rig: Rig, gpio: int, **fields: Any) -> list[Publish]:
    return rig.send(f"sensor/{gpio}/command", {"command": "measure"} | fields)


def test_data_then_answer_then_outcome() -> None:
    rig = online()
    said = measure(rig, 4, request_id="r1", intent_id="i1", correlation_id="c1", ttl_ms=9000)
    assert topics(said) == [
        "system/intent_outcome", "sensor/4/data", "sensor/4/response", "system/intent_outcome",
    ]  # fmt: skip
    (data,), (answer,) = named(said, "sensor/4/data"), named(said, "sensor/4/response")
    assert list(answer) == [
        "request_id", "gpio", "command", "success", "measurement_ok", "publish_ok", "timeout", "reason_code",
        "quality", "sensor_type", "raw", "ts", "seq", "intent_id", "correlation_id", "ttl_ms",
    ]  # fmt: skip
    assert answer | {"ts": 0, "seq": 0} == {
        "request_id": "r1", "gpio": 4, "command": "measure", "success": True, "measurement_ok": True,
        "publish_ok": True, "timeout": False, "reason_code": "NONE", "quality": "good",
        "sensor_type": "ds18b20", "raw": data["raw"], "ts": 0, "seq": 0, "intent_id": "i1",
        "correlation_id": "c1", "ttl_ms": 9000,
    }  # fmt: skip
    assert outcomes(said) == [ACCEPTED, ("applied", "NONE")]
    assert answer["seq"] == data["seq"] + 1


def test_a_chip_of_two_values_publishes_both() -> None:
    said = measure(online(), 0, request_id="r")
    assert [data["sensor_type"] for data in named(said, "sensor/0/data")] == ["sht31_temp", "sht31_humidity"]
    (answer,) = named(said, "sensor/0/response")
    assert answer["sensor_type"] == "sht31_temp"


def test_without_a_request_id_there_are_outcomes_only() -> None:
    said = measure(online(), 34)
    assert named(said, "sensor/34/data")
    assert not named(said, "sensor/34/response")
    assert outcomes(said) == [ACCEPTED, ("applied", "NONE")]


@pytest.mark.parametrize(("gpio", "code"), [(33, "SENSOR_NOT_FOUND"), (34, "MEASUREMENT_FAILED")])
def test_nothing_measured(gpio: int, code: str) -> None:
    rig = online()
    del rig.world.values["moisture"]
    said = measure(rig, gpio, request_id="r")
    (answer,) = named(said, f"sensor/{gpio}/response")
    assert (answer["success"], answer["measurement_ok"], answer["reason_code"]) == (False, False, code)
    assert outcomes(said) == [ACCEPTED, ("failed", code)]
    assert not named(said, f"sensor/{gpio}/data")


def test_what_cannot_be_measured_is_silent_on_the_grid_too() -> None:
    rig = online()
    del rig.world.values["moisture"]
    said = rig.run(120)
    assert named(said, "sensor/4/data")
    assert not named(said, "sensor/34/data")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "INVALID_JSON"),
        (b'{"command":"measure","pad":"' + b"x" * 340 + b'"}', "INVALID_JSON"),
        (b'{"command":"measure"' + b" " * 500 + b"}", "INVALID_JSON"),
        (b'{"command":"MEASURE"}', "UNKNOWN_COMMAND"),
        (b"{}", "UNKNOWN_COMMAND"),
        (b"[]", "UNKNOWN_COMMAND"),
    ],
)
def test_refused_sensor_commands(payload: bytes, code: str) -> None:
    said = online().send("sensor/4/command", payload)
    assert topics(said) == ["system/intent_outcome"]
    assert outcomes(said) == [("rejected", code)]


@pytest.mark.parametrize(
    ("status", "code"),
    [("pending_approval", "PENDING_APPROVAL_BLOCKED"), ("rejected", "DEGRADED_MODE_BLOCKED")],
)
def test_limited_modes_measure_nothing(status: str, code: str) -> None:
    rig = Rig()
    rig.connect()
    rig.ack(status=status)
    said = measure(rig, 4, request_id="r")
    assert outcomes(said) == [("rejected", code)]
    assert not named(said, "sensor/4/data")


def test_before_the_first_ack_the_refusal_is_told_later() -> None:
    rig = Rig()
    rig.connect()
    assert measure(rig, 4, request_id="r", intent_id="i") == []
    (late,) = named(rig.ack(), "system/intent_outcome")
    assert (late["code"], late["intent_id"]) == ("REGISTRATION_PENDING", "i")


def test_a_measurement_may_come_too_late() -> None:
    rig = online()
    rig.run(10)
    said = measure(rig, 4, request_id="r", ttl_ms=500, created_at_ms=1)
    assert outcomes(said) == [ACCEPTED, ("expired", "TTL_EXPIRED")]
    assert not named(said, "sensor/4/data")
