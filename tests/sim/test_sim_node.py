"""What a node says by itself, and how it takes commands."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.spec import SECOND, NodeSpec, Publish
from tests.sim.rig import BROADCAST, NODE, ROOT, SERVER, SPEC, START, Rig, named, online, outcomes, topics

TS = START // SECOND


def test_subscriptions_in_the_order_of_the_device() -> None:
    assert Rig().node.subscriptions == (
        (ROOT + "system/heartbeat/ack", 1),
        (ROOT + "config", 2),
        (ROOT + "system/command", 2),
        (BROADCAST, 2),
        (ROOT + "actuator/+/command", 2),
        (ROOT + "actuator/emergency", 1),
        (ROOT + "zone/assign", 1),
        (ROOT + "subzone/assign", 1),
        (ROOT + "subzone/remove", 1),
        (ROOT + "subzone/safe", 1),
        (ROOT + "sensor/+/command", 2),
        (SERVER, 1),
    )


def test_the_will_is_retained_and_dated_at_connect() -> None:
    body = f'{{"status":"offline","esp_id":"{NODE}","reason":"unexpected_disconnect","timestamp":{TS}}}'
    assert Rig().node.will == Publish(ROOT + "system/will", body.encode(), 1, retain=True)


def test_first_words_of_a_connection() -> None:
    announce, heartbeat, metrics = Rig().connect()
    assert announce == Publish(
        f"kaiser/god/esp/{NODE}/session/announce",
        f'{{"esp_id":"{NODE}","handover_epoch":1,"session_epoch":1,"reason":"boot",'
        f'"ts_ms":{TS}000,"boot_ts":"{TS}"}}'.encode(),
        1,
    )
    assert (heartbeat.topic, heartbeat.qos) == (ROOT + "system/heartbeat", 0)
    assert (metrics.topic, metrics.qos) == (ROOT + "system/heartbeat_metrics", 0)
    beat = json.loads(heartbeat.payload)
    assert list(beat) == [
        "esp_id", "zone_id", "master_zone_id", "zone_assigned", "ts", "time_valid", "boot_sequence_id",
        "reset_reason", "segment_start_ts", "uptime", "heap_free", "wifi_rssi", "sensor_count",
        "actuator_count", "wifi_ip", "active_handover_epoch", "handover_completed_epoch",
        "persistence_degraded", "persistence_degraded_reason", "runtime_state_degraded",
        "mqtt_circuit_breaker_open", "wifi_circuit_breaker_open", "network_degraded", "config_status",
    ]  # fmt: skip
    assert beat["config_status"]["state"] == 10
    assert (beat["ts"], beat["uptime"], beat["sensor_count"], beat["actuator_count"]) == (TS, 0, 4, 3)


def test_heartbeats_every_5_s_until_acknowledged_then_every_minute() -> None:
    rig = Rig()
    rig.connect()
    silent = named(rig.run(12, ack=False), "system/heartbeat")
    assert [beat["uptime"] for beat in silent] == [5, 10]
    rig.ack()
    beats = named(rig.run(180), "system/heartbeat")
    assert [beat["uptime"] for beat in beats] == [60, 120, 180]
    assert {beat["config_status"]["state"] for beat in beats} == {9}


def test_the_gate_holds_everything_back_until_the_first_ack() -> None:
    rig = Rig()
    rig.connect()
    assert set(topics(rig.run(120, ack=False))) == {"system/heartbeat", "system/heartbeat_metrics"}
    assert topics(rig.ack()) == [f"actuator/{gpio}/status" for gpio in (14, 25, 26)]
    assert named(rig.run(30), "sensor/4/data")


def test_sensor_data_byte_for_byte() -> None:
    rig = online()
    said = rig.run(30)
    data = [m for m in said if m.topic.startswith(ROOT + "sensor/")]
    assert [m.topic.removeprefix(ROOT) for m in data] == ["sensor/0/data", "sensor/0/data", "sensor/4/data"]
    fields = json.loads(data[2].payload)
    raw, seq = fields["raw"], fields["seq"]
    assert abs(raw - 292) <= 3
    expected = (
        f'{{"esp_id":"{NODE}","seq":{seq},"zone_id":"propagation","subzone_id":"","gpio":4,'
        f'"sensor_type":"ds18b20","raw":{raw},"value":{raw / 16:.2f},"unit":"°C","quality":"good",'
        f'"ts":{TS + 30},"time_valid":true,"raw_mode":true,"onewire_address":"28FF641E8D3C0C79"}}'
    )
    assert data[2].payload.decode() == expected
    assert data[2].qos == 1
    assert json.loads(data[0].payload)["i2c_address"] == 68


@pytest.mark.parametrize(("percent", "raw", "quality"), [(45.0, 2080, "good"), (-100.0, 4095, "suspect")])
def test_analog_sensors_give_counts(percent: float, raw: int, quality: str) -> None:
    rig = online()
    rig.world.values["moisture"] = percent
    (reading,) = named(rig.run(60), "sensor/34/data")
    assert abs(reading["raw"] - raw) < 15
    assert reading["value"] == reading["raw"]
    assert (reading["unit"], reading["quality"]) == ("raw", quality)
    assert "i2c_address" not in reading


def test_seq_rises_over_all_kinds() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.run(60)
    seqs = [json.loads(message.payload).get("seq") for message in rig.log]
    numbered = [seq for seq in seqs if seq is not None]
    assert numbered == list(range(1, len(numbered) + 1))


def test_everything_periodic_lies_on_the_grid() -> None:
    rig = online()
    while rig.now < START + 3600 * SECOND:
        rig.now = rig.node.next_wakeup
        rig.node.tick(rig.now)
        rig.ack()
        assert (rig.now - START) % (30 * SECOND) == 0


def test_an_unsynced_clock_is_set_by_the_first_ack() -> None:
    rig = Rig(NodeSpec(NODE, "esp32_dev", "", SPEC.sensors, SPEC.actuators, synced=False))
    rig.now += 3 * SECOND
    announce, beat, *_ = rig.connect()
    assert json.loads(announce.payload)["ts_ms"] == 3000
    assert json.loads(announce.payload)["boot_ts"] == "3"
    assert (json.loads(beat.payload)["ts"], json.loads(beat.payload)["time_valid"]) == (0, False)
    assert json.loads(beat.payload)["zone_assigned"] is False
    status = named(rig.ack(server_time=TS + 1000), "actuator/14/status")
    assert status[0]["ts"] == TS + 1000


@pytest.mark.parametrize(
    ("gpio", "command", "value", "duty"),
    [
        (14, "ON", None, 255),
        (14, "on", None, 255),
        (14, "TOGGLE", None, 255),
        (14, "PWM", 0.5, 255),
        (14, "PWM", 0.49, 0),
        (25, "PWM", 0.8, 204),
        (25, "PWM", 1.7, 255),
        (25, "PWM", -3, 0),
        (25, "ON", 0.2, 255),
        (26, "OFF", None, 0),
        (26, "TOGGLE", None, 0),
    ],
)
def test_accepted_commands(gpio: int, command: str, value: float | None, duty: int) -> None:
    rig = online()
    before = rig.node.level(gpio)
    fields = {} if value is None else {"value": value}
    said = rig.command(gpio, command, **fields, correlation_id="c1", intent_id="i1", issued_by="user:1")
    (answer,) = named(said, f"actuator/{gpio}/response")
    assert list(answer) == [
        "esp_id", "seq", "zone_id", "ts", "gpio", "command", "value", "duration", "success", "message",
        "correlation_id", "issued_by",
    ]  # fmt: skip
    assert (answer["command"], answer["success"], answer["correlation_id"]) == (command, True, "c1")
    assert outcomes(said) == [("accepted", "COMMAND_ACCEPTED"), ("applied", "NONE")]
    assert round(rig.node.level(gpio) * 255) == duty
    if rig.node.level(gpio) != before or command.upper() in ("ON", "OFF"):
        (status,) = named(said, f"actuator/{gpio}/status")
        assert (status["pwm"], status["state"], status["command_source"]) == (duty, duty > 0, "user:1")
        assert topics(said).index(f"actuator/{gpio}/response") < topics(said).index(f"actuator/{gpio}/status")


@pytest.mark.parametrize(
    ("gpio", "payload"),
    [
        (14, b'{"command":"STOP"}'),
        (14, b'{"command":"PWM","value":1.5}'),
        (14, b'{"command":"PWM","value":-0.1}'),
        (14, b'{"command" :"ON"}'),
        (14, b"{}"),
        (14, b"\xff\xfe"),
        (14, b'{"pad":"' + b"x" * 520 + b'","command":"ON"}'),
        (99, b'{"command":"ON"}'),
    ],
)
def test_refused_commands_move_nothing(gpio: int, payload: bytes) -> None:
    rig = online()
    levels = [rig.node.level(a.gpio) for a in SPEC.actuators]
    said = rig.send(f"actuator/{gpio}/command", payload)
    (answer,) = named(said, f"actuator/{gpio}/response")
    assert answer["success"] is False
    assert answer["command"] == ("UNKNOWN" if b'"command":"' not in payload[:511] else answer["command"])
    assert outcomes(said)[-1] == ("failed", "EXECUTE_FAIL")
    assert [rig.node.level(a.gpio) for a in SPEC.actuators] == levels


def test_the_value_is_echoed_with_three_decimals() -> None:
    (response,) = [m for m in online().command(25, "PWM", value=0.8) if m.topic.endswith("/response")]
    assert b'"value":0.800,"duration":0,"success":true' in response.payload


def test_a_timed_on_ends_by_itself() -> None:
    rig = online()
    rig.command(14, "ON", duration=120)
    assert named(rig.run(119.9), "actuator/14/status")[-1]["state"] is True
    (status,) = [
        s for s in named(rig.run(0.1), "actuator/14/status") if s["command_source"] != "system:unknown"
    ][:1]
    assert (status["state"], status["command_source"]) == (False, "firmware:auto_duration")
    assert status["runtime_ms"] == 120_000
    assert rig.world.driven["pump"] == 0.0


@pytest.mark.parametrize("later", ["ON", "PWM"])
def test_any_later_accepted_command_cancels_the_timer(later: str) -> None:
    rig = online()
    rig.command(14, "ON", duration=60)
    rig.command(14, later, value=1)
    rig.run(120)
    assert rig.node.level(14) == 1.0


def test_a_refused_command_leaves_the_timer_alone() -> None:
    rig = online()
    rig.command(14, "ON", duration=60)
    rig.command(14, "STOP")
    rig.run(60)
    assert rig.node.level(14) == 0.0


@pytest.mark.parametrize("command", ["PWM", "OFF"])
def test_duration_counts_for_on_only(command: str) -> None:
    rig = online()
    rig.command(25, command, value=0.5, duration=5)
    assert rig.node.next_wakeup == START + 30 * SECOND


def test_too_long_a_run_is_stopped_latched_and_reported() -> None:
    rig = online()
    rig.command(14, "ON")
    said = rig.run(600)
    (alert,) = named(said, "actuator/14/alert")
    assert list(alert) == ["esp_id", "seq", "zone_id", "ts", "gpio", "alert_type", "message"]
    assert (alert["alert_type"], alert["ts"]) == ("runtime_protection", TS + 600)
    assert named(said, "actuator/14/status")[-1]["emergency"] == "active"
    refused = rig.command(14, "OFF")
    assert named(refused, "actuator/14/response")[0]["success"] is False
    assert named(refused, "actuator/14/alert")[0]["alert_type"] == "emergency_stop"


def test_worn_out_actuators_rest_30_s() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.run(599)
    rig.command(14, "OFF")
    rig.command(14, "ON")
    rig.run(2)
    rig.command(14, "OFF")
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["message"] == "Failed to turn actuator ON"
    rig.run(30)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_more_than_60_starts_an_hour_are_refused() -> None:
    rig = online()
    for _ in range(60):
        rig.command(14, "ON")
        rig.command(14, "OFF")
        rig.run(1)
    said = rig.command(14, "ON")
    assert named(said, "actuator/14/response")[0]["success"] is False
    assert named(said, "system/error")[0]["error_code"] == 1050
    assert not named(rig.command(14, "ON"), "system/error")  # once a minute is enough
    rig.run(3600)
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


def test_a_pwm_output_has_no_start_budget() -> None:
    rig = online()
    for _ in range(100):
        rig.command(25, "ON")
        rig.command(25, "OFF")
    assert named(rig.command(25, "ON"), "actuator/25/response")[0]["success"] is True


@given(
    st.lists(st.tuples(st.sampled_from(["ON", "OFF", "TOGGLE", "PWM"]), st.integers(0, 900)), max_size=150)
)
def test_no_hour_holds_more_than_60_starts(happened: list[tuple[str, int]]) -> None:
    rig, starts = online(), list[int]()
    for command, tenths in happened:
        before = rig.node.level(26)
        rig.command(26, command, value=1)
        if rig.node.level(26) > before:
            starts.append(rig.now)
        rig.run(tenths / 10)
    assert all(later - first >= 3600 * SECOND for first, later in zip(starts, starts[60:], strict=False))


@pytest.mark.parametrize("command", ["ON", "TOGGLE", "PWM"])
def test_every_way_of_starting_counts(command: str) -> None:
    rig = online()
    for _ in range(60):
        rig.command(14, command, value=1)
        rig.command(14, "OFF")
    assert named(rig.command(14, command, value=1), "actuator/14/response")[0]["success"] is False
    assert named(rig.command(14, "OFF"), "actuator/14/response")[0]["success"] is True


def test_statuses_every_30_s() -> None:
    statuses = named(online().run(300), "actuator/25/status")
    assert [s["ts"] - TS for s in statuses] == list(range(30, 301, 30))
    assert all("command_source" not in s for s in statuses)


def test_a_command_before_the_first_ack_is_rejected_and_reported_later() -> None:
    rig = Rig()
    rig.connect()
    said = rig.command(14, "ON", correlation_id="c", intent_id="i")
    (answer,) = named(said, "actuator/14/response")
    assert "reason_code=REGISTRATION_PENDING" in answer["message"]
    assert answer["success"] is False
    assert outcomes(said) == []
    late = named(rig.ack(), "system/intent_outcome")
    assert [(o["code"], o["intent_id"], o["recovered"]) for o in late] == [
        ("REGISTRATION_PENDING", "i", True)
    ]
    assert rig.node.level(14) == 0.0


@pytest.mark.parametrize(
    ("status", "code"),
    [("pending_approval", "PENDING_APPROVAL_BLOCKED"), ("rejected", "DEGRADED_MODE_BLOCKED")],
)
def test_limited_modes_refuse_commands_but_report_readings(status: str, code: str) -> None:
    rig = Rig()
    rig.connect()
    rig.ack(status=status)
    said = rig.command(14, "ON")
    assert f"reason_code={code}" in named(said, "actuator/14/response")[0]["message"]
    assert outcomes(said) == [("rejected", code)]
    assert named(rig.run(30, ack=False), "sensor/4/data")
    rig.ack(status="approved")
    assert named(rig.command(14, "ON"), "actuator/14/response")[0]["success"] is True


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "HEARTBEAT_REJECTED"),
        ({"upstream_deleted": True}, "UPSTREAM_DELETE_REVOKED"),
        ({"reason_code": "device_revoked"}, "UPSTREAM_DELETE_REVOKED"),
    ],
)
def test_a_rejection_is_reported(fields: dict[str, object], code: str) -> None:
    rig = online()
    said = rig.ack(status="rejected", **fields)
    (outcome,) = named(said, "system/intent_outcome")
    assert (outcome["flow"], outcome["code"]) == ("heartbeat", code)
    assert named(said, "system/error")[0]["error_code"] == 4200


def test_outcome_fields_and_their_order() -> None:
    said = online().command(14, "ON", correlation_id="c", intent_id="i", generation=4)
    final = named(said, "system/intent_outcome")[-1]
    assert list(final) == [
        "seq", "flow", "intent_id", "correlation_id", "generation", "created_at_ms", "ttl_ms", "epoch",
        "outcome", "contract_version", "semantic_mode", "legacy_status", "target_status", "code",
        "reason", "retryable", "critical", "retry_limit", "retry_count", "recovered", "delivery_mode",
        "outcome_retry_count", "outcome_recovered_count", "outcome_drop_count_critical",
        "outcome_final_confirmed_count", "ts",
    ]  # fmt: skip
    assert (final["generation"], final["legacy_status"], final["critical"]) == (4, "processing", True)


def test_a_repeated_intent_is_executed_again_but_ends_once() -> None:
    rig = online()
    rig.command(14, "TOGGLE", intent_id="same")
    said = rig.command(14, "TOGGLE", intent_id="same")
    assert rig.node.level(14) == 0.0
    assert outcomes(said) == [("accepted", "COMMAND_ACCEPTED")]


def test_missing_ids_are_invented_for_outcomes_only() -> None:
    said = online().command(14, "ON")
    assert "correlation_id" not in named(said, "actuator/14/response")[0]
    outcome = named(said, "system/intent_outcome")[0]
    assert outcome["intent_id"].startswith("act_")
    assert outcome["correlation_id"].startswith(f"fw_{NODE}_")


def test_a_unix_creation_time_breaks_the_time_to_live() -> None:
    rig = online()
    ok = rig.command(14, "ON", ttl_ms=1000)
    assert outcomes(ok)[-1] == ("applied", "NONE")
    late = rig.command(14, "OFF", ttl_ms=1000, created_at_ms=1735818000)
    assert outcomes(late)[-1] == ("expired", "TTL_EXPIRED")
    assert rig.node.level(14) == 1.0


def test_losing_the_link_means_defaults() -> None:
    rig = online()
    rig.command(14, "ON")
    rig.command(26, "OFF")
    rig.disconnect()
    assert (rig.node.level(14), rig.node.level(26)) == (0.0, 1.0)
    assert rig.node.safe
    assert rig.send("actuator/14/command", {"command": "ON"}) == []
    assert rig.run(600) == []


def test_foreign_and_oversized_messages_are_ignored() -> None:
    rig = online()
    assert rig.send("kaiser/god/esp/ESP_000000/actuator/14/command", {"command": "ON"}) == []
    assert rig.send("actuator/14/command", b'{"command":"ON"}' + b" " * 8191) == []
    assert rig.send("actuator/x/command", {"command": "ON"}) == []


inbound = st.sampled_from([topic for topic, _ in Rig().node.subscriptions]).map(
    lambda t: t.replace("+", "14")
)
snippets = st.sampled_from(
    [b'{"command":"ON"}', b'{"command":"emergency_stop"}', b'{"command":"clear_emergency"}',
     b'{"status":"online"}', b'{"status":"online","handover_epoch":1}', b'{"status":"offline"}',
     b'{"status":1,"handover_epoch":1e400}', b'{"command":"ON","duration":1e999}',
     b'{"command":"PWM","value":1e999}', b'{"a":"\\ud800"}',
     b'{"command":"measure","request_id":"r","timeout_ms":-1}', b'{"command":"onewire/scan"}',
     b'{"command":"factory_reset","confirm":true}', b'{"command":"set_log_level","level":["\\ud800"]}',
     b'{"zone_id":"\\ud800"}', b'{"zone_id":""}', b'{"zone_id":1e999,"zone_name":[1e999]}',
     b'{"subzone_id":"s","assigned_gpios":[14,26]}', b'{"subzone_id":"s","action":"disable"}',
     b'{"correlation_id":"c","generation":3,"sensors":[{"gpio":1e999,"a\\"b":1}],"actuators":[{"x":-1e999}]}',
     b'{"correlation_id":"c","actuators":[{"gpio":14,"type":"valve","name":"","default_state":true}]}',
     b'{"correlation_id":"c","actuators":[{"gpio":26,"type":"relay","name":"","active":0}]}',
     b'{"correlation_id":"c","sensors":[{"gpio":5,"sensor_type":"flow","sensor_name":""}]}']
)  # fmt: skip
events = st.one_of(
    st.tuples(inbound, st.binary(max_size=80) | snippets),
    st.tuples(st.just("run"), st.integers(0, 200)),
    st.tuples(st.sampled_from(["connect", "disconnect", "reboot"]), st.none()),
)


@given(st.lists(events, max_size=25))
def test_nothing_makes_a_node_raise_or_send_what_is_no_json(
    happened: list[tuple[str, bytes | int | None]],
) -> None:
    rig = online()
    for what, detail in happened:
        if isinstance(detail, bytes):
            rig.send(what, detail)
        elif isinstance(detail, int):
            rig.run(detail, ack=False)
        else:
            getattr(rig, what)()
    assert all(isinstance(json.loads(message.payload), dict) for message in rig.log)
    assert rig.node.next_wakeup > rig.now
    assert all(0.0 <= rig.node.level(a.gpio) <= 1.0 for a in SPEC.actuators)


def story(seed: int) -> list[Publish]:
    rig = Rig(seed=seed)
    rig.connect()
    rig.ack()
    rig.run(300)
    rig.command(14, "ON", duration=7)
    rig.send("actuator/emergency", {"command": "emergency_stop"})
    rig.run(300)
    return rig.log


def test_same_seed_same_bytes() -> None:
    assert story(1) == story(1)
    assert story(1) != story(2)
