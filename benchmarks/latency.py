"""From the crossing reading to the command on the broker, over a real Mosquitto and a real `godkaiser run`.

    python benchmarks/latency.py [--cycles 300] [--load 100]

Prints medians in ms, idle and under load, beside two limits measured in the same run with the same broker and the
same measuring client: an echo (a bare paho client that answers each reading with a command) and a bare round trip.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from godkaiser.io.broker import find_mosquitto, free_port

NODE = "ESP_AB12CD"
PREFIX = f"kaiser/god/esp/{NODE}"
SITE = {
    "nodes": [{"id": NODE, "approved": True}],
    "sensors": [{"node": NODE, "gpio": 0, "type": "sht31_temp", "address": 68}],
    "actuators": [{"node": NODE, "gpio": 25, "kind": "fan", "type": "relay", "rule_hold_s": 0}],
    "rules": [
        {
            "name": "cool",
            "cooldown_seconds": 0,
            "conditions": [
                {
                    "type": "hysteresis",
                    "esp_id": NODE,
                    "gpio": 0,
                    "sensor_type": "sht31_temp",
                    "activate_above": 28,
                    "deactivate_below": 25,
                }
            ],
            "actions": [{"type": "actuator_command", "esp_id": NODE, "gpio": 25, "command": "ON"}],
        }
    ],
}


def client(port: int, name: str) -> mqtt.Client:
    """A connected paho client with its own network thread and TCP_NODELAY."""
    made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    made.connect("127.0.0.1", port)
    made.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]
    made.loop_start()
    return made


def reading(seq: int, celsius: float) -> str:
    """A sensor message as the firmware sends it."""
    raw = round((celsius + 45) / 175 * 65535)
    body: dict[str, Any] = {"esp_id": NODE, "seq": seq, "gpio": 0, "sensor_type": "sht31_temp", "raw": raw}
    body |= {
        "quality": "good",
        "ts": int(time.time()),
        "time_valid": True,
        "raw_mode": True,
        "i2c_address": 68,
    }
    return json.dumps(body)


class Meter:
    """Publishes crossing readings and waits for the command; plays the node's part of the answer."""

    def __init__(self, port: int) -> None:
        self.client = client(port, "meter")
        self.seen = threading.Event()
        self.at = 0.0
        self.seq = 0
        self.client.on_message = self._on_message
        self.client.subscribe(f"{PREFIX}/actuator/25/command", 1)
        time.sleep(0.3)

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        self.at = time.perf_counter()
        body = json.loads(message.payload)
        on = body["command"] == "ON"
        answer = {
            "esp_id": NODE,
            "ts": int(time.time()),
            "gpio": 25,
            "command": body["command"],
            "success": True,
        }
        answer["correlation_id"] = body["correlation_id"]
        self.client.publish(f"{PREFIX}/actuator/25/response", json.dumps(answer), 1)
        status = {
            "esp_id": NODE,
            "ts": int(time.time()),
            "gpio": 25,
            "type": "relay",
            "state": on,
            "pwm": 255 * on,
        }
        self.client.publish(f"{PREFIX}/actuator/25/status", json.dumps(status), 1)
        self.seen.set()

    def heartbeat(self) -> None:
        """Keeps the node online."""
        body = {
            "ts": int(time.time()),
            "uptime": 100,
            "heap_free": 90000,
            "wifi_rssi": -60,
            "time_valid": True,
        }
        self.client.publish(f"{PREFIX}/system/heartbeat", json.dumps(body), 0)

    def cycle(self, celsius: float) -> float | None:
        """Milliseconds from publish to command; None when none came."""
        self.seen.clear()
        self.seq += 1
        begin = time.perf_counter()
        self.client.publish(f"{PREFIX}/sensor/0/data", reading(self.seq, celsius), 1)
        return (self.at - begin) * 1000 if self.seen.wait(5) else None

    def run(self, cycles: int) -> dict[str, float]:
        """Alternate above and below; the first few warm up."""
        times: list[float] = []
        missed = 0
        for number in range(cycles + 10):
            if number % 100 == 0:
                self.heartbeat()
            took = self.cycle(35 if number % 2 == 0 else 15)
            time.sleep(0.02)
            if took is None:
                missed += 1
            elif number >= 10:
                times.append(took)
        quantiles = statistics.quantiles(times, n=20)
        return {"p50": statistics.median(times), "p95": quantiles[18], "n": len(times), "missed": missed}


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """A private Mosquitto."""
    port = free_port(0)
    config = folder / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n{user}")
    binary = find_mosquitto()
    if binary is None:
        raise SystemExit("needs mosquitto")
    process = subprocess.Popen([binary, "-c", str(config)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def controller(folder: Path, port: int) -> Iterator[None]:
    """`godkaiser run` as people start it."""
    site = folder / "site.yaml"
    site.write_text(yaml.safe_dump(SITE))
    command = [
        sys.executable,
        "-m",
        "godkaiser.cli.main",
        "run",
        "--data",
        str(folder / "data"),
        "--site",
        str(site),
    ]
    env = os.environ | {"MQTT_BROKER_PORT": str(port)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(4)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def echo(port: int) -> Iterator[None]:
    """The limit: no decoding, no rules, no safety, no storage."""
    made = client(port, "echo")

    def answer(_: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        body = json.loads(message.payload)
        verb = "ON" if body["raw"] > 27000 else "OFF"
        command = json.dumps({"command": verb, "value": 1.0, "correlation_id": str(body["seq"])})
        made.publish(f"{PREFIX}/actuator/25/command", command, 1)

    made.on_message = answer
    made.subscribe(f"{PREFIX}/sensor/0/data", 1)
    time.sleep(0.3)
    yield
    made.disconnect()
    made.loop_stop()


@contextlib.contextmanager
def load(port: int, rate: float) -> Iterator[None]:
    """Other sensors of the node, `rate` messages a second."""
    made = client(port, "load")
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.wait(1 / rate):
            number += 1
            body = json.loads(reading(number, 20)) | {
                "gpio": 4,
                "sensor_type": "ds18b20",
                "raw": 320 + number % 50,
            }
            body["ts"] = int(time.time())
            del body["i2c_address"]
            made.publish(f"{PREFIX}/sensor/4/data", json.dumps(body), 1)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
    made.disconnect()
    made.loop_stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cycles", type=int, default=300)
    parser.add_argument("--load", type=float, default=100.0)
    wanted = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, broker(Path(name)) as port:
        meter = Meter(port)
        with echo(port):
            result["limit_echo_idle"] = meter.run(wanted.cycles)
            with load(port, wanted.load):
                result["limit_echo_loaded"] = meter.run(wanted.cycles)
        with controller(Path(name), port):
            meter.heartbeat()
            time.sleep(3)
            result["godkaiser_idle"] = meter.run(wanted.cycles)
            with load(port, wanted.load):
                result["godkaiser_loaded"] = meter.run(wanted.cycles)
    for key, row in result.items():
        print(
            f"{key:18s} p50 {row['p50']:6.2f} ms   p95 {row['p95']:6.2f} ms   n {row['n']}   missed {row['missed']}"
        )
    ratio = result["godkaiser_idle"]["p50"] / result["limit_echo_idle"]["p50"]
    print(f"idle: {ratio:.1f} times the echo; load average {os.getloadavg()[0]:.1f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
