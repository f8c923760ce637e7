import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.text import compose, fixed, parse, pool_need, scan_number, scan_text

UUID = "550e8400-e29b-41d4-a716-446655440000"
ACK = {
    "status": "pending_approval",
    "config_available": False,
    "server_time": 1735818000,
    "handover_epoch": 3,
}
LONG_ACK = ACK | {"ack_type": "heartbeat", "contract_version": 2}
SESSION = "ESP_12AB34CD:handover:12:1735818000"
STOP = {"command": "emergency_stop", "auth_token": "t" * 64, "correlation_id": UUID, "intent_id": UUID}

# Measured with the device's own JSON library, corrected for its 16-byte slots.
MEASURED = [
    (ACK, 132),
    (LONG_ACK | {"status": "online", "session_id": SESSION}, 253),
    (LONG_ACK | {"session_id": SESSION}, 263),
    (LONG_ACK | {"session_id": SESSION.replace(":12:", ":3:").replace("CD:", ":")}, 260),
    (STOP | {"timestamp": 1735818000}, 251),
    (STOP | {"command": "clear_emergency"}, 226),
]


@pytest.mark.parametrize(("message", "need"), MEASURED)
def test_pool_need_as_measured(message: dict[str, object], need: int) -> None:
    assert pool_need(message) == need


def test_the_pool_decides_whether_a_message_is_read_at_all() -> None:
    short = json.dumps(LONG_ACK | {"status": "online", "session_id": SESSION}).encode()
    long = json.dumps(LONG_ACK | {"session_id": SESSION}).encode()
    assert parse(short, 256) is not None
    assert parse(long, 256) is None
    assert parse(long, 263) is not None


def test_pool_counts_bytes_not_characters_and_equal_strings_once() -> None:
    assert pool_need({"ü": "ü"}) == 16 + 3
    assert pool_need(["a", "a", ["a"]]) == 16 * 4 + 2


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"a":1}', {"a": 1}),
        (b' \n{"a":1} trailing', {"a": 1}),
        (b"[1]", {}),
        (b"null", {}),
        (b'"text"', {}),
        (b"", None),
        (b"{", None),
        (b'{"a":nan}', None),
        (b'{"a":NaN}', None),
        (b'{"a":"\xff"}', None),
        (b"[" * 9 + b"1" + b"]" * 9, {}),
        (b"[" * 11 + b"1" + b"]" * 11, None),
        (b"[" * 4000, None),
        (b"1" * 5000, None),
    ],
)
def test_parse_as_the_device_does(payload: bytes, expected: dict[str, object] | None) -> None:
    assert parse(payload, 4096) == expected


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('{"command":"ON"}', "command", "ON"),
        ('{"command": "ON"}', "command", "ON"),
        ('{"command" :"ON"}', "command", ""),
        ('{"note":{"command":"OFF"},"command":"ON"}', "command", "OFF"),
        ('{"command":"O\\"N"}', "command", "O\\"),
        ('{"command":7}', "command", ""),
        ('{"command":"ON', "command", ""),
        ("", "command", ""),
    ],
)
def test_scan_text_takes_the_first_hit(text: str, key: str, expected: str) -> None:
    assert scan_text(text, key) == expected


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("0.5", 0.5),
        (" 0.5", 0.5),
        ("-1", -1.0),
        ("1e1", 10.0),
        ('"0.5"', 0.0),
        ("nan", 0.0),
        ("true", 0.0),
        (".5x", 0.5),
    ],
)
def test_scan_number_reads_what_starts_like_a_number(rest: str, expected: float) -> None:
    assert scan_number(f'{{"value":{rest}}}', "value") == expected


def test_compose_keeps_order_and_number_format() -> None:
    fields = {"b": True, "a": fixed(21.5, 2), "n": fixed(-0.001, 2), "u": "°C", "o": {"x": 1}}
    assert compose(fields) == '{"b":true,"a":21.50,"n":0.00,"u":"°C","o":{"x":1}}'.encode()


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text() | st.booleans() | st.integers())
)
def test_what_is_composed_can_be_read_back(fields: dict[str, object]) -> None:
    text = compose(fields).decode("utf-8")
    lossy = {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in fields.items()}
    assert json.loads(text) == lossy


@given(st.binary(max_size=300))
def test_reading_never_raises(payload: bytes) -> None:
    fields = parse(payload, 1024)
    assert fields is None or isinstance(fields, dict)
