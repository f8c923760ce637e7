"""The broker dies under load and comes back: nothing said after that is lost, and what stands retained is true."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.acceptance.station import NODE, PREFIX, Outsider, Station, ask, eventually, godkaiser
from tests.services import Mosquitto

STATUS = "kaiser/god/server/status"
RATE = 200.0  # messages per second
AGAIN = 0.02  # seconds between two attempts: quicker than any node, and than the controller
BACK_WITHIN = 10.0  # seconds; nodes are back after 1.5 to 12


@dataclass
class Visitor:
    """A client that is back as fast as it can be: a new connection each time, in a thread of its own."""

    port: int
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @contextlib.contextmanager
    def visiting(self) -> Iterator[Any]:
        """At work for the length of a `with` block."""
        self.thread = threading.Thread(target=self._visit)
        self.thread.start()
        try:
            yield self
        finally:
            self.over.set()
            self.thread.join(10)
        assert not self.thread.is_alive()

    def _visit(self) -> None:
        while not self.over.is_set():
            client = mqtt.Client(CallbackAPIVersion.VERSION2)
            self.prepare(client)
            with contextlib.suppress(OSError):
                # From another address: knocking often enough at a port where nobody is can meet itself.
                client.connect("127.0.0.1", self.port, bind_address="127.0.0.2")
                while not self.over.is_set() and client.loop(0.005) == mqtt.MQTT_ERR_SUCCESS:
                    self.work(client)
                client.disconnect()
            time.sleep(AGAIN)

    def prepare(self, client: mqtt.Client) -> None:
        """Before it connects."""

    def work(self, client: mqtt.Client) -> None:
        """Every few milliseconds while connected."""


@dataclass
class Publisher(Visitor):
    """Readings at a steady rate with QoS 1; remembers which ones the broker has confirmed, and when."""

    sent: int = 0
    began: float = field(default_factory=time.monotonic)
    confirmed: dict[int, float] = field(default_factory=dict)
    _under_way: dict[int, int] = field(default_factory=dict)

    def prepare(self, client: mqtt.Client) -> None:
        self._under_way.clear()  # what the broker did not confirm is nobody's promise
        client.max_inflight_messages_set(100)
        client.on_publish = lambda _, __, mid, *___: self._confirm(mid)

    def _confirm(self, mid: int) -> None:
        if mid in self._under_way:
            self.confirmed[self._under_way.pop(mid)] = time.monotonic()

    def work(self, client: mqtt.Client) -> None:
        while client.is_connected() and self.sent < (time.monotonic() - self.began) * RATE:
            self.sent += 1
            raw = 24000 + self.sent % 1000  # about 20 °C
            body = {"esp_id": NODE, "gpio": 0, "sensor_type": "sht31_temp", "raw": raw, "raw_mode": True}
            body |= {"seq": self.sent, "ts": int(time.time()), "quality": "good", "i2c_address": 68}
            sending = client.publish(f"{PREFIX}/sensor/0/data", json.dumps(body), 1)
            self._under_way[sending.mid] = self.sent

    def skip(self) -> None:
        """Forget the messages that were due while there was no broker."""
        self.began = time.monotonic() - self.sent / RATE

    def since(self, when: float) -> set[int]:
        """Which were confirmed since then."""
        return {seq for seq, at in tuple(self.confirmed.items()) if at >= when}


@dataclass
class Recorder(Visitor):
    """Everything a quick subscriber sees of the controller's own status: (when, whether retained, what)."""

    seen: list[tuple[float, bool, dict[str, Any]]] = field(default_factory=list)

    def prepare(self, client: mqtt.Client) -> None:
        client.on_connect = self._subscribe
        client.on_message = lambda _, __, m: self.seen.append(
            (time.monotonic(), m.retain, json.loads(m.payload))
        )

    def _subscribe(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(STATUS, 1)

    def since(self, when: float) -> list[tuple[bool, str, str | None]]:
        """What was seen since then: (whether retained, status, reason)."""
        return [
            (kept, said["status"], said.get("reason")) for at, kept, said in tuple(self.seen) if at >= when
        ]

    def retained(self, port: int) -> tuple[str, str | None]:
        """What somebody sees who subscribes now."""
        fresh = Recorder(port)
        with fresh.visiting():
            _, status, reason = eventually(lambda: fresh.since(0))[0]
        return status, reason


def _stored(data: Path) -> set[int]:
    """Which readings are on disk; each only once."""
    with contextlib.closing(sqlite3.connect(data / "godkaiser.db", timeout=10)) as connection:
        seqs = [row[0] for row in connection.execute("select seq from reading")]
    assert len(seqs) == len(set(seqs))
    return set(seqs)


def _approved(house: Station, outsider: Outsider) -> None:
    outsider.heartbeat()
    eventually(lambda: [n for n in ask("nodes", data=house.data)["nodes"] if n["online"]])
    ask("nodes", "approve", NODE, data=house.data)


def _remembered(broker: Mosquitto) -> None:
    """The broker's memory reaches its disk from time to time; after this it holds our session."""
    broker.save()
    eventually(lambda: b"godkaiser_god" in broker.saved and b'"online"' in broker.saved)


def _up(house: Station) -> bool:
    return bool(house.status()["link"]["state"] == "up")


def _obeyed(house: Station, outsider: Outsider) -> None:
    """A command goes out to the node, and its answer comes back."""
    eventually(outsider.client.is_connected)
    outsider.client.subscribe("kaiser/#", 2)
    outsider.heartbeat()
    time.sleep(2.5)  # the node's adoption
    outsider.heard.clear()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(godkaiser, "set", "fan", "on", data=house.data)
        command = eventually(outsider.commands)[0]
        about = {"esp_id": NODE, "ts": int(time.time()), "gpio": 25}
        done = {"command": "ON", "success": True, "correlation_id": command["correlation_id"]}
        outsider.say("actuator/25/response", about | done)
        outsider.say("actuator/25/status", about | {"type": "relay", "state": True, "pwm": 255})
        assert asked.result().returncode == 0, asked.result().stderr
    assert command["command"] == "ON"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seconds", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_a_dead_broker_under_load(
    seconds: int, house: Station, outsider: Outsider, mosquitto: Mosquitto
) -> None:
    _approved(house, outsider)
    publisher, recorder = Publisher(mosquitto.port), Recorder(mosquitto.port)
    with recorder.visiting(), publisher.visiting():
        eventually(lambda: len(_stored(house.data)) > RATE)
        _remembered(mosquitto)
        mosquitto.kill()
        killed = time.monotonic()
        eventually(lambda: not _up(house))
        time.sleep(max(0.0, killed + seconds - time.monotonic()))
        assert not _up(house)
        assert publisher.since(killed + 0.5) == set()
        publisher.skip()
        back = time.monotonic()
        mosquitto.start()
        # "online" is said again, and at no moment "offline": devices would let go of everything.
        eventually(lambda: (False, "online", None) in recorder.since(back), BACK_WITHIN)
        eventually(lambda: len(publisher.since(back)) > 4 * RATE, 20)
        _obeyed(house, outsider)
        assert {status for _, status, _ in recorder.since(back)} == {"online"}
        assert recorder.retained(mosquitto.port) == ("online", None)
    promised = publisher.since(back)
    eventually(lambda: promised <= _stored(house.data), 15)
    _tells_the_truth_to_the_end(house, recorder, mosquitto.port)


