"""What is lost when something fails: broker, database, controller, disk.

    python -m benchmarks.faults [--rate 500] [--seconds 60] [--database both] [--only NAME]

20 nodes with 5 sensors each publish through the whole controller (`godkaiser run`, 20 rules, 4 of which switch) while
one thing fails, at a quarter of the time. Beside it stands a bare persistent subscriber that acknowledges at once.
Only what the broker has acknowledged to a node can be lost by anybody behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks import rig
from benchmarks.beside import Beside
from benchmarks.ingest import NODES, PostgreSql, Sqlite, result_of
from tests.services import Mosquitto, Postgres, running_mosquitto, running_postgres

STALL: Final = 100.0  # longer than a database that fails is left alone
FRESH: Final = 1.5
AWAY: Final = (sqlite3.Error, asyncpg.PostgresError, OSError)
SIZE: Final = "64m"
CHRONICLES: Final = ("decision", "outcome", "audit", "actuator_change", "alarm_change")


@dataclass
class House:
    """All that may fail."""

    broker: Mosquitto
    controller: rig.Controller
    database: Sqlite | PostgreSql
    server: Postgres | None
    document: dict[str, Any]


# ── what fails ─────────────────────────────────────────────────────────────────────────────────────────
def broker_ends(house: House) -> None:
    """For 10 s, in order."""
    house.broker.stop()
    time.sleep(10)
    house.broker.start()


def broker_dies(house: House) -> None:
    """At once, for 2 s. What it had not yet written to its disk is gone."""
    house.broker.kill()
    time.sleep(2)
    house.broker.start()


def database_ends(house: House) -> None:
    """For 30 s."""
    if house.server is not None:
        house.server.stop()
        time.sleep(30)
        house.server.start()


def controller_dies(house: House) -> None:
    """For 5 s."""
    house.controller.stop(9)
    time.sleep(5)
    house.controller.start(house.document)


def disk_is_full(house: House) -> None:
    """For 10 s; a database of its own is away meanwhile, so that the spool is needed."""
    if house.server is not None:
        house.server.stop()
    ballast = house.controller.data / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(65536))
            file.flush()
    time.sleep(10)
    ballast.unlink()
    if house.server is not None:
        house.server.start()


FAULTS: Final[dict[str, Callable[[House], None]]] = {
    "none": lambda _: time.sleep(10),
    "broker-stop": broker_ends,
    "database-stop": database_ends,
    "controller-kill": controller_dies,
    "disk-full": disk_is_full,
    "broker-kill": broker_dies,
}


# ── the house ──────────────────────────────────────────────────────────────────────────────────────────
@contextlib.contextmanager
def small_disk(folder: Path, wanted: bool) -> Iterator[bool]:
    """A file system of its own, which can be filled without harm; only root may make one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = wanted and os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def house(place: Path, kind: str, name: str) -> Iterator[House | None]:
    """Everything running; None when this fault cannot be made here."""
    (place / "broker").mkdir(parents=True)
    document = rig.site(NODES)
    with contextlib.ExitStack() as stack:
        mounted = stack.enter_context(small_disk(place / "data", name == "disk-full"))
        if name == "disk-full" and not mounted:
            yield None
            return
        server = stack.enter_context(running_postgres(fsync="on")) if kind == "postgresql" else None
        broker = stack.enter_context(running_mosquitto(place / "broker"))
        url = None if server is None else server.url
        controller = stack.enter_context(rig.controller(place, broker.port, document, url))
        database = Sqlite(controller.data / "godkaiser.db") if server is None else PostgreSql(server.url)
        yield House(broker, controller, database, server, document)


# ── a run ──────────────────────────────────────────────────────────────────────────────────────────────
def one(kind: str, name: str, place: Path, rate: float, seconds: float) -> dict[str, Any]:
    """One fault, one database."""
    row: dict[str, Any] = {"fault": name, "database": kind}
    if name == "database-stop" and kind == "sqlite":
        return row | {"note": "not tried: a file does not stop"}
    with house(place, kind, name) as made:
        if made is None:
            return row | {"note": "not tried: needs root, for a small file system"}
        return row | measured(made, name, rate, seconds)


