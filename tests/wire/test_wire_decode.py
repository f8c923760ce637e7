"""What the decoder makes of single messages."""

import json
from typing import Any

import pytest

from godkaiser.io.wire.decode import MAX_PAYLOAD, decode
from godkaiser.model import event as ev

AT = 1_777_593_600_000_000
NODE = "ESP_AB12CD"
ROOT = f"kaiser/god/esp/{NODE}/"
READING: dict[str, Any] = {
    "esp_id": NODE,
    "gpio": 4,
    "sensor_type": "ds18b20",
    "raw": 344,
    "ts": 1_777_582_649,
    "raw_mode": True,
}
STATUS: dict[str, Any] = {"esp_id": NODE, "ts": 1, "gpio": 14, "type": "pump", "state": True, "pwm": 255}
BEAT: dict[str, Any] = {"ts": 0, "uptime": 12, "heap_free": 200_000, "wifi_rssi": -70}


def say(suffix: str, body: object, *, retained: bool = False) -> ev.Report:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    topic = suffix if suffix.startswith("kaiser/") else ROOT + suffix
    return decode(topic, payload, AT, retained=retained)


def reading(**changes: Any) -> ev.SensorReport:
    event = say("sensor/4/data", READING | changes)
    assert isinstance(event, ev.SensorReport), event
    return event


def status(**changes: Any) -> ev.ActuatorReport:
    event = say("actuator/14/status", STATUS | changes)
    assert isinstance(event, ev.ActuatorReport), event
    return event


def malformed(event: ev.Report) -> str:
    assert isinstance(event, ev.Malformed), event
    return event.code


def test_a_reading_keeps_what_the_node_said() -> None:
    event = reading(
        onewire_address="28ff641e8d3c0c79",
        seq=41,
        zone_id="greenhouse",
        value=21.5,
        unit="°C",
        quality="GOOD",
    )
    assert (event.node, event.gpio, event.sensor_type, event.raw) == (NODE, 4, "ds18b20", 344)
    assert (event.address, event.seq, event.zone, event.value, event.unit) == (
        "28FF641E8D3C0C79", 41, "greenhouse", 21.5, "°C",
    )  # fmt: skip
    assert event.quality == "good"


def test_numeric_text_is_tolerated_for_raw_only() -> None:
    assert reading(raw="21.5").raw == 21.5
    assert malformed(say("sensor/4/data", READING | {"raw": "wet"})) == "wrong_type"
    assert malformed(say("sensor/4/data", READING | {"raw": "nan"})) == "bad_value"
    assert malformed(say("sensor/4/data", READING | {"gpio": "4"})) == "wrong_type"


def test_the_first_of_two_names_wins() -> None:
    assert reading(raw_value=7).raw == 344
    assert reading(timestamp=7).ts == 1_777_582_649


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({}, ""),
        ({"i2c_address": 68}, "0x44"),
        ({"i2c_address": 5}, "0x05"),
        ({"onewire_address": ""}, ""),
        ({"onewire_address": 12}, ""),
    ],
)
def test_bus_addresses(fields: dict[str, Any], address: str) -> None:
    assert reading(**fields).address == address


@pytest.mark.parametrize(
    "fields",
    [{"i2c_address": 4096}, {"onewire_address": "28/../x"}, {"onewire_address": "28FF"}],
)
def test_a_bus_address_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    """It would become part of the series id, which everything later trusts."""
    assert malformed(say("sensor/4/data", READING | fields)) == "bad_value"


def test_node_and_pin_must_agree_with_the_topic() -> None:
    assert malformed(say("sensor/4/data", READING | {"esp_id": "ESP_AB12CE"})) == "bad_value"
    assert malformed(say("sensor/5/data", READING)) == "bad_value"
    assert malformed(say("sensor/40/data", READING | {"gpio": 40})) == "bad_value"
    assert malformed(say("sensor/256/data", READING | {"gpio": 256})) == "unknown_topic"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"state": True, "pwm": 255}, 1.0),
        ({"state": True, "pwm": 128}, 128 / 255),
        ({"state": True, "pwm": 1}, 1.0),
        ({"state": "on", "value": 0.4}, 0.4),
        ({"state": "pwm", "pwm": 65535}, 1.0),
        ({"state": False, "pwm": 255}, 0.0),
        ({"state": "off", "pwm": 0}, 0.0),
        ({"state": "error", "pwm": 255}, None),
        ({"state": "unknown", "pwm": 255}, None),
    ],
)
def test_duty_as_a_share_of_one(fields: dict[str, Any], value: float | None) -> None:
    assert status(**fields).value == value


def test_an_unknown_state_word_is_refused() -> None:
    assert malformed(say("actuator/14/status", STATUS | {"state": "ON"})) == "bad_value"
    assert malformed(say("actuator/14/status", STATUS | {"pwm": -1})) == "bad_value"


@pytest.mark.parametrize(
    ("fields", "modern"),
    [
        ({}, False),
        ({"boot_sequence_id": "ESP_AB12CD-b7-r1"}, True),
        ({"time_valid": False}, True),
        ({"active_handover_epoch": 3}, True),
    ],
)
def test_the_generation_shows_in_the_heartbeat(fields: dict[str, Any], modern: bool) -> None:
    event = say("system/heartbeat", BEAT | fields)
    assert isinstance(event, ev.Heartbeat)
    assert event.modern is modern


def test_the_old_heartbeat_topic_is_heard() -> None:
    assert isinstance(say("heartbeat", BEAT), ev.Heartbeat)


