"""What may happen to a fleet, what the firmware's rules demand then, and the verdict on what came of it.

The same for every fleet: over bytes with the bare engine, and over each link with the whole controller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from godkaiser.engine.engine import Engine
from godkaiser.model.instant import SECOND
from tests.fleet.nodes import Ledger, WatchedNode, lit
from tests.fleet.site import ALL, MODERN, SEED, SITE

WITHIN = {True: 60, False: 120}  # seconds after the first heartbeat, by being modern
PATIENCE: Final = 400 * SECOND
FLAPPY, REBOOTED = MODERN[3], MODERN[5]
NONE: frozenset[str] = frozenset()


class Fleet(Protocol):
    """Thirteen nodes and their controller, whatever lies between. All times are virtual."""

    ledger: Ledger

    @property
    def engine(self) -> Engine: ...
    @property
    def nodes(self) -> Mapping[str, WatchedNode]: ...
    @property
    def now(self) -> int: ...

    async def live(self, seconds: float) -> None:
        """Everything that is due, in order."""

    async def hang(self, seconds: float) -> None:
        """The controller neither hears nor acts, nor do its timers run; the broker holds its connection."""

    async def restart_controller(self, seconds: float) -> None:
        """Killed: the broker publishes its last will; after a while a new process on the same data."""

    async def restart_broker(self, seconds: float) -> None:
        """Gone for a while; the controller is back at once, the nodes within five seconds after it."""

    async def flap(self, name: str, away: float, back: float) -> None:
        """One node loses its connection for a while, and has it again for a while."""

    async def reboot(self, name: str) -> None:
        """One node loses its power and is back after four seconds."""


class Mishap(Protocol):
    """Something that befalls a fleet."""

    async def befall(self, fleet: Fleet) -> None: ...


@dataclass(frozen=True, slots=True)
class Nothing:
    seconds: float

    async def befall(self, fleet: Fleet) -> None:
        await fleet.live(self.seconds)


@dataclass(frozen=True, slots=True)
class Hang:
    seconds: float

    async def befall(self, fleet: Fleet) -> None:
        await fleet.hang(self.seconds)


@dataclass(frozen=True, slots=True)
class ControllerGone:
    seconds: float

    async def befall(self, fleet: Fleet) -> None:
        await fleet.restart_controller(self.seconds)


@dataclass(frozen=True, slots=True)
class BrokerGone:
    seconds: float

    async def befall(self, fleet: Fleet) -> None:
        await fleet.restart_broker(self.seconds)


@dataclass(frozen=True, slots=True)
class Flap:
    node: str
    away: float
    back: float

    async def befall(self, fleet: Fleet) -> None:
        await fleet.flap(self.node, self.away, self.back)


@dataclass(frozen=True, slots=True)
class Reboot:
    node: str

    async def befall(self, fleet: Fleet) -> None:
        await fleet.reboot(self.node)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it. All but `dark` is empty when the controller did its duty."""

    dark: frozenset[str]  # whose lamp was off at any time
    late: frozenset[str] = NONE  # who was not converged again in time
    told: frozenset[str] = NONE  # who got a configuration it had already
    contradicted: frozenset[str] = NONE  # who was commanded away from what it reported while adopted
    astray: frozenset[str] = NONE  # who is not converged in the end
    alone: frozenset[str] = NONE  # who believes in the end that it is without a server
    unlit: frozenset[str] = NONE  # whose lamp is off in the end
    untrue: frozenset[str] = NONE  # whose own tables say something else than the site
    problems: frozenset[str] = NONE  # what the controller says is wrong with a node's configuration


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens, and who goes dark of it by the firmware's rules."""

    name: str
    mishaps: Sequence[Mishap]
    dark: frozenset[str]


async def settled(fleet: Fleet) -> None:
    """Out of the box, configured, lamps on."""
    await fleet.live(200)
    assert converged(fleet) == set(ALL)
    assert unlit(fleet) == NONE
    assert untrue(fleet) == NONE
    assert fleet.ledger.forced() == NONE
    assert fleet.engine.state.counters["malformed"] == 0


