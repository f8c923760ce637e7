"""What the benchmarks share: private servers, a controller as people start it, nodes that publish, and limits.

Everything listens on free loopback ports and lives in a temporary folder. Figures are given beside a limit that is
measured in the same run, because machines differ and are shared.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from godkaiser.io.broker import WINDOW, PrivateBroker

TICK: Final = os.sysconf("SC_CLK_TCK")
STARTED_WITHIN: Final = 30.0
# pin, type, range of raw values, what a switching rule compares with, and what is never reached
SENSORS: Final[tuple[tuple[int, str, tuple[float, float], float], ...]] = (
    (4, "ds18b20", (320, 400), 22.0),
    (32, "ph", (1800, 2200), 7.0),
    (33, "moisture", (1500, 2500), 50.0),
    (34, "light", (100, 900), 500.0),
    (35, "co2", (400, 900), 650.0),
)
NEVER: Final = 1e6
RELAY: Final = {"type": "relay", "rule_hold_s": 0}  # it may switch as often as its rule says


def node_names(count: int) -> list[str]:
    """Names of simulated nodes."""
    return [f"ESP_{number:08d}" for number in range(1, count + 1)]


def site(nodes: int, rules: int = 20, switching: int = 4) -> dict[str, Any]:
    """Approved nodes with a relay each; every rule watches a series that is sent, the first ones switch."""
    names = node_names(nodes)
    return {
        "nodes": [{"id": name, "approved": True} for name in names],
        "actuators": [{"node": name, "gpio": 25, "kind": "fan", **RELAY} for name in names],
        "rules": [_rule(number, names, number < switching) for number in range(rules)],
    }


def _rule(number: int, nodes: list[str], switches: bool) -> dict[str, Any]:
    """One for each series before any gets a second."""
    node = nodes[number % len(nodes)]
    gpio, kind, _, limit = SENSORS[(number + number // len(nodes)) % len(SENSORS)]
    condition = {"type": "sensor", "esp_id": node, "gpio": gpio, "sensor_type": kind, "operator": ">"}
    return {
        "name": f"Rule {number}",
        "cooldown_seconds": 5,
        "conditions": [condition | {"value": limit if switches else NEVER}],
        "actions": [{"type": "actuator_command", "esp_id": node, "gpio": 25, "command": "ON"}],
    }


# ── servers ────────────────────────────────────────────────────────────────────────────────────────────
@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory(prefix="godkaiser-bench-") as name:
        yield Path(name)


@dataclass
class Broker:
    """A Mosquitto with the configuration that `godkaiser run` gives its own."""

    place: Path
    private: PrivateBroker = field(init=False)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        self.private = PrivateBroker(self.place, 0)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.private.port

    def start(self) -> None:
        """Start, again if need be on the same port."""
        self.loop.run_until_complete(self.private.start())

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal and wait."""
        self.loop.run_until_complete(self.private.stop(number))


@contextlib.contextmanager
def broker(place: Path) -> Iterator[Broker]:
    """A running one."""
    made = Broker(place / "broker")
    made.start()
    try:
        yield made
    finally:
        made.stop()
        made.loop.close()


@dataclass
class Controller:
    """`godkaiser run` in a process of its own."""

    data: Path
    port: int
    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, document: dict[str, Any]) -> None:
        """Start and wait until it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        path = self.data.parent / f"{self.data.name}.yaml"
        path.write_text(yaml.safe_dump(document))
        environment = os.environ | {"MQTT_BROKER_PORT": str(self.port)}
        environment |= {"GODKAISER_MQTT_WINDOW": str(WINDOW)} | dict(self.settings)
        if self.database is not None:
            environment["DATABASE_URL"] = self.database
        log = (self.data.parent / f"{self.data.name}.log").open("ab")
        command = ["run", "--data", str(self.data), "--site", str(path)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "godkaiser.cli.main", *command],
            env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        end = time.monotonic() + STARTED_WITHIN
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the controller did not start: see {log.name}")
            time.sleep(0.05)
        time.sleep(1.0)  # its subscriptions

    def _answers(self) -> bool:
        """Is it this one, and not the pointer of one that was killed?"""
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads((self.data / "controller.json").read_text())["pid"] == self.pid)
        return False

    def counters(self) -> dict[str, Any]:
        """What it has counted since it was started."""
        command = [sys.executable, "-m", "godkaiser.cli.main", "status", "--json", "--data", str(self.data)]
        said = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
        found: dict[str, Any] = json.loads(said)["counters"]
        return found

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self.process is not None
        return self.process.pid

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()


@contextlib.contextmanager
def controller(
    place: Path, port: int, document: dict[str, Any], database: str | None = None, **settings: str
) -> Iterator[Controller]:
    """A running one."""
    made = Controller(place / "data", port, database, settings)
    made.start(document)
    try:
        yield made
    finally:
        made.stop()


# ── what a process costs ───────────────────────────────────────────────────────────────────────────────
def cpu_seconds(pid: int) -> float:
    """User and system seconds of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICK


def memory_mb(pid: int) -> float:
    """Its resident memory now, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def written_bytes(pid: int) -> int:
    """What it has caused to be written to disks."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


# ── tables ─────────────────────────────────────────────────────────────────────────────────────────────
def show(title: str, rows: list[dict[str, Any]]) -> None:
    """A table, and the same as one JSON line."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    print(f"\n{title}   (load average {os.getloadavg()[0]:.1f})")
    for line in (columns, *cells):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(json.dumps({"title": title, "rows": rows}), flush=True)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}" if isinstance(
        value, (int, float)
    ) else str(value)  # fmt: skip
