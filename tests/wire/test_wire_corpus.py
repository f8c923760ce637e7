"""Every recorded message is judged as its `valid` and `code` say, by the rules of its receiver."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.io.verdict import verdict
from godkaiser.io.wire.decode import READERS, decode
from godkaiser.io.wire.topic import BY_KIND, TOPICS, Way, parse
from godkaiser.model import report as rp
from tests.wire.corpus import FOLDER, Line, lines

AT = 1_777_593_600_000_000
FILES = ("sensor", "heartbeat", "actuator", "config", "zone", "system", "server_to_device", "invalid")
ALL = [line for file in FILES for line in lines(file)]
OURS = [line for line in ALL if not ((a := parse(line.topic)) and a.row.way is Way.TO_NODE)]
KINDS: dict[str, type[Any]] = {
    "sensor_data": rp.SensorReport,
    "sensor_batch": rp.SensorBatch,
    "sensor_response": rp.MeasureAnswer,
    "actuator_status": rp.ActuatorReport,
    "actuator_response": rp.CommandAck,
    "actuator_alert": rp.Alert,
    "emergency_response": rp.ClearAck,
    "emergency_error": rp.ClearAck,
    "emergency_ack": rp.StopAck,
    "recovery_confirm": rp.ClearAck,
    "heartbeat": rp.Heartbeat,
    "heartbeat_metrics": rp.Metrics,
    "announce": rp.Announce,
    "will": rp.Will,
    "system_response": rp.SystemAnswer,
    "onewire_scan_result": rp.ScanResult,
    "system_error": rp.NodeFault,
    "diagnostics": rp.Diagnostics,
    "queue_pressure": rp.QueuePressure,
    "intent_outcome": rp.IntentOutcome,
    "intent_lifecycle": rp.Lifecycle,
    "config_response": rp.ConfigAnswer,
    "zone_ack": rp.ZoneAck,
    "subzone_ack": rp.SubzoneAck,
    "discovery": rp.Discovery,
}


def label(line: Line) -> str:
    return line.label


@pytest.mark.parametrize("line", ALL, ids=label)
def test_each_line_is_judged_as_it_says(line: Line) -> None:
    ruling = verdict(line.topic, line.payload)
    assert (ruling["valid"], ruling["code"]) == (line.valid, line.code), f"{ruling['why']} ({line.why})"
    assert bool(ruling["why"]) >= (not line.valid)
    json.dumps(ruling)


@pytest.mark.parametrize("line", OURS, ids=label)
def test_the_decoder_says_the_same(line: Line) -> None:
    event = decode(line.topic, line.payload, AT)
    if not line.valid:
        assert isinstance(event, rp.Malformed)
        assert (event.at, event.code) == (AT, line.code)
        assert line.payload.decode().startswith(event.excerpt) or "***" in event.excerpt
        assert "secure_password" not in event.excerpt
        return
    address = parse(line.topic)
    assert address is not None
    assert isinstance(event, KINDS[address.row.kind])
    assert getattr(event, "node", "") == line.topic.split("/")[3] or address.row.kind == "discovery"


def test_every_kind_of_message_from_a_node_has_a_type() -> None:
    inbound = {row.kind for row in TOPICS if row.way is Way.FROM_NODE}
    assert inbound == set(KINDS) == set(READERS)


def test_the_corpus_is_whole() -> None:
    counts = {file: len(lines(file)) for file in FILES}
    assert counts == {
        "sensor": 16,
        "heartbeat": 28,
        "actuator": 12,
        "config": 24,
        "zone": 8,
        "system": 20,
        "server_to_device": 41,
        "invalid": 140,
    }
    heard = {address.row.kind for line in ALL if line.valid and (address := parse(line.topic)) is not None}
    never = set(BY_KIND) - heard - {"subzone_remove"}
    assert never == {"sensor_command", "emergency_error"}, "a kind without a single valid example"


@pytest.mark.parametrize("file", FILES)
def test_the_command_line_judges_a_file(file: str) -> None:
    done = CliRunner().invoke(app, ["wire", "decode", str(FOLDER / f"{file}.jsonl")])
    assert done.exit_code == 0, done.output
    verdicts = [json.loads(text) for text in done.stdout.splitlines()]
    assert [(v["line"], v["valid"], v["code"]) for v in verdicts] == [
        (line.number, line.valid, line.code) for line in lines(file)
    ]
    assert all(v["content"] for v in verdicts if v["valid"])
    assert {"valid", "code", "kind", "why", "receiver", "content", "topic", "line"} == set(verdicts[0])
