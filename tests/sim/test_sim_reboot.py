"""What a boot takes and what it leaves; and a node without configuration."""

import json
from dataclasses import replace
from typing import Any

import pytest

from godkaiser.io.sim.boot import Reason
from godkaiser.io.sim.spec import SECOND, ActuatorSpec
from tests.sim.rig import SPEC, START, Rig, named, old, online, outcomes, topics

BARE = replace(SPEC, sensors=(), actuators=())
PROBE = {"gpio": 34, "sensor_type": "moisture", "sensor_name": "bed"}
RELAY = {"gpio": 27, "actuator_type": "relay", "actuator_name": "lamp"}
PLACE = {"zone_id": "bench", "master_zone_id": "m", "zone_name": "n", "kaiser_id": "god"}
LIFE = "system/intent_outcome/lifecycle"


def back(rig: Rig, **ack: Any) -> Rig:
    """Boot, connect, be acknowledged."""
    rig.reboot()
    rig.connect()
    rig.ack(**ack)
    return rig


def beat(rig: Rig) -> dict[str, Any]:
    heartbeat: dict[str, Any] = named(rig.log, "system/heartbeat")[-1]
    return heartbeat


def test_counters_begin_anew_and_the_boot_is_counted() -> None:
    rig = online()
    rig.run(90)
    rig.node.reboot(rig.now, "BROWNOUT")
    announce, heartbeat, *_ = rig.connect()
    body = json.loads(heartbeat.payload)
    assert (body["boot_sequence_id"], body["reset_reason"], body["uptime"]) == (
        "ESP_AB12CD-b2-r9", "BROWNOUT", 0,
    )  # fmt: skip
    assert body["segment_start_ts"] == START // SECOND + 90
    assert body["config_status"]["boot_count"] == 2
    assert json.loads(announce.payload)["reason"] == "boot"
    first = rig.ack()[0]
    assert json.loads(first.payload)["seq"] == 1


@pytest.mark.parametrize(("reason", "number"), [("POWERON", 1), ("SW", 3), ("PANIC", 4), ("SDIO", 10)])
def test_reasons_have_numbers(reason: Reason, number: int) -> None:
    rig = online()
    rig.node.reboot(rig.now, reason)
    rig.connect()
    assert beat(rig)["boot_sequence_id"].endswith(f"-b2-r{number}")


def test_nothing_is_said_between_boot_and_connection() -> None:
    rig = online()
    rig.reboot()
    assert not rig.node.linked
    assert rig.command(14, "ON") == []
    assert rig.run(300) == []


def test_actuators_start_at_their_defaults_and_forget_the_stop() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    assert (rig.node.level(14), rig.node.level(26)) == (0.0, 0.0)
    rig.command(25, "ON")
    back(rig)
    assert (rig.node.level(14), rig.node.level(26)) == (0.0, 1.0)
    assert rig.world.driven["heater"] == 1.0
    assert named(rig.log, "actuator/26/status")[-1]["emergency"] == "normal"
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_timers_budgets_and_errors_are_forgotten() -> None:
    rig = online()
    for _ in range(61):
        rig.command(14, "ON")
        rig.command(14, "OFF")
    rig.command(26, "ON", duration=60)
    back(rig)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True
    rig.run(120)
    assert rig.node.level(26) == 1.0


def test_the_set_up_is_kept() -> None:
    rig = online()
    rig.send("zone/assign", PLACE)
    rig.send("subzone/assign", {"subzone_id": "s", "assigned_gpios": [34], "safe_mode_active": False})
    rig.send("config", {"correlation_id": "c", "generation": 7, "sensors": [PROBE], "actuators": [RELAY]})
    rig.send("system/command", {"command": "set_emergency_token", "token": "t"})
    back(rig)
    assert (beat(rig)["zone_id"], beat(rig)["actuator_count"]) == ("bench", 4)
    assert beat(rig)["config_status"]["subzone_count"] == 1
    stale = rig.send("config", {"correlation_id": "d", "generation": 7, "sensors": [PROBE]})
    assert outcomes(stale)[-1] == ("rejected", "STALE_SCOPE")
    assert outcomes(rig.send("actuator/emergency", {"command": "emergency_stop"})) == [
        ("rejected", "UNAUTHORIZED")
    ]


