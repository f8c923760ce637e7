"""A virtual ESP32: an `esp32_dev` firmware of 2026 as seen from the wire.

Sans-I/O: bytes and instants in, messages and the next wake-up out. What repeats (readings, statuses, the
minute's heartbeat) falls on a grid of 30 s shared by all nodes; only what cannot wait lies between.

Not there yet: configuration, zones, sensor commands, offline rules. Their topics are subscribed and left
unanswered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from .bench import Bench
from .device import Device
from .driver import NEVER
from .probe import measure
from .session import Accepted
from .spec import SECOND, NodeSpec, Publish, SensorSpec, World
from .system import obey

__all__ = ["GRID", "NodeSpec", "Publish", "VirtualNode"]

GRID = 30 * SECOND
HEARTBEAT = 60 * SECOND
BOOTSTRAP = 5 * SECOND
PAYLOAD_LIMIT = 8191
TOPIC_LIMIT = 191
_OWN_TOPICS = (
    ("system/heartbeat/ack", 1),
    ("config", 2),
    ("system/command", 2),
    ("kaiser/broadcast/emergency", 2),
    ("actuator/+/command", 2),
    ("actuator/emergency", 1),
    ("zone/assign", 1),
    ("subzone/assign", 1),
    ("subzone/remove", 1),
    ("subzone/safe", 1),
    ("sensor/+/command", 2),
)


class VirtualNode:
    """One node. All instants are microseconds since the Unix epoch, UTC, and never run backwards."""

    def __init__(self, spec: NodeSpec, world: World, *, seed: int, boot: int, kaiser_id: str = "god") -> None:
        self.spec = spec
        self.id = spec.id
        self._rng = Random(f"{seed}/{spec.id}")
        self._world = world
        self._device = Device(spec, kaiser_id, self._rng, boot)
        self._session = self._device.session
        self._bench = Bench(self._device, world, boot)
        self._now = boot
        self._kaiser_id = kaiser_id
        self._beat_at = NEVER
        self._beats = 0
        self._counters: dict[str, object] = {}
        self._status_at = NEVER
        self._due = dict.fromkeys(spec.sensors, NEVER)
        self._waiting: list[tuple[str, bytes]] = []
        self._routes = self._build_routes()
        self._command = re.compile(re.escape(self._device.root) + r"actuator/(\d{1,3})/command", re.ASCII)

    # -- what the link needs to know ---------------------------------------------------------------

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """Topic filters and QoS, in the order the device subscribes."""
        own = tuple((t if t.startswith("kaiser/") else self._device.root + t, qos) for t, qos in _OWN_TOPICS)
        return (*own, (f"kaiser/{self._kaiser_id}/server/status", 1))

    @property
    def will(self) -> Publish:
        """The last will to register with the next connection; its time is the last instant this node knew."""
        return self._device.voice.will(self._now)

    @property
    def next_wakeup(self) -> int:
        """The instant at which :meth:`tick` has something to do."""
        timers = min(self._session.deadline, self._bench.deadline)
        return min(timers, self._beat_at, self._status_at, min(self._due.values(), default=NEVER))

    def level(self, gpio: int) -> float:
        """What the output of an actuator really does, 0..1."""
        return self._bench.drivers[gpio].level

    @property
    def safe(self) -> bool:
        """Whether every actuator is at its default."""
        return all(driver.level == driver.spec.default_level for driver in self._bench.drivers.values())

    # -- life --------------------------------------------------------------------------------------

    def connected(self, now: int) -> list[Publish]:
        """The broker has accepted us and confirmed all subscriptions."""
        self._now = now
        self._session.connect(now)
        self._device.emit(self._device.voice.announce(now))
        self._status_at = _grid(now, GRID)
        self._due = {sensor: _grid(now, sensor.interval * SECOND) for sensor in self.spec.sensors}
        self._beat(now)
        return self._device.drain()

    def disconnected(self, now: int) -> None:
        """The transport is gone: actuators fall to their defaults, nothing can be said."""
        self._now = now
        self._session.disconnect(now)
        self._beat_at = self._status_at = NEVER
        self._due = dict.fromkeys(self._due, NEVER)
        self._waiting.clear()
        self._bench.rest(now)

    def tick(self, now: int) -> list[Publish]:
        """Do everything that is due at ``now``."""
        self._timers(now)
        if now >= self._beat_at:
            self._beat(now)
        for sensor, due in self._due.items():
            if now >= due:
                self._due[sensor] = _grid(now, sensor.interval * SECOND)
                self._read(sensor, now)
        if now >= self._status_at:
            self._status_at = _grid(now, GRID)
            self._bench.report(now)
        return self._device.drain()

    def _timers(self, now: int) -> None:
        self._now = now
        if self._session.expire(now):
            self._bench.rest(now)
        self._bench.expire(now)
        self._drain_waiting(now)

    def _beat(self, now: int) -> None:
        self._beat_at = now + BOOTSTRAP
        if self._session.open:
            self._beat_at = _grid(now + HEARTBEAT - GRID, GRID)
        self._device.emit(self._device.voice.heartbeat(now))
        self._beats += 1
        counters = self._metrics()
        if counters != self._counters or self._beats % 5 == 0:
            self._counters = counters
            self._device.emit(self._device.voice.metrics(now, counters))

    def _read(self, sensor: SensorSpec, now: int) -> None:
        true = self._world.sense(self.spec.zone, sensor.type)
        self._device.emit(self._device.voice.reading(sensor, measure(sensor.type, true, self._rng), now))

    def _metrics(self) -> dict[str, object]:
        session = self._session
        return {
            "offline_enter_count": session.offline_count,
            "adopting_enter_count": session.adopting_count,
            "adoption_noop_count": session.adopting_count,
            "adoption_delta_count": 0,
            "handover_abort_count": 0,
            "handover_contract_reject_count": session.rejected_acks,
            "handover_contract_last_reject": session.last_reject,
            "persistence_drift_count": 0,
            "critical_outcome_drop_count": 0,
            "publish_outbox_drop_count": 0,
            "publish_queue_fill": 0,
            "publish_queue_hwm": 0,
            "publish_queue_shed_count": 0,
            "publish_queue_drop_count": 0,
            "sensor_command_queue_overflow_count": 0,
            "safe_publish_retry_count": 0,
            "emergency_rejected_no_token_total": 0,
        }

    # -- what comes in -----------------------------------------------------------------------------

    def receive(self, topic: str, payload: bytes, now: int) -> list[Publish]:
        """Take a message from the broker; oversized and foreign ones are dropped without a word."""
        self._timers(now)
        if self._session.connected and len(payload) <= PAYLOAD_LIMIT and len(topic) <= TOPIC_LIMIT:
            self._waiting.append((topic, payload))
            self._drain_waiting(now)
        return self._device.drain()

    def _drain_waiting(self, now: int) -> None:
        while self._waiting and now >= self._bench.busy_until:
            self._route(*self._waiting.pop(0), now)

    def _build_routes(self) -> dict[str, Callable[[bytes, int], None]]:
        root = self._device.root
        return {
            root + "system/heartbeat/ack": self._acked,
            root + "system/command": lambda payload, now: obey(self._device, self._bench, payload, now),
            root + "actuator/emergency": self._bench.emergency,
            "kaiser/broadcast/emergency": self._bench.broadcast,
            f"kaiser/{self._kaiser_id}/server/status": self._server,
        }

    def _route(self, topic: str, payload: bytes, now: int) -> None:
        command = self._command.fullmatch(topic)
        if command:
            self._bench.command(int(command[1]), payload, now)
        elif topic in self._routes:
            self._routes[topic](payload, now)

    def _acked(self, payload: bytes, now: int) -> None:
        first = not self._session.open
        accepted = self._session.ack(payload, now)
        if accepted is None:
            return
        if first:
            self._beat_at = max(_grid(now, GRID), _grid(self._beat_at - BOOTSTRAP + HEARTBEAT - GRID, GRID))
            self._device.replay(now)
        if accepted.code:
            self._rejected(accepted, payload, now)
        if accepted.report:
            self._bench.report(now)

    def _rejected(self, accepted: Accepted, payload: bytes, now: int) -> None:
        intent = self._device.intent(payload, "heartbeat", "heartbeat", now)
        self._device.outcome(intent, "rejected", accepted.code, "Device rejected by server", now)
        self._device.error(4200, "APPLICATION", "Device rejected by server", now)

    def _server(self, payload: bytes, now: int) -> None:
        if self._session.server(payload, now):
            self._bench.rest(now)


def _grid(now: int, step: int) -> int:
    """The first multiple of ``step`` after ``now``."""
    return (now // step + 1) * step
