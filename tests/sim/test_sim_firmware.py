"""The device's verdict on what a server sends: topics, sizes, the recorded messages, and bytes at random."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.sim.firmware.judge import Verdict, judge, packet_size
from godkaiser.io.sim.firmware.pins import Board
from godkaiser.io.sim.firmware.profile import Firmware, Generation
from tests.examples import examples
from tests.sim.rig import BROADCAST, ROOT, SERVER
from tests.wire.corpus import Line, lines

GENERATIONS: tuple[Generation, ...] = ("2026", "seed")
BOARDS: tuple[Board, ...] = ("esp32_dev", "xiao_esp32c3")
BUILDS = [Firmware(generation, board) for generation in GENERATIONS for board in BOARDS]
SEED = Firmware("seed")
TO_DEVICE = lines("server_to_device")
INVALID = [line for line in lines("invalid") if judge(line.topic, b"").kind]
CODES = {
    "bad_json", "missing_field", "wrong_type", "bad_value", "id_pattern", "unknown_topic", "unknown_command",
    "too_large",
}  # fmt: skip
KINDS = {
    ROOT + "system/heartbeat/ack": "heartbeat_ack",
    ROOT + "config": "config",
    ROOT + "system/command": "system_command",
    BROADCAST: "broadcast_emergency",
    ROOT + "actuator/14/command": "actuator_command",
    ROOT + "actuator/emergency": "emergency",
    ROOT + "zone/assign": "zone_assign",
    ROOT + "subzone/assign": "subzone_assign",
    ROOT + "subzone/remove": "subzone_remove",
    ROOT + "subzone/safe": "subzone_safe",
    ROOT + "sensor/4/command": "sensor_command",
    SERVER: "server_status",
}


def sent(topic: str, body: object, firmware: Firmware = BUILDS[0]) -> Verdict:
    """Judge a message given as an object; a topic without a prefix is the node's own."""
    topic = topic if topic.startswith("kaiser/") else ROOT + topic
    return judge(topic, json.dumps(body, separators=(",", ":")).encode(), firmware)


# -- the recorded messages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("line", TO_DEVICE, ids=lambda line: line.label)
def test_a_device_takes_each_recorded_message(line: Line) -> None:
    verdict = judge(line.topic, line.payload)
    assert (verdict.valid, verdict.code, verdict.why) == (True, "", "")
    assert verdict.content


@pytest.mark.parametrize("line", INVALID, ids=lambda line: line.label)
def test_a_device_refuses_each_recorded_fault(line: Line) -> None:
    verdict = judge(line.topic, line.payload)
    assert (verdict.valid, verdict.code) == (line.valid, line.code), verdict.why
    assert verdict.why.endswith(".")
    assert verdict.content == {}


@pytest.mark.parametrize("line", [line for line in lines("invalid") if line.code == "unknown_topic"])
def test_nobody_hears_topics_out_of_documents(line: Line) -> None:
    assert judge(line.topic, line.payload).code == "unknown_topic"


def test_the_recorded_messages_are_all_there() -> None:
    assert len(TO_DEVICE) == 41
    assert len(INVALID) == 59
    assert {line.code for line in INVALID} >= {"unknown_command", "missing_field", "bad_value", "too_large"}
    assert {judge(line.topic, line.payload).kind for line in TO_DEVICE} >= set(KINDS.values()) - {
        "sensor_command"
    }


def test_what_only_the_newer_generation_asks_for_the_older_does_without() -> None:
    texts = [line for line in INVALID if "accepted by seed-date firmware" in line.why]
    taken = [line for line in texts if judge(line.topic, line.payload, SEED).valid]
    assert len(taken) > 15
    # The rest names pins, types or rules that no generation has.
    assert {judge(line.topic, line.payload, SEED).code for line in texts if line not in taken} == {
        "bad_value"
    }


def test_the_judge_owes_nothing_to_the_encoder() -> None:
    modules = sorted(Path(judge.__code__.co_filename).parent.glob("*.py"))
    assert len(modules) > 10
    for module in modules:
        assert not re.search(r"^\s*(from|import) .*\bio\.wire\b", module.read_text("utf-8"), re.MULTILINE)


# -- topics ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("topic", "kind"), KINDS.items())
def test_the_topic_says_what_it_is(topic: str, kind: str) -> None:
    assert judge(topic, b"").kind == kind