@pytest.mark.parametrize(
    ("status", "state"), [("online", 9), ("approved", 9), ("pending_approval", 10), ("rejected", 14)]
)
def test_the_approval_is_kept(status: str, state: int) -> None:
    rig = online()
    rig.ack(status=status)
    rig.reboot()
    rig.connect()
    assert beat(rig)["config_status"]["state"] == state


def test_outcomes_that_were_never_heard_are_told_after_the_boot() -> None:
    rig = Rig()
    rig.connect()
    rig.command(14, "ON", intent_id="i")
    rig.reboot()
    rig.connect()
    (late,) = named(rig.ack(), "system/intent_outcome")
    assert (late["intent_id"], late["code"], late["recovered"]) == ("i", "REGISTRATION_PENDING", True)
    assert named(rig.ack(), "system/intent_outcome") == []


def test_a_remembered_intent_is_forgotten() -> None:
    rig = online()
    rig.command(14, "ON", intent_id="same")
    back(rig)
    assert outcomes(rig.command(14, "OFF", intent_id="same"))[-1] == ("applied", "NONE")


def test_a_late_return_is_a_hand_over_and_an_early_one_is_not() -> None:
    epochs = []
    for away in (20, 40):
        rig = online()
        rig.reboot()
        rig.run(away)
        rig.connect()
        epochs.append(beat(rig)["active_handover_epoch"])
        assert "actuator/14/status" in topics(rig.ack(handover_epoch=1))
    assert epochs == [0, 1]


@pytest.mark.parametrize("kind", ["relay", "pump", "pwm", "valve"])
@pytest.mark.parametrize("default", [False, True])
def test_an_inverted_switch_starts_the_wrong_way_round_until_told(kind: str, default: bool) -> None:
    spec = replace(SPEC, actuators=(ActuatorSpec(26, kind, "heater", default, inverted=True),))
    rig = online(spec)
    wrong = kind in ("relay", "pump")
    assert rig.node.level(26) == float(default is not wrong)
    assert rig.node.safe is not wrong
    assert rig.world.driven["heater"] == rig.node.level(26)
    assert named(rig.log, "actuator/26/status")[-1]["state"] is default, "what the firmware believes"
    rig.command(26, "ON" if default else "OFF")
    assert rig.node.safe
    rig.reboot()
    assert rig.node.safe is not wrong


def test_a_configured_inversion_shows_at_the_next_boot() -> None:
    rig = online()
    fields = {"gpio": 14, "actuator_type": "pump", "actuator_name": "p", "inverted_logic": True}
    rig.send("config", {"correlation_id": "c", "actuators": [fields]})
    assert rig.node.level(14) == 0.0
    rig.reboot()
    assert rig.node.level(14) == 1.0


def test_the_older_generation_boots_the_same_way() -> None:
    rig = old()
    rig.command(14, "ON")
    rig.run(30, ack=False)
    rig.reboot()
    assert rig.node.level(14) == 0.0
    rig.connect()
    assert [b["uptime"] for b in named(rig.run(130, ack=False), "system/heartbeat")] == [60, 120]


# -- factory reset -----------------------------------------------------------------------------------------


def test_a_factory_reset_boots_after_3_s_and_forgets_the_place() -> None:
    rig = online()
    rig.send("zone/assign", PLACE)
    rig.send("system/command", {"command": "factory_reset", "confirm": True})
    linked = []
    for seconds in (2.9, 0.1):
        rig.run(seconds)
        linked.append(rig.node.linked)
    assert linked == [True, False]
    rig.connect()
    assert (beat(rig)["zone_id"], beat(rig)["zone_assigned"]) == ("", False)
    assert (beat(rig)["reset_reason"], beat(rig)["sensor_count"]) == ("SW", 4)


def test_a_message_may_bring_the_reset_about() -> None:
    rig = online()
    rig.send("system/command", {"command": "factory_reset", "confirm": True})
    rig.now += 4 * SECOND
    assert rig.command(14, "ON") == []
    assert rig.node.level(14) == 0.0


# -- without a configuration -------------------------------------------------------------------------------


def pending() -> Rig:
    """An approved node that has nothing configured, after a boot."""
    return back(online(BARE))


def test_it_is_told_once_and_only_a_configuration_gets_it_out() -> None:
    rig = pending()
    (entered,) = named(rig.log, LIFE)
    assert (entered["event_type"], entered["config_pending_enter_count"]) == ("entered_config_pending", 1)
    assert entered["boot_sequence_id"].endswith("-b2-r9")
    rig.ack()
    rig.send("zone/assign", PLACE)
    rig.run(60)
    assert beat(rig)["config_status"]["state"] == 8
    assert len(named(rig.log, LIFE)) == 1