def test_announce_needs_an_epoch_or_a_boot_time() -> None:
    assert say("session/announce", {"session_epoch": 4}) == ev.Announce(AT, _kaiser(), _node(), 4)
    assert say("session/announce", {"boot_ts": "17"}) == ev.Announce(AT, _kaiser(), _node(), 0)
    assert malformed(say("session/announce", {"reason": "boot"})) == "missing_field"


def test_a_retained_will_says_so() -> None:
    event = say("system/will", {"status": "offline", "timestamp": 0}, retained=True)
    assert isinstance(event, ev.Will)
    assert event.retained


@pytest.mark.parametrize(("suffix", "body"), [("sensor/4/data", READING), ("system/heartbeat", BEAT)])
def test_what_nobody_retains_is_not_believed(suffix: str, body: dict[str, Any]) -> None:
    """A retained heartbeat would make a dead node look alive after every connection."""
    assert malformed(say(suffix, body, retained=True)) == "bad_value"
    assert not isinstance(say(suffix, body), ev.Malformed)


def test_our_own_clearing_of_a_will_is_an_echo() -> None:
    assert say("system/will", b"") == ev.Echo(AT, ROOT + "system/will")
    assert malformed(say("system/heartbeat", b"")) == "bad_json"


@pytest.mark.parametrize("topic", ["kaiser/broadcast/emergency", "kaiser/god/server/status", ROOT + "config"])
def test_our_own_messages_are_echoes_whatever_they_hold(topic: str) -> None:
    assert say(topic, b"\xff") == ev.Echo(AT, topic)


@pytest.mark.parametrize(
    ("suffix", "event"),
    [
        ("actuator/emergency/ack", ev.StopAck),
        ("actuator/recovery_confirm", ev.ClearAck),
        ("actuator/emergency/response", ev.ClearAck),
    ],
)
def test_the_words_about_stop_and_clear(suffix: str, event: type[Any]) -> None:
    """They say which command they answer, or nothing."""
    for body in ({}, {"correlation_id": "c1-2-3"}):
        said = say(suffix, body)
        assert isinstance(said, event)
        assert said.correlation == body.get("correlation_id", "")
        assert getattr(said, "ok", True) is True


def test_a_refused_clear_says_why() -> None:
    event = say("actuator/emergency/error", {"error": "clear_failed", "message": "too early"})
    assert event == ev.ClearAck(AT, _kaiser(), _node(), ok=False, message="clear_failed too early")


def test_an_alert_may_mean_the_whole_node() -> None:
    event = say("actuator/255/alert", {"esp_id": NODE, "ts": 1, "gpio": 255, "type": "verification_failed"})
    assert isinstance(event, ev.Alert)
    assert (event.gpio, event.alert_type) == (255, "verification_failed")


def test_discovery_names_the_node_itself() -> None:
    topic = "kaiser/god/discovery/esp32_nodes"
    event = say(topic, {"esp_id": NODE, "hardware_type": "ESP32_WROOM", "firmware_version": "4.0"})
    assert event == ev.Discovery(AT, _kaiser(), _node(), "ESP32_WROOM", "4.0")
    assert malformed(say(topic, {})) == "missing_field"
    assert malformed(say(topic, {"esp_id": 7, "hardware_type": "x"})) == "wrong_type"
    assert malformed(say(topic, {"esp_id": "NODE1", "hardware_type": "x"})) == "id_pattern"


def test_what_is_no_object_is_bad_json() -> None:
    for payload in (
        b"[]",
        b"1",
        b"null",
        b"\xff\xfe",
        b'{"a":"\\uD800"}',
        b'{"a":NaN}',
        b"[" * 50_000,
        b"{" + b'"a":' * 3,
    ):
        assert malformed(say("system/heartbeat", payload)) == "bad_json", payload[:20]


def test_an_escaped_pair_is_one_character() -> None:
    assert reading(unit="🌱").unit == "🌱"
    assert "\\ud83c" in json.dumps("🌱")


def test_too_much_is_too_large() -> None:
    assert malformed(say("system/heartbeat", b" " * (MAX_PAYLOAD + 1))) == "too_large"
    assert isinstance(say("system/heartbeat", json.dumps(BEAT).encode().ljust(MAX_PAYLOAD)), ev.Heartbeat)


def test_a_missing_field_is_said_before_a_wrong_one() -> None:
    event = say("system/heartbeat", {"ts": "x", "heap_free": -1})
    assert isinstance(event, ev.Malformed)
    assert event.code == "missing_field"
    assert event.why in ("uptime is missing", "wifi_rssi is missing")


def test_a_broken_payload_is_judged_before_a_broken_id() -> None:
    assert malformed(say("kaiser/god/esp/ESP_x/system/heartbeat", b"{")) == "bad_json"
    assert malformed(say("kaiser/god/esp/ESP_x/system/heartbeat", BEAT)) == "id_pattern"
    assert malformed(say("kaiser/a-b/esp/ESP_AB12CD/system/heartbeat", BEAT)) == "id_pattern"


def _kaiser() -> Any:
    return "god"


def _node() -> Any:
    return NODE


def test_what_a_node_complains_of_and_numbers_beyond_all_measure() -> None:
    beat = say("system/heartbeat", BEAT | {"persistence_degraded": True, "network_degraded": True})
    assert isinstance(beat, ev.Heartbeat)
    assert beat.degraded == ("storage degraded: no reason given", "network degraded")
    assert malformed(say("system/heartbeat", b'{"ts":1e999}')) == "bad_json"
    assert malformed(say("onewire/scan_result", {"devices": [{}], "found_count": 1})) == "missing_field"
