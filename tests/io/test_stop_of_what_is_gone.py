"""A stop can be lifted by the words it is shown with, also when its zone or its node is no longer there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import UnknownZoneError
from godkaiser.io.clock import VirtualClock
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.testing import RecordingLink

T0 = 1_800_000_000 * SECOND
NODE, BOARD = NodeId.parse("ESP_AB12CD"), NodeId.parse("ESP_0A1B2C")


def site_of(zone: str, name: str = "") -> Site:
    return Site.model_validate(
        {
            "zones": [{"id": zone, "name": name}],
            "nodes": [{"id": NODE, "zone": zone, "approved": True}, {"id": BOARD, "approved": True}],
            "actuators": [{"node": NODE, "gpio": 25, "type": "relay", "max_on_s": 60}],
        }
    )


@dataclass
class House:
    """A controller without nodes."""

    controller: Controller

    async def call(self, method: str, **params: Any) -> Any:
        async with asyncio.timeout(60):
            return await self.controller.clerk.call(method, params)

    async def standing(self) -> list[str]:
        return [stop["scope"] for stop in (await self.call("snapshot"))["stop"]["others"]]

    async def happens(self, event: ev.Event) -> None:
        self.controller.runner.post(event)
        await self.controller.runner.settled_inbox()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    options = Options(
        tmp_path, site_of("roots"), clock=VirtualClock(T0), link=lambda _: RecordingLink(), check_rival=False,
        desk=False, linger=0.01,
    )  # fmt: skip
    controller = await Controller.open(options)
    async with controller.running():
        yield House(controller)


@pytest.mark.parametrize("site", [site_of("bed"), site_of("bed", name="roots")])
async def test_the_stop_of_a_zone_that_has_another_id_now_is_shown_and_lifted(
    house: House, site: Site
) -> None:
    await house.call("stop", scope="zone:roots", reason="leak")
    await house.happens(ev.SiteChanged(T0, site, (), "ann"))
    (stop,) = (await house.call("snapshot"))["stop"]["others"]
    assert (stop["scope"], stop["reason"], stop["phase"]) == ("zone:roots", "leak", "ACTIVE")
    lifted = await house.call("clear", scope="zone:roots", force=True)
    assert lifted["phase"] == "RESUMING"


async def test_a_stop_means_the_zone_that_has_that_name_now(house: House) -> None:
    await house.call("stop", scope="zone:roots")
    await house.happens(ev.SiteChanged(T0, site_of("bed", name="roots"), (), "ann"))
    assert (await house.call("stop", scope="zone:roots"))["scope"] == "zone:bed"
    assert await house.standing() == ["zone:bed", "zone:roots"]


async def test_a_stop_that_stands_is_told_again_and_another_zone_is_still_unknown(house: House) -> None:
    await house.call("stop", scope="zone:roots", reason="leak")
    await house.happens(ev.SiteChanged(T0, site_of("bed"), (), "ann"))
    again = await house.call("stop", scope="zone:roots", reason="more")
    assert (again["scope"], again["reason"]) == ("zone:roots", "leak")
    with pytest.raises(UnknownZoneError) as caught:
        await house.call("clear", scope="zone:attic")
    assert "bed, roots" in caught.value.remedy


async def test_the_stop_of_a_board_that_took_another_nodes_place_is_lifted(house: House) -> None:
    await house.call("stop", scope=f"node:{BOARD}")
    await house.happens(ev.BoardReplaced(T0, NODE, BOARD, "ann"))
    assert await house.standing() == [f"node:{BOARD}"]
    assert (await house.call("clear", scope=f"node:{BOARD}", force=True))["phase"] == "RESUMING"
