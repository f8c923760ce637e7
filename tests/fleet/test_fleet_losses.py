"""The bounds of `docs/explanation/safety.md`: what is lost stays lost exactly that long, and everything has let go.

The loss of the database, of the journal and of the right time are tried with real programs: see
`docs/reference/safety.md`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fleet.faults import BrokerGone, ControllerGone, Hang, Mishap, settled
from tests.fleet.fleet import BareFleet
from tests.fleet.nodes import lit
from tests.fleet.site import ALL, MODERN

Loss = Callable[[float], Mishap]
NEWER_S, OLDER_S = 120 + 30, 3600
NOTICED_S = 180


@pytest.mark.parametrize("phase", [1, 17, 43, 59], ids="{} s after a heartbeat".format)
@pytest.mark.parametrize(
    "loss", [BrokerGone, ControllerGone, Hang], ids=["broker", "controller", "controller hangs"]
)
async def test_newer_nodes_let_go_in_time(loss: Loss, phase: int) -> None:
    fleet = BareFleet()
    await settled(fleet)
    await fleet.live(phase)
    fleet.ledger.went_dark.clear()
    await loss(NEWER_S).befall(fleet)
    assert fleet.ledger.went_dark == set(MODERN)


@pytest.mark.parametrize(
    "loss", [BrokerGone, ControllerGone, Hang], ids=["broker", "controller", "controller hangs"]
)
async def test_older_nodes_let_go_in_time(loss: Loss) -> None:
    fleet = BareFleet()
    await settled(fleet)
    fleet.ledger.went_dark.clear()
    await loss(OLDER_S).befall(fleet)
    assert fleet.ledger.went_dark == set(ALL)


async def test_a_node_without_power_is_noticed_in_time_and_nobody_switches_it_on() -> None:
    """Its will is lost as well, as when the broker's own network breaks."""
    fleet = BareFleet()
    await settled(fleet)
    gone = MODERN[0]
    fleet._disconnect(gone, will=False)
    fleet.nodes[gone].reboot(fleet.now, "BROWNOUT")
    assert not lit(fleet.nodes[gone])
    began = len(fleet.moves)
    await fleet.live(NOTICED_S)
    node = next(node for node in fleet.engine.state.nodes.values() if node.id == gone)
    assert node.online is False
    since = fleet.now
    await fleet.live(900)
    late = [move for at, move in fleet.moves[began:] if at >= since and move.actuator.node == gone]
    assert [move for move in late if move.value > 0] == []
    assert all(lit(fleet.nodes[node]) for node in MODERN if node != gone)
