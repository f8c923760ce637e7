"""``actuator/N/command``: admit, execute, answer."""

from __future__ import annotations

from .autonomy import Autonomy
from .bench import Bench
from .device import Device
from .driver import Driver
from .firmware.actuator import Command, scan
from .outcome import Intent
from .spec import SECOND
from .text import fixed

ANYBODY = "system:unknown"


class Commands:
    """Takes the actuator commands of one node. The older generation echoes ``duration`` and has no timer."""

    def __init__(self, device: Device, bench: Bench, autonomy: Autonomy) -> None:
        self._device = device
        self._voice = device.voice
        self._bench = bench
        self._autonomy = autonomy

    def take(self, gpio: int, payload: bytes, now: int) -> None:
        """Take ``actuator/N/command``: admit, execute, answer."""
        intent = self._device.intent(payload, "command", "act", now)
        command = scan(payload)
        code = self._device.session.blocked()
        if code:
            reason = f"Actuator command rejected (reason_code={code})"
            self._answer(gpio, command, reason, success=False, now=now)
            self._device.outcome(intent, "rejected", code, reason, now)
            return
        self._device.outcome(intent, "accepted", "COMMAND_ACCEPTED", "Actuator command accepted", now)
        if intent.expired(self._voice.uptime(now)):
            self._answer(gpio, command, "Command expired (reason_code=TTL_EXPIRED)", success=False, now=now)
            self._device.outcome(intent, "expired", "TTL_EXPIRED", "Actuator command expired", now)
            return
        self._execute(gpio, command, intent, now)

    def _execute(self, gpio: int, command: Command, intent: Intent, now: int) -> None:
        driver = self._bench.drivers.get(gpio)
        before = driver.level if driver else 0.0
        refusal = self._drive(driver, command, now) if driver else f"Actuator GPIO {gpio} not found"
        self._answer(gpio, command, refusal or "Command executed", success=not refusal, now=now)
        if driver is None or refusal:
            self._device.outcome(intent, "failed", "EXECUTE_FAIL", refusal, now)
            return
        if driver.level != before or command.verb in ("ON", "OFF"):
            self._device.emit(self._voice.status(driver, now))
        self._device.outcome(intent, "applied", "NONE", "Actuator command applied", now)

    def _drive(self, driver: Driver, command: Command, now: int) -> str:
        """Execute a command on its driver; the reason when it is refused."""
        gpio = driver.spec.gpio
        if driver.latched:
            message = f"Actuator GPIO {gpio} is emergency stopped"
            self._device.emit(self._voice.alert(gpio, "emergency_stop", message, now))
            return message
        level = _level(driver, command)
        if level is None:
            return f"Invalid command for actuator GPIO {gpio}"
        if not driver.set(level, now):
            message = "Failed to turn actuator ON"
            self._device.error(1050, "HARDWARE", message, now)
            return message
        driver.source = command.issued_by or ANYBODY
        self._autonomy.override(gpio)
        if command.verb == "ON" and command.duration and not self._device.firmware.seed:
            driver.off_at = now + command.duration * SECOND
        return ""

    def _answer(self, gpio: int, command: Command, message: str, *, success: bool, now: int) -> None:
        answer: dict[str, object] = {
            "command": command.word or "UNKNOWN",
            "value": fixed(command.value, 3),
            "duration": command.duration,
            "success": success,
            "message": message,
        }
        if command.correlation_id:
            answer["correlation_id"] = command.correlation_id
        answer["issued_by"] = command.issued_by or ANYBODY
        self._device.emit(self._voice.response(gpio, answer, now))


def _level(driver: Driver, command: Command) -> float | None:
    """The level a command asks for; None for an unknown word or a value the type does not take."""
    verb, value = command.verb, command.value
    if verb in ("ON", "OFF"):
        return 1.0 if verb == "ON" else 0.0
    if verb == "TOGGLE":
        return 0.0 if driver.level else 1.0
    if verb != "PWM":
        return None
    if not driver.binary:
        return max(0.0, min(1.0, value))
    if not 0.0 <= value <= 1.0:
        return None
    return 1.0 if value >= 0.5 else 0.0
