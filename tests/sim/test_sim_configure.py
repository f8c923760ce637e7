"""A configuration on its way into a node: admission, tables, answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.firmware.judge import judge
from godkaiser.io.sim.spec import Publish
from tests.sim.rig import ROOT, Rig, named, online, outcomes, topics

ROM = "28FF641E8D3C0C79"
PROBE = {"gpio": 32, "sensor_type": "moisture", "sensor_name": "bed"}
CHIP = {"gpio": 0, "sensor_type": "sht31", "sensor_name": "air", "i2c_address": 0x45}
RELAY = {"gpio": 27, "actuator_type": "relay", "actuator_name": "mist"}
PUMP = {"gpio": 14, "actuator_type": "pump", "actuator_name": "pump", "max_runtime_ms": 600_000}
DONE = [("accepted", "CONFIG_ACCEPTED"), ("persisted", "NONE")]
FAILED = [("accepted", "CONFIG_ACCEPTED"), ("failed", "COMMIT_FAILED")]


def push(rig: Rig, **sections: Any) -> list[Publish]:
    ids = {"correlation_id": "c1", "intent_id": f"i{len(rig.log)}"}
    return rig.send("config", ids | sections)


def answers(said: list[Publish]) -> list[tuple[str, str, str]]:
    """Type, status and error code of each config_response."""
    return [(a["type"], a["status"], a.get("error_code", "")) for a in named(said, "config_response")]


def counts(rig: Rig) -> tuple[int, int]:
    rig.run(60)
    beat = named(rig.log, "system/heartbeat")[-1]
    return beat["sensor_count"], beat["actuator_count"]


# -- admission ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "error", "code"),
    [
        (b'{"correlation_id":"c"}' + b" " * 4330, "PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE"),
        (b"{", "JSON_PARSE_ERROR", "JSON_PARSE_ERROR"),
        (b'{"correlation_id":"c","x":[' + b"1," * 600 + b"1]}", "JSON_PARSE_ERROR", "JSON_PARSE_ERROR"),
        (b'{"sensors":[]}', "CONTRACT_MISSING_CORRELATION", "CONTRACT_CORRELATION_MISSING"),
    ],
)
def test_pushes_that_are_not_admitted(payload: bytes, error: str, code: str) -> None:
    said = online().send("config", payload)
    assert answers(said) == [("system", "error", error)]
    assert outcomes(said) == [("rejected", code)]


def test_too_much_for_the_pool_is_said_so() -> None:
    said = online().send("config", b'{"correlation_id":"c","x":[' + b"1," * 600 + b"1]}")
    assert named(said, "config_response")[0]["message"] == "NoMemory"


def test_before_the_first_ack_nothing_is_applied() -> None:
    rig = Rig()
    rig.connect()
    assert push(rig, sensors=[PROBE]) == []
    late = rig.ack()
    assert ("rejected", "REGISTRATION_PENDING") in outcomes(late)
    assert counts(rig) == (4, 3)


def test_a_pending_node_takes_its_configuration() -> None:
    rig = Rig()
    rig.connect()
    rig.ack(status="pending_approval")
    assert outcomes(push(rig, sensors=[PROBE])) == DONE


def test_a_push_may_come_too_late() -> None:
    rig = online()
    rig.run(10)
    said = push(rig, sensors=[PROBE], ttl_ms=100, created_at_ms=1)
    assert outcomes(said) == [("accepted", "CONFIG_ACCEPTED"), ("expired", "TTL_EXPIRED")]
    assert counts(rig) == (4, 3)


def test_a_correlation_in_data_will_do() -> None:
    rig = online()
    said = rig.send("config", {"data": {"correlation_id": "d1"}, "sensors": []})
    assert named(said, "config_response")[0]["correlation_id"] == "d1"


# -- answers -----------------------------------------------------------------------------------------------


def test_one_answer_for_each_section_but_the_rules() -> None:
    rule = {"actuator_gpio": 14, "sensor_gpio": 0, "sensor_value_type": "sht31_temp", "activate_below": 5}
    said = push(online(), sensors=[PROBE, CHIP], actuators=[RELAY], offline_rules=[rule])
    sensors, actuators = named(said, "config_response")
    assert list(sensors) == [
        "status", "type", "count", "failed_count", "message", "seq", "correlation_id",
    ]  # fmt: skip
    assert (sensors["status"], sensors["type"], sensors["count"]) == ("success", "sensor", 2)
    assert (actuators["status"], actuators["type"], actuators["count"]) == ("success", "actuator", 1)
    assert actuators["correlation_id"] == "c1"
    assert outcomes(said) == DONE


def test_rules_alone_are_answered_by_the_outcome() -> None:
    said = push(online(), offline_rules=[])
    assert topics(said) == ["system/intent_outcome"] * 2
    assert outcomes(said) == DONE


def test_empty_sections_delete_nothing() -> None:
    rig = online()
    said = push(rig, sensors=[], actuators=[])
    assert [a["count"] for a in named(said, "config_response")] == [0, 0]
    assert counts(rig) == (4, 3)


def test_good_sensors_stay_when_others_fail() -> None:
    rig = online()
    bad = [{"gpio": 33}, PROBE | {"gpio": "32"}, PROBE | {"gpio": 12}, PROBE | {"gpio": 14}, 7]
    said = push(rig, sensors=[PROBE, *bad])
    sensors, commit = named(said, "config_response")
    assert (sensors["status"], sensors["count"], sensors["failed_count"]) == ("partial_success", 1, 5)
    assert [(f["gpio"], f["error"], f["error_code"]) for f in sensors["failures"]] == [
        (33, "MISSING_FIELD", 2011),
        (255, "TYPE_MISMATCH", 2010),
        (12, "GPIO_CONFLICT", 1002),
        (14, "GPIO_CONFLICT", 1002),
        (255, "TYPE_MISMATCH", 2010),
    ]
    assert list(sensors["failures"][0]) == ["type", "gpio", "error_code", "error", "detail"]
    assert (commit["type"], commit["error_code"]) == ("system", "COMMIT_FAILED")
    assert outcomes(said) == FAILED
    assert counts(rig) == (5, 3)


def test_ten_failures_at_most() -> None:
    (sensors, _) = named(push(online(), sensors=[{}] * 12), "config_response")
    assert (sensors["status"], len(sensors["failures"]), sensors["failed_count"]) == ("error", 10, 12)


def test_each_failed_actuator_has_its_own_answer_and_there_is_no_summary() -> None:
    bad = [RELAY | {"actuator_type": "fan"}, {"gpio": 5, "name": "x"}]
    rig = online()
    said = push(rig, actuators=[RELAY, *bad])
    assert answers(said) == [
        ("actuator", "error", "VALIDATION_FAILED"),
        ("actuator", "error", "MISSING_FIELD"),
        ("system", "error", "COMMIT_FAILED"),
    ]
    assert named(said, "config_response")[0]["failed_item"] == bad[0]
    assert counts(rig) == (4, 4)


def test_a_section_that_is_no_array() -> None:
    said = push(online(), actuators={"gpio": 5})
    assert answers(said) == [("actuator", "error", "TYPE_MISMATCH"), ("system", "error", "COMMIT_FAILED")]


def test_what_comes_back_is_json_whatever_came_in() -> None:
    text = json.dumps({"correlation_id": "c", "actuators": [{"gpio": 1.5, 'a"b': "ü\ud800"}]})
    text = text.replace("1.5", "1e999")
    said = online().send("config", text)
    assert all(b"Infinity" not in message.payload for message in said)
    assert named(said, "config_response")[0]["failed_item"] == {"gpio": None, 'a"b': "ü?"}


# -- generation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "taken"), [(8, True), (7, False), (6, False), (0, True), (None, True)]
)
def test_generations_rise(generation: int | None, taken: bool) -> None:
    rig = online()
    push(rig, sensors=[PROBE], generation=7)
    later = {} if generation is None else {"generation": generation}
    said = push(rig, sensors=[PROBE | {"gpio": 33}], **later)
    if taken:
        assert outcomes(said) == DONE
    else:
        assert answers(said) == [("sensor", "error", "STALE_SCOPE")]
        assert outcomes(said)[-1] == ("rejected", "STALE_SCOPE")
    assert counts(rig) == (5 + taken, 3)


def test_a_push_without_a_generation_leaves_the_guard_up() -> None:
    rig = online()
    push(rig, sensors=[PROBE], generation=7)
    push(rig, sensors=[PROBE])
    assert outcomes(push(rig, sensors=[PROBE], generation=7))[-1] == ("rejected", "STALE_SCOPE")


def test_sections_age_on_their_own_and_the_refusal_hides_the_success() -> None:
    rig = online()
    push(rig, sensors=[PROBE], generation=7)
    said = push(rig, sensors=[PROBE | {"gpio": 33}], actuators=[RELAY], generation=7)
    assert answers(said) == [("sensor", "error", "STALE_SENSOR_SCOPE"), ("actuator", "success", "")]
    assert outcomes(said) == [("accepted", "CONFIG_ACCEPTED"), ("rejected", "STALE_SENSOR_SCOPE")]
    assert counts(rig) == (5, 4)


def test_a_failed_push_may_be_repeated_with_its_generation() -> None:
    rig = online()
    push(rig, sensors=[PROBE | {"gpio": 12}], generation=7)
    assert outcomes(push(rig, sensors=[PROBE], generation=7)) == DONE


# -- sensors -----------------------------------------------------------------------------------------------


def test_a_new_sensor_reports_on_its_own_grid() -> None:
    rig = online()
    push(rig, sensors=[PROBE | {"measurement_interval_seconds": 60, "subzone_id": "bed"}])
    said = rig.run(120)
    readings = named(said, "sensor/32/data")
    assert [reading["ts"] % 60 for reading in readings] == [0, 0]
    assert {(r["sensor_type"], r["subzone_id"]) for r in readings} == {("moisture", "bed")}


def test_a_chip_becomes_one_sensor_for_each_value() -> None:
    rig = online()
    push(rig, sensors=[CHIP])
    said = named(rig.run(30), "sensor/0/data")
    assert [(d["sensor_type"], d["i2c_address"]) for d in said] == [
        ("sht31_temp", 68), ("sht31_humidity", 68), ("sht31_temp", 69), ("sht31_humidity", 69),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["on_demand", "paused", "scheduled"])
def test_other_modes_are_silent_until_asked(mode: str) -> None:
    rig = online()
    push(rig, sensors=[{"gpio": 34, "sensor_type": "moisture", "sensor_name": "", "operating_mode": mode}])
    assert counts(rig) == (4, 3)
    assert not named(rig.log, "sensor/34/data")
    said = rig.send("sensor/34/command", {"command": "measure", "request_id": "r"})
    assert named(said, "sensor/34/data")


def test_a_new_interval_replaces_the_old() -> None:
    rig = online()
    item = {"gpio": 4, "sensor_type": "DS18B20", "sensor_name": "tank", "onewire_address": ROM.lower()}
    push(rig, sensors=[item | {"measurement_interval_seconds": 10}])
    assert len(named(rig.run(60), "sensor/4/data")) == 6
    assert counts(rig) == (4, 3)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ({"gpio": 34, "sensor_type": "soil_moisture"}, 3),
        ({"gpio": 34, "sensor_type": "ph"}, 4),
        ({"gpio": 0, "sensor_type": "sht31"}, 2),
        ({"gpio": 0, "sensor_type": "humidity_sht31"}, 3),
        ({"gpio": 0, "sensor_type": "sht31", "i2c_address": 69}, 4),
        ({"gpio": 4, "sensor_type": "ds18b20"}, 3),
        ({"gpio": 4, "sensor_type": "ds18b20", "onewire_address": ROM}, 3),
        ({"gpio": 4, "sensor_type": "ds18b20", "onewire_address": "0" * 16}, 4),
    ],
)
def test_inactive_means_gone(gone: dict[str, Any], left: int) -> None:
    rig = online()
    assert outcomes(push(rig, sensors=[gone | {"sensor_name": "", "active": False}])) == DONE
    assert counts(rig) == (left, 3)


def test_a_table_has_room_for_so_many() -> None:
    rig = online()
    probes = [
        {"gpio": 4, "sensor_type": "ds18b20", "sensor_name": "", "onewire_address": f"{n:016X}"}
        for n in range(17)
    ]
    (sensors, _) = named(push(rig, sensors=probes), "config_response")
    assert (sensors["count"], sensors["failures"][0]["error"]) == (16, "VALIDATION_FAILED")
    drives = [RELAY | {"gpio": gpio} for gpio in (5, 15, 16, 17, 18, 19, 23, 27, 33, 32)]
    assert answers(push(rig, actuators=drives))[0] == ("actuator", "error", "VALIDATION_FAILED")
    assert counts(rig) == (20, 12)


# -- actuators ---------------------------------------------------------------------------------------------


def test_a_new_actuator_reports_itself_and_obeys() -> None:
    rig = online()
    said = push(rig, actuators=[RELAY | {"subzone_id": "bed"}])
    (status,) = named(said, "actuator/27/status")
    assert (status["type"], status["state"], status["subzone_id"]) == ("relay", False, "bed")
    rig.command(27, "ON")
    assert rig.node.level(27) == 1.0


def test_an_equal_configuration_is_no_change() -> None:
    rig = online()
    rig.command(14, "ON")
    assert not named(push(rig, actuators=[PUMP]), "actuator/14/status")
    assert rig.node.level(14) == 1.0


def test_a_changed_limit_is_taken_over_in_the_run() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.run(60)
    said = push(rig, actuators=[PUMP | {"max_runtime_ms": 90_000}])
    assert named(said, "actuator/14/status")[0]["state"] is True
    assert named(rig.run(30), "actuator/14/alert")[0]["alert_type"] == "runtime_protection"


def test_a_limit_that_is_over_already_stops_at_once() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.run(60)
    said = push(rig, actuators=[PUMP | {"max_runtime_ms": 30_000}])
    assert named(said, "actuator/14/alert")[0]["alert_type"] == "runtime_protection"
    assert rig.node.level(14) == 0.0
    assert rig.node.next_wakeup > rig.now


def test_another_type_is_another_driver_and_starts_off() -> None:
    rig = online()
    rig.command(14, "ON")
    (status,) = named(push(rig, actuators=[PUMP | {"actuator_type": "pwm"}]), "actuator/14/status")
    assert (status["type"], status["state"]) == ("pwm", False)
    rig.command(14, "PWM", value=0.4)
    assert rig.node.level(14) == pytest.approx(0.4)


def test_a_stop_outlives_another_type() -> None:
    rig = online()
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    push(rig, actuators=[PUMP | {"actuator_type": "relay"}])
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is False


def test_an_inactive_actuator_goes_off_and_is_gone() -> None:
    rig = online()
    rig.command(14, "ON")
    push(rig, actuators=[PUMP | {"active": False}])
    assert (rig.world.driven["pump"], rig.node.level(14)) == (0.0, 0.0)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["message"].endswith("not found")
    assert counts(rig) == (4, 2)


def test_a_pin_given_back_can_be_used_otherwise() -> None:
    rig = online()
    moisture = {"gpio": 14, "sensor_type": "moisture", "sensor_name": ""}
    assert outcomes(push(rig, sensors=[moisture])) == FAILED
    push(rig, actuators=[PUMP | {"active": False}])
    assert outcomes(push(rig, sensors=[moisture])) == DONE


def test_a_valve_takes_the_next_pin_too() -> None:
    rig = online()
    valve = {"gpio": 26, "actuator_type": "valve", "actuator_name": ""}
    assert outcomes(push(rig, actuators=[valve])) == DONE
    assert answers(push(rig, actuators=[RELAY]))[0] == ("actuator", "error", "GPIO_CONFLICT")


# -- the judge and the node --------------------------------------------------------------------------------

items = st.fixed_dictionaries(
    {},
    optional={
        "gpio": st.sampled_from([0, 4, 5, 12, 14, 21, 27, 32, 34, 255, "4", None]),
        "sensor_type": st.sampled_from(["moisture", "sht31", "ds18b20", "", 1]),
        "actuator_type": st.sampled_from(["pump", "relay", "valve", "fan", None]),
        "sensor_name": st.just(""),
        "name": st.just(""),
        "active": st.sampled_from([True, False, 0, "true", "no"]),
        "onewire_address": st.sampled_from([ROM, "", "x"]),
        "max_runtime_ms": st.sampled_from([1000, 0]),
    },
)


@given(st.sampled_from(["sensors", "actuators"]), st.lists(items, max_size=3))
def test_a_bare_node_persists_whatever_the_judge_lets_pass(name: str, pushed: list[dict[str, Any]]) -> None:
    rig = online()
    for gpio in (14, 25, 26):
        gone = {"gpio": gpio, "actuator_type": "pump", "actuator_name": "", "active": False}
        assert outcomes(push(rig, actuators=[gone])) == DONE
    for old in ({"gpio": 4, "sensor_type": "ds18b20"}, {"gpio": 34, "sensor_type": "moisture"}):
        assert outcomes(push(rig, sensors=[old | {"sensor_name": "", "active": False}])) == DONE
    body = json.dumps({"correlation_id": "c", name: pushed}, separators=(",", ":")).encode()
    verdict = judge(ROOT + "config", body)
    said = rig.send("config", body)
    assert (outcomes(said) == DONE) or not verdict.valid
    rig.run(60)
    assert all(isinstance(json.loads(message.payload), dict) for message in rig.log)
