"""The database goes away, then the controller is killed, under load: all is stored, nothing of it twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.house import Node, run
from benchmarks.rig import node_names, site
from tests.acceptance.station import Station, eventually, godkaiser, station
from tests.services import Mosquitto, Postgres, running_postgres

NODES, RATE, MESSAGES = 5, 200.0, 2000
CHRONICLES = ("decision", "rule_trace", "outcome", "audit", "actuator_change", "alarm_change")


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    async def asked() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(asked())


def stored(url: str) -> int:
    return int(rows(url, "select count(*) from reading")[0][0])


def house(nodes: Sequence[Node]) -> dict[str, Any]:
    try:
        return run(list(nodes), MESSAGES, RATE)
    finally:
        for node in nodes:
            node.client.disconnect()
            node.client.loop_stop()


def trouble(made: Station, server: Postgres) -> None:
    """The database is stopped for a while; what waits for it survives a `kill -9`."""
    eventually(lambda: stored(server.url) > RATE)
    server.stop()
    eventually(lambda: "The database is away" in godkaiser("status", data=made.data, traced=False).stdout)
    eventually(lambda: list((made.data / "spool").glob("*.batch")))
    made.kill()
    assert list((made.data / "spool").glob("*.batch"))
    server.start()
    made.start()


def test_nothing_is_lost_or_doubled(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with running_postgres() as server, ThreadPoolExecutor(1) as threads:
        with station(tmp_path, mosquitto.port, site(NODES), {"DATABASE_URL": server.url}) as made:
            made.connected()
            nodes = [Node(name, mosquitto.port) for name in node_names(NODES)]
            publishing = threads.submit(house, nodes)
            trouble(made, server)
            sent = publishing.result(60)
            assert sent["acknowledged"] == MESSAGES
            eventually(lambda: stored(server.url) >= MESSAGES, 20)
            assert "database: up" in godkaiser("status", data=made.data, traced=False).stdout
        numbers = [row[0] for row in rows(server.url, "select seq from reading")]
        assert sorted(numbers) == list(range(MESSAGES))
        for table in CHRONICLES:
            found = [row[1:] for row in rows(server.url, f"select * from {table}")]  # noqa: S608 - names of our own
            assert len(found) == len(set(found)), table
        assert rows(server.url, "select 1 from decision")
