"""`godkaiser demo` headless: a day over a real Mosquitto, decided by the seed alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from godkaiser.cli.demo import digest
from godkaiser.kaiser.simulation import simulation
from godkaiser.model.instant import DAY
from tests.acceptance.station import ask, eventually, godkaiser

RULES = {"cool-the-bench", "irrigate-the-bench", "lights-by-clock"}


def _day(seed: int, *more: str) -> dict[str, Any]:
    # Not measured for coverage: a whole day takes three times as long under it, and the short runs show the same.
    done = godkaiser("demo", "--headless", "--for", "24h", "--seed", str(seed), "--json", *more, traced=False)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def _is_a_good_day(summary: dict[str, Any]) -> None:
    assert summary["readings_stored"] == summary["readings_received"] > 15_000
    assert summary["malformed"] == summary["quarantined"] == summary["duplicates"] == 0
    assert summary["commands_confirmed"] == summary["commands_sent"] > 0
    assert summary["commands_refused"] == 0
    assert set(summary["rules"]) == RULES
    assert all(counts["on"] >= 1 and counts["off"] >= 1 for counts in summary["rules"].values())
    assert summary["all_safe"] is True


async def _in_process(seed: int, data: Path) -> str:
    async with simulation(data, seed, lock_step=True) as world:
        await world.pacer.run_until(world.clock.now() + DAY)
        await world.finish()
        return digest(world.decisions)


async def test_a_day_over_mosquitto_is_good_and_decided_by_the_seed(tmp_path: Path) -> None:
    """Without any network in between the same seed decides the same, and another seed otherwise."""
    summary = _day(7)
    _is_a_good_day(summary)
    assert await _in_process(7, tmp_path / "seven") == summary["decisions_sha256"]
    assert await _in_process(8, tmp_path / "eight") != summary["decisions_sha256"]


@pytest.mark.slow
def test_three_runs_of_a_seed_are_equal_and_another_seed_differs() -> None:
    summaries = [_day(7) for _ in range(3)]
    assert len({summary["decisions_sha256"] for summary in summaries}) == 1
    assert _day(8)["decisions_sha256"] != summaries[0]["decisions_sha256"]


@pytest.mark.parametrize("port_of_broker", ["mosquitto", "embedded"])
def test_two_hours_on_either_broker(port_of_broker: str, tmp_path: Path) -> None:
    """With nothing installed the embedded broker does the same work."""
    path = os.environ["PATH"] if port_of_broker == "mosquitto" else str(Path(sys.executable).parent)
    hidden = {} if port_of_broker == "mosquitto" else {"GODKAISER_BROKER": "embedded"}
    done = godkaiser("demo", "--headless", "--for", "2h", "--json", data=tmp_path, PATH=path, **hidden)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["broker"].startswith(port_of_broker)
    assert summary["readings_stored"] == summary["readings_received"] > 1000
    assert summary["all_safe"] is True


def test_ctrl_c_ends_a_paced_demo_with_everything_safe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "godkaiser.cli.main", "demo", "--headless", "--speed", "60", "--json"]
    with subprocess.Popen([*command, "--data", str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        eventually((tmp_path / "controller.json").exists, 20)
        eventually(lambda: ask("nodes", data=tmp_path)["actuators"][1]["reported"] is not None, 20)
        eventually(lambda: godkaiser("set", "bench heater", "on", data=tmp_path).returncode == 0, 20)
        heater = ask("nodes", data=tmp_path)["actuators"][1]
        assert (heater["name"], heater["reported"]) == ("bench heater", 1.0)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert time.monotonic() - began < 3
    assert process.returncode == 0
    assert json.loads(out)["all_safe"] is True
    assert not (tmp_path / "controller.json").exists()