def test_what_it_refuses_and_what_it_does() -> None:
    rig = pending()
    refused = rig.command(14, "ON")
    assert "reason_code=CONFIG_PENDING_BLOCKED" in named(refused, "actuator/14/response")[0]["message"]
    assert outcomes(refused) == [("rejected", "CONFIG_PENDING_BLOCKED")]
    measured = rig.send("sensor/4/command", {"command": "measure"})
    assert outcomes(measured) == [("rejected", "CONFIG_PENDING_BLOCKED")]
    (answer,) = named(rig.send("system/command", {"command": "status"}), "system/command/response")
    assert (answer["success"], answer["state"]) == (True, 8)
    reset = rig.send("system/command", {"command": "factory_reset", "confirm": True})
    assert named(reset, "system/command/response")[0]["reason_code"] == "CONFIG_PENDING_BLOCKED"


RULE = {"actuator_gpio": 27, "sensor_gpio": 34, "sensor_value_type": "moisture", "activate_below": 20}


@pytest.mark.parametrize(
    ("sections", "event", "decision"),
    [
        ({"sensors": [PROBE], "actuators": [RELAY]}, "exited", "CONFIG_PENDING_EXIT_READY"),
        ({"sensors": [PROBE]}, "exit_blocked", "MISSING_ACTUATORS"),
        ({"actuators": [RELAY]}, "exit_blocked", "MISSING_SENSORS"),
        ({"offline_rules": [RULE]}, "exited", "OFFLINE_RULES_ONLY_AUTO_EXIT"),
    ],
)
def test_the_way_out(sections: dict[str, Any], event: str, decision: str) -> None:
    rig = pending()
    (told,) = named(rig.send("config", {"correlation_id": "c"} | sections), LIFE)
    assert (told["event_type"], told["readiness_decision"]) == (f"{event}_config_pending", decision)
    gone = event == "exited"
    assert told["state_after"] == ("OPERATIONAL" if gone else "CONFIG_PENDING_AFTER_RESET")
    assert (told["config_pending_exit_count"], told["config_pending_exit_blocked_count"]) == (gone, not gone)
    rig.run(60)
    assert beat(rig)["config_status"]["state"] == (9 if gone else 8)


def test_a_failed_configuration_changes_nothing() -> None:
    rig = pending()
    said = rig.send("config", {"correlation_id": "c", "sensors": [PROBE | {"gpio": 1}], "actuators": [RELAY]})
    assert not named(said, LIFE)


def test_neither_a_configured_nor_a_new_node_is_in_that_state() -> None:
    assert not named(back(online()).log, LIFE)
    assert not named(online(BARE).log, LIFE)


# -- time --------------------------------------------------------------------------------------------------


def test_before_sync_every_time_is_nought_and_the_boot_is_counted_in_uptime() -> None:
    rig = Rig(replace(SPEC, synced=False))
    rig.now += 7 * SECOND
    announce, *_ = rig.connect()
    rig.ack(server_time=None)
    said = rig.command(14, "ON") + rig.run(60)
    timed = [json.loads(message.payload) for message in (*rig.log, *said)]
    assert {body["ts"] for body in timed if "ts" in body} == {0}
    assert {body["time_valid"] for body in timed if "time_valid" in body} == {False}
    assert json.loads(announce.payload)["ts_ms"] == 7000
    assert json.loads(rig.node.will.payload)["timestamp"] == 0


@pytest.mark.parametrize("time", [0, -1, 1_699_999_999, 2_500_000_001, "1777593600", 1.8e9, True])
def test_no_other_time_sets_the_clock(time: object) -> None:
    rig = Rig(replace(SPEC, synced=False))
    rig.connect()
    rig.ack(server_time=time)
    assert named(rig.run(60), "system/heartbeat")[-1]["ts"] == 0


def test_a_boot_takes_the_time_along() -> None:
    rig = Rig(replace(SPEC, synced=False))
    rig.connect()
    rig.ack(server_time=1_800_000_000)
    assert named(rig.run(60), "system/heartbeat")[-1]["ts"] == 1_800_000_060
    rig.reboot()
    rig.connect()
    assert (beat(rig)["ts"], beat(rig)["segment_start_ts"]) == (0, 0)
