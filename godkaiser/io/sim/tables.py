"""Configured items on their way into, or out of, the tables of a node."""

from __future__ import annotations

from .firmware.actuator_item import ActuatorItem, actuator_claims
from .firmware.flaw import Flaw
from .firmware.items import taken
from .firmware.sensor_item import SensorItem, sensor_claims, values_of
from .setup import Setup
from .spec import ActuatorSpec, SensorSpec


def put_sensor(setup: Setup, item: SensorItem, most: int) -> Flaw | None:
    """Enter a sensor into the table, or take it out."""
    rom = item.rom.upper() or None
    new = [
        SensorSpec(item.gpio, kind, item.interval, item.i2c, rom, item.subzone, item.mode)
        for kind in values_of(item.type)
    ]
    if not item.active:
        setup.sensors = [sensor for sensor in setup.sensors if not any(_meant(sensor, spec) for spec in new)]
        return None
    flaw = taken(sensor_claims(item.gpio, item.type), setup.owners())
    known = {sensor.identity for sensor in setup.sensors}
    if not flaw and len(known | {spec.identity for spec in new}) > most:
        flaw = Flaw("bad_value", "sensors", f"The node keeps {most} sensors.")
    for spec in () if flaw else new:
        setup.put_sensor(spec)
    return flaw


def _meant(sensor: SensorSpec, gone: SensorSpec) -> bool:
    """Whether a removal speaks of this sensor; without a OneWire address it speaks of all on the bus."""
    if gone.rom is None:
        return (sensor.gpio, sensor.type, sensor.i2c) == (gone.gpio, gone.type, gone.i2c)
    return sensor.identity == gone.identity


def put_actuator(setup: Setup, item: ActuatorItem, most: int) -> Flaw | None:
    """Enter an actuator into the table, or take it out."""
    if not item.active:
        setup.actuators = [actuator for actuator in setup.actuators if actuator.gpio != item.gpio]
        return None
    flaw = taken(actuator_claims(item.gpio, item.type, item.aux_gpio), setup.owners())
    known = any(actuator.gpio == item.gpio for actuator in setup.actuators)
    if not flaw and not known and len(setup.actuators) >= most:
        flaw = Flaw("bad_value", "actuators", f"The node keeps {most} actuators.")
    if not flaw:
        part = setup.part(item.gpio)
        setup.put_actuator(
            ActuatorSpec(
                item.gpio,
                item.type,
                part,
                default_state=item.default_state,
                max_runtime=item.max_runtime,
                aux=item.aux_gpio,
                subzone=item.subzone,
                inverted=item.inverted,
            )
        )
    return flaw