@pytest.mark.parametrize(
    "topic",
    ["", "kaiser", ROOT, ROOT + "config/", ROOT + "config\n", ROOT + "CONFIG", ROOT + "sensor/4/processed",
     ROOT + "config/sensor/4", ROOT + "mqtt/auth_update", ROOT + "actuator/x/command",
     ROOT + "actuator/-1/command", ROOT + "actuator/٣/command", ROOT + "sensor/4/data",
     "kaiser/broadcast/all", "kaiser/god/server/status/x", "kaiser//server/status",
     "kaiser/a/b/esp/ESP_AB12CD/config", "Kaiser/god/esp/ESP_AB12CD/config"],
)  # fmt: skip
def test_topics_that_no_device_hears(topic: str) -> None:
    verdict = judge(topic, b'{"command":"ON"}')
    assert (verdict.kind, verdict.code) == ("", "unknown_topic")


@pytest.mark.parametrize("kind", ["sensor_command", "heartbeat_ack", "server_status", "subzone_safe"])
def test_topics_that_the_older_generation_does_not_know(kind: str) -> None:
    (topic,) = [topic for topic, name in KINDS.items() if name == kind]
    assert judge(topic, b"", SEED).code == "unknown_topic"
    assert judge(topic, b"").code != "unknown_topic"


@pytest.mark.parametrize(
    ("node", "good"),
    [
        ("ESP_AB12CD", True),
        ("ESP_AB12CD34", True),
        ("MOCK_X1", True),
        ("ESP_AB12C", False),
        ("ESP_AB12CD345", False),
        ("ESP_ab12cd", False),
        ("ESP_WOKWI1", False),
        ("MOCK_", False),
        ("NODE1", False),
        ("ESP_AB12CD\n", False),
    ],
)
def test_node_ids(node: str, good: bool) -> None:
    verdict = judge(f"kaiser/god/esp/{node}/actuator/5/command", b'{"command":"ON"}')
    assert (verdict.valid, verdict.code) == (good, "" if good else "id_pattern")


def test_ids_are_looked_at_last() -> None:
    assert judge("kaiser/god/esp/NODE1/actuator/5/command", b"{}").code == "missing_field"


@pytest.mark.parametrize(
    ("kaiser", "good"), [("god", True), ("k" * 63, True), ("k" * 64, False), ("a-b", False)]
)
def test_kaiser_ids(kaiser: str, good: bool) -> None:
    for topic in (f"kaiser/{kaiser}/server/status", f"kaiser/{kaiser}/esp/ESP_AB12CD/zone/assign"):
        body = {"status": "online", "zone_id": "z"}
        assert sent(topic, body).code == ("" if good else "id_pattern")


@pytest.mark.parametrize(
    ("gpio", "code"), [("0", ""), ("255", ""), ("256", "bad_value"), ("9" * 30, "bad_value")]
)
def test_pins_in_topics(gpio: str, code: str) -> None:
    verdict = sent(f"actuator/{gpio}/command", {"command": "ON"})
    assert verdict.code == code
    assert verdict.content.get("gpio", int(gpio)) == int(gpio)


@pytest.mark.parametrize(("length", "code"), [(191, "id_pattern"), (192, "too_large")])
def test_the_longest_topic(length: int, code: str) -> None:
    head, tail = "kaiser/god/esp/", "/zone/assign"
    topic = head + "N" * (length - len(head) - len(tail)) + tail
    assert judge(topic, b'{"zone_id":"z"}').code == code


# -- sizes -------------------------------------------------------------------------------------------------


def padded(body: dict[str, Any], size: int) -> bytes:
    """A message of exactly so many bytes: blanks at its end, which no parser minds."""
    text = json.dumps(body, separators=(",", ":")).encode()
    return text + b" " * (size - len(text))


ZONE = {"zone_id": "z"}


@pytest.mark.parametrize(
    ("firmware", "most"),
    [
        (Firmware("seed", "esp32_dev"), 2048),
        (Firmware("seed", "xiao_esp32c3"), 1024),
        (Firmware("2026", "xiao_esp32c3"), 1024),
    ],
)
def test_whole_packets_on_a_small_client(firmware: Firmware, most: int) -> None:
    topic = ROOT + "zone/assign"
    # One byte of header, two of length, two before the topic, two of packet id.
    fits = most - 7 - len(topic)
    assert packet_size(topic, b" " * fits) == most
    assert judge(topic, padded(ZONE, fits), firmware).valid
    assert judge(topic, padded(ZONE, fits + 1), firmware).code == "too_large"
    assert firmware.payload_limit is None


@pytest.mark.parametrize(
    ("payload", "size"), [(93, 127 + 2), (94, 128 + 3), (16_349, 16_383 + 3), (16_350, 16_384 + 4)]
)
def test_the_length_of_a_packet_takes_one_byte_per_seven_bits(payload: int, size: int) -> None:
    assert packet_size("t" * 30, b"x" * payload) == size


