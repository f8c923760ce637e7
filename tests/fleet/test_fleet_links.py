"""The same faults over each link, with the whole controller: the same verdict as over bytes with the bare engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from godkaiser.io.broker import PrivateBroker
from tests.fleet.brokers import Broker, Embedded, InProcess, Real
from tests.fleet.faults import FAULTS, Fault, Verdict, settled, verdict
from tests.fleet.shell import fleet_over
from tests.services import Mosquitto


@pytest.fixture(params=["in-process", "embedded", "mosquitto"])
async def broker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Broker]:
    if request.param == "in-process":
        yield InProcess()
    elif request.param == "mosquitto":
        real: Mosquitto = request.getfixturevalue("mosquitto")
        yield Real(real)
    else:
        monkeypatch.setenv("GODKAISER_BROKER", "embedded")
        private = PrivateBroker(tmp_path / "broker", 0)
        await private.start()
        yield Embedded(private)
        await private.stop()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_and_the_way_back(fault: Fault, broker: Broker, tmp_path: Path) -> None:
    async with fleet_over(broker, tmp_path / "data") as fleet:
        await settled(fleet)
        assert await verdict(fleet, fault) == Verdict(dark=fault.dark)
