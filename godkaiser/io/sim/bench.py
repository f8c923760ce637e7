"""The actuators of a node: commands, timers, protection, emergency."""

from __future__ import annotations

from collections.abc import Collection

from .device import Device
from .driver import NEVER, Driver
from .emergency import Ruling, judge_broadcast, judge_device
from .firmware.actuator import Command, scan
from .outcome import Intent
from .spec import SECOND, ActuatorSpec, World
from .text import fixed

CLEAR_REFUSED = 5 * SECOND
CLEARING = 2 * SECOND
ANYBODY = "system:unknown"


class Bench:
    """All drivers of one node, by gpio in configured order."""

    def __init__(self, device: Device, world: World, boot: int) -> None:
        self._device = device
        self._world = world
        self._voice = device.voice
        self._clearing: Intent | None = None
        self.busy_until = -NEVER
        self.token: str | None = None
        self.broadcast_token: str | None = None
        self.drivers = {spec.gpio: self._build(spec, boot) for spec in device.setup.actuators}

    def _build(self, spec: ActuatorSpec, now: int) -> Driver:
        return Driver(spec, self._device.spec.zone, self._world, now)

    @property
    def deadline(self) -> int:
        """When something happens here by itself."""
        timers = min((driver.deadline for driver in self.drivers.values()), default=NEVER)
        return min(timers, self.busy_until if self._clearing else NEVER)

    def report(self, now: int) -> None:
        """Status of every actuator."""
        for driver in self.drivers.values():
            self._device.emit(self._voice.status(driver, now))

    def adopt(self, now: int) -> None:
        """The table has changed: what is gone from it is switched off, what is new in it reports itself."""
        wanted = {spec.gpio: spec for spec in self._device.setup.actuators}
        for gpio in self.drivers.keys() - wanted.keys():
            self.drivers.pop(gpio).force(0.0, now)
        for gpio, spec in wanted.items():
            if gpio not in self.drivers or self.drivers[gpio].spec != spec:
                self.drivers[gpio] = self._fit(self.drivers.get(gpio), spec, now)
                self._device.emit(self._voice.status(self.drivers[gpio], now))

    def _fit(self, old: Driver | None, spec: ActuatorSpec, now: int) -> Driver:
        """Another type or second pin needs a new driver; a latch survives it."""
        if old is not None and (old.spec.type, old.spec.aux) == (spec.type, spec.aux):
            old.spec = spec
            return old
        if old is not None:
            old.force(0.0, now)
        new = self._build(spec, now)
        if old is not None and old.latched:
            new.latch(now)
        return new

    def secure(self, gpios: Collection[int], now: int) -> None:
        """Put pins into their safe mode: what hangs on them goes off."""
        for gpio in gpios:
            driver = self.drivers.get(gpio)
            if driver and driver.force(0.0, now):
                self._device.emit(self._voice.status(driver, now))

    def rest(self, now: int) -> None:
        """The server is lost: everything to its default state, with an alert for what had to move."""
        for gpio, driver in self.drivers.items():
            if driver.rest(now):
                text = f"Actuator GPIO {gpio} set to default state"
                self._device.emit(self._voice.alert(gpio, "safety_forced_off", text, now))
                self._device.emit(self._voice.status(driver, now))

    def expire(self, now: int) -> None:
        """Let timers run out."""
        for driver in self.drivers.values():
            due = driver.expired(now)
            if due == "duration":
                driver.force(0.0, now)
                driver.source = "firmware:auto_duration"
                self._device.emit(self._voice.status(driver, now))
            elif due == "runtime":
                driver.latch(now)
                self._alarm(driver, "runtime_protection", "exceeded its maximum runtime", now)
        if self._clearing and now >= self.busy_until:
            self._cleared(self._clearing, now)

    def _alarm(self, driver: Driver, kind: str, what: str, now: int) -> None:
        gpio = driver.spec.gpio
        self._device.emit(self._voice.alert(gpio, kind, f"Actuator GPIO {gpio} {what}", now))
        self._device.emit(self._voice.status(driver, now))

    # -- commands ----------------------------------------------------------------------------------

    def command(self, gpio: int, payload: bytes, now: int) -> None:
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
        driver = self.drivers.get(gpio)
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
        if command.verb == "ON" and command.duration:
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

    # -- emergency ---------------------------------------------------------------------------------

    def emergency(self, payload: bytes, now: int) -> None:
        """Take ``actuator/emergency``."""
        ruling = judge_device(payload, self.token)
        intent = self._device.intent(payload, "command", "emergency", now)
        if ruling.act == "stop":
            self.stop(ruling.code, intent, now)
            fields = {"command": "emergency_stop", "gpio_count": len(self.drivers), "outcome": "executed"}
            self._device.emit(self._voice.confirm("emergency/ack", intent.correlation_id, fields, now))
        elif ruling.act == "clear":
            self._clear(intent, now)
        else:
            self._refuse(ruling, intent, now)

    def broadcast(self, payload: bytes, now: int) -> None:
        """Take ``kaiser/broadcast/emergency``: a stop is not acknowledged but by its outcome."""
        ruling = judge_broadcast(payload, self.broadcast_token)
        intent = self._device.intent(payload, "command", "emergency", now)
        if ruling.act == "stop":
            self.stop(ruling.code, intent, now)
        else:
            self._refuse(ruling, intent, now)

    def stop(self, code: str, intent: Intent, now: int) -> None:
        """Everything off and latched, running or not."""
        self._device.safety_epoch += 1
        for driver in self.drivers.values():
            driver.latch(now)
            self._alarm(driver, "emergency_stop", "emergency stopped", now)
        self._device.outcome(intent, "applied", code, "Emergency stop triggered", now)

    def _refuse(self, ruling: Ruling, intent: Intent, now: int) -> None:
        if ruling.code == "UNAUTHORIZED":
            error = {"error": "unauthorized", "message": "Invalid auth token"}
            self._device.emit(self._voice.numbered("actuator/emergency/error", error))
            self._device.error(3500, "COMMUNICATION", "Emergency token invalid", now)
        self._device.outcome(intent, "rejected", ruling.code, "Emergency message refused", now)

    def may_clear(self, now: int) -> bool:
        """Whether the last stop is old enough to be cleared."""
        last = max((driver.latched_at for driver in self.drivers.values() if driver.latched), default=-NEVER)
        return now - last >= CLEAR_REFUSED

    def _clear(self, intent: Intent, now: int) -> None:
        if self.may_clear(now):
            self._clearing, self.busy_until = intent, now + CLEARING
            return
        error = {"error": "clear_failed", "message": "Safety verification failed"}
        self._device.emit(self._voice.numbered("actuator/emergency/error", error))
        self._device.emit(self._voice.alert(255, "verification_failed", error["message"], now))
        self._device.outcome(intent, "rejected", "EMERGENCY_CLEAR_REJECTED", "Emergency clear refused", now)

    def _cleared(self, intent: Intent, now: int) -> None:
        self._clearing = None
        self.unlatch()
        done = {"status": "emergency_cleared", "timestamp": self._voice.uptime(now)}
        self._device.emit(self._voice.numbered("actuator/emergency/response", done))
        self._device.outcome(intent, "applied", "EMERGENCY_CLEAR_APPLIED", "Emergency cleared", now)
        confirm = {"command": "clear_emergency", "state": "cleared"}
        self._device.emit(self._voice.confirm("recovery_confirm", intent.correlation_id, confirm, now))

    def unlatch(self) -> None:
        """Open every actuator to commands; outputs stay off."""
        for driver in self.drivers.values():
            driver.unlatch()


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
