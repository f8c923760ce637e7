"""A node that a fault plan befalls."""

from __future__ import annotations

from random import Random

from .condition import Condition
from .fault import Faults
from .node import VirtualNode
from .spec import NodeSpec, Publish, World


class Wiring:
    """The surroundings of a node with relays that stick: what is driven need not happen."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: dict[tuple[str, str], float] = {}
        self._real: dict[tuple[str, str], float] = {}
        self.stuck: frozenset[str] = frozenset()

    def offers(self, quantity: str) -> bool:
        """As the surroundings do."""
        return self._world.offers(quantity)

    def sense(self, zone: str, quantity: str) -> float:
        """As the surroundings do."""
        return self._world.sense(zone, quantity)

    def drive(self, zone: str, part: str, level: float) -> None:
        """Pass on what is not stuck."""
        self._told[zone, part] = level
        self._follow()

    def stick(self, parts: frozenset[str]) -> None:
        """From now on these are stuck, and no others."""
        self.stuck = parts
        self._follow()

    def _follow(self) -> None:
        for (zone, part), level in self._told.items():
            if part not in self.stuck and self._real.get((zone, part)) != level:
                self._real[zone, part] = level
                self._world.drive(zone, part, level)

    def real(self, zone: str, part: str) -> float:
        """The level a part is really at."""
        return self._real.get((zone, part), 0.0)


class FaultyNode(VirtualNode):
    """A node that a plan befalls; the same seed gives the same luck.

    A link that the plan breaks shows in :attr:`linked`, and that there can be one again in :attr:`reachable`.
    """

    def __init__(
        self, spec: NodeSpec, world: World, faults: Faults, *, seed: int, boot: int, kaiser_id: str = "god"
    ) -> None:
        self._faults = faults
        self._wiring = Wiring(world)
        self._luck = Random(f"{seed}/{spec.id}/faults")
        self._turns = faults.turns()
        self._present = boot
        self._reboots = sorted(faults.reboots)
        self._outward: list[tuple[int, Publish]] = []
        self._inward: list[tuple[int, str, bytes]] = []
        condition = Condition(skew=faults.skew, configuring=faults.configuring)
        super().__init__(spec, self._wiring, seed=seed, boot=boot, kaiser_id=kaiser_id, condition=condition)

    @property
    def next_wakeup(self) -> int:
        """The node's own, the next turn of the plan, or the arrival of what is late."""
        late = [entry[0] for entry in self._outward] + [entry[0] for entry in self._inward]
        return min([super().next_wakeup, *late, *self._turns[:1]])

    def level(self, gpio: int) -> float:
        """What the output on a pin really does, stuck or not."""
        part = next((a.part for a in self.spec.actuators if a.gpio == gpio), "")
        if part in self._wiring.stuck:
            return self._wiring.real(self.spec.zone, part)
        return super().level(gpio)

    @property
    def reachable(self) -> bool:
        """Whether the plan allows a connection at present."""
        return not any(cut.holds(self._present) for cut in self._faults.cuts)

    def connected(self, now: int) -> list[Publish]:
        """As any node, if there can be a connection at all."""
        self._befall(now)
        return self._send(super().connected(now), now) if self.reachable else []

    def disconnected(self, now: int) -> None:
        """What was on its way is lost."""
        self._fall_silent()
        super().disconnected(now)

    def tick(self, now: int) -> list[Publish]:
        """What the plan wants, then what came late, then the node."""
        self._befall(now)
        said = super().tick(now)
        for topic, payload in self._arrived(now):
            said += super().receive(topic, payload, now)
        return self._send(said, now)

    def receive(self, topic: str, payload: bytes, now: int) -> list[Publish]:
        """Take a message as often as it arrives, at once or later."""
        self._befall(now)
        slow = self._faults.pace(now)
        for _ in range(self._faults.inward.copies(self._luck)):
            self._inward.append((now + (slow.delay if slow else 0), topic, payload))
        said: list[Publish] = []
        for message in self._arrived(now):
            said += super().receive(*message, now)
        return self._send(said, now)

    def _arrived(self, now: int) -> list[tuple[str, bytes]]:
        due = [(topic, payload) for at, topic, payload in self._inward if now >= at]
        self._inward = [late for late in self._inward if now < late[0]]
        return due

    def _send(self, said: list[Publish], now: int) -> list[Publish]:
        slow, odds = self._faults.pace(now), self._faults.outward
        due = now + (slow.delay if slow else 0)
        for message in said:
            self._outward += [(due, message)] * odds.copies(self._luck)
        gone = [message for at, message in self._outward if now >= at]
        self._outward = [late for late in self._outward if now < late[0]]
        return gone if self.linked else []

    def _befall(self, now: int) -> None:
        """Everything in the plan up to ``now``."""
        self._present = now
        self._turns = [turn for turn in self._turns if turn > now]
        while self._reboots and now >= self._reboots[0][0]:
            self._fall_silent()
            self.reboot(now, self._reboots.pop(0)[1])
        if self.linked and not self.reachable:
            self.disconnected(now)
        self._worsen(now)

    def _fall_silent(self) -> None:
        self._outward.clear()
        self._inward.clear()

    def _worsen(self, now: int) -> None:
        faults, slow = self._faults, self._faults.pace(now)
        frozen = ((fault.gpio, fault.type) for fault in faults.frozen if fault.span.holds(now))
        self.condition.frozen = frozenset(frozen)
        self.condition.drain = slow.drain if slow else None
        stuck = {fault.gpio for fault in faults.stuck if fault.span.holds(now)}
        parts = frozenset(a.part for a in self.spec.actuators if a.gpio in stuck)
        if parts != self._wiring.stuck:
            self._wiring.stick(parts)
