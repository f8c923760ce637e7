"""What `connect` accepts, and how it refuses the rest."""

from pathlib import Path

import pytest

import godkaiser
from godkaiser import InvalidValueError, blocking
from godkaiser.kaiser.target import OnThisMachine, Simulated, read_target
from godkaiser.model.instant import HOUR


def test_nothing_or_a_folder_is_a_controller_on_this_machine() -> None:
    assert read_target(None) == OnThisMachine(None)
    assert read_target("data") == OnThisMachine(Path("data"))
    assert read_target(Path("/x")) == OnThisMachine(Path("/x"))
    assert read_target("~/data") == OnThisMachine(Path.home() / "data")


def test_a_simulation_says_its_seed_history_and_speed() -> None:
    assert read_target("sim://greenhouse") == Simulated(1, 24 * HOUR, 60.0)
    assert read_target("sim://greenhouse/?seed=7&history=90min&speed=1.5") == Simulated(7, 3 * HOUR // 2, 1.5)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("https://farm.local:8000", "gateway is not there yet"),
        ("http://farm.local", "gateway is not there yet"),
        ("mqtt://broker", "observing a broker without a controller is not there yet"),
        ("ftp://x", "ftp:// is not known"),
        ("sim://desert", "the only simulation"),
        ("sim://greenhouse?sed=7", "'sed' is not known"),
        ("sim://greenhouse?seed=x", "is not a number"),
        ("sim://greenhouse?seed=1.5", "not a whole number"),
        ("sim://greenhouse?speed=0", "out of range"),
        ("sim://greenhouse?speed=nan", "is not a number"),
        ("sim://greenhouse?history=soon", "not a duration"),
        ("sim://greenhouse?history=365d", "too long"),
        ("", "neither a data folder nor an address"),
        (7, "neither a data folder nor an address"),
    ],
)
def test_what_is_not_understood_is_refused_at_once_by_both(target: str, problem: str) -> None:
    for connect in (godkaiser.connect, blocking.connect):
        with pytest.raises(InvalidValueError, match=problem) as caught:
            connect(target)
        assert "Allowed" in caught.value.remedy
