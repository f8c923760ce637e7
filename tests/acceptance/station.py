"""What acceptance tests share: controllers and commands as real processes, a real broker, an outside client."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

NODE = "ESP_AB12CD"
PREFIX = f"kaiser/god/esp/{NODE}"
RULE = {
    "name": "Cool the house",
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
SITE = {
    "zones": [{"id": "house", "name": "House"}],
    "nodes": [{"id": NODE, "name": "first node", "zone": "house"}],
    "actuators": [
        {"node": NODE, "gpio": 25, "type": "relay", "kind": "fan", "name": "fan", "max_on_s": 600},
        {"node": NODE, "gpio": 26, "type": "relay", "kind": "heater", "name": "heater", "max_on_s": 600},
    ],
    "rules": [RULE],
}


BUSY = 6.0


def eventually(check: Callable[[], Any], within: float = 10.0, every: float = 0.05) -> Any:
    """The first truthy answer of `check`; fails after `within` seconds on a quiet machine, more on a busy one."""
    end = time.monotonic() + within * BUSY
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not so within {within} s; last answer: {answer!r}")
        time.sleep(every)


def untraced() -> dict[str, str]:
    """The environment for a program that is not measured for coverage."""
    return {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}


def godkaiser(
    *arguments: str, data: Path | None = None, traced: bool = True, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command, as people type it. `traced`: measured for coverage, which makes it slower."""
    command = [sys.executable, "-m", "godkaiser.cli.main", *arguments]
    if data is not None:
        command += ["--data", str(data)]
    variables = (dict(os.environ) if traced else untraced()) | (environment or {})
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)


def ask(*arguments: str, data: Path) -> Any:
    """A command's JSON document; the command must succeed."""
    done = godkaiser(*arguments, "--json", data=data, traced=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclass
class Station:
    """A controller process on a broker."""

    folder: Path
    port: int
    site: dict[str, Any] | None = field(default_factory=lambda: SITE)
    process: subprocess.Popen[str] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("godkaiser.cli.main",)
    more: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Run it, and wait until it answers and (if there is a broker) is connected."""
        command = [sys.executable, "-m", *self.program, "run", "--data", str(self.data), "--json", *self.more]
        if self.site is not None:
            path = self.folder / "site.yaml"
            path.write_text(yaml.safe_dump(self.site))
            command += ["--site", str(path)]
        # A busy test machine may need longer than the tenth of a second that a real one is given.
        patient = {"MQTT_BROKER_PORT": str(self.port), "GODKAISER_JOURNAL_WITHIN_S": "5"}
        environment = os.environ | patient | self.settings
        with (self.folder / "controller.log").open("a") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), (self.folder / "controller.log").read_text()

    def connected(self) -> None:
        eventually(lambda: self.status()["link"]["state"] == "up", 15)

    def status(self) -> Any:
        return ask("status", data=self.data)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.close_pipe()

    def close_pipe(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> None:
        """Ctrl-C, and its end."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.close_pipe()


@contextlib.contextmanager
def station(
    folder: Path,
    port: int,
    site: dict[str, Any] | None = SITE,
    settings: dict[str, str] | None = None,
    program: tuple[str, ...] = ("godkaiser.cli.main",),
    more: tuple[str, ...] = (),
) -> Iterator[Station]:
    """A running controller, ended in any case. `settings` are added to its environment, `more` to the command."""
    made = Station(folder, port, site, settings=settings or {}, program=program, more=more)
    made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.returncode is None:
            made.stop()


class Outsider:
    """Somebody with an MQTT client: plays a node by hand and sees what is said to it."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _, __, m: self.heard.append((m.topic, bytes(m.payload)))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("kaiser/#", 2)
        time.sleep(0.2)

    def say(self, below: str, body: dict[str, Any] | bytes | str, qos: int = 1) -> None:
        payload = body if isinstance(body, (bytes, str)) else json.dumps(body)
        self.client.publish(f"{PREFIX}/{below}", payload, qos).wait_for_publish(5)

    def heartbeat(self) -> None:
        body = {
            "ts": int(time.time()),
            "uptime": 100,
            "heap_free": 90000,
            "wifi_rssi": -60,
            "time_valid": True,
        }
        self.say("system/heartbeat", body, 0)

    def reading(self, celsius: float, seq: int = 1, **more: Any) -> None:
        raw = round((celsius + 45) / 175 * 65535)
        body = {
            "esp_id": NODE,
            "gpio": 0,
            "sensor_type": "sht31_temp",
            "raw": raw,
            "raw_mode": True,
            "seq": seq,
        }
        self.say(
            "sensor/0/data", body | {"ts": int(time.time()), "quality": "good", "i2c_address": 68} | more
        )

    def commands(self, gpio: int = 25) -> list[dict[str, Any]]:
        return [json.loads(p) for t, p in self.heard if t == f"{PREFIX}/actuator/{gpio}/command"]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
