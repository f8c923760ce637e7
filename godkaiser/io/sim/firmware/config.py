"""``config``: the envelope of a configuration, and the items in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from .actuator_item import actuator_claims, actuator_ignored, actuator_item, actuator_refused
from .flaw import Body, Flaw, table, text
from .intent import intent_flaw
from .items import is_active, taken
from .profile import Firmware
from .reading import Inbound, Reading, longer, opened
from .rules import rule_flaw, rule_item
from .sensor_item import sensor_claims, sensor_ignored, sensor_item, sensor_refused

SECTIONS = ("sensors", "actuators", "offline_rules")


def sections(firmware: Firmware) -> tuple[str, ...]:
    """The sections a device looks for; the older generation passes over offline rules, whatever they are."""
    return SECTIONS[:2] if firmware.seed else SECTIONS


def correlation(body: Body) -> str:
    """The correlation id at the root or in ``data``; empty when there is none."""
    data = body.get("data")
    places = (body, data) if isinstance(data, dict) else (body,)
    found = (place.get("correlation_id") for place in places)
    return next((value for value in found if isinstance(value, str) and value), "")


def envelope_flaw(body: Body, firmware: Firmware) -> Flaw | None:
    """What is wrong around the items."""
    if not firmware.seed and not correlation(body):
        problem = "correlation_id is missing: the device applies nothing."
        return text(body, "correlation_id") or Flaw("missing_field", "correlation_id", problem)
    return next((flaw for key in sections(firmware) if (flaw := table(body, key))), None)


def section(body: Body, key: str) -> list[object]:
    """The items of a section; none when it is absent or no array."""
    items = body.get(key)
    return items if isinstance(items, list) else []


def config_outgrown(payload: bytes, firmware: Firmware) -> Flaw | None:
    """Whether the payload does not fit into the queue."""
    return None if firmware.config_bytes is None else longer(payload, firmware.config_bytes)


def read_config(message: Inbound) -> Reading:
    """Read ``config``."""
    firmware = message.firmware
    outgrown = config_outgrown(message.payload, firmware)
    if outgrown:
        return outgrown
    body = opened(message.payload, firmware.config_pool)
    if isinstance(body, Flaw):
        return body
    flaw = (
        envelope_flaw(body, firmware)
        or _items_flaw(body, firmware)
        or _capacity(body, firmware)
        or _ownership(body, firmware)
        or intent_flaw(body)
    )
    return flaw or _content(body, firmware)


def _items_flaw(body: Body, firmware: Firmware) -> Flaw | None:
    sensors = (_sensor_flaw(item, firmware) for item in section(body, "sensors"))
    actuators = (_actuator_flaw(item, firmware) for item in section(body, "actuators"))
    rules = () if firmware.seed else map(rule_flaw, section(body, "offline_rules"))
    return next((flaw for flaws in (sensors, actuators, rules) for flaw in flaws if flaw), None)


def _sensor_flaw(item: object, firmware: Firmware) -> Flaw | None:
    return sensor_refused(item, firmware) or (
        sensor_ignored(item, firmware) if isinstance(item, dict) else None
    )


def _actuator_flaw(item: object, firmware: Firmware) -> Flaw | None:
    return actuator_refused(item, firmware) or (
        actuator_ignored(item, firmware) if isinstance(item, dict) else None
    )


def _capacity(body: Body, firmware: Firmware) -> Flaw | None:
    most = {
        "sensors": firmware.most_sensors,
        "actuators": firmware.most_actuators,
        "offline_rules": firmware.most_rules,
    }
    for key in sections(firmware):
        limit, count = most[key], _active(body, key)
        if count > limit:
            return Flaw("bad_value", key, f"{key} holds {count} items, the device keeps {limit}.")
    return None


def _active(body: Body, key: str) -> int:
    return sum(is_active(item) for item in section(body, key) if isinstance(item, dict))


def _ownership(body: Body, firmware: Firmware) -> Flaw | None:
    owners: dict[int, str] = {}
    for claims in _claims(body, firmware):
        flaw = taken(claims, owners)
        if flaw:
            return flaw
        owners |= claims
    return None


def _claims(body: Body, firmware: Firmware) -> Iterator[dict[int, str]]:
    sensors = (sensor_item(item, firmware) for item in section(body, "sensors") if isinstance(item, dict))
    for sensor in sensors:
        if sensor.active:
            yield sensor_claims(sensor.gpio, sensor.type)
    actuators = (
        actuator_item(item, firmware) for item in section(body, "actuators") if isinstance(item, dict)
    )
    for actuator in actuators:
        if actuator.active:
            yield actuator_claims(actuator.gpio, actuator.type, actuator.aux_gpio)


def _content(body: Body, firmware: Firmware) -> dict[str, object]:
    sensors = [sensor_item(item, firmware) for item in section(body, "sensors") if isinstance(item, dict)]
    actuators = [
        actuator_item(item, firmware) for item in section(body, "actuators") if isinstance(item, dict)
    ]
    rules = [rule_item(item) for item in section(body, "offline_rules") if isinstance(item, dict)]
    everything: dict[str, object] = {
        "sensors": [asdict(item) for item in sensors],
        "actuators": [asdict(item) for item in actuators],
    }
    if not firmware.seed:
        everything["offline_rules"] = rules
    envelope = {"correlation_id": correlation(body), "generation": body.get("generation", 0)}
    return {key: items for key, items in everything.items() if key in body} | envelope
