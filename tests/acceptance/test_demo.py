"""`godkaiser demo` headless: a day over a real Mosquitto, decided by the seed alone."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.station import ask, eventually, godkaiser, untraced

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


def _quiet_day(seed: int) -> str:
    command = [sys.executable, "-m", "tests.acceptance.quiet_day", str(seed)]
    return subprocess.run(command, env=untraced(), capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.timeout(400)
def test_a_day_over_mosquitto_is_good_and_decided_by_the_seed() -> None:
    """Without any network in between the same seed decides the same, and another seed otherwise."""
    with ThreadPoolExecutor() as threads:
        quiet = threads.map(_quiet_day, (7, 8))
        summary = _day(7)
        seven, eight = quiet
    _is_a_good_day(summary)
    assert seven == summary["decisions_sha256"] != eight


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_runs_of_a_seed_are_equal_and_another_seed_differs() -> None:
    summaries = [_day(7) for _ in range(3)]
    assert len({summary["decisions_sha256"] for summary in summaries}) == 1
    assert _day(8)["decisions_sha256"] != summaries[0]["decisions_sha256"]


@pytest.mark.parametrize("port_of_broker", ["mosquitto", "embedded"])
def test_two_hours_on_either_broker(port_of_broker: str, tmp_path: Path) -> None:
    """With nothing installed the embedded broker does the same work."""
    path = os.environ["PATH"] if port_of_broker == "mosquitto" else str(Path(sys.executable).parent)
    hidden = {} if port_of_broker == "mosquitto" else {"GODKAISER_BROKER": "embedded"}
    done = godkaiser(
        "demo", "--headless", "--for", "2h", "--json", data=tmp_path, environment={"PATH": path} | hidden
    )
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
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["all_safe"] is True
    assert not (tmp_path / "controller.json").exists()
