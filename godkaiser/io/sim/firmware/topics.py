"""What a device subscribes to, and how it takes a topic apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .flaw import Flaw
from .profile import Firmware

LONGEST: Final = 191
_PREFIX: Final = "kaiser/{kaiser}/esp/{node}/"
_KAISER = re.compile(r"[A-Za-z0-9_]{1,63}")
_NODE = re.compile(r"ESP_[A-F0-9]{6,8}|MOCK_[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A filter of the device: ``~`` stands for its own prefix; ``new`` is what the older generation lacks."""

    kind: str
    pattern: str
    qos: int
    new: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Which ids the topic carries."""
        if self.pattern.startswith("~"):
            return ("kaiser_id", "esp_id")
        return ("kaiser_id",) if "{kaiser}" in self.pattern else ()

    def filter(self, kaiser: str, node: str) -> str:
        """The topic filter of one device."""
        return self.pattern.replace("~", _PREFIX).format(kaiser=kaiser, node=node)


SUBSCRIPTIONS: Final = (
    Subscription("heartbeat_ack", "~system/heartbeat/ack", 1, new=True),
    Subscription("config", "~config", 2),
    Subscription("system_command", "~system/command", 2),
    Subscription("broadcast_emergency", "kaiser/broadcast/emergency", 2),
    Subscription("actuator_command", "~actuator/+/command", 2),
    Subscription("emergency", "~actuator/emergency", 1),
    Subscription("zone_assign", "~zone/assign", 1),
    Subscription("subzone_assign", "~subzone/assign", 1),
    Subscription("subzone_remove", "~subzone/remove", 1),
    Subscription("subzone_safe", "~subzone/safe", 1, new=True),
    Subscription("sensor_command", "~sensor/+/command", 2, new=True),
    Subscription("server_status", "kaiser/{kaiser}/server/status", 1, new=True),
)
"""In the order in which the device subscribes."""


@dataclass(frozen=True, slots=True)
class Address:
    """A topic taken apart; ``kaiser`` and ``node`` are raw text, empty where the topic has none."""

    row: Subscription
    kaiser: str = ""
    node: str = ""
    gpio: int = 0

    @property
    def kind(self) -> str:
        """What sort of message it is."""
        return self.row.kind

    @property
    def id_flaw(self) -> Flaw | None:
        """Whether a device could have these names."""
        if "kaiser_id" in self.row.ids and not _KAISER.fullmatch(self.kaiser):
            return Flaw("id_pattern", "kaiser_id", f"The kaiser id {self.kaiser!a} is no id.")
        if "esp_id" in self.row.ids and not _NODE.fullmatch(self.node):
            return Flaw("id_pattern", "esp_id", f"The node id {self.node!a} is not ESP_ and 6..8 hex.")
        return None


def _compile(row: Subscription) -> re.Pattern[str]:
    escaped = re.escape(row.pattern.replace("~", _PREFIX))
    for name, shape in (("kaiser", "[^/]+"), ("node", "[^/]+")):
        escaped = escaped.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{shape})")
    return re.compile(escaped.replace(re.escape("+"), r"(?P<gpio>\d+)"), re.ASCII)


_PATTERNS = [(row, _compile(row)) for row in SUBSCRIPTIONS]


def locate(topic: str, firmware: Firmware) -> Address | None:
    """Whose message a topic carries; None when a device with this firmware does not hear it."""
    for row, pattern in _PATTERNS:
        match = pattern.fullmatch(topic)
        if match and not (row.new and firmware.seed):
            found = match.groupdict()
            return Address(row, found.get("kaiser", ""), found.get("node", ""), int(found.get("gpio", 0)))
    return None
