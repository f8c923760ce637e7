"""The one table of topics, both directions, and how a topic is taken apart.

`~` stands for `kaiser/{kaiser_id}/esp/{esp_id}/`, `#` in a pattern for a pin number.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from godkaiser.model.ids import KaiserId, NodeId


class Way(enum.Enum):
    """Who speaks."""

    FROM_NODE = "node → server"
    TO_NODE = "server → node"


@dataclass(frozen=True, slots=True)
class Topic:
    """One row: the kind of message, its pattern below the prefix, direction, our QoS, retained."""

    kind: str
    pattern: str
    way: Way
    qos: int = 1
    retain: bool = False


_IN, _OUT = Way.FROM_NODE, Way.TO_NODE
TOPICS: Final = (
    Topic("sensor_data", "~sensor/#/data", _IN),
    Topic("sensor_batch", "~sensor/batch", _IN),
    Topic("sensor_response", "~sensor/#/response", _IN),
    Topic("actuator_status", "~actuator/#/status", _IN),
    Topic("actuator_response", "~actuator/#/response", _IN),
    Topic("actuator_alert", "~actuator/#/alert", _IN),
    Topic("emergency_response", "~actuator/emergency/response", _IN),
    Topic("emergency_error", "~actuator/emergency/error", _IN),
    Topic("emergency_ack", "~actuator/emergency/ack", _IN),
    Topic("recovery_confirm", "~actuator/recovery_confirm", _IN),
    Topic("heartbeat", "~system/heartbeat", _IN, 0),
    Topic("heartbeat", "~heartbeat", _IN, 0),
    Topic("heartbeat_metrics", "~system/heartbeat_metrics", _IN, 0),
    Topic("announce", "~session/announce", _IN),
    Topic("will", "~system/will", _IN, 1, retain=True),
    Topic("system_response", "~system/command/response", _IN),
    Topic("onewire_scan_result", "~onewire/scan_result", _IN),
    Topic("system_error", "~system/error", _IN, 0),
    Topic("diagnostics", "~system/diagnostics", _IN, 0),
    Topic("queue_pressure", "~system/queue_pressure", _IN, 0),
    Topic("intent_outcome", "~system/intent_outcome", _IN),
    Topic("intent_lifecycle", "~system/intent_outcome/lifecycle", _IN),
    Topic("config_response", "~config_response", _IN),
    Topic("zone_ack", "~zone/ack", _IN),
    Topic("subzone_ack", "~subzone/ack", _IN),
    Topic("discovery", "kaiser/{k}/discovery/esp32_nodes", _IN),
    Topic("sensor_command", "~sensor/#/command", _OUT, 2),
    Topic("actuator_command", "~actuator/#/command", _OUT, 2),
    Topic("emergency", "~actuator/emergency", _OUT),
    Topic("broadcast_emergency", "kaiser/broadcast/emergency", _OUT),
    Topic("heartbeat_ack", "~system/heartbeat/ack", _OUT),
    Topic("server_status", "kaiser/{k}/server/status", _OUT, 1, retain=True),
    Topic("system_command", "~system/command", _OUT, 2),
    Topic("config", "~config", _OUT, 2),
    Topic("zone_assign", "~zone/assign", _OUT),
    Topic("subzone_assign", "~subzone/assign", _OUT),
    Topic("subzone_remove", "~subzone/remove", _OUT),
    Topic("subzone_safe", "~subzone/safe", _OUT),
)
BY_KIND: Final = {row.kind: row for row in reversed(TOPICS)}
SUBSCRIPTIONS: Final = ("kaiser/+/esp/#", "kaiser/+/discovery/esp32_nodes")

_PREFIX = re.compile(r"kaiser/([^/]*)/esp/([^/]*)/(.*)", re.DOTALL)
_PIN = re.compile(r"(?<=/)\d{1,3}(?=/)")
_BELOW = {row.pattern[1:]: row for row in TOPICS if row.pattern.startswith("~")}


@dataclass(frozen=True, slots=True)
class Address:
    """A topic taken apart; kaiser and node are still raw text (checked after the payload)."""

    row: Topic
    kaiser: str
    node: str
    pin: int | None


def parse(topic: str) -> Address | None:
    """The row and parts of a topic, or None when it is in no table."""
    match = _PREFIX.fullmatch(topic)
    if match is None:
        return _outside(topic)
    kaiser, node, below = match.groups()
    if "#" not in below and (row := _BELOW.get(below)) is not None:
        return Address(row, kaiser, node, None)
    pin = _PIN.search(below)
    if pin is None or not pin.group().isascii():
        return None
    row = _BELOW.get(f"{below[: pin.start()]}#{below[pin.end() :]}")
    return None if row is None or int(pin.group()) > 255 else Address(row, kaiser, node, int(pin.group()))


def _outside(topic: str) -> Address | None:
    if topic == BY_KIND["broadcast_emergency"].pattern:
        return Address(BY_KIND["broadcast_emergency"], "", "", None)
    parts = topic.split("/")
    for kind in ("server_status", "discovery"):
        row = BY_KIND[kind]
        if len(parts) == 4 and row.pattern.format(k=parts[1]) == topic:
            return Address(row, parts[1], "", None)
    return None


def build(kind: str, kaiser: KaiserId, node: NodeId | None = None, pin: int | None = None) -> str:
    """The topic of one message."""
    pattern = BY_KIND[kind].pattern.replace("~", f"kaiser/{kaiser}/esp/{node}/").replace("{k}", kaiser)
    return pattern if pin is None else pattern.replace("#", str(pin))
