"""Sensors in a configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .flaw import Body, Flaw, flag, required, shown, text, whole
from .items import active_flaw, as_int, as_text, is_active, no_object
from .pins import NO_PIN
from .profile import Firmware

_ONEWIRE: Final = ("ds18b20", "temperature_ds18b20")
_CHIPS: Final = {
    "sht31": (0x44, ("temp", "humidity")),
    "bmp280": (0x76, ("pressure", "temp")),
    "bme280": (0x76, ("pressure", "temp", "humidity")),
}
_WIRE_TYPES: Final = {
    "temperature_ds18b20": "ds18b20",
    "ph_sensor": "ph",
    "ec_sensor": "ec",
    "soil_moisture": "moisture",
}
_MODES: Final = ("continuous", "on_demand", "paused", "scheduled")
_USUAL_S, _LEAST_S, _MOST_S = 30, 1, 300
_ROM = re.compile(r"[0-9A-Fa-f]{16}")
_MOST_ADDRESS = 0x7F


@dataclass(frozen=True, slots=True)
class SensorItem:
    """A sensor as the device keeps it: ``interval`` in s, ``i2c`` a 7-bit address, ``rom`` 16 hex or empty."""

    gpio: int
    type: str
    name: str
    subzone: str
    active: bool
    raw_mode: bool
    mode: str
    interval: int
    rom: str
    i2c: int | None


def _chip_types() -> dict[str, tuple[str, ...]]:
    types: dict[str, tuple[str, ...]] = {}
    for chip, (_, quantities) in _CHIPS.items():
        types[chip] = tuple(f"{chip}_{quantity}" for quantity in quantities)
        for quantity in quantities:
            long = "temperature" if quantity == "temp" else quantity
            types[f"{chip}_{quantity}"] = types[f"{long}_{chip}"] = (f"{chip}_{quantity}",)
    return types


_CHIP_TYPES: Final = _chip_types()


def values_of(kind: str) -> tuple[str, ...]:
    """The wire types that a configured type publishes, in the order of the device."""
    return _CHIP_TYPES.get(kind) or (_WIRE_TYPES.get(kind, kind),)


def chip_address(kind: str) -> int | None:
    """The usual I2C address of a sensor type; None when it is not on that bus."""
    chip = values_of(kind)[0].partition("_")[0]
    return _CHIPS[chip][0] if kind in _CHIP_TYPES else None


def sensor_refused(item: object, firmware: Firmware) -> Flaw | None:
    """Why the device answers a sensor with an error."""
    if not isinstance(item, dict):
        return no_object("sensors", item)
    return (
        required(item, "gpio")
        or required(item, "sensor_type")
        or required(item, "sensor_name")
        or whole(item, "gpio", 0, NO_PIN)
        or text(item, "sensor_type")
        or text(item, "sensor_name")
        or active_flaw(item)
        or _sensor_pin(item, firmware)
    )


def _sensor_pin(item: Body, firmware: Firmware) -> Flaw | None:
    gpio = item["gpio"]
    if not item["sensor_type"]:
        return Flaw("bad_value", "sensor_type", "sensor_type is empty.")
    if not is_active(item) or chip_address(_sensor_type(item)) is not None or gpio in firmware.pins.readable:
        return None
    return Flaw("bad_value", "gpio", f"gpio {shown(gpio)} is no pin a sensor may own on this board.")


def sensor_ignored(item: Body, firmware: Firmware) -> Flaw | None:
    """What the device passes over in a sensor it accepts; the older generation knows six keys."""
    flaw = text(item, "subzone_id") or flag(item, "raw_mode")
    if flaw or firmware.seed:
        return flaw
    return (
        text(item, "operating_mode")
        or whole(item, "measurement_interval_seconds", -(2**31), 2**31 - 1)
        or _rom_flaw(item)
        or _i2c_flaw(item)
    )


def _rom_flaw(item: Body) -> Flaw | None:
    rom = item.get("onewire_address", "")
    if not isinstance(rom, str):
        return text(item, "onewire_address")
    # None, or one with a wrong checksum, is taken all the same: it shows only when the sensor is read.
    if not rom or _ROM.fullmatch(rom):
        return None
    return Flaw("bad_value", "onewire_address", f"onewire_address must be 16 hex digits, not {shown(rom)}.")


def _i2c_flaw(item: Body) -> Flaw | None:
    address = item.get("i2c_address", 0)
    if isinstance(address, str):
        problem = f"i2c_address must be a decimal integer: the string {shown(address)} is ignored."
        return Flaw("bad_value", "i2c_address", problem)
    return whole(item, "i2c_address", 0, _MOST_ADDRESS)


def sensor_item(item: Body, firmware: Firmware) -> SensorItem:
    """A sensor that was not refused, with the device's defaults; the older generation reads six keys."""
    kind = _sensor_type(item)
    new: Body = {} if firmware.seed else item
    interval, address = new.get("measurement_interval_seconds"), new.get("i2c_address")
    mode = new.get("operating_mode")
    return SensorItem(
        gpio=as_int(item.get("gpio"), NO_PIN),
        type=kind,
        name=as_text(item.get("sensor_name")),
        subzone=as_text(item.get("subzone_id")),
        active=is_active(item),
        raw_mode=item.get("raw_mode") is not False,
        mode=mode if isinstance(mode, str) and mode in _MODES else _MODES[0],
        interval=max(_LEAST_S, min(_MOST_S, as_int(interval, _USUAL_S))),
        rom=as_text(new.get("onewire_address")),
        i2c=as_int(address, 0) or chip_address(kind) if chip_address(kind) is not None else None,
    )


def sensor_claims(gpio: int, kind: str) -> dict[int, str]:
    """The pins a sensor owns and in what role: OneWire sensors may share one."""
    if chip_address(kind) is not None:
        return {}
    return {gpio: "OneWire bus" if kind in _ONEWIRE else f"{values_of(kind)[0]} sensor"}


def _sensor_type(item: Body) -> str:
    return as_text(item.get("sensor_type")).lower()
