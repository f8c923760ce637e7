"""Device sizes: the pool formula against measured messages and against the simulator's own formula."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import MessageTooLargeError
from godkaiser.io.sim.text import pool_need as device_need
from godkaiser.io.wire.limits import pack, packet_bytes, pool_need
from godkaiser.model.nodeconfig import Hardware

ACK = {"config_available": True, "server_time": 1_777_582_649, "handover_epoch": 12}
SESSION = "ESP_12AB34CD:handover:12:1777582649"
REFERENCE = {"ack_type": "heartbeat", "contract_version": 2, "session_id": SESSION}
TOKEN, UUID = "t" * 64, "a" * 36
EMERGENCY = {"auth_token": TOKEN, "correlation_id": UUID, "intent_id": UUID}


@pytest.mark.parametrize(
    ("body", "size", "need"),
    [
        ({"status": "pending_approval", **ACK, "config_available": False, "handover_epoch": 1}, 105, 132),
        ({"status": "online", **ACK, **REFERENCE}, 196, 253),
        ({"status": "pending_approval", **ACK, **REFERENCE}, 206, 263),
        ({"command": "emergency_stop", **EMERGENCY, "timestamp": 1_777_582_649}, None, 251),
        ({"command": "clear_emergency", **EMERGENCY}, None, 226),
    ],
)
def test_measured_messages(body: dict[str, Any], size: int | None, need: int) -> None:
    """Sizes (written with blanks) and needs as they were measured with the device's own parser."""
    assert pool_need(body) == need
    if size is not None:
        assert len(json.dumps(body).encode()) == size


def test_equal_strings_are_stored_once() -> None:
    assert pool_need({"a": "same", "b": "same"}) == 2 * 16 + 2 + 2 + 5
    assert pool_need({"a": "a"}) == 16 + 2
    assert pool_need([[1, 2], "ü"]) == 4 * 16 + 3


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=10), VALUES, max_size=6))
def test_two_independent_formulas_agree(body: dict[str, Any]) -> None:
    try:
        there = device_need(body)
    except ValueError:  # nested deeper than the device reads at all
        return
    assert pool_need(body) == there


TOPIC = "kaiser/god/esp/ESP_AB12CD/actuator/25/command"
DEV, XIAO, OLD = Hardware(True, "esp32_dev"), Hardware(True, "xiao_esp32c3"), Hardware(False, "esp32_dev")


def test_what_does_not_fit_is_refused_with_its_size_and_what_to_drop() -> None:
    long = {"command": "ON", "issued_by": "x" * 490}
    with pytest.raises(MessageTooLargeError) as caught:
        pack("actuator_command", TOPIC, 2, long)
    assert (caught.value.limit, caught.value.measure) == (511, "bytes")
    assert caught.value.size == len(json.dumps(long, separators=(",", ":")))
    assert caught.value.drop.startswith("issued_by")
    assert "issued_by" in caught.value.remedy
    with pytest.raises(MessageTooLargeError) as caught:
        pack("heartbeat_ack", TOPIC, 1, {"status": "pending_approval", **ACK, **REFERENCE})
    assert (caught.value.size, caught.value.limit, caught.value.measure) == (
        263,
        256,
        "bytes of parser memory",
    )
    assert caught.value.drop.startswith("session_id")


def test_exactly_at_the_limit_is_let_through() -> None:
    short = {"command": "ON", "issued_by": ""}
    room = 511 - len(json.dumps(short, separators=(",", ":")))
    assert len(pack("actuator_command", TOPIC, 2, short | {"issued_by": "x" * room})) == 511
    free = 256 - pool_need({"status": ""})
    assert len(pack("server_status", TOPIC, 1, {"status": "x" * free})) > 200
    with pytest.raises(MessageTooLargeError):
        pack("server_status", TOPIC, 1, {"status": "x" * (free + 1)})


def test_a_number_that_is_none_never_leaves() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        pack("actuator_command", TOPIC, 2, {"command": "PWM", "value": float("nan")})


def test_a_topic_the_node_would_cut_is_refused() -> None:
    assert pack("actuator_command", "t" * 191, 2, {"command": "ON"})
    with pytest.raises(MessageTooLargeError) as caught:
        pack("actuator_command", "t" * 192, 2, {"command": "ON"})
    assert caught.value.measure == "bytes of topic"


@pytest.mark.parametrize(
    ("hardware", "measure", "limit"),
    [
        (DEV, "bytes", 4351),
        (XIAO, "bytes as a whole packet", 1024),
        (OLD, "bytes as a whole packet", 2048),
        (Hardware(), "bytes as a whole packet", 1024),
    ],
)
def test_a_configuration_is_measured_for_its_node(hardware: Hardware, measure: str, limit: int) -> None:
    topic = "kaiser/god/esp/ESP_AB12CD/config"
    overhead = len(b'{"a":""}') + (packet_bytes(topic, 0, 2) + 1 if measure != "bytes" else 0)
    assert pack("config", topic, 2, {"a": "x" * (limit - overhead)}, hardware)
    with pytest.raises(MessageTooLargeError) as caught:
        pack("config", topic, 2, {"a": "x" * (limit - overhead + 1)}, hardware)
    assert (caught.value.measure, caught.value.limit, caught.value.size) == (measure, limit, limit + 1)


def test_an_old_node_has_less_parser_memory() -> None:
    """Short items cost the parser more than the wire."""
    many = {"a": [{"b": n} for n in range(120)]}
    topic = "kaiser/god/esp/ESP_AB12CD/config"
    assert pool_need(many) < 4096
    assert pack("config", topic, 2, many, OLD)
    more = {"a": [{"b": n} for n in range(130)]}
    assert pool_need(more) > 4096
    assert pack("config", topic, 2, more, DEV)
    with pytest.raises(MessageTooLargeError) as caught:
        pack("config", topic, 2, more, OLD)
    assert (caught.value.measure, caught.value.limit) == ("bytes of parser memory", 4096)


@given(st.text(max_size=60), st.integers(0, 20_000), st.sampled_from([0, 1, 2]))
def test_the_length_of_a_packet_is_that_of_the_client(topic: str, payload: int, qos: int) -> None:
    rest = 2 + len(topic.encode()) + (2 if qos else 0) + payload
    digits = 0
    left = rest
    while True:  # as the standard encodes it: seven bits a byte
        digits, left = digits + 1, left >> 7
        if not left:
            break
    assert packet_bytes(topic, payload, qos) == 1 + digits + rest
