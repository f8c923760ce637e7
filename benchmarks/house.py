"""Nodes as they are in a house: heartbeats, readings at a fixed rate, answers to commands, and a buffer each.

    python -m benchmarks.house --port 1883 --messages 30000 --rate 500

What the broker has not acknowledged is kept and sent again after a reconnect. Prints one JSON line: sent,
acknowledged, the numbers of those that never were, first and last publish, last acknowledgement (epoch seconds).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import threading
import time
from typing import Any, Final

import paho.mqtt.client as mqtt

from benchmarks.publish import GIVE_UP, client, heartbeat
from benchmarks.rig import SENSORS, node_names

BEAT_EVERY: Final = 10.0
RELAY: Final = 25
MOST: Final = 60_000  # messages of a node; the rest of the 65,535 packet ids is for its answers


class Node:
    """One node: its connection, what it was acknowledged, and its relay."""

    def __init__(self, name: str, port: int) -> None:
        self.name, self.prefix = name, f"kaiser/god/esp/{name}"
        self.done: set[int] = set()  # packet ids
        self.numbers: dict[int, int] = {}
        self.last = 0.0
        self.client = client(port, f"house-{name}")
        self.client.on_publish = self._on_publish
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_command
        self._on_connect()  # it may have been connected before we listened

    def _on_connect(self, *_: object) -> None:
        self.client.subscribe(f"{self.prefix}/actuator/+/command", 1)

    def _on_publish(self, _: mqtt.Client, __: object, mid: int, *___: object) -> None:
        self.done.add(mid)
        self.last = time.time()

    def _on_command(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        asked = json.loads(message.payload)
        said: dict[str, Any] = {"esp_id": self.name, "ts": int(time.time()), "gpio": RELAY}
        more = {"command": asked["command"], "success": True, "correlation_id": asked["correlation_id"]}
        on = asked["command"] == "ON"
        status = {"type": "relay", "state": on, "pwm": 255 * on}
        self.client.publish(f"{self.prefix}/actuator/{RELAY}/response", json.dumps(said | more), 1)
        self.client.publish(f"{self.prefix}/actuator/{RELAY}/status", json.dumps(said | status), 1)

    def beat(self) -> None:
        """So that it counts as there."""
        if self.client.is_connected():
            self.client.publish(f"{self.prefix}/system/heartbeat", heartbeat(self.name), 0)

    def measure(self, number: int, sensor: int, dice: random.Random) -> None:
        """One reading, its number as `seq`."""
        gpio, kind, (low, high), _ = SENSORS[sensor]
        body: dict[str, Any] = {"esp_id": self.name, "gpio": gpio, "sensor_type": kind, "seq": number}
        body |= {"raw": round(dice.uniform(low, high), 3), "raw_mode": True, "ts": time.time()}
        topic = f"{self.prefix}/sensor/{gpio}/data"
        self.numbers[self.client.publish(topic, json.dumps(body), 1).mid] = number

    @property
    def owed(self) -> list[int]:
        """Numbers the broker has not acknowledged."""
        return [number for mid, number in self.numbers.items() if mid not in self.done]


def run(nodes: list[Node], messages: int, rate: float) -> dict[str, Any]:
    """Publish all; returns when the broker has acknowledged all, or has said nothing for a minute."""
    dice, over = random.Random(1), threading.Event()

    def beats() -> None:
        while not over.wait(BEAT_EVERY):
            for node in nodes:
                node.beat()

    threading.Thread(target=beats, daemon=True).start()
    time.sleep(1.0)  # the connections
    for node in nodes:
        node.beat()
    time.sleep(1.0)
    first, worst = time.time(), 0.0
    places = itertools.cycle(itertools.product(range(len(SENSORS)), nodes))
    for number, (sensor, node) in zip(range(messages), places, strict=False):
        due = first + number / rate
        time.sleep(max(0.0, due - time.time()))
        worst = max(worst, time.time() - due)
        node.measure(number, sensor, dice)
    published = time.time()
    while any(node.owed for node in nodes):
        if time.time() - max(published, *(node.last for node in nodes)) > GIVE_UP:
            break
        time.sleep(0.05)
    over.set()
    owed = sorted(number for node in nodes for number in node.owed)
    return {"sent": messages, "acknowledged": messages - len(owed), "owed": owed, "first": first,
            "published": published, "last": max(node.last for node in nodes),
            "worst_pacing_ms": worst * 1000}  # fmt: skip


def main() -> None:
    """Publish and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=500.0, help="messages a second in all")
    parser.add_argument("--nodes", type=int, default=20)
    asked = parser.parse_args()
    if asked.messages > MOST * asked.nodes:
        parser.error(f"at most {MOST} messages a node: packet ids would come again")
    nodes = [Node(name, asked.port) for name in node_names(asked.nodes)]
    try:
        print(json.dumps(run(nodes, asked.messages, asked.rate)), flush=True)
    finally:
        for node in nodes:
            node.client.disconnect()
            node.client.loop_stop()


if __name__ == "__main__":
    main()
