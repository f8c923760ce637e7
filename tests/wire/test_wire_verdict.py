"""Recorded messages judged from a file, and what nodes compose read back by us."""

import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.io.sim.firmware.profile import Firmware
from godkaiser.io.verdict import judged, verdict
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.topic import TOPICS
from godkaiser.model import report as rp
from godkaiser.model.instant import SECOND
from tests.sim.rig import Rig

NODE = "ESP_AB12CD"
ROOT = f"kaiser/god/esp/{NODE}/"
KNOWN = [row.pattern.replace("~", ROOT).replace("#", "4").replace("{k}", "god") for row in TOPICS]
KEYS = {"valid", "code", "kind", "why", "receiver", "content"}
NOW = 1_777_593_600 * SECOND


@given(
    st.sampled_from(KNOWN) | st.text(max_size=60), st.binary(max_size=200), st.sampled_from(["2026", "seed"])
)
def test_a_verdict_on_anything(topic: str, payload: bytes, generation: str) -> None:
    ruling = verdict(topic, payload, Firmware(generation))  # type: ignore[arg-type]
    assert set(ruling) == KEYS
    assert ruling["valid"] == (not ruling["code"])
    assert ruling["valid"] or ruling["why"]
    json.dumps(ruling)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=60), max_size=5))
def test_a_line_that_is_no_message_gets_its_verdict_too(texts: list[str]) -> None:
    rulings = list(judged(texts))
    assert [ruling["line"] for ruling in rulings] == [n for n, t in enumerate(texts, 1) if t.strip()]
    assert all(not ruling["valid"] for ruling in rulings)


def test_exact_text_and_objects_and_what_mosquitto_writes() -> None:
    beat = '{"ts":0,"uptime":1,"heap_free":1,"wifi_rssi":-1}'
    topic = ROOT + "system/heartbeat"
    lines = [
        {"topic": topic, "payload": json.loads(beat)},
        {"topic": topic, "payload": beat, "qos": 0, "tst": "2026-05-01T00:00:00Z"},
        {"topic": topic, "payload_text": beat},
        {"topic": topic, "payload": None},
        {"topic": ROOT + "system/will", "payload_text": "", "retain": 0},
    ]
    rulings = list(judged(map(json.dumps, lines)))
    assert [r["code"] for r in rulings] == ["", "", "", "bad_line", ""]
    assert rulings[0]["content"] == rulings[1]["content"] == rulings[2]["content"]
    assert rulings[0]["content"]["type"] == "Heartbeat"
    assert rulings[0]["content"]["wifi_rssi"] == -1


def test_the_generation_of_the_receiver_matters() -> None:
    topic = ROOT + "config"
    bare = b'{"sensors":[{"gpio":34,"sensor_type":"light","sensor_name":"x"}]}'
    assert verdict(topic, bare)["code"] == "missing_field"
    assert verdict(topic, bare, Firmware("seed"))["valid"]
    big = json.dumps({"sensors": [], "correlation_id": "c", "note": "x" * 2000}).encode()
    assert verdict(topic, big)["valid"]
    assert verdict(topic, big, Firmware("2026", "xiao_esp32c3"))["code"] == "too_large"


# ── the command ────────────────────────────────────────────────────────────────────────────────────────
def test_the_command_goes_on_after_a_bad_line_and_says_so_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "capture.jsonl"
    good = {"topic": ROOT + "system/will", "payload": {"status": "offline", "timestamp": 0}}
    file.write_bytes(b"\xff not json\n\n" + json.dumps(good).encode() + b"\n")
    done = CliRunner().invoke(app, ["wire", "decode", str(file)])
    verdicts = [json.loads(text) for text in done.stdout.splitlines()]
    assert [(v["line"], v["valid"], v["code"]) for v in verdicts] == [(1, False, "bad_line"), (3, True, "")]
    assert "1 lines are no recorded messages" in str(done.exception)
    short = CliRunner().invoke(app, ["wire", "decode", str(file), "--text"])
    assert "✔     3" in short.stdout
    assert "✘     1" in short.stdout


def test_broken_characters_in_a_payload_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "capture.jsonl"
    file.write_bytes(b'{"topic":"' + ROOT.encode() + b'system/heartbeat","payload_text":"{\\"ts\\":\xff}"}\n')
    done = CliRunner().invoke(app, ["wire", "decode", str(file)])
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (0, "bad_json")


def test_a_file_that_is_not_there() -> None:
    done = CliRunner().invoke(app, ["wire", "decode", "/no/such/file"])
    assert "No such file" in str(done.exception)


def test_standard_input() -> None:
    line = json.dumps({"topic": "kaiser/god/server/status", "payload": {"status": "gone"}})
    done = subprocess.run(
        [sys.executable, "-m", "godkaiser.cli.main", "wire", "decode", "-", "--json"],
        input=line.encode() + b"\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["code"] == "bad_value"


# ── what the firmware composes is what we read ─────────────────────────────────────────────────────────
SAME: dict[type[object], dict[str, str]] = {  # our field: the node's key
    rp.SensorReport: {
        "raw": "raw",
        "value": "value",
        "quality": "quality",
        "unit": "unit",
        "seq": "seq",
        "ts": "ts",
    },
    rp.Heartbeat: {"uptime": "uptime", "heap_free": "heap_free", "boot_id": "boot_sequence_id", "ts": "ts"},
    rp.Announce: {"epoch": "handover_epoch"},
    rp.ActuatorReport: {
        "gpio": "gpio",
        "actuator_type": "type",
        "raw_value": "pwm",
        "emergency": "emergency",
    },
    rp.CommandAck: {"command": "command", "success": "success", "correlation": "correlation_id"},
    rp.IntentOutcome: {
        "outcome": "outcome",
        "code": "code",
        "intent": "intent_id",
        "generation": "generation",
    },
    rp.StopAck: {"correlation": "correlation_id"},
    rp.Alert: {"alert_type": "alert_type", "message": "message"},
    rp.Metrics: {"handover_rejects": "handover_contract_reject_count"},
}


def test_everything_a_node_says_in_a_lively_hour_is_read_as_it_was_meant() -> None:
    rig = Rig()
    said = list(rig.connect())
    for minute in range(60):
        said += rig.send("system/heartbeat/ack", {"status": "online", "handover_epoch": 1})
        said += rig.send(
            "actuator/25/command", {"command": "PWM", "value": minute / 60, "correlation_id": "c"}
        )
        said += rig.run(60)
        if minute % 20 == 19:
            said += rig.send("actuator/emergency", {"command": "emergency_stop", "correlation_id": "s"})
            said += rig.run(6)
            said += rig.send("actuator/emergency", {"command": "clear_emergency", "correlation_id": "r"})
    seen = set()
    for message in said:
        report = decode(message.topic, message.payload, NOW, retained=message.retain)
        assert not isinstance(report, rp.Malformed), report
        body = json.loads(message.payload)
        for ours, theirs in SAME.get(type(report), {}).items():
            assert getattr(report, ours) == body[theirs], (ours, body)
        seen.add(type(report))
    assert set(SAME) <= seen
