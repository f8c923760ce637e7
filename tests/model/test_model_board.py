"""The table of boards: every kind of conflict, and only those."""

import pytest

from godkaiser.io.sim.firmware.pins import PINS
from godkaiser.model.board import BOARDS, Board, Bus, Claim, conflicts


def codes(board: Board, *claims: Claim) -> list[str]:
    return [conflict.code for conflict in conflicts(board, claims)]


@pytest.mark.parametrize(
    ("board", "gpio", "bus", "code"),
    [
        ("esp32_dev", 1, "output", "reserved"),
        ("esp32_dev", 12, "onewire", "reserved"),
        ("esp32_dev", 6, "output", "no_such_pin"),
        ("esp32_dev", 40, "output", "no_such_pin"),
        ("esp32_dev", 34, "output", "input_only"),
        ("esp32_dev", 21, "output", "i2c_pin"),
        ("esp32_dev", 22, "onewire", "i2c_pin"),
        ("esp32_dev", 25, "analog", "no_converter"),
        ("xiao_esp32c3", 3, "output", "reserved"),
        ("xiao_esp32c3", 33, "output", "no_such_pin"),
        ("xiao_esp32c3", 4, "output", "i2c_pin"),
        ("xiao_esp32c3", 9, "analog", "no_converter"),
    ],
)
def test_what_a_board_refuses(board: Board, gpio: int, bus: Bus, code: str) -> None:
    (conflict,) = conflicts(board, [Claim("pump", gpio, bus)])
    assert (conflict.code, conflict.gpio, conflict.who) == (code, gpio, "pump")
    assert str(gpio) in conflict.sentence
    assert conflict.owner


def test_one_owner_per_pin_and_it_is_named() -> None:
    (conflict,) = conflicts("esp32_dev", [Claim("pump", 14, "output"), Claim("lamp", 14, "output")])
    assert (conflict.code, conflict.who, conflict.owner) == ("taken", "lamp", "pump")
    assert conflict.sentence == "pin 14 is already taken by pump"
    assert codes("esp32_dev", Claim("soil", 34, "analog"), Claim("light", 34, "analog")) == ["taken"]
    assert codes("esp32_dev", Claim("probe", 4, "onewire"), Claim("pump", 4, "output")) == ["taken"]


def test_buses_are_shared() -> None:
    probes = [Claim(f"probe {n}", 4, "onewire") for n in range(5)]
    chips = [Claim(f"chip {n}", 0, "i2c") for n in range(5)]
    assert codes("esp32_dev", *probes, *chips, Claim("pump", 14, "output")) == []


def test_who_was_refused_owns_nothing() -> None:
    assert codes("esp32_dev", Claim("a", 34, "output"), Claim("soil", 34, "analog")) == ["input_only"]


@pytest.mark.parametrize("board", list(BOARDS))
def test_ours_agrees_with_the_firmwares_own_table(board: Board) -> None:
    """Written down twice on purpose, as the emulation must be able to disagree."""
    ours, theirs = BOARDS[board], PINS[board]
    assert ours.usable == theirs.known
    assert ours.inputs == theirs.inputs
    assert (ours.i2c, ours.onewire) == (theirs.i2c, theirs.onewire)
    assert (ours.sensors, ours.actuators) == (theirs.most_sensors, theirs.most_actuators)
    assert not ours.reserved & ours.usable
    assert ours.analog <= ours.usable
