"""A virtual ESP32 as seen from the wire: its board and the generation of its firmware are in its spec.

Sans-I/O: bytes and instants in, messages and the next wake-up out. What repeats (readings, statuses, the
minute's heartbeat) falls on a grid of 30 s shared by all nodes; only what cannot wait lies between.
A changed kaiser id is kept and told, but topics do not move. Every build subscribes to what its table says.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .assign import Places
from .autonomy import Autonomy
from .bench import Bench
from .boot import Boot, Reason
from .commands import Commands
from .condition import Condition
from .configure import Configurator
from .device import Device
from .driver import NEVER
from .firmware.judge import transport_flaw
from .firmware.pins import NO_PIN
from .firmware.topics import LONGEST, SUBSCRIPTIONS, Address, locate
from .halt import Halt
from .heart import GRID, Heart, OldHeart
from .lane import Lane
from .probation import Probation
from .sensing import Sensing
from .setup import Setup
from .spec import NodeSpec, Publish, World, grid
from .system import obey

__all__ = ["GRID", "NodeSpec", "Publish", "VirtualNode"]


class VirtualNode:
    """One node. All instants are microseconds since the Unix epoch, UTC, and never run backwards.

    ``condition``, what is wrong with it, may be changed from outside at any time.
    """

    def __init__(
        self,
        spec: NodeSpec,
        world: World,
        *,
        seed: int,
        boot: int,
        kaiser_id: str = "god",
        condition: Condition | None = None,
    ) -> None:
        self.spec = spec
        self.id = spec.id
        self.condition = condition or Condition()
        self._world = world
        self._rng = Random(f"{seed}/{spec.id}")
        self._now = boot
        self._kaiser_id = kaiser_id
        self._power_up(Boot(boot), Setup(spec, kaiser_id))

    def _power_up(self, boot: Boot, setup: Setup, before: Device | None = None) -> None:
        """Everything that lives in memory begins anew; ``before`` is what flash remembers of the last time."""
        root = f"kaiser/{self._kaiser_id}/esp/{self.id}/"
        self._device = device = Device(self.spec, setup, self._rng, boot, self.condition, root)
        self._session = device.session
        if before is not None:
            device.ledger = before.ledger.reborn()
            device.session.recall(before.session, boot.at, bare=setup.bare)
        self._bench = Bench(device, self._world)
        self._sensing = Sensing(device, self._world, self._rng)
        self._autonomy = Autonomy(device, self._bench, self._sensing)
        self._commands = Commands(device, self._bench, self._autonomy)
        self._halt = Halt(device, self._bench)
        self._heart = OldHeart(device) if device.firmware.seed else Heart(device)
        self._lane = Lane()
        self._probation = Probation(device)
        self._config = Configurator(device, self._bench, self._sensing, self._lane, self._probation)
        self._status_at = NEVER
        self._waiting: list[tuple[str, bytes]] = []
        self._routes = self._build_routes()

    # -- what the link needs to know ---------------------------------------------------------------

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """Topic filters and QoS, in the order the device subscribes."""
        seed = self._device.firmware.seed
        rows = [row for row in SUBSCRIPTIONS if not (seed and row.new)]
        return tuple((row.filter(self._kaiser_id, self.id), 0 if seed else row.qos) for row in rows)

    @property
    def will(self) -> Publish:
        """The last will to register with the next connection; its time is the last instant this node knew."""
        return self._device.voice.will(self._now)

    @property
    def linked(self) -> bool:
        """Whether the node takes itself for connected; not any more once it has booted anew."""
        return self._session.connected

    @property
    def reachable(self) -> bool:
        """Whether there can be a connection at present."""
        return True

    @property
    def next_wakeup(self) -> int:
        """The instant at which :meth:`tick` has something to do."""
        parts = (self._session, self._bench, self._halt, self._heart, self._sensing, self._autonomy)
        queues = min(self._lane.deadline, self._device.outbox.deadline, self._device.reset_at)
        return min(self._status_at, queues, *(part.deadline for part in parts))

    def level(self, gpio: int) -> float:
        """What the output on a pin really does, 0..1."""
        driver = self._bench.drivers.get(gpio)
        return driver.output if driver else 0.0

    @property
    def safe(self) -> bool:
        """Whether every actuator is at its default."""
        drivers = self._bench.drivers.items()
        return all(self.level(gpio) == driver.spec.default_level for gpio, driver in drivers)

    # -- life --------------------------------------------------------------------------------------

    def connected(self, now: int) -> list[Publish]:
        """The broker has accepted us and confirmed all subscriptions."""
        self._now = now
        self._session.connect(now)
        self._heart.start(now)
        self._status_at = grid(now, GRID)
        if self._device.firmware.seed:
            self._bench.report(now)
        else:
            self._heart.beat(now)
        return self._device.drain(now)

    def disconnected(self, now: int) -> None:
        """The transport is gone: nothing can be said, and actuators fall to their defaults.

        All but those that have an offline rule, and all but those of the older generation.
        """
        if not self._session.connected:
            return
        self._now = now
        self._session.disconnect(now)
        self._device.cut()
        self._heart.stop()
        self._status_at = NEVER
        self._waiting.clear()
        if not self._device.firmware.seed:
            self._bench.rest(now, self._autonomy.covered)

    def reboot(self, now: int, reason: Reason = "BROWNOUT") -> None:
        """Start anew: what is in flash stays, everything else is gone, the connection too."""
        self._now = now
        self._device.cut()
        self._power_up(self._device.boot.after(now, reason), self._device.setup, self._device)

    def tick(self, now: int) -> list[Publish]:
        """Do everything that is due at ``now``."""
        self._timers(now)
        self._heart.tick(now)
        self._sensing.tick(now)
        if now >= self._status_at:
            self._status_at = grid(now, GRID)
            self._bench.report(now)
        return self._device.drain(now)

    def _timers(self, now: int) -> None:
        self._now = now
        if now >= self._device.reset_at:
            self._device.setup.forget_place()
            self.reboot(now, "SW")
        if self._session.expire(now):
            self._bench.rest(now, self._autonomy.covered)
        self._bench.expire(now)
        self._halt.expire(now)
        self._lane.tick(now)
        self._autonomy.tick(now)
        self._drain_waiting(now)

    def _metrics(self) -> dict[str, object]:
        return dict(self._device.counters())

    # -- what comes in -----------------------------------------------------------------------------

    def receive(self, topic: str, payload: bytes, now: int) -> list[Publish]:
        """Take a message from the broker; oversized and foreign ones are dropped without a word."""
        self._timers(now)
        outgrown = len(topic) > LONGEST or transport_flaw(topic, payload, self._device.firmware)
        if self._session.connected and not outgrown:
            self._waiting.append((topic, payload))
            self._drain_waiting(now)
        return self._device.drain(now)

    def _drain_waiting(self, now: int) -> None:
        while self._waiting and now >= self._halt.busy_until:
            self._route(*self._waiting.pop(0), now)

    def _build_routes(self) -> dict[str, Callable[[bytes, int], None]]:
        places = Places(self._device, self._bench, self._lane)
        return {
            "heartbeat_ack": self._acked,
            "system_command": lambda payload, now: obey(self._device, self._bench, payload, now),
            "emergency": self._halt.one,
            "broadcast_emergency": self._halt.all,
            "server_status": self._server,
            "config": self._config.take,
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
            self._commands.take(address.gpio, payload, now)
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
            self._heart.acknowledged(now)
            self._device.replay(now)
            self._probation.opened(now)
            self._config.replay(now)
        if accepted.code:
            self._heart.rejected(payload, accepted.code, now)
        if accepted.report:
            self._bench.report(now)

    def _server(self, payload: bytes, now: int) -> None:
        if self._session.server(payload, now):
            self._bench.rest(now, self._autonomy.covered)
