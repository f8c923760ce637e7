"""Zones and subzones."""

from __future__ import annotations

import re

from .flaw import Body, Flaw, flag, required, shown, table, text, whole, word
from .intent import intent_flaw
from .pins import NO_PIN
from .reading import Inbound, Reading, opened, pick

ZONE_POOL = 512
ASSIGN_POOL = 1024
REMOVE_POOL = 256
SAFE_POOL = 512
_ID_LENGTH = 32
_NAME_LENGTH = 64
_KAISER_LENGTH = 63
_ZONE = re.compile(r"[A-Za-z0-9_-]{0,32}")


def zone_flaw(body: Body) -> Flaw | None:
    """What the device refuses in ``zone/assign``: only the zone id is looked at; an empty one removes."""
    flaw = required(body, "zone_id") or text(body, "zone_id")
    if flaw or _ZONE.fullmatch(str(body["zone_id"])):
        return flaw
    problem = f"zone_id {shown(body['zone_id'])} must have up to 32 letters, digits, _ or -."
    return Flaw("bad_value", "zone_id", problem)


def _names(body: Body) -> Flaw | None:
    return (
        text(body, "master_zone_id", _ID_LENGTH)
        or text(body, "zone_name", _NAME_LENGTH)
        or text(body, "kaiser_id", _KAISER_LENGTH)
    )


def read_zone(message: Inbound) -> Reading:
    """Read ``zone/assign``."""
    body = opened(message.payload, ZONE_POOL)
    if isinstance(body, Flaw):
        return body
    keys = ("zone_id", "master_zone_id", "zone_name", "kaiser_id", "correlation_id")
    return zone_flaw(body) or _names(body) or intent_flaw(body) or pick(body, *keys)


def subzone_flaw(body: Body) -> Flaw | None:
    """A subzone has an id of 1..32 characters."""
    flaw = required(body, "subzone_id") or text(body, "subzone_id", _ID_LENGTH)
    if flaw or body["subzone_id"]:
        return flaw
    return Flaw("bad_value", "subzone_id", f"subzone_id must have 1..{_ID_LENGTH} characters.")


def gpios_flaw(body: Body) -> Flaw | None:
    """The pins of a subzone must be pins; 0, which stands for I2C in a configuration, is none."""
    gpios = body.get("assigned_gpios", [])
    if not isinstance(gpios, list):
        return table(body, "assigned_gpios")
    flaws = (whole({"assigned_gpios": gpio}, "assigned_gpios", 1, NO_PIN - 1) for gpio in gpios)
    return next((flaw for flaw in flaws if flaw), None)


def read_subzone_assign(message: Inbound) -> Reading:
    """Read ``subzone/assign``; whether its zone is the device's own only the device knows."""
    body = opened(message.payload, ASSIGN_POOL)
    if isinstance(body, Flaw):
        return body
    flaw = (
        subzone_flaw(body)
        or text(body, "subzone_name")
        or text(body, "parent_zone_id")
        or gpios_flaw(body)
        or flag(body, "safe_mode_active")
        or intent_flaw(body)
    )
    keys = ("subzone_id", "subzone_name", "parent_zone_id", "assigned_gpios", "correlation_id")
    return flaw or {"safe_mode_active": body.get("safe_mode_active", True)} | pick(body, *keys)


def read_subzone_remove(message: Inbound) -> Reading:
    """Read ``subzone/remove``."""
    body = opened(message.payload, REMOVE_POOL)
    if isinstance(body, Flaw):
        return body
    return subzone_flaw(body) or intent_flaw(body) or pick(body, "subzone_id", "reason", "correlation_id")


def safe_flaw(body: Body) -> Flaw | None:
    """Whether a subzone is clearly told to be safe or not."""
    flaw = word(body, "action", ("enable", "disable")) or flag(body, "safe_mode")
    if flaw or body.get("action") != "disable" or body.get("safe_mode") is not True:
        return flaw
    return Flaw("bad_value", "safe_mode", "safe_mode true overrides action disable.")


def read_subzone_safe(message: Inbound) -> Reading:
    """Read ``subzone/safe``."""
    body = opened(message.payload, SAFE_POOL)
    if isinstance(body, Flaw):
        return body
    keys = ("subzone_id", "action", "safe_mode", "correlation_id")
    return subzone_flaw(body) or safe_flaw(body) or intent_flaw(body) or pick(body, *keys)
