"""A broker, a controller on it, and somebody outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.station import Outsider, Station, station
from tests.services import Mosquitto


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    """`godkaiser run` with a small site on a real Mosquitto."""
    with station(tmp_path, mosquitto.port) as made:
        made.connected()
        yield made


@pytest.fixture
def outsider(mosquitto: Mosquitto) -> Iterator[Outsider]:
    """An MQTT client that is not ours."""
    made = Outsider(mosquitto.port)
    yield made
    made.close()
