"""Nodes that publish readings at QoS 1: a fixed number of messages, at a fixed rate or flat out.

    python -m benchmarks.publish --port 1883 --messages 50000 [--rate 500] [--processes 1]

A node keeps what the broker has not acknowledged and sends it again after a reconnect, as one with a buffer does.
Prints one JSON line: sent, acknowledged, first and last publish, last acknowledgement (epoch seconds).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import threading
import time
from multiprocessing.queues import Queue
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.rig import SENSORS, node_names

IN_FLIGHT: Final = 20
WINDOW: Final = 200
GIVE_UP: Final = 60.0


def client(port: int, name: str) -> mqtt.Client:
    """One node's connection; it reconnects by itself."""
    made = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    made.max_inflight_messages_set(IN_FLIGHT)
    made.reconnect_delay_set(1, 2)
    made.connect("127.0.0.1", port, keepalive=30)
    made.loop_start()
    return made


def heartbeat(node: str) -> str:
    """So that its readings count and its rules act."""
    body: dict[str, Any] = {"esp_id": node, "ts": int(time.time()), "uptime": 100, "heap_free": 90000}
    return json.dumps(body | {"wifi_rssi": -60, "time_valid": True, "boot_id": "bench"})


class Sender:
    """The messages `part`, `part + parts`, … of all of them."""

    def __init__(self, port: int, nodes: list[str], window: int) -> None:
        self.clients = {node: client(port, f"bench-{node}") for node in nodes}
        self.window = threading.Semaphore(window) if window else None
        self.lock = threading.Lock()
        self.acknowledged = 0
        self.last = 0.0

    def _on_publish(self, *_: object) -> None:
        with self.lock:
            self.acknowledged += 1
            self.last = time.time()
        if self.window is not None:
            self.window.release()

    def run(self, part: int, parts: int, total: int, rate: float, begin: float) -> dict[str, float]:
        """Publish; returns when the broker has acknowledged all, or has said nothing for a minute."""
        names, dice, sent, worst = list(self.clients), random.Random(part), 0, 0.0
        for node, made in self.clients.items():
            made.publish(f"kaiser/god/esp/{node}/system/heartbeat", heartbeat(node), 0).wait_for_publish(5)
            made.on_publish = self._on_publish  # counts readings only
        time.sleep(max(0.0, begin - time.time()))
        first = time.time()
        for number in range(part, total, parts):
            if rate:
                due = begin + number / rate
                time.sleep(max(0.0, due - time.time()))
                worst = max(worst, time.time() - due)
            elif self.window is not None and not self.window.acquire(timeout=GIVE_UP):
                break
            node = names[sent % len(names)]
            gpio, kind, (low, high), _ = SENSORS[(sent // len(names)) % len(SENSORS)]
            body = {
                "esp_id": node,
                "gpio": gpio,
                "sensor_type": kind,
                "raw": round(dice.uniform(low, high), 3),
            }
            body |= {"raw_mode": True, "ts": time.time(), "seq": number}
            self.clients[node].publish(f"kaiser/god/esp/{node}/sensor/{gpio}/data", json.dumps(body), 1)
            sent += 1
        published = time.time()
        while self.acknowledged < sent and time.time() - max(self.last, published) < GIVE_UP:
            time.sleep(0.01)
        for made in self.clients.values():
            made.disconnect()
            made.loop_stop()
        return {"sent": sent, "acknowledged": self.acknowledged, "first": first, "published": published,
                "last": self.last, "worst_pacing_ms": worst * 1000}  # fmt: skip


def _work(asked: argparse.Namespace, part: int, begin: float, out: Queue[Any]) -> None:
    names = node_names(asked.nodes)[part :: asked.processes]
    sender = Sender(asked.port, names, 0 if asked.rate else WINDOW)
    out.put(sender.run(part, asked.processes, asked.messages, asked.rate, begin))


def main() -> None:
    """Publish and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second in all; 0: flat out")
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    out: Queue[Any] = multiprocessing.Queue()
    begin = time.time() + 2.0
    works = [
        multiprocessing.Process(target=_work, args=(asked, part, begin, out))
        for part in range(asked.processes)
    ]
    for work in works:
        work.start()
    parts = [out.get() for _ in works]
    for work in works:
        work.join()
    total = {key: sum(part[key] for part in parts) for key in ("sent", "acknowledged")}
    total |= {"first": min(part["first"] for part in parts)}
    total |= {key: max(part[key] for part in parts) for key in ("published", "last", "worst_pacing_ms")}
    print(json.dumps(total))


if __name__ == "__main__":
    main()