def measured(made: House, name: str, rate: float, seconds: float) -> dict[str, Any]:
    """Nodes at work, the fault, and what is there when all has come to rest."""
    total = round(rate * seconds)
    with Beside(made.broker.port) as beside:
        time.sleep(1)
        made.broker.save()  # as it does by itself now and then: it knows who has subscribed
        command = [sys.executable, "-m", "benchmarks.house", "--port", str(made.broker.port)]
        options = ["--messages", str(total), "--rate", str(rate), "--nodes", str(NODES)]
        publisher = subprocess.Popen([*command, *options], stdout=subprocess.PIPE)
        time.sleep(3 + seconds / 4)
        begin = time.time()
        FAULTS[name](made)
        end = time.time()
        drained = until_drained(made.database, end, total)
        sent = result_of(publisher)
        until_still(made.database, sent["acknowledged"])
        time.sleep(3)  # decisions and outcomes of the last ones
        row = judged(made, sent, beside.numbers)
        row |= {"switched": sum(begin < at < end for at in beside.commands), "fault_s": end - begin}
        return row | {"drained_s": drained, "pacing_ms": sent["worst_pacing_ms"]}


def judged(made: House, sent: dict[str, Any], bare: set[int]) -> dict[str, Any]:
    """Ours and the bare one's losses among what was acknowledged; ours that it has; what is there twice."""
    owed = set(sent["owed"])
    acknowledged = {number for number in range(sent["sent"]) if number not in owed}
    stored = [int(row[0]) for row in made.database.rows("select seq from reading where seq >= 0")]
    lost, bare_lost = acknowledged - set(stored), acknowledged - bare
    counted = made.controller.counters()
    row = {"sent": sent["sent"], "acked": len(acknowledged), "rows": len(stored), "lost": len(lost)}
    row |= {"lost_bare": len(bare_lost), "lost_ours_only": len(lost - bare_lost)}
    row |= {"doubled": len(stored) - len(set(stored)), "doubled_other": sum(map(doubled(made), CHRONICLES))}
    return row | {
        "decisions": counted["decisions"],
        "decision_rows": len(made.database.rows("select 1 from decision")),
        "unstorable": counted["unstorable"],
    }


def doubled(made: House) -> Callable[[str], int]:
    """How many rows of a table are there more than once: all but their own number is the same."""

    def of(table: str) -> int:
        rows = [row[1:] for row in made.database.rows(f"select * from {table}")]  # noqa: S608 - our own names
        return len(rows) - len(set(rows))

    return of


def until_drained(database: Sqlite | PostgreSql, end: float, total: int) -> float:
    """Seconds from the end of the fault until what is stored is at most 1.5 s old."""
    while (late := time.time() - end) < STALL:
        with contextlib.suppress(*AWAY):
            newest = database.rows("select max(measured_at) from reading")[0][0] or 0
            if time.time() - newest / 1e6 < FRESH or database.count() >= total:
                return late
        time.sleep(0.25)
    return STALL


def until_still(database: Sqlite | PostgreSql, rows: int) -> None:
    """Wait until so many are there, or nothing more comes."""
    found, since = database.count(), time.time()
    while found < rows and time.time() - since < STALL:
        time.sleep(0.25)
        now = database.count()
        found, since = (now, time.time()) if now != found else (found, since)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--only", choices=tuple(FAULTS))
    asked = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    with rig.folder() as place:
        rows = [
            one(kind, name, place / f"{kind}-{name}", asked.rate, asked.seconds)
            for name in ([asked.only] if asked.only else FAULTS)
            for kind in kinds
        ]
    rig.show(f"Faults: {asked.rate:g} messages a second for {asked.seconds:g} s", rows)


if __name__ == "__main__":
    main()
