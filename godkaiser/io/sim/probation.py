"""A node that has lost its configuration, and how it gets out of that state."""

from __future__ import annotations

from .device import Device
from .session import CONFIG_PENDING, OPERATIONAL, PENDING_APPROVAL
from .setup import Setup

_NAMES = {
    CONFIG_PENDING: "CONFIG_PENDING_AFTER_RESET",
    OPERATIONAL: "OPERATIONAL",
    PENDING_APPROVAL: "PENDING_APPROVAL",
}
_READY = ("CONFIG_PENDING_EXIT_READY", "OFFLINE_RULES_ONLY_AUTO_EXIT")


def readiness(setup: Setup) -> str:
    """Whether a configuration is enough to work with, as the firmware words it."""
    if setup.rules and not setup.actuators:
        return "OFFLINE_RULES_ONLY_AUTO_EXIT"
    if not setup.sensors:
        return "MISSING_SENSORS"
    return "CONFIG_PENDING_EXIT_READY" if setup.actuators else "MISSING_ACTUATORS"


class Probation:
    """Watches over CONFIG_PENDING_AFTER_RESET and tells its beginning and its end."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._told = False
        self._counts = {"enter": 0, "exit": 0, "exit_blocked": 0}
        if device.session.state == CONFIG_PENDING:
            self._counts["enter"] = 1

    def opened(self, now: int) -> None:
        """The gate has opened: what began at boot can be told."""
        if self._counts["enter"] and not self._told:
            self._told = True
            self._tell("entered_config_pending", "boot", CONFIG_PENDING, now)

    def committed(self, now: int) -> None:
        """A configuration was committed: is it enough?"""
        session = self._device.session
        if session.state != CONFIG_PENDING:
            return
        if readiness(self._device.setup) not in _READY:
            self._counts["exit_blocked"] += 1
            self._tell("exit_blocked_config_pending", "config_commit", CONFIG_PENDING, now)
            return
        session.state = OPERATIONAL if session.approved else PENDING_APPROVAL
        self._counts["exit"] += 1
        self._tell("exited_config_pending", "config_commit", session.state, now)

    def _tell(self, event: str, trigger: str, after: int, now: int) -> None:
        setup, decision = self._device.setup, readiness(self._device.setup)
        fields: dict[str, object] = {
            "schema": "config_pending_lifecycle_v1",
            "event_type": event,
            "reason_code": "CONFIG_PENDING_AFTER_RESET" if trigger == "boot" else decision,
            "trigger_source": trigger,
            "esp_id": self._device.spec.id,
            "state_before": _NAMES[CONFIG_PENDING],
            "state_after": _NAMES[after],
            "sensor_count": len(setup.sensors),
            "actuator_count": len(setup.actuators),
            "offline_rule_count": len(setup.rules),
            "runtime_profile": self._device.spec.board,
            "readiness_decision": decision,
        }
        counts: dict[str, object] = {
            f"config_pending_{name}_count": count for name, count in self._counts.items()
        }
        tail = {"ts": self._device.session.clock(now), "boot_sequence_id": self._device.voice.boot_id}
        told = self._device.voice.numbered("system/intent_outcome/lifecycle", fields | counts | tail)
        self._device.emit(told)
