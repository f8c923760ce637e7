"""A virtual ESP32: an `esp32_dev` firmware of 2026 as seen from the wire.

Sans-I/O: bytes and instants in, messages and the next wake-up out. What repeats (readings, statuses, the
minute's heartbeat) falls on a grid of 30 s shared by all nodes; only what cannot wait lies between.

Offline rules are kept and not executed. A changed kaiser id is kept and told, but topics do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .assign import Places
from .bench import Bench
from .configure import Configurator
from .device import Device
from .driver import NEVER
from .firmware.judge import transport_flaw
from .firmware.pins import NO_PIN
from .firmware.topics import LONGEST, SUBSCRIPTIONS, Address, locate
from .sensing import Sensing
from .session import Accepted
from .spec import SECOND, NodeSpec, Publish, World, grid
from .system import obey

__all__ = ["GRID", "NodeSpec", "Publish", "VirtualNode"]

GRID = 30 * SECOND
HEARTBEAT = 60 * SECOND
BOOTSTRAP = 5 * SECOND


class VirtualNode:
    """One node. All instants are microseconds since the Unix epoch, UTC, and never run backwards."""

    def __init__(self, spec: NodeSpec, world: World, *, seed: int, boot: int, kaiser_id: str = "god") -> None:
        self.spec = spec
        self.id = spec.id
        rng = Random(f"{seed}/{spec.id}")
        self._device = Device(spec, kaiser_id, rng, boot)
        self._session = self._device.session
        self._bench = Bench(self._device, world, boot)
        self._sensing = Sensing(self._device, world, rng)
        self._now = boot
        self._kaiser_id = kaiser_id
        self._beat_at = NEVER
        self._beats = 0
        self._counters: dict[str, object] = {}
        self._status_at = NEVER
        self._waiting: list[tuple[str, bytes]] = []
        self._routes = self._build_routes()

    # -- what the link needs to know ---------------------------------------------------------------

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """Topic filters and QoS, in the order the device subscribes."""
        return tuple((row.filter(self._kaiser_id, self.id), row.qos) for row in SUBSCRIPTIONS)

    @property
    def will(self) -> Publish:
        """The last will to register with the next connection; its time is the last instant this node knew."""
        return self._device.voice.will(self._now)

    @property
    def next_wakeup(self) -> int:
        """The instant at which :meth:`tick` has something to do."""
        timers = min(self._session.deadline, self._bench.deadline)
        return min(timers, self._beat_at, self._status_at, self._sensing.deadline)

    def level(self, gpio: int) -> float:
        """What the output on a pin really does, 0..1."""
        driver = self._bench.drivers.get(gpio)
        return driver.level if driver else 0.0

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
        self._status_at = grid(now, GRID)
        self._sensing.start(now)
        self._beat(now)
        return self._device.drain()

    def disconnected(self, now: int) -> None:
        """The transport is gone: actuators fall to their defaults, nothing can be said."""
        self._now = now
        self._session.disconnect(now)
        self._beat_at = self._status_at = NEVER
        self._sensing.stop()
        self._waiting.clear()
        self._bench.rest(now)

    def tick(self, now: int) -> list[Publish]:
        """Do everything that is due at ``now``."""
        self._timers(now)
        if now >= self._beat_at:
            self._beat(now)
        self._sensing.tick(now)
        if now >= self._status_at:
            self._status_at = grid(now, GRID)
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
            self._beat_at = grid(now + HEARTBEAT - GRID, GRID)
        self._device.emit(self._device.voice.heartbeat(now))
        self._beats += 1
        counters = self._metrics()
        if counters != self._counters or self._beats % 5 == 0:
            self._counters = counters
            self._device.emit(self._device.voice.metrics(now, counters))

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
        outgrown = len(topic) > LONGEST or transport_flaw(topic, payload, self._device.firmware)
        if self._session.connected and not outgrown:
            self._waiting.append((topic, payload))
            self._drain_waiting(now)
        return self._device.drain()

    def _drain_waiting(self, now: int) -> None:
        while self._waiting and now >= self._bench.busy_until:
            self._route(*self._waiting.pop(0), now)

    def _build_routes(self) -> dict[str, Callable[[bytes, int], None]]:
        places = Places(self._device, self._bench)
        return {
            "heartbeat_ack": self._acked,
            "system_command": lambda payload, now: obey(self._device, self._bench, payload, now),
            "emergency": self._bench.emergency,
            "broadcast_emergency": self._bench.broadcast,
            "server_status": self._server,
            "config": Configurator(self._device, self._bench, self._sensing).take,
            "zone_assign": places.zone,
            "subzone_assign": places.assign,
            "subzone_remove": places.remove,
            "subzone_safe": places.safe,
        }

    def _route(self, topic: str, payload: bytes, now: int) -> None:
        address = locate(topic, self._device.firmware)
        if address is None or not self._meant(address):
            return
        if address.kind == "actuator_command":
            self._bench.command(address.gpio, payload, now)
        elif address.kind == "sensor_command":
            self._sensing.command(address.gpio, payload, now)
        else:
            self._routes[address.kind](payload, now)

    def _meant(self, address: Address) -> bool:
        """Whether a topic is among our subscriptions and not another node's."""
        own = (address.kaiser or self._kaiser_id) == self._kaiser_id and (address.node or self.id) == self.id
        return own and address.gpio <= NO_PIN

    def _acked(self, payload: bytes, now: int) -> None:
        first = not self._session.open
        accepted = self._session.ack(payload, now)
        if accepted is None:
            return
        if first:
            self._beat_at = max(grid(now, GRID), grid(self._beat_at - BOOTSTRAP + HEARTBEAT - GRID, GRID))
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
