"""Ten nodes of 2026 and three of the older generation, and what may happen to them.

An actuator is forced off exactly where the firmware's rules demand it; afterwards every node is converged again,
within a minute of its first heartbeat (two for the older ones), was not contradicted while it was being adopted,
and got no configuration it had already.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from godkaiser.model.instant import SECOND
from tests.fleet.fleet import MODERN, SEED, Fleet, relay_of

WITHIN = {True: 60, False: 120}  # seconds after the first heartbeat, by being modern
NONE: set[str] = set()
FLAPPY, REBOOTED = MODERN[3], MODERN[5]


def settled() -> Fleet:
    """Out of the box, configured, lamps on."""
    fleet = Fleet().start().live(200)
    assert fleet.converged == {*MODERN, *SEED}
    assert all(fleet.lit(node) for node in fleet.nodes)
    assert fleet.forced() == NONE
    assert fleet.engine.state.counters["malformed"] == 0
    return fleet


def recovery(fleet: Fleet) -> dict[str, float]:
    """Seconds from each node's first heartbeat after the fault to its being converged; lets time pass."""
    began = fleet.now
    fleet.beats.clear()
    took: dict[str, float] = {}
    while len(took) < len(fleet.nodes):
        fleet.live(1)
        for node in fleet.engine.state.nodes.values():
            beat = fleet.beats.get(node.id)
            there = node.online and not node.adopting and node.lane.converged_at is not None
            if beat is not None and node.id not in took and there:
                took[node.id] = (fleet.now - beat) / SECOND
        assert fleet.now - began < 400 * SECOND, set(fleet.nodes) - set(took)
    return took


def hang(fleet: Fleet) -> None:
    fleet.hang(190)


def controller(fleet: Fleet) -> None:
    fleet.restart_controller(15)


def broker(fleet: Fleet) -> None:
    fleet.restart_broker(30)


def reboot(fleet: Fleet) -> None:
    fleet.reboot(REBOOTED)
    fleet.reboot(SEED[0])


def flapping(fleet: Fleet) -> None:
    for _ in range(4):
        fleet.disconnect(FLAPPY)
        fleet.live(12)
        fleet.connect(FLAPPY)
        fleet.live(9)


def nothing(fleet: Fleet) -> None:
    fleet.live(300)


# Older firmware keeps its actuators as they are, whatever it hears or does not hear.
FAULTS: list[tuple[Callable[[Fleet], None], set[str]]] = [
    (nothing, NONE),
    (hang, set(MODERN)),
    (controller, set(MODERN)),
    (broker, set(MODERN)),
    (flapping, {FLAPPY}),
    (reboot, {REBOOTED, SEED[0]}),
]


@pytest.mark.parametrize(("fault", "dark"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_and_the_way_back(fault: Callable[[Fleet], None], dark: set[str]) -> None:
    fleet = settled()
    told = len(fleet.configs)
    fleet.went_dark.clear()
    fault(fleet)
    took = recovery(fleet)
    late = {node: seconds for node, seconds in took.items() if seconds > WITHIN[node in MODERN]}
    assert late == {}
    fleet.live(180)
    assert fleet.went_dark == dark
    assert fleet.contradicted == []
    assert fleet.configs[told:] == [], "nothing is told that was confirmed already"
    assert fleet.converged == {*MODERN, *SEED}
    assert all(fleet.lit(node) for node in fleet.nodes), [n for n in fleet.nodes if not fleet.lit(n)]
    assert {node.lane.problem for node in fleet.engine.state.nodes.values()} == {""}


@pytest.mark.parametrize(
    "hours", [2, pytest.param(24, marks=pytest.mark.slow)], ids=lambda hours: f"{hours} hours"
)
def test_a_quiet_day(hours: int) -> None:
    """Old firmware latches what is on for an hour: there the lamp rests for a moment before that, and comes back."""
    fleet = settled()
    told = len(fleet.configs)
    fleet.went_dark.clear()
    for _ in range(hours * 6):
        fleet.live(600)
        assert all(fleet.lit(node) for node in MODERN)
    fleet.live(100)
    assert all(fleet.lit(node) for node in fleet.nodes)
    assert (fleet.forced(), fleet.configs[told:]) == (NONE, [])
    assert fleet.went_dark == set(SEED)
    assert fleet.contradicted == []
    assert fleet.engine.state.counters["malformed"] == 0
    lamps = {(move.actuator.node, move.actuator.gpio) for _, move in fleet.moves}
    assert lamps == {(node, relay_of(node)) for node in fleet.nodes}
