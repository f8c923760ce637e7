"""An emulated node on a real broker in real time: its firmware's own timers, parsers and doubts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.spec import NodeSpec, Publish
from tests.sim.rig import Dummy

TICK = 0.02


def now() -> int:
    """Microseconds of the wall clock."""
    return time.time_ns() // 1000


class Board:
    """Runs in a thread of its own until `unplug`. `heard` keeps every command it was sent, with its topic."""

    def __init__(self, node: str, port: int, **spec: Any) -> None:
        self.node = VirtualNode(NodeSpec(node, "esp32_dev", "", **spec), Dummy(), seed=1, boot=now())
        self.heard: list[tuple[float, str, bytes]] = []
        self._port = port
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def on(self, gpio: int) -> bool | None:
        """Is its pin away from 0? None: it has no such actuator."""
        with self._lock:
            try:
                return self.node.level(gpio) > 0
            except KeyError:
                return None

    def commands(self, below: str = "/command") -> list[bytes]:
        """What it was told on topics with this end."""
        return [payload for _, topic, payload in tuple(self.heard) if topic.endswith(below)]

    def unplug(self) -> None:
        """Power off, network off."""
        self._over.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _live(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):  # nobody there: again after a moment
                self._visit(mqtt.Client(CallbackAPIVersion.VERSION2, self.node.id))
            self._alone()

    def _visit(self, client: mqtt.Client) -> None:
        will = self.node.will
        client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_message = lambda _, __, m: self._arrived(client, m.topic, bytes(m.payload))
        try:
            client.connect("127.0.0.1", self._port, keepalive=5)
            self._serve(client)
        finally:
            client.on_message = None  # it would keep itself, and its sockets, alive

    def _serve(self, client: mqtt.Client) -> None:
        while not client.is_connected() and not self._over.is_set():
            if client.loop(TICK) != mqtt.MQTT_ERR_SUCCESS:
                return
        for topic, qos in self.node.subscriptions:
            client.subscribe(topic, qos)
        self._say(client, lambda: self.node.connected(now()))
        while not self._over.is_set() and client.loop(TICK) == mqtt.MQTT_ERR_SUCCESS:
            self._say(client, self._due)
        with self._lock:
            self.node.disconnected(now())

    def _alone(self) -> None:
        """Without a network its own timers still run."""
        for _ in range(25):
            with self._lock:
                self._due()
            self._over.wait(TICK)

    def _due(self) -> list[Publish]:
        at = now()
        return self.node.tick(at) if self.node.next_wakeup <= at else []

    def _arrived(self, client: mqtt.Client, topic: str, payload: bytes) -> None:
        self.heard.append((time.monotonic(), topic, payload))
        self._say(client, lambda: self.node.receive(topic, payload, now()))

    def _say(self, client: mqtt.Client, act: Callable[[], Iterable[Publish]]) -> None:
        with self._lock:
            said = list(act())
        for message in said:
            client.publish(message.topic, message.payload, message.qos, message.retain)