async def verdict(fleet: Fleet, fault: Fault) -> Verdict:
    """Let it happen to a settled fleet and see."""
    ledger, told = fleet.ledger, len(fleet.ledger.configs)
    ledger.went_dark.clear()
    for mishap in fault.mishaps:
        await mishap.befall(fleet)
    took = await recovery(fleet)
    await fleet.live(180)
    return Verdict(
        dark=frozenset(ledger.went_dark),
        late=frozenset(node for node in ALL if took.get(node, PATIENCE) > WITHIN[node in MODERN]),
        told=frozenset(node for _, node, _ in ledger.configs[told:]),
        contradicted=frozenset(node for _, node, _ in ledger.contradicted),
        astray=frozenset(set(ALL) - converged(fleet)),
        alone=frozenset(name for name in MODERN if not served(fleet, name)),
        unlit=unlit(fleet),
        untrue=untrue(fleet),
        problems=frozenset(node.lane.problem for node in fleet.engine.state.nodes.values()) - {""},
    )


async def recovery(fleet: Fleet) -> dict[str, float]:
    """Seconds from each node's first heartbeat after the fault to its being converged; lets time pass."""
    until = fleet.now + PATIENCE
    fleet.ledger.beats.clear()
    took: dict[str, float] = {}
    while len(took) < len(fleet.nodes) and fleet.now < until:
        await fleet.live(1)
        for node in fleet.engine.state.nodes.values():
            beat = fleet.ledger.beats.get(node.id)
            there = node.online and not node.adopting and node.lane.converged_at is not None
            if beat is not None and node.id not in took and there and served(fleet, node.id):
                took[node.id] = (fleet.now - beat) / SECOND
    return took


def converged(fleet: Fleet) -> set[str]:
    return {str(n.id) for n in fleet.engine.state.nodes.values() if n.lane.converged_at is not None}


def untrue(fleet: Fleet) -> frozenset[str]:
    """Not what the controller believes of a node, but what the node has."""
    return frozenset(name for name, node in fleet.nodes.items() if _tables(node) != _declared(name))


def _tables(node: WatchedNode) -> object:
    setup = node._device.setup
    things = {(s.gpio, s.type) for s in setup.sensors}, {a.gpio for a in setup.actuators}
    return setup.zone, *things, set(setup.subzones)


def _declared(node: str) -> object:
    (zone,) = (spec.zone for spec in SITE.nodes if spec.id == node)
    sensors = {(s.gpio, s.type) for s in SITE.sensors if s.node == node}
    return zone, sensors, {a.gpio for a in SITE.actuators if a.node == node}, {"lamps"}


def served(fleet: Fleet, node: str) -> bool:
    """Does the node itself believe that it has a server? Older firmware does not ask."""
    return node in SEED or fleet.nodes[node]._session.mode == "ONLINE"


def unlit(fleet: Fleet) -> frozenset[str]:
    return frozenset(name for name, node in fleet.nodes.items() if not lit(node))


# Older firmware keeps its actuators as they are, whatever it hears or does not hear.
FAULTS: Final = (
    Fault("nothing", [Nothing(300)], NONE),
    # Nodes let go when the last acknowledgement is more than 120 s old. They get one every full minute, and the
    # fleet is settled 200 s after one. A hang of 55 s that begins 59 s after an acknowledgement ends when that is
    # 114 s old: nobody lets go.
    Fault("hang 55 s", [Nothing(39), Hang(55)], NONE),
    # The kindest one of 130 s begins right after an acknowledgement: that is 131 s old at the end, so everybody
    # has let go, 11 s ago, and is in the grace of 30 s. The worst one begins 59 s later: then the grace is over,
    # and everybody looks for a server.
    Fault("hang 130 s, kind", [Nothing(41), Hang(130)], frozenset(MODERN)),
    Fault("hang 130 s", [Nothing(39), Hang(130)], frozenset(MODERN)),
    # Now the controller has counted them as lost, too.
    Fault("hang 190 s", [Hang(190)], frozenset(MODERN)),
    # Back within the grace of 30 s, and after it.
    Fault("controller 15 s", [ControllerGone(15)], frozenset(MODERN)),
    Fault("controller 45 s", [ControllerGone(45)], frozenset(MODERN)),
    Fault("broker 30 s", [BrokerGone(30)], frozenset(MODERN)),
    Fault("flapping", [Flap(FLAPPY, away=12, back=9)] * 4, frozenset({FLAPPY})),
    Fault("reboot", [Reboot(REBOOTED), Reboot(SEED[0])], frozenset({REBOOTED, SEED[0]})),
)
