"""A farm out of its database alone: everything that only looks at what is stored, without controller or broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from godkaiser.engine.calibration import calibration_picture, restore, versions_of
from godkaiser.engine.effect import Journal
from godkaiser.engine.engine import Engine
from godkaiser.engine.recall import RECALLED, recall
from godkaiser.engine.state import from_site
from godkaiser.errors import ControllerGoneError, LinkDownError
from godkaiser.handles.owner import Session
from godkaiser.io.accounts import Accounts
from godkaiser.io.almanac import Almanac
from godkaiser.io.annunciator import Annunciator
from godkaiser.io.archive import Archive
from godkaiser.io.clerk import Clerk
from godkaiser.io.clock import WallClock
from godkaiser.io.curves import Curves
from godkaiser.io.depot import Depot
from godkaiser.io.historian import Historian
from godkaiser.io.ledger import Ledger
from godkaiser.io.pages import Pages
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.calibrations import versions_of as stored_versions
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import CalibrationRow, NodeRow, SeriesRow
from godkaiser.io.sql.users import UserTable
from godkaiser.kaiser.memory import kept_site, merge_node
from godkaiser.model.ids import SeriesId
from godkaiser.model.site import Site
from godkaiser.ports import Clock, LinkListener
from godkaiser.sensors.catalogue import BUILT_IN

LOOKS: Final = {
    "snapshot", "history.buckets", "history.page", "decisions", "commands", "heartbeats", "notices", "alarms.history",
    "cycles", "actuators.statistics",
}  # fmt: skip


class NoLink:
    """There is no broker, and nobody is spoken to."""

    window = 1

    async def run(self, listener: LinkListener) -> None:  # noqa: ARG002 - as every link
        """Never up."""
        await asyncio.get_running_loop().create_future()

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:  # noqa: ARG002
        """Never."""
        raise LinkDownError(broker="none", problem="this is a database, not a controller")

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """Nothing ever came."""


class NoJournal:
    """Nothing is ever switched, so nothing has to be kept."""

    def __init__(self) -> None:
        self.content: dict[tuple[str, str], dict[str, Any]] = {}

    async def write(self, lines: Sequence[Journal]) -> None:
        """There are none."""


class StoredDesk:
    """A session that answers out of the database."""

    def __init__(self, store: SqlStore, site: Site, clock: Clock) -> None:
        self._store = store
        engine = Engine(from_site(site, BUILT_IN))
        self.state = engine.state
        depot = Depot(Archive(store), NoLink())
        self._runner = Runner(engine, NoLink(), depot, NoJournal(), clock)
        accounts = Accounts(UserTable(store), "")
        self._clerk = Clerk(self._runner, accounts, speed=1.0, simulated=False)
        self._curves = Curves(self._runner, store, self._clerk)
        for part in (
            Historian(self._runner, store, self._clerk, self._curves),
            Pages(self._runner, store, self._clerk, self._curves),
            Annunciator(self._runner, store, self._clerk),
            Almanac(self._runner, self._clerk, self._curves),
            Ledger(self._runner, store, self._clerk),
        ):
            self._clerk.offer(part.methods)

    async def load(self) -> None:
        """Nodes, series with their newest readings, calibrations."""
        state, store = self.state, self._store
        for row in await store.rows(NodeRow):
            merge_node(state.nodes, state.kaiser, row)
        for series, versions in stored_versions(await store.rows(CalibrationRow, "version")).items():
            restore(state, series, versions, self._runner.clock.now())
        for row in await store.rows(SeriesRow):
            state.add_sensor(SeriesId.parse(row["name"]))
        for sensor in state.sensors.values():
            recall(state, sensor, await store.newest(sensor.id, RECALLED), self._runner.clock.now())

    async def call(self, method: str, **params: Any) -> Any:
        """What only looks; all else raises `ControllerGoneError`."""
        if method == "history":
            return await self._history(**params)
        if method not in LOOKS:
            raise ControllerGoneError(problem=f"{method!r} needs one, and this is a database alone")
        return await self._clerk.call(method, params)

    async def changes(self) -> AsyncIterator[dict[str, Any]]:
        """How it stands now; nothing changes it."""
        yield {"kind": "snapshot", "id": "", "data": await self._clerk.call("snapshot", {})}
        await asyncio.get_running_loop().create_future()

    async def _history(
        self,
        series: str,
        since: str = "-24h",
        until: str | None = None,
        packed: bool = True,  # noqa: ARG002 - arrays, which need no packing here
        token: str | None = None,  # noqa: ARG002 - who can read the file may look
    ) -> dict[str, Any]:
        sensor, span = self._clerk.sensor(series), read_span(since, until, self._runner.clock.now())
        found = await self._store.many(sensor, *span)
        made_by, coverage = found["calibration"], found["coverage"]
        versions = versions_of(self.state, self.state.sensors[sensor])
        return {
            "series": sensor,
            "unit": self.state.unit_of(sensor),
            "marks": await self._curves.marks(sensor, span),
            "versions": [calibration_picture(one) for one in versions if (made_by == one.version).any()],
            "times": found["measured_at"],
            "values": found["value"],
            "quality": found["quality"].astype("u1"),
            "raw": found["raw"],
            "calibration": made_by,
            "coverage": coverage[:0] if _no_number(coverage) else coverage,
        }


def _no_number(column: Any) -> bool:
    return bool((column != column).all())  # noqa: PLR0124 - only NaN is not itself


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Session]:
    """A session out of a database."""
    store = await SqlStore.look(url)
    try:
        desk = StoredDesk(store, kept_site(await store.site()) or Site(), WallClock())
        await desk.load()
        yield desk
    finally:
        await store.close()
