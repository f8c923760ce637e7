"""`godkaiser run` on a real Mosquitto, from outside: messages in, commands out, faults survived."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.station import (
    NODE,
    PREFIX,
    RULE,
    Outsider,
    Station,
    ask,
    eventually,
    godkaiser,
    station,
)
from tests.services import Mosquitto

QUIET = 30.0


def test_pending_node_then_exactly_one_command(house: Station, mosquitto: Mosquitto) -> None:
    """The whole spine, with mosquitto_pub and mosquitto_sub as anybody would try it."""
    listener = subprocess.Popen(
        ["mosquitto_sub", "-p", str(mosquitto.port), "-t", "kaiser/+/esp/+/actuator/+/command", "-v"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        time.sleep(0.5)
        _publish_crossing(mosquitto.port)
        shown = eventually(lambda: ask("nodes", data=house.data)["nodes"])
        assert [(n["id"], n["status"]) for n in shown] == [(NODE, "pending")]
        eventually(lambda: house.status()["counters"]["quarantined"] == 1)
        assert ask("sensors", data=house.data) == []
        assert ask("nodes", "approve", NODE, data=house.data)["status"] == "approved"
        _publish_crossing(mosquitto.port)
        assert listener.stdout is not None
        first = listener.stdout.readline()
        topic, _, payload = first.partition(" ")
        assert topic == f"{PREFIX}/actuator/25/command"
        assert json.loads(payload)["command"] == "ON"
        assert 0 < json.loads(payload)["duration"] <= 600
        time.sleep(QUIET)
    finally:
        listener.terminate()
        rest = listener.communicate()[0]
    assert rest == ""


def _publish_crossing(port: int) -> None:
    """A heartbeat and a reading of 30 °C."""
    heartbeat = {
        "ts": int(time.time()),
        "uptime": 60,
        "heap_free": 90000,
        "wifi_rssi": -60,
        "time_valid": True,
    }
    raw = round((30 + 45) / 175 * 65535)
    body = {"esp_id": NODE, "gpio": 0, "sensor_type": "sht31_temp", "raw": raw, "raw_mode": True}
    body |= {"ts": int(time.time()), "quality": "good"}
    for below, message in (("system/heartbeat", heartbeat), ("sensor/0/data", body)):
        command = [
            "mosquitto_pub",
            "-p",
            str(port),
            "-q",
            "1",
            "-t",
            f"{PREFIX}/{below}",
            "-m",
            json.dumps(message),
        ]
        subprocess.run(command, check=True, timeout=60)


def test_nonsense_is_counted_and_shown_and_nothing_is_stored(house: Station, outsider: Outsider) -> None:
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    good = {"esp_id": NODE, "gpio": 0, "sensor_type": "sht31_temp", "raw": 26000, "raw_mode": True, "ts": 0}
    outsider.say("nonsense", "x")
    outsider.say("sensor/0/data", '{"esp_id": "ESP_AB')
    outsider.say("sensor/0/data", b"\xff\xfe\x00")
    outsider.say("sensor/0/data", '{"raw": nan}')
    outsider.say("sensor/0/data", good | {"gpio": "0"})
    outsider.say("sensor/0/data", good | {"esp_id": "ESP_FFFFFF"})
    outsider.say("sensor/0/data", good | {"sensor_type": "crystal_ball"})
    outsider.client.publish("kaiser/god/esp/ESP_nope/system/heartbeat", "{}", 1).wait_for_publish(5)
    counted = {
        "bad_json": 3,
        "bad_value": 1,
        "missing_field": 1,
        "unknown_sensor_type": 1,
        "unknown_topic": 1,
        "wrong_type": 1,
    }
    eventually(lambda: house.status()["counters"]["malformed_by_code"] == counted)
    status = house.status()
    assert status["counters"]["malformed"] == sum(counted.values())
    assert status["counters"]["readings_received"] == status["counters"]["readings_stored"] == 0
    assert any("crystal_ball" in bad["why"] for bad in status["malformed"])
    assert ask("sensors", data=house.data) == []


def _heard(house: Station, outsider: Outsider) -> str:
    outsider.heartbeat()
    eventually(lambda: [n for n in ask("nodes", data=house.data)["nodes"] if n["online"]])
    return NODE


def test_stop_survives_kill_and_refuses_until_cleared(house: Station, outsider: Outsider) -> None:
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    stopped = ask("stop", "--reason", "smell of smoke", data=house.data)
    assert (stopped["phase"], stopped["reason"]) == ("ACTIVE", "smell of smoke")
    broadcast = eventually(lambda: [p for t, p in outsider.heard if t == "kaiser/broadcast/emergency"])
    assert isinstance(json.loads(broadcast[0])["timestamp"], str)
    house.kill()
    house.start()
    house.connected()
    assert house.status()["stop"]["phase"] == "ACTIVE"
    assert house.status()["stop"]["reason"] == "smell of smoke"
    outsider.heard.clear()
    _heard(house, outsider)
    outsider.reading(35)
    refused = godkaiser("set", "fan", "on", "--json", data=house.data)
    assert refused.returncode == 7
    codes = [f["code"] for f in json.loads(refused.stdout)["error"]["details"]["findings"]]
    assert "stop_active" in codes
    eventually(lambda: house.status()["counters"]["readings_received"] == 1)
    assert all(command["command"] == "OFF" for command in outsider.commands())
    ask("clear", data=house.data)
    eventually(lambda: [t for t, p in outsider.heard if t.endswith("/emergency") and b"clear_emergency" in p])
    outsider.say("actuator/recovery_confirm", {"command": "clear_emergency", "state": "cleared"})
    eventually(lambda: house.status()["stop"]["phase"] == "NORMAL", 15)
    assert all(command["command"] == "OFF" for command in outsider.commands())
    _heard(house, outsider)
    outsider.reading(35, 2)
    eventually(lambda: [c for c in outsider.commands() if c["command"] == "ON"])


def test_second_controller_is_refused(house: Station, tmp_path: Path, mosquitto: Mosquitto) -> None:
    same = godkaiser("run", data=house.data, environment={"MQTT_BROKER_PORT": str(mosquitto.port)})
    assert same.returncode == 6
    assert "Another controller is already running" in same.stderr
    assert same.stderr.count("\n") == 1
    other = godkaiser("run", data=tmp_path / "other", environment={"MQTT_BROKER_PORT": str(mosquitto.port)})
    assert other.returncode == 6
    assert "kaiser id 'god'" in other.stderr
    assert house.status()["link"]["state"] == "up"


def test_broker_away_then_back(house: Station, outsider: Outsider, mosquitto: Mosquitto) -> None:
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    mosquitto.kill()
    eventually(lambda: house.status()["link"]["state"] == "down")
    refused = godkaiser("set", "fan", "on", "--json", data=house.data)
    assert refused.returncode == 7
    codes = [f["code"] for f in json.loads(refused.stdout)["error"]["details"]["findings"]]
    assert "link_down" in codes
    assert "cannot be reached" in refused.stderr
    kept = ask("set", "fan", "off", data=house.data)
    assert kept["state"] == "queued"
    outsider.heard.clear()
    mosquitto.start()
    house.connected()
    eventually(outsider.client.is_connected)
    outsider.client.subscribe("kaiser/#", 2)
    _heard(house, outsider)
    # Sent when the link came back, and again every 20 s until the node says it is so: we may have missed the first.
    eventually(lambda: [c for c in outsider.commands() if c["command"] == "OFF"], 30)
    assert not [c for c in outsider.commands() if c["command"] == "ON"]


def test_nothing_is_lost_or_doubled_when_the_controller_is_killed(house: Station, outsider: Outsider) -> None:
    """The broker keeps what was not acknowledged after commit; a message delivered twice is one row."""
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    for seq in range(1, 201):
        outsider.reading(20, seq)
        if seq == 120:
            house.kill()
    house.start()
    house.connected()
    eventually(lambda: _rows(house.data) == 200, 15)
    assert house.status()["counters"]["malformed"] == 0
    assert _rows(house.data) == 200


def _rows(data: Path) -> int:
    import sqlite3  # noqa: PLC0415 - only here do we look past the public doors, at what is on disk

    with sqlite3.connect(data / "godkaiser.db", timeout=60) as connection:
        rows = connection.execute("select count(*), count(distinct seq) from reading").fetchone()
    assert rows[0] == rows[1]
    return int(rows[0])


def test_rules_check_import_export_round_trip(house: Station, tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE | {"name": "Heat the house", "cooldown_seconds": 5}))
    checked = ask("rules", "check", str(file), data=house.data)
    assert "is above 28 °C (until below 25 °C), turn on fan" in checked[0]["sentence"]
    assert ask("rules", "import", str(file), data=house.data)["imported"] == ["heat-the-house"]
    exported = ask("rules", "export", data=house.data)
    assert [rule["name"] for rule in exported] == ["Cool the house", "Heat the house"]
    again = tmp_path / "again.json"
    again.write_text(json.dumps(exported))
    ask("rules", "import", str(again), data=house.data)
    assert ask("rules", "export", data=house.data) == exported
    file.write_text(json.dumps(RULE | {"priority": 101}))
    wrong = godkaiser("rules", "import", str(file), data=house.data)
    assert wrong.returncode == 2
    assert "rules[0].priority" in wrong.stderr
    assert ask("rules", "export", data=house.data) == exported


def test_rules_survive_a_restart_and_declare_their_actuators(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with station(tmp_path, mosquitto.port, None) as bare:
        file = tmp_path / "rule.json"
        file.write_text(json.dumps(RULE))
        declared = ask("rules", "import", str(file), data=bare.data)["declared"]
        assert "ESP_AB12CD/25: taken as a relay" in declared[0]
        bare.kill()
        bare.start()
        assert [rule["name"] for rule in ask("rules", "export", data=bare.data)] == ["Cool the house"]
        assert [a["id"] for a in ask("nodes", data=bare.data)["actuators"]] == ["ESP_AB12CD/25"]


def test_lease_that_ran_out_while_the_controller_was_dead_ends_at_the_start(
    house: Station, outsider: Outsider
) -> None:
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    time.sleep(2.5)  # the node's adoption
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(godkaiser, "set", "heater", "on", "--duration", "3s", data=house.data)
        eventually(lambda: [c for c in outsider.commands(26) if c["command"] == "ON"])
        house.kill()
        assert waiting.result().returncode == 11
    assert [c["command"] for c in outsider.commands(26)] == ["ON"]
    time.sleep(3)
    outsider.heard.clear()
    house.start()
    house.connected()
    _heard(house, outsider)
    eventually(lambda: [c for c in outsider.commands(26) if c["command"] == "OFF"], 15)


def test_ctrl_c_says_goodbye_and_leaves_actuators_safe(house: Station, outsider: Outsider) -> None:
    ask("nodes", "approve", _heard(house, outsider), data=house.data)
    time.sleep(2.5)
    outsider.say("actuator/26/status", _status(26, True))
    eventually(lambda: [a for a in ask("nodes", data=house.data)["actuators"] if a["reported"] == 1])
    outsider.heard.clear()
    house.stop()
    assert house.process is not None
    assert house.process.returncode == 0
    assert eventually(lambda: outsider.commands(26))[-1]["command"] == "OFF"
    last = eventually(lambda: [json.loads(p) for t, p in outsider.heard if t == "kaiser/god/server/status"])[
        -1
    ]
    assert (last["status"], last["reason"]) == ("offline", "graceful_shutdown")


def _status(gpio: int, on: bool) -> dict[str, object]:
    return {
        "esp_id": NODE,
        "ts": int(time.time()),
        "gpio": gpio,
        "type": "relay",
        "state": on,
        "pwm": 255 * on,
    }


def test_garbage_retained_where_controllers_announce_themselves_stops_nobody(
    tmp_path: Path, mosquitto: Mosquitto, outsider: Outsider
) -> None:
    topic = "kaiser/god/server/status"
    for payload in ("garbage", "[1]"):
        outsider.client.publish(topic, payload, 1, retain=True).wait_for_publish(5)
        with station(tmp_path, mosquitto.port) as made:
            made.connected()
            assert made.status()["link"]["state"] == "up"
