"""The database dies under a running controller: what is on still ends in time, and switching goes on."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.board import Board
from tests.acceptance.station import ask, eventually, station
from tests.services import Mosquitto, running_postgres

NODE = "ESP_AB12CD"
SITE = {
    "nodes": [{"id": NODE, "approved": True}],
    "actuators": [{"node": NODE, "gpio": 14, "type": "pump", "name": "pump", "max_on_s": 30}],
}


def test_control_goes_on(tmp_path: Path, mosquitto: Mosquitto) -> None:
    with running_postgres() as server:
        house = station(tmp_path, mosquitto.port, SITE, {"DATABASE_URL": server.url})
        with house as made:
            made.connected()
            board = Board(NODE, mosquitto.port)
            try:
                eventually(
                    lambda: ask("nodes", data=made.data)["nodes"][0]["config"]["state"] == "converged", 40
                )
                ask("set", "pump", "on", "--duration", "6s", data=made.data)
                server.kill()
                eventually(lambda: board.on(14) is False, 20)
                ask("set", "pump", "on", "--duration", "4s", data=made.data)
                assert board.on(14) is True
                eventually(lambda: board.on(14) is False, 15)
                said = ask("stop", "--reason", "leak", data=made.data)
                assert said["phase"] == "ACTIVE"
            finally:
                board.unplug()
