"""Every recorded message is judged as its `valid` and `code` say."""

import re

import pytest

from godkaiser.io.wire.decode import decode
from godkaiser.model.event import (
    ActuatorReport,
    Alert,
    Announce,
    ClearAck,
    CommandAck,
    Echo,
    Heartbeat,
    Malformed,
    Noted,
    SensorReport,
    StopAck,
    Will,
)
from tests.wire.corpus import Line, lines

AT = 1_777_593_600_000_000
OURS = [line for file in ("sensor", "heartbeat", "actuator") for line in lines(file)]
NODE_TO_SERVER = re.compile(
    r"kaiser/[^/]+/esp/[^/]+/("
    r"sensor/(\d+/(data|response)|batch)|actuator/\d+/(status|response|alert)|actuator/recovery_confirm|"
    r"actuator/emergency/(response|error|ack)|system/(heartbeat|heartbeat_metrics|will)|heartbeat|session/announce)"
)
INVALID = [line for line in lines("invalid") if NODE_TO_SERVER.fullmatch(line.topic)]
UNKNOWN = [line for line in lines("invalid") if line.code == "unknown_topic"]
KINDS = {
    "data": SensorReport,
    "batch": Noted,
    "heartbeat": Heartbeat,
    "heartbeat_metrics": Noted,
    "announce": Announce,
    "will": Will,
    "status": ActuatorReport,
    "alert": Alert,
    "recovery_confirm": ClearAck,
    "ack": StopAck,
}


def label(line: Line) -> str:
    return line.label


@pytest.mark.parametrize("line", [*OURS, *INVALID, *UNKNOWN], ids=label)
def test_each_line_is_judged_as_it_says(line: Line) -> None:
    event = decode(line.topic, line.payload, AT)
    assert event.at == AT
    if line.valid:
        assert not isinstance(event, Malformed | Echo), line.why
    else:
        assert isinstance(event, Malformed), line.why
        assert event.code == line.code, f"{event.why} (expected: {line.why})"
        assert event.why
        assert line.payload.decode().startswith(event.excerpt)


@pytest.mark.parametrize("line", [line for line in OURS if line.valid], ids=label)
def test_a_valid_line_becomes_the_event_of_its_topic(line: Line) -> None:
    event = decode(line.topic, line.payload, AT)
    word = line.topic.rsplit("/", 1)[1]
    expected = KINDS.get(word)
    if expected is None:
        assert word == "response"
        expected = (
            Noted if "/sensor/" in line.topic else ClearAck if "/emergency/" in line.topic else CommandAck
        )
    assert isinstance(event, expected)
    assert getattr(event, "node", "") == line.topic.split("/")[3]


def test_the_corpus_is_whole() -> None:
    assert [len(lines(file)) for file in ("sensor", "heartbeat", "actuator", "invalid")] == [16, 28, 12, 140]
    assert len(INVALID) > 50
    assert {line.code for line in INVALID} >= {"bad_json", "missing_field", "wrong_type", "id_pattern"}
