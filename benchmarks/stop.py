"""A stop of fifty actuators while the broker is dead: how long until it stands, and does the loop stay free?

    python benchmarks/stop.py [--rounds 20]

Prints the median and the worst in ms, beside a limit measured in the same run on the same disk: a bare journal line
brought to the disk. The promise is less than 1000 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from godkaiser.engine.effect import Journal
from godkaiser.io.address import BrokerAddress
from godkaiser.io.broker import free_port
from godkaiser.io.journal import JournalFile
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.model.site import Site

NODES, PINS = 10, (14, 25, 26, 27, 33)


def site() -> Site:
    """Ten nodes with five relays each."""
    nodes = [f"ESP_C000{number:02X}" for number in range(NODES)]
    relays = [{"node": node, "gpio": pin, "type": "relay"} for node in nodes for pin in PINS]
    return Site.model_validate({"nodes": [{"id": n, "approved": True} for n in nodes], "actuators": relays})


async def lag(worst: list[float]) -> None:
    """The longest time the loop did not come round to us."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        worst[0] = max(worst[0], time.perf_counter() - before - 0.001)


async def stops(folder: Path, rounds: int) -> tuple[list[float], float]:
    """Seconds per stop, and the worst lag of the loop meanwhile."""
    options = Options(folder, site(), address=BrokerAddress(port=free_port(0)), journal_within=5.0)
    controller = await Controller.open(options)
    took: list[float] = []
    worst = [0.0]
    async with controller.running():
        watch = asyncio.create_task(lag(worst))
        for number in range(rounds):
            began = time.perf_counter()
            said = await controller.clerk.call("stop", {"reason": f"drill {number}"})
            took.append(time.perf_counter() - began)
            assert said["phase"] == "ACTIVE"
        watch.cancel()
    return took, worst[0]


async def lines(folder: Path, rounds: int) -> list[float]:
    """Seconds per bare journal line."""
    journal = JournalFile(folder / "bare", within=5.0)
    took: list[float] = []
    for number in range(rounds):
        began = time.perf_counter()
        await journal.write([Journal("stop", "", {"number": number})])
        took.append(time.perf_counter() - began)
    journal.close()
    return took


async def main(rounds: int) -> None:
    """Measure, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = await lines(folder, rounds)
        took, worst = await stops(folder / "data", rounds)
    median, limit = statistics.median(took) * 1000, statistics.median(bare) * 1000
    figures = {
        "actuators": NODES * len(PINS),
        "stop_median_ms": round(median, 2),
        "stop_worst_ms": round(max(took) * 1000, 2),
        "loop_lag_worst_ms": round(worst * 1000, 2),
        "bare_journal_line_median_ms": round(limit, 2),
        "ratio": round(median / limit, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    asyncio.run(main(parser.parse_args().rounds))