def _tells_the_truth_to_the_end(house: Station, recorder: Recorder, port: int) -> None:
    """After an end in order, a new start, and kill -9."""
    house.stop()
    assert recorder.retained(port) == ("offline", "graceful_shutdown")
    house.start()
    house.connected()
    eventually(lambda: recorder.retained(port) == ("online", None))
    house.kill()
    eventually(lambda: recorder.retained(port) == ("offline", "unexpected_disconnect"))


def test_what_the_broker_took_before_the_controller_was_back_is_not_lost(
    house: Station, outsider: Outsider, mosquitto: Mosquitto
) -> None:
    """The controller is held until the broker has taken a second's worth of readings for its session."""
    _approved(house, outsider)
    publisher = Publisher(mosquitto.port)
    with publisher.visiting():
        eventually(lambda: _stored(house.data))
        _remembered(mosquitto)
        mosquitto.kill()
        eventually(lambda: not _up(house))
        assert house.process is not None
        house.process.send_signal(signal.SIGSTOP)
        publisher.skip()
        back = time.monotonic()
        mosquitto.start()
        try:
            eventually(lambda: len(publisher.since(back)) > RATE)
        finally:
            house.process.send_signal(signal.SIGCONT)
        eventually(lambda: _up(house), BACK_WITHIN)
    promised = publisher.since(back)
    eventually(lambda: promised <= _stored(house.data), 15)
