"""The clock of the machine jumps by an hour: what runs is shortened, never prolonged, and no budget is forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.board import Board
from tests.acceptance.station import Station, ask, eventually, godkaiser, station
from tests.services import Mosquitto

NODE = "ESP_AB12CD"
SITE = {
    "zones": [{"id": "house", "name": "House"}],
    "nodes": [{"id": NODE, "zone": "house", "approved": True}],
    "actuators": [
        {"node": NODE, "gpio": 14, "type": "pump", "name": "pump", "max_on_s": 900},
        {"node": NODE, "gpio": 27, "type": "pump", "name": "doser", "max_on_s": 900, "on_budget_s": 8},
        {"node": NODE, "gpio": 26, "type": "relay", "name": "compressor", "max_on_s": 900, "cooldown_s": 600},
    ],
}
Shift = Callable[[int], None]


@pytest.fixture
def shift(tmp_path: Path) -> Shift:
    """Put the controller's clock ahead by so many seconds."""

    def put(seconds: int) -> None:
        new = tmp_path / "shift.new"
        new.write_text(str(seconds))
        new.replace(tmp_path / "shift")

    put(0)
    return put


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto, shift: Shift) -> Iterator[Station]:
    program = ("tests.acceptance.shifted", str(tmp_path / "shift"))
    with station(tmp_path, mosquitto.port, SITE, program=program) as made:
        made.connected()
        yield made


@pytest.fixture
def board(house: Station) -> Iterator[Board]:
    made = Board(NODE, house.port)
    eventually(lambda: ask("nodes", data=house.data)["nodes"][0]["config"]["state"] == "converged", 40)
    yield made
    made.unplug()


def left_for(house: Station, actuator: str, code: str) -> int:
    """The seconds until it may be switched on; it must be refused, for this reason and perhaps others."""
    done = godkaiser("set", actuator, "on", "--json", data=house.data, traced=False)
    assert done.returncode != 0
    found = json.loads(done.stdout)["error"]["details"]["findings"]
    sentence = next(finding["sentence"] for finding in found if finding["code"] == code)
    left = re.search(r"(\d+) s are left", sentence)
    assert left is not None, sentence
    return int(left[1])


def switched(house: Station, board: Board, actuator: str, gpio: int, duration: str) -> None:
    ask("set", actuator, "on", "--duration", duration, data=house.data)
    assert board.on(gpio) is True


def test_while_it_runs(house: Station, board: Board, shift: Shift) -> None:
    """Back by an hour: a run ends when it would have ended. Ahead: it ends at once, by our word."""
    switched(house, board, "pump", 14, "6s")
    shift(-3600)
    eventually(lambda: board.on(14) is False, 15)
    switched(house, board, "pump", 14, "10m")
    shift(3600)
    eventually(lambda: board.on(14) is False, 15)
    assert json.loads(board.commands("actuator/14/command")[-1])["command"] == "OFF"


def used_up(house: Station, board: Board) -> dict[tuple[str, str], int]:
    """The doser's budget is spent, the compressor rests, the pump runs. Who is refused for what, and how long."""
    switched(house, board, "doser", 27, "8s")
    switched(house, board, "compressor", 26, "2s")
    eventually(lambda: (board.on(26), board.on(27)) == (False, False), 20)
    rests = (("doser", "on_budget"), ("compressor", "cooldown"))
    left = {rest: left_for(house, *rest) for rest in rests}
    switched(house, board, "pump", 14, "90s")
    return left


def started_again(house: Station, shift: Shift, jump: int) -> None:
    house.kill()
    shift(jump)
    house.start()
    house.connected()


def test_an_hour_back_over_a_restart(house: Station, board: Board, shift: Shift) -> None:
    """Nothing is given back; a pause may begin anew, as nobody knows how long it was dark."""
    before = used_up(house, board)
    started_again(house, shift, -3600)
    for rest, left in before.items():
        assert left - 120 < left_for(house, *rest) <= left + 60
    eventually(lambda: board.on(14) is False, 95)


def test_an_hour_ahead_over_a_restart(house: Station, board: Board, shift: Shift) -> None:
    before = used_up(house, board)["doser", "on_budget"]
    started_again(house, shift, 3600)
    eventually(lambda: board.on(14) is False, 15)
    assert before - 3720 < left_for(house, "doser", "on_budget") <= before - 3600
