"""How fast readings are taken in, what is lost, how late they are stored, and what each costs.

    python -m benchmarks.ingest [--messages 50000] [--database both] [--rates 100,500,1000,2000] [--seconds 60]

Everything goes through the whole controller (`godkaiser run`: decode, engine with 20 rules, store, acknowledge), from
20 nodes with 5 sensors each at QoS 1. Beside it, in the same run on the same broker, stands the limit: a bare aiomqtt
loop that throws every message away. `--generator` runs another load generator instead of ours, with the options of
`benchmarks.publish` (`--port`, `--messages`, `--rate`, `--nodes`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shlex
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks import rig
from tests.services import running_postgres

NODES: Final = 20
STALL: Final = 20.0
# What others claim or were measured to do on this kind of machine, for comparison.
OTHERS: Final = (
    {"who": "original server, flat out (measured)", "stored_s": 58},
    {"who": "original server, 100 msg/s (measured)", "lost_pct": 56},
    {"who": "original server, claimed", "stored_s": 1000},
    {"who": "Home Assistant 2025.4 with recorder (measured)", "stored_s": 1766},
    {"who": "Node-RED 4.1 with SQLite (measured)", "stored_s": 1046},
)
NEWEST: Final = "select id, (select max(measured_at) from reading where series_id = id) from series"
COMMITTED: Final = (
    "select extract(epoch from pg_xact_commit_timestamp(xmin)) - measured_at / 1e6 from reading"
)


# ── what is in the database ────────────────────────────────────────────────────────────────────────────
@dataclass
class Sqlite:
    """Counts the rows of a SQLite file."""

    path: Path
    name: str = "sqlite"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as known:
            return known.execute(query).fetchall()

    def count(self) -> int:
        """Rows now."""
        return int(self.rows("select count(*) from reading")[0][0])

    @contextlib.contextmanager
    def lags(self) -> Iterator[list[float]]:
        """Filled at the end: seconds from the publishing of each reading to its commit, as another reader sees it."""
        found: list[float] = []
        seen: list[tuple[float, dict[int, int]]] = []
        end = threading.Event()
        watch = threading.Thread(target=self._watch, args=(seen, end))
        watch.start()
        try:
            yield found
        finally:
            end.set()
            watch.join()
            waiting = defaultdict[int, deque[int]](deque)
            for series, at in self.rows("select series_id, measured_at from reading order by measured_at"):
                waiting[series].append(at)
            for when, newest in seen:  # a node's readings arrive in order
                for series, last in newest.items():
                    while waiting[series] and waiting[series][0] <= last:
                        found.append(when - waiting[series].popleft() / 1e6)

    def _watch(self, seen: list[tuple[float, dict[int, int]]], end: threading.Event) -> None:
        """After every commit, the newest reading of each series: a hundred steps down an index."""
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as known:
            version = None
            while not end.is_set():
                changed = known.execute("pragma data_version").fetchone()
                if changed != version:
                    version = changed
                    newest = known.execute(NEWEST).fetchall()
                    seen.append((time.time(), {series: at for series, at in newest if at is not None}))
                time.sleep(0.002)


@dataclass
class PostgreSql:
    """Counts the rows of a PostgreSQL database."""

    url: str
    name: str = "postgresql"
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def _ask(self, query: str) -> list[tuple[Any, ...]]:
        known = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await known.fetch(query)]
        finally:
            await known.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self.loop.run_until_complete(self._ask(query))

    def count(self) -> int:
        """Rows now; before the controller has made its tables, none."""
        try:
            return int(self.rows("select count(*) from reading")[0][0])
        except (asyncpg.PostgresError, OSError):
            return 0

    @contextlib.contextmanager
    def lags(self) -> Iterator[list[float]]:
        """Filled at the end: seconds from the publishing of each reading to its commit, as the server notes it."""
        found: list[float] = []
        yield found
        found += [float(row[0]) for row in self.rows(COMMITTED)]


class Watch:
    """Looks at the number of rows every few milliseconds: when was the n-th one there?"""

    def __init__(self, database: Sqlite | PostgreSql, every: float) -> None:
        self.database, self.every = database, every
        self.seen: list[tuple[float, int]] = [(time.time(), database.count())]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._end.is_set():
            with contextlib.suppress(sqlite3.Error):
                rows = self.database.count()
                if rows != self.seen[-1][1]:
                    self.seen.append((time.time(), rows))
            time.sleep(self.every)

    def until(self, rows: int) -> int:
        """Wait for so many, or for a standstill; what is there."""
        while self.seen[-1][1] < rows and time.time() - self.seen[-1][0] < STALL:
            time.sleep(0.05)
        return self.seen[-1][1]

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()


# ── runs ───────────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class Asked:
    """What was asked for."""

    messages: int
    rates: list[float]
    seconds: float
    generator: list[str]

    def publish(self, port: int, messages: int, rate: float = 0.0) -> subprocess.Popen[bytes]:
        """A load generator at work."""
        options = ["--port", port, "--messages", messages, "--rate", rate, "--nodes", NODES]
        return subprocess.Popen([*self.generator, *map(str, options)], stdout=subprocess.PIPE)


def result_of(publisher: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a load generator said."""
    said: dict[str, Any] = json.loads(publisher.communicate()[0])
    return said


