"""The one table of topics, both directions, and how a topic is taken apart.

`~` stands for `kaiser/{kaiser_id}/esp/{esp_id}/`, `#` in a pattern for a pin number.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from godkaiser.model.ids import KaiserId, NodeId


class Way(enum.Enum):
    """Who speaks."""

    FROM_NODE = "node → server"
    TO_NODE = "server → node"


@dataclass(frozen=True, slots=True)
class Topic:
    """One row: the kind of message, its pattern below the prefix, direction, QoS, retained, and what it is for.

    `modern`: only firmware of 2026 knows it. QoS is what we publish with, or what the node is meant to use.
    """

    kind: str
    pattern: str
    way: Way
    what: str
    qos: int = 1
    retain: bool = False
    modern: bool = False


_IN, _OUT = Way.FROM_NODE, Way.TO_NODE
TOPICS: Final = (
    Topic("sensor_data", "~sensor/#/data", _IN, "a reading, every 1 to 300 s"),
    Topic("sensor_batch", "~sensor/batch", _IN, "documented, never sent; counted, not stored"),
    Topic(
        "sensor_response", "~sensor/#/response", _IN, "what became of a measurement on demand", modern=True
    ),
    Topic("actuator_status", "~actuator/#/status", _IN, "what an actuator does: at a change and every 30 s"),
    Topic("actuator_response", "~actuator/#/response", _IN, "once per command"),
    Topic("actuator_alert", "~actuator/#/alert", _IN, "the node switched something off by itself"),
    Topic("emergency_response", "~actuator/emergency/response", _IN, "the emergency is cleared"),
    Topic("emergency_error", "~actuator/emergency/error", _IN, "stop or clear was refused"),
    Topic("emergency_ack", "~actuator/emergency/ack", _IN, "the node stopped", modern=True),
    Topic("recovery_confirm", "~actuator/recovery_confirm", _IN, "the emergency is cleared", modern=True),
    Topic("heartbeat", "~system/heartbeat", _IN, "every 60 s; every 5 s until acknowledged", 0),
    Topic("heartbeat", "~heartbeat", _IN, "older spelling of the same", 0),
    Topic("heartbeat_metrics", "~system/heartbeat_metrics", _IN, "counters since boot", 0, modern=True),
    Topic("announce", "~session/announce", _IN, "at every connection: the handover epoch", modern=True),
    Topic("will", "~system/will", _IN, "published by the broker when a node vanishes", 1, retain=True),
    Topic("system_response", "~system/command/response", _IN, "once per system command"),
    Topic("onewire_scan_result", "~onewire/scan_result", _IN, "probes found on a bus", modern=True),
    Topic("system_error", "~system/error", _IN, "a fault, each code once a minute at most", 0, modern=True),
    Topic("diagnostics", "~system/diagnostics", _IN, "state of the node, every 60 s if it changed", 0),
    Topic(
        "queue_pressure", "~system/queue_pressure", _IN, "its publish queue fills or empties", 0, modern=True
    ),
    Topic("intent_outcome", "~system/intent_outcome", _IN, "each stage of a command or push", modern=True),
    Topic("intent_lifecycle", "~system/intent_outcome/lifecycle", _IN, "telemetry of the same", modern=True),
    Topic("config_response", "~config_response", _IN, "what became of a push, per scope"),
    Topic("zone_ack", "~zone/ack", _IN, "what became of a zone"),
    Topic("subzone_ack", "~subzone/ack", _IN, "what became of a subzone"),
    Topic("discovery", "kaiser/{k}/discovery/esp32_nodes", _IN, "deprecated; the node waits for approval"),
    Topic("sensor_command", "~sensor/#/command", _OUT, "measure now", 2, modern=True),
    Topic("actuator_command", "~actuator/#/command", _OUT, "ON, OFF, PWM", 2),
    Topic("emergency", "~actuator/emergency", _OUT, "stop or clear of one node"),
    Topic("broadcast_emergency", "kaiser/broadcast/emergency", _OUT, "stop of all nodes; there is no clear"),
    Topic(
        "heartbeat_ack", "~system/heartbeat/ack", _OUT, "keeps the node alive; exactly four keys", modern=True
    ),
    Topic("server_status", "kaiser/{k}/server/status", _OUT, "are we there? last will", 1, True, True),
    Topic("system_command", "~system/command", _OUT, "status, diagnostics, scan, safe mode, reset", 2),
    Topic("config", "~config", _OUT, "sensors, actuators, offline rules; split to the node's size", 2),
    Topic("zone_assign", "~zone/assign", _OUT, "where the node stands"),
    Topic("subzone_assign", "~subzone/assign", _OUT, "a group of pins"),
    Topic("subzone_remove", "~subzone/remove", _OUT, "dissolves a group"),
    Topic("subzone_safe", "~subzone/safe", _OUT, "the pins of a group into safe mode and back", modern=True),
)
BY_KIND: Final = {row.kind: row for row in reversed(TOPICS)}
SUBSCRIPTIONS: Final = ("kaiser/+/esp/#", "kaiser/+/discovery/esp32_nodes")

REMEMBERED_LENGTH: Final = 120
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
    return _remembered(topic) if len(topic) <= REMEMBERED_LENGTH else _parse(topic)


def _parse(topic: str) -> Address | None:
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


# Nodes say the same few again and again; a stranger's long ones are not kept.
_remembered = lru_cache(4096)(_parse)


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
