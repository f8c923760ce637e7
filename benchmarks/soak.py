"""Does memory stay flat? The resident memory of `godkaiser run`, every 10 s, under a steady load.

    python -m benchmarks.soak [--minutes 10] [--rate 1000] [--database both]

The first two minutes are warm-up: the first roll-ups are made in them. `spread_pct` is how far any later sample lies
from their mean; the promise is 10. `trend_mb_day` is the slope of a straight line through them: what a day at this
load would add if it went on so.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import rig
from benchmarks.ingest import NODES, result_of, system
from tests.services import running_mosquitto

EVERY: Final = 10.0
WARM_UP: Final = 120.0
DAY: Final = 86400.0


def samples(pid: int, minutes: float) -> list[tuple[float, float]]:
    """(seconds, MB) after the warm-up; each is told as it is taken, for a long run is watched."""
    begin, found = time.monotonic(), list[tuple[float, float]]()
    while (at := time.monotonic() - begin) < WARM_UP + 60 * minutes:
        if at >= WARM_UP:
            found.append((at, rig.memory_mb(pid)))
            print(f"{at:6.0f} s {found[-1][1]:8.1f} MB", file=sys.stderr, flush=True)
        time.sleep(EVERY)
    return found


def soak(kind: str, place: Path, minutes: float, rate: float) -> dict[str, Any]:
    """One database."""
    total = round(rate * (WARM_UP + 60 * minutes + EVERY))
    (place / f"broker-{kind}").mkdir()
    with (
        running_mosquitto(place / f"broker-{kind}") as broker,
        system(kind, place / kind, broker.port) as (made, database, _),
    ):
        command = [sys.executable, "-m", "benchmarks.house", "--port", str(broker.port)]
        options = ["--messages", str(total), "--rate", str(rate), "--nodes", str(NODES)]
        publisher = subprocess.Popen([*command, *options], stdout=subprocess.PIPE)
        time.sleep(3)
        cpu, begin = rig.cpu_seconds(made.pid), time.monotonic()
        found = samples(made.pid, minutes)
        load = (rig.cpu_seconds(made.pid) - cpu) / (time.monotonic() - begin)
        sent = result_of(publisher)
        time.sleep(3)
        lost = sent["acknowledged"] - database.count()
    return {
        "database": kind,
        "minutes": minutes,
        "msg_s": rate,
        "lost": lost,
        "cpu_pct": 100 * load,
    } | judged(found)


def judged(found: list[tuple[float, float]]) -> dict[str, float]:
    """Flat?"""
    memory = [mb for _, mb in found]
    mean = statistics.fmean(memory)
    slope, _ = statistics.linear_regression([at for at, _ in found], memory)
    return {
        "first_mb": memory[0],
        "last_mb": memory[-1],
        "mean_mb": mean,
        "spread_pct": 100 * max(abs(mb - mean) for mb in memory) / mean,
        "trend_mb_day": slope * DAY,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    with rig.folder() as place:
        rows = [soak(kind, place, asked.minutes, asked.rate) for kind in kinds]
    rig.show(f"Memory under {asked.rate:g} messages a second", rows)


if __name__ == "__main__":
    main()
