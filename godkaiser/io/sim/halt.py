"""The emergency topics: stop and clear, for this node and for all."""

from __future__ import annotations

from .bench import Bench
from .device import Device
from .driver import NEVER
from .emergency import Ruling, judge_broadcast, judge_device
from .outcome import Intent
from .spec import SECOND

CLEARING = 2 * SECOND


class Halt:
    """Takes the emergency messages of one node; while it clears it takes nothing else."""

    def __init__(self, device: Device, bench: Bench) -> None:
        self._device = device
        self._voice = device.voice
        self._bench = bench
        self._clearing: Intent | None = None
        self.busy_until = -NEVER

    @property
    def deadline(self) -> int:
        """When the clearing under way is done."""
        return self.busy_until if self._clearing else NEVER

    def expire(self, now: int) -> None:
        """Finish what is due."""
        if self._clearing and now >= self.busy_until:
            self._cleared(self._clearing, now)

    def one(self, payload: bytes, now: int) -> None:
        """Take ``actuator/emergency``."""
        ruling = judge_device(payload, self._device.setup.token)
        intent = self._device.intent(payload, "command", "emergency", now)
        if ruling.act == "stop":
            self._bench.stop(ruling.code, intent, now)
            fields = {
                "command": "emergency_stop",
                "gpio_count": len(self._bench.drivers),
                "outcome": "executed",
            }
            self._device.emit(self._voice.confirm("emergency/ack", intent.correlation_id, fields, now))
        elif ruling.act == "clear":
            self._clear(intent, now)
        else:
            self._refuse(ruling, intent, now)

    def all(self, payload: bytes, now: int) -> None:
        """Take ``kaiser/broadcast/emergency``: a stop is not acknowledged but by its outcome."""
        ruling = judge_broadcast(payload, self._device.setup.broadcast_token)
        intent = self._device.intent(payload, "command", "emergency", now)
        if ruling.act == "stop":
            self._bench.stop(ruling.code, intent, now)
        else:
            self._refuse(ruling, intent, now)

    def _refuse(self, ruling: Ruling, intent: Intent, now: int) -> None:
        if ruling.code == "UNAUTHORIZED":
            error = {"error": "unauthorized", "message": "Invalid auth token"}
            self._device.emit(self._voice.numbered("actuator/emergency/error", error))
            self._device.error(3500, "COMMUNICATION", "Emergency token invalid", now)
        self._device.outcome(intent, "rejected", ruling.code, "Emergency message refused", now)

    def _clear(self, intent: Intent, now: int) -> None:
        if self._bench.may_clear(now):
            self._clearing, self.busy_until = intent, now + CLEARING
            return
        error = {"error": "clear_failed", "message": "Safety verification failed"}
        self._device.emit(self._voice.numbered("actuator/emergency/error", error))
        self._device.emit(self._voice.alert(255, "verification_failed", error["message"], now))
        self._device.outcome(intent, "rejected", "EMERGENCY_CLEAR_REJECTED", "Emergency clear refused", now)

    def _cleared(self, intent: Intent, now: int) -> None:
        self._clearing = None
        self._bench.unlatch()
        done = {"status": "emergency_cleared", "timestamp": self._voice.uptime(now)}
        self._device.emit(self._voice.numbered("actuator/emergency/response", done))
        self._device.outcome(intent, "applied", "EMERGENCY_CLEAR_APPLIED", "Emergency cleared", now)
        confirm = {"command": "clear_emergency", "state": "cleared"}
        self._device.emit(self._voice.confirm("recovery_confirm", intent.correlation_id, confirm, now))
