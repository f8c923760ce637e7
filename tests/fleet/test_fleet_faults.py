"""Ten nodes of 2026 and three of the older generation with the bare engine, and what may happen to them.

An actuator is forced off exactly where the firmware's rules demand it; afterwards every node is converged again,
within a minute of its first heartbeat (two for the older ones), was not contradicted while it was being adopted,
and got no configuration it had already.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.fleet.faults import (
    FAULTS,
    NONE,
    BrokerGone,
    ControllerGone,
    Fault,
    Flap,
    Hang,
    Mishap,
    Nothing,
    Reboot,
    Verdict,
    settled,
    unlit,
    verdict,
)
from tests.fleet.fleet import BareFleet
from tests.fleet.nodes import lit
from tests.fleet.site import ALL, LAMP_MOST_S, MODERN, SEED, relay_of


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_and_the_way_back(fault: Fault) -> None:
    fleet = BareFleet()
    await settled(fleet)
    assert await verdict(fleet, fault) == Verdict(dark=fault.dark)


@pytest.mark.parametrize(
    "hours", [2, pytest.param(24, marks=pytest.mark.slow)], ids=lambda hours: f"{hours} hours"
)
async def test_a_quiet_day(hours: int) -> None:
    """Nobody lets go. A lamp rests for a moment when it has been on as long as it may, and comes back.

    That is a day; old firmware latches what is on for an hour: there it rests before that.
    """
    fleet = BareFleet()
    await settled(fleet)
    ledger, told = fleet.ledger, len(fleet.ledger.configs)
    ledger.went_dark.clear()
    for _ in range(hours * 6):
        await fleet.live(600)
        assert all(lit(fleet.nodes[name]) for name in MODERN)
    await fleet.live(100)
    assert unlit(fleet) == set()
    assert (ledger.forced(), ledger.configs[told:]) == (set(), [])
    assert ledger.went_dark == set(ALL if hours * 3600 >= LAMP_MOST_S else SEED)
    assert ledger.contradicted == []
    assert fleet.engine.state.counters["malformed"] == 0
    lamps = {(move.actuator.node, move.actuator.gpio) for _, move in fleet.moves}
    assert lamps == {(node, relay_of(node)) for node in fleet.nodes}


MISHAPS: st.SearchStrategy[Mishap] = st.one_of(
    st.builds(Nothing, st.integers(1, 90)),
    st.builds(Hang, st.integers(1, 250)),
    st.builds(ControllerGone, st.integers(1, 120)),
    st.builds(BrokerGone, st.integers(1, 120)),
    st.builds(Flap, st.sampled_from(ALL), st.integers(1, 60), st.integers(1, 60)),
    st.builds(Reboot, st.sampled_from(ALL)),
)


@pytest.mark.slow
@examples(40)
@given(st.lists(MISHAPS, min_size=1, max_size=5))
async def test_whatever_comes_one_after_another(mishaps: list[Mishap]) -> None:
    """Nobody is contradicted, nobody is told twice, everybody comes back."""
    fleet = BareFleet()
    await settled(fleet)
    outcome = await verdict(fleet, Fault("several", mishaps, NONE))
    assert outcome == Verdict(dark=outcome.dark)