@pytest.mark.parametrize(("size", "code"), [(8191, ""), (8192, "too_large")])
def test_payloads_on_the_large_client(size: int, code: str) -> None:
    assert judge(ROOT + "zone/assign", padded(ZONE, size)).code == code


# Kind, a valid body that takes text of any length in a key nobody reads, and the pool of its parser.
POOLS: list[tuple[str, dict[str, Any], int]] = [
    ("system/heartbeat/ack", {"status": "online", "handover_epoch": 1}, 256),
    (SERVER, {"status": "online"}, 256),
    ("actuator/emergency", {"command": "emergency_stop"}, 256),
    (BROADCAST, {"command": "stop_all"}, 512),
    ("system/command", {"command": "status"}, 256),
    ("sensor/4/command", {"command": "measure"}, 384),
    ("zone/assign", ZONE, 512),
    ("subzone/assign", {"subzone_id": "s"}, 1024),
    ("subzone/remove", {"subzone_id": "s"}, 256),
    ("subzone/safe", {"subzone_id": "s"}, 512),
]


@pytest.mark.parametrize(("topic", "body", "pool"), POOLS)
def test_parser_pools_to_the_byte(topic: str, body: dict[str, Any], pool: int) -> None:
    strings = {text for pair in body.items() for text in pair if isinstance(text, str)} | {"n"}
    room = pool - 16 * (len(body) + 1) - sum(len(text) + 1 for text in strings) - 1
    assert sent(topic, body | {"n": "x" * room}).valid
    assert sent(topic, body | {"n": "x" * (room + 1)}).code == "too_large"


@pytest.mark.parametrize(("size", "code"), [(511, ""), (512, "too_large")])
@pytest.mark.parametrize("topic", ["actuator/14/command", "sensor/4/command"])
def test_command_buffers(topic: str, size: int, code: str) -> None:
    body = {"command": "ON" if "actuator" in topic else "measure"}
    assert judge(ROOT + topic, padded(body, size)).code == code


# -- anything at all ---------------------------------------------------------------------------------------

builds = st.sampled_from(BUILDS)


def check(topic: str, payload: bytes, firmware: Firmware) -> None:
    verdict = judge(topic, payload, firmware)
    assert judge(topic, payload, firmware) == verdict
    assert verdict.kind in {"", *KINDS.values()}
    verdict.why.encode()
    if verdict.valid:
        assert (verdict.code, verdict.why) == ("", "")
    else:
        assert verdict.code in CODES
        assert verdict.why.endswith(".")
        assert verdict.content == {}


@given(st.text(st.characters(exclude_categories=()), max_size=220), st.binary(max_size=200), builds)
def test_arbitrary_topics_and_bytes(topic: str, payload: bytes, firmware: Firmware) -> None:
    check(topic, payload, firmware)


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=600), builds)
def test_arbitrary_bytes_on_known_topics(topic: str, payload: bytes, firmware: Firmware) -> None:
    check(topic, payload, firmware)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from([(line, key) for line in TO_DEVICE + INVALID for key in sorted(line.body)])


@examples(300)
@given(places, json_values, builds)
def test_one_value_swapped(place: tuple[Line, str], value: Any, firmware: Firmware) -> None:
    line, key = place
    check(line.topic, json.dumps(line.body | {key: value}).encode(), firmware)


@examples(200)
@given(st.sampled_from(TO_DEVICE + INVALID), st.data(), builds)
def test_flipped_and_cut_bytes(line: Line, data: st.DataObject, firmware: Firmware) -> None:
    payload = bytearray(line.payload)
    for place in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=4)):
        payload[place] ^= data.draw(st.integers(1, 255))
    check(line.topic, bytes(payload[: data.draw(st.integers(0, len(payload)))]), firmware)


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b'"text"', b"7", b"\xff", b'{"a":NaN}', b'{"a":-Infinity}', b"[" * 5000,
     b'{"a":' * 3000, b'{"a":[[[[[[[[[[[1]]]]]]]]]]]}', b'{"n":' + b"9" * 5000 + b"}"],
)  # fmt: skip
@pytest.mark.parametrize("topic", [topic for topic in KINDS if "actuator/14" not in topic])
def test_what_no_parser_reads(topic: str, payload: bytes) -> None:
    verdict = judge(topic, payload)
    assert verdict.code in (["bad_json"] if len(payload) < 400 else ["bad_json", "too_large"])
