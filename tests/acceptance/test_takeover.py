"""The controller dies with a pump on: the node lets go, another controller takes over, nothing is said twice."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.board import Board
from tests.acceptance.station import Outsider, Station, ask, eventually, godkaiser, station
from tests.services import Mosquitto

PUMPS = {"ESP_AB12CD": "first pump", "ESP_AB12CE": "second pump"}
SITE = {
    "zones": [{"id": "house", "name": "House"}],
    "nodes": [{"id": node, "zone": "house", "approved": True} for node in PUMPS],
    "actuators": [
        {"node": node, "gpio": 14, "type": "pump", "name": name, "max_on_s": 30}
        for node, name in PUMPS.items()
    ],
}
FIRST, SECOND = PUMPS


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    with station(tmp_path, mosquitto.port, SITE) as made:
        made.connected()
        yield made


@contextlib.contextmanager
def boards(port: int) -> Iterator[dict[str, Board]]:
    """Both nodes, out of the box."""
    made = {node: Board(node, port) for node in PUMPS}
    try:
        yield made
    finally:
        for board in made.values():
            board.unplug()


def settled(house: Station) -> bool:
    """Are both nodes there and configured?"""
    nodes = ask("nodes", data=house.data)["nodes"]
    return [node["config"]["state"] for node in nodes] == ["converged", "converged"]


def leases(house: Station) -> list[str | None]:
    return [actuator["lease_until"] for actuator in ask("nodes", data=house.data)["actuators"]]


@contextlib.contextmanager
def standing_by(house: Station) -> Iterator[subprocess.Popen[str]]:
    """A second controller over the same data folder."""
    command = [
        sys.executable,
        "-m",
        "godkaiser.cli.main",
        "run",
        "--data",
        str(house.data),
        "--standby",
        "--json",
    ]
    environment = os.environ | {"MQTT_BROKER_PORT": str(house.port), "GODKAISER_JOURNAL_WITHIN_S": "5"}
    with (house.folder / "standby.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(process.stdout.readline())
    return said


def test_a_standby_takes_over_reads_the_leases_and_says_nothing_twice(house: Station) -> None:
    with boards(house.port) as nodes:
        eventually(lambda: settled(house), 40)
        with standing_by(house) as second:
            assert "already running" in line(second)["standby"]
            ask("set", "first pump", "on", "--duration", "5s", data=house.data)
            ask("set", "second pump", "on", "--duration", "12s", data=house.data)
            assert (nodes[FIRST].on(14), nodes[SECOND].on(14)) == (True, True)
            told = len(nodes[FIRST].commands())
            house.kill()
            assert line(second)["data"] == str(house.data)
            eventually(lambda: ask("status", data=house.data)["link"]["state"] == "up", 15)
            # On its own clock and on ours: the first one's time is up, the second one's is not, or it let go before.
            eventually(lambda: nodes[FIRST].on(14) is False, 15)
            after = [json.loads(body)["command"] for body in nodes[FIRST].commands()[told:]]
            assert "ON" not in after
            eventually(lambda: nodes[SECOND].on(14) is False, 40)
            assert "ON" not in [json.loads(body)["command"] for body in nodes[SECOND].commands()[1:]]
            eventually(lambda: leases(house) == [None, None], 10)


def test_without_a_standby_the_node_lets_go_by_itself(house: Station) -> None:
    with boards(house.port) as nodes:
        eventually(lambda: settled(house), 40)
        ask("set", "first pump", "on", "--duration", "6s", data=house.data)
        assert nodes[FIRST].on(14) is True
        house.kill()
        eventually(lambda: nodes[FIRST].on(14) is False, 15)
        told = len(nodes[FIRST].commands())
        house.start()
        house.connected()
        eventually(lambda: leases(house) == [None, None], 10)
        assert "ON" not in [json.loads(body)["command"] for body in nodes[FIRST].commands()[told:]]


def test_a_stop_without_a_controller_reaches_the_nodes_and_stands_afterwards(house: Station) -> None:
    with boards(house.port) as nodes:
        eventually(lambda: settled(house), 40)
        ask("set", "second pump", "on", "--duration", "25s", data=house.data)
        house.kill()
        told = len(nodes[SECOND].commands())
        done = godkaiser(
            "stop",
            "--reason",
            "smoke",
            "--json",
            data=house.data,
            environment={"MQTT_BROKER_PORT": str(house.port)},
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert (said["phase"], said["broker_reached"], said["unconfirmed"]) == ("ACTIVE", True, [])
        assert nodes[SECOND].on(14) is False
        assert "ON" not in [json.loads(body)["command"] for body in nodes[SECOND].commands()[told:]]
        house.start()
        house.connected()
        stop = ask("status", data=house.data)["stop"]
        assert (stop["phase"], stop["reason"]) == ("ACTIVE", "smoke")


def test_stopping_one_node_leaves_the_other_working(house: Station, mosquitto: Mosquitto) -> None:
    outsider = Outsider(mosquitto.port)
    with boards(house.port) as nodes:
        eventually(lambda: settled(house), 40)
        ask("set", "first pump", "on", "--duration", "25s", data=house.data)
        ask("set", "second pump", "on", "--duration", "25s", data=house.data)
        said = ask("stop", "--node", FIRST, "--reason", "leak", data=house.data)
        assert (said["scope"], said["phase"]) == (f"node:{FIRST}", "ACTIVE")
        eventually(lambda: nodes[FIRST].on(14) is False, 5)
        assert nodes[SECOND].on(14) is True
        eventually(lambda: not ask("status", data=house.data)["stop"]["others"][0]["unconfirmed"], 10)
        eventually(lambda: not ask("status", data=house.data)["stop"]["others"][0]["not_offline_proof"], 10)
        house.kill()
        house.start()
        house.connected()
        assert ask("status", data=house.data)["stop"]["others"][0]["phase"] == "ACTIVE"
        time.sleep(0.5)
        assert not [topic for topic, _ in outsider.heard if "broadcast" in topic]
        ask("clear", "--node", FIRST, "--force", data=house.data)
        eventually(lambda: not ask("status", data=house.data)["stop"]["others"], 20)
    outsider.close()
