"""Checks of the existing system that a rule may ask for, and how what is found is called."""

from __future__ import annotations

from typing import Final, Literal

Check = Literal[
    "server", "database", "mqtt", "esp_devices", "sensors", "actuators", "monitoring", "logic_engine", "alerts",
    "plugins",
]  # fmt: skip
Status = Literal["healthy", "warning", "critical"]
CHECKS: Final[tuple[Check, ...]] = (
    "server", "database", "mqtt", "esp_devices", "sensors", "actuators", "monitoring", "logic_engine", "alerts",
    "plugins",
)  # fmt: skip
# As people here call them.
OURS: Final[dict[str, Check]] = {
    "nodes": "esp_devices", "broker": "mqtt", "rules": "logic_engine", "alarms": "alerts",
}  # fmt: skip
STATUSES: Final = ("healthy", "warning", "critical", "error")
# The engine that decides is not told of these: a condition about them is never true and never false.
NEVER_KNOWN: Final = frozenset({"database", "monitoring", "plugins"})
# What a rule's own trouble shows in: rules that ask for these are left out of both, or one would toggle itself.
OF_RULES: Final = frozenset({"logic_engine", "alerts"})


def status_of(word: str) -> Status:
    """Whether a check broke or found something broken is one thing here: `error` is critical."""
    return "critical" if word in ("critical", "error") else "warning" if word == "warning" else "healthy"
