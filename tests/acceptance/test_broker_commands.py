"""`godkaiser broker …` as people type it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, godkaiser, station
from tests.services import Mosquitto


@pytest.fixture
def keeper(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    """A controller that keeps the broker's files."""
    settings = {"GODKAISER_BROKER_DIR": str(tmp_path / "doors"), "GODKAISER_BROKER_RELOAD": "true"}
    with station(tmp_path, mosquitto.port, settings=settings) as made:
        made.connected()
        yield made


def test_a_node_is_let_in_with_an_account_of_its_own(
    keeper: Station, outsider: Outsider, tmp_path: Path
) -> None:
    house = keeper
    outsider.heartbeat()
    eventually(lambda: ask("nodes", data=house.data)["nodes"][0]["online"])
    said = godkaiser("nodes", "approve", NODE, "--broker-password", data=house.data)
    assert said.returncode == 0, said.stderr
    password = said.stdout.split("password ")[1].split()[0]
    assert f"Account {NODE}, password {password}" in said.stdout
    kept = (tmp_path / "doors" / "passwords").read_text()
    assert (kept.startswith(f"{NODE}:$7$"), password in kept) == (True, False)
    assert f"user {NODE}" in ask("broker", "acl", data=house.data)["text"]
    assert "user godkaiser" in godkaiser("broker", "acl", data=house.data).stdout
    assert NODE in godkaiser("broker", "accounts", data=house.data).stdout
    gone = godkaiser("broker", "remove", NODE, data=house.data)
    assert (gone.returncode, "cannot connect" in gone.stdout) == (0, True)
    again = godkaiser("broker", "remove", NODE, data=house.data)
    assert (again.returncode, NODE in again.stderr) == (5, True)


def test_a_house_without_the_files_says_what_to_set(house: Station) -> None:
    said = godkaiser("broker", "passwd", NODE, data=house.data)
    assert (said.returncode, "GODKAISER_BROKER_DIR" in said.stderr) == (2, True)
