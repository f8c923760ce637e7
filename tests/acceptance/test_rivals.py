"""Two controllers on two data folders, started while there was no broker: one of them stays."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.board import Board
from tests.acceptance.station import Station, ask, eventually
from tests.services import Mosquitto

NODE = "ESP_AB12CD"
SITE = {
    "nodes": [{"id": NODE, "approved": True}],
    "actuators": [{"node": NODE, "gpio": 14, "type": "pump", "name": "pump", "max_on_s": 900}],
}


def test_the_one_that_began_later_ends_and_says_nothing_to_the_nodes(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    port = mosquitto.port
    mosquitto.kill()
    first, second = (Station(tmp_path / name, port, SITE) for name in ("first", "second"))
    for station in (first, second):
        station.folder.mkdir()
        station.start()
    mosquitto.start()
    board = Board(NODE, port)
    try:
        assert second.process is not None
        assert eventually(lambda: second.process and second.process.poll(), 30) == 6
        assert "it was there before us" in (second.folder / "controller.log").read_text()
        first.connected()
        eventually(lambda: ask("nodes", data=first.data)["nodes"][0]["config"]["state"] == "converged", 40)
        ask("set", "pump", "on", "--duration", "60s", data=first.data)
        assert board.on(14) is True
        assert first.status()["link"]["state"] == "up"
        said = [body for _, topic, body in board.heard if topic.endswith("server/status")]
        assert [json.loads(body) for body in said if b"offline" in body] == []
    finally:
        board.unplug()
        second.close_pipe()
        first.stop()