def bare(asked: Asked, port: int, how: str = "loop") -> dict[str, Any]:
    """The limit."""
    command = [sys.executable, "-m", "benchmarks.bare", "--port", str(port), "--how", how]
    process = subprocess.Popen(
        [*command, "--messages", str(asked.messages)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    publisher = asked.publish(port, asked.messages)
    said = json.loads(process.stdout.readline())
    process.wait()
    first = result_of(publisher)["first"]
    rate = asked.messages / (said["end"] - first)
    return {"what": f"bare aiomqtt {how}", "stored_s": rate, "cpu_us": said["cpu_us"]}


@contextlib.contextmanager
def system(
    kind: str, place: Path, port: int, **settings: str
) -> Iterator[tuple[rig.Controller, Sqlite | PostgreSql, Callable[[], None]]]:
    """A controller with its database."""
    place.mkdir()
    if kind == "sqlite":
        with rig.controller(place, port, rig.site(NODES), **settings) as made:
            yield made, Sqlite(made.data / "godkaiser.db"), lambda: None
        return
    with running_postgres(fsync="on", track_commit_timestamp="on") as server:
        database = PostgreSql(server.url)
        with rig.controller(place, port, rig.site(NODES), server.url, **settings) as made:
            yield made, database, server.stop


def flat_out(asked: Asked, kind: str, place: Path, port: int) -> dict[str, Any]:
    """As fast as the broker acknowledges."""
    with system(kind, place, port) as (made, database, _):
        watch, cpu, written = Watch(database, 0.05), rig.cpu_seconds(made.pid), rig.written_bytes(made.pid)
        base = watch.seen[-1][1]
        sent = result_of(asked.publish(port, asked.messages))
        rows = watch.until(base + asked.messages) - base
        watch.close()
        rate = rows / (watch.seen[-1][0] - sent["first"])
        used = rig.cpu_seconds(made.pid) - cpu
        row = {
            "what": f"godkaiser, {kind}",
            "stored_s": rate,
            "cpu_us": 1e6 * used / rows,
            "lost": sent["acknowledged"] - rows,
        }
        return row | {
            "rss_mb": rig.memory_mb(made.pid),
            "written_b": (rig.written_bytes(made.pid) - written) / rows,
        }


def at_rate(asked: Asked, kind: str, rate: float, place: Path, port: int, **settings: str) -> dict[str, Any]:
    """At a fixed rate for a while."""
    messages = round(rate * asked.seconds)
    with system(kind, place, port, **settings) as (made, database, _):
        watch, cpu, written = Watch(database, 0.5), rig.cpu_seconds(made.pid), rig.written_bytes(made.pid)
        base = watch.seen[-1][1]
        with database.lags() as lags:
            sent = result_of(asked.publish(port, messages, rate))
            rows = watch.until(base + messages) - base
            watch.close()
        lags.sort()
        used = rig.cpu_seconds(made.pid) - cpu
        row = {"what": kind, "msg_s": rate, "interval": settings.get("GODKAISER_COMMIT_INTERVAL_S", "0.25")}
        row |= {f"lag_p{p}_ms": 1000 * lags[int((len(lags) - 1) * p / 100)] for p in (50, 95, 99, 100)}
        row |= {
            "lost": sent["acknowledged"] - rows,
            "cpu_us": 1e6 * used / rows,
            "rss_mb": rig.memory_mb(made.pid),
        }
        row |= {
            "written_b": (rig.written_bytes(made.pid) - written) / rows,
            "pacing_ms": sent["worst_pacing_ms"],
        }
        return row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--rates", default="100,500,1000,2000")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--generator", default=f"{sys.executable} -m benchmarks.publish")
    given = parser.parse_args()
    rates = [float(rate) for rate in given.rates.split(",") if rate]
    asked = Asked(given.messages, rates, given.seconds, shlex.split(given.generator))
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    with rig.folder() as place, rig.broker(place) as broker:
        rows = []
        if asked.messages:
            rows.append(bare(asked, broker.port))
            for kind in kinds:
                rows += [flat_out(asked, kind, place / f"flat-{kind}", broker.port), bare(asked, broker.port)]
            rows.append(bare(asked, broker.port, "sink"))
            limits = [row["stored_s"] for row in rows if row["what"] == "bare aiomqtt loop"]
            for row in rows:
                row["of_bare"] = row["stored_s"] / (sum(limits) / len(limits))
            rig.show(f"Flat out: {asked.messages} readings", rows)
        rows = []
        for kind in kinds:
            for rate in asked.rates:
                rows.append(at_rate(asked, kind, rate, place / f"{kind}-{rate:g}", broker.port))
            at_once = {"GODKAISER_COMMIT_INTERVAL_S": "0"}
            if 1000 in asked.rates:
                rows.append(at_rate(asked, kind, 1000, place / f"{kind}-now", broker.port, **at_once))
        if rows:
            rig.show(f"At a rate, for {asked.seconds:g} s each", rows)
    rig.show("Others", [dict(other) for other in OTHERS])


if __name__ == "__main__":
    main()
