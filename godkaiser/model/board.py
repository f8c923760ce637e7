"""The one table of boards: what their pins can do, and how many things they hold (protocol section 15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

Board = Literal["esp32_dev", "xiao_esp32c3"]
Bus = Literal["i2c", "onewire", "analog", "output"]
I2C_PIN: Final = 0  # by convention; the real pins belong to the system
NO_PIN: Final = 255
OWN_ADC: Final = "esp32"  # of every board below: 12 bit, 3.3 V


@dataclass(frozen=True, slots=True)
class Pins:
    """One board. `analog` are pins whose converter works beside Wi-Fi; `i2c` is (SDA, SCL)."""

    name: str
    reserved: frozenset[int]
    usable: frozenset[int]
    inputs: frozenset[int]
    analog: frozenset[int]
    i2c: tuple[int, int]
    onewire: int
    sensors: int
    actuators: int


BOARDS: Final[dict[Board, Pins]] = {
    "esp32_dev": Pins(
        "ESP32-WROOM",
        reserved=frozenset({0, 1, 2, 3, 12, 13}),
        usable=frozenset({4, 5, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 39}),
        inputs=frozenset({34, 35, 36, 39}),
        analog=frozenset({32, 33, 34, 35, 36, 39}),
        i2c=(21, 22),
        onewire=4,
        sensors=20,
        actuators=12,
    ),
    "xiao_esp32c3": Pins(
        "XIAO ESP32-C3",
        reserved=frozenset({0, 1, 3}),
        usable=frozenset({2, 4, 5, 6, 7, 8, 9, 10, 21}),
        inputs=frozenset(),
        analog=frozenset({2, 4}),
        i2c=(4, 5),
        onewire=6,
        sensors=10,
        actuators=6,
    ),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody wants a pin. `gpio` 0 for I²C."""

    who: str
    gpio: int
    bus: Bus


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a pin cannot be had. `owner` is who has it: a name, the board, or the system."""

    code: Literal["reserved", "no_such_pin", "input_only", "i2c_pin", "no_converter", "taken", "too_many"]
    gpio: int
    who: str
    owner: str
    sentence: str


def conflicts(board: Board, claims: Iterable[Claim]) -> tuple[Conflict, ...]:
    """Every conflict among the claims of one node, in their order."""
    pins = BOARDS[board]
    owners: dict[int, Claim] = {}
    found: list[Conflict] = []
    for claim in claims:
        problem = _unfit(pins, claim) or _taken(claim, owners)
        if problem is not None:
            found.append(problem)
        elif claim.bus != "i2c":
            owners.setdefault(claim.gpio, claim)
    return tuple(found)


def _unfit(pins: Pins, claim: Claim) -> Conflict | None:
    """What the board itself says."""
    if claim.bus == "i2c":
        return None
    return next((conflict for conflict in _objections(pins, claim)), None)


def _objections(pins: Pins, claim: Claim) -> Iterator[Conflict]:
    gpio, who, board = claim.gpio, claim.who, pins.name
    if gpio in pins.reserved:
        yield Conflict("reserved", gpio, who, board, f"pin {gpio} is reserved on a {board}")
    elif gpio not in pins.usable:
        yield Conflict("no_such_pin", gpio, who, board, f"a {board} has no usable pin {gpio}")
    elif gpio in pins.i2c:
        yield Conflict("i2c_pin", gpio, who, "I²C", f"pin {gpio} belongs to the I²C bus of a {board}")
    elif claim.bus == "output" and gpio in pins.inputs:
        yield Conflict("input_only", gpio, who, board, f"pin {gpio} of a {board} can only read")
    elif claim.bus == "analog" and gpio not in pins.analog:
        text = f"pin {gpio} of a {board} has no converter that works beside Wi-Fi"
        yield Conflict("no_converter", gpio, who, board, text)


def _taken(claim: Claim, owners: dict[int, Claim]) -> Conflict | None:
    """One owner per pin; OneWire probes share theirs, and so do values of one analog probe under one name."""
    owner = owners.get(claim.gpio)
    if claim.bus == "i2c" or owner is None or owner.bus == claim.bus == "onewire":
        return None
    text = f"pin {claim.gpio} is already taken by {owner.who}"
    return Conflict("taken", claim.gpio, claim.who, owner.who, text)
