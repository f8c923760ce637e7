"""The actuators of a node: timers, protection, defaults, and the stop."""

from __future__ import annotations

from collections.abc import Collection

from .device import Device
from .driver import NEVER, Driver
from .outcome import Intent
from .spec import SECOND, ActuatorSpec, World

CLEAR_REFUSED = 5 * SECOND


class Bench:
    """All drivers of one node, by gpio in configured order."""

    def __init__(self, device: Device, world: World) -> None:
        self._device = device
        self._world = world
        self._voice = device.voice
        self.drivers = {spec.gpio: self._build(spec, device.boot.at) for spec in device.setup.actuators}

    def _build(self, spec: ActuatorSpec, now: int) -> Driver:
        return Driver(spec, self._device.spec.zone, self._world, now)

    @property
    def deadline(self) -> int:
        """When something happens here by itself."""
        return min((driver.deadline for driver in self.drivers.values()), default=NEVER)

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

    def rest(self, now: int, covered: Collection[int]) -> None:
        """The server is lost: to its default with whatever no offline rule covers; those wait for theirs."""
        for gpio, driver in self.drivers.items():
            if gpio in covered:
                self._hold(driver, now)
            elif driver.rest(now):
                self.alarm(driver, "safety_forced_off", "set to default state", now)

    def _hold(self, driver: Driver, now: int) -> None:
        if driver.level:
            gpio = driver.spec.gpio
            text = f"Actuator GPIO {gpio} stays on under an offline rule"
            self._device.emit(self._voice.alert(gpio, "offline_rule_hold", text, now))

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
                self.alarm(driver, "runtime_protection", "exceeded its maximum runtime", now)

    def alarm(self, driver: Driver, kind: str, what: str, now: int) -> None:
        """An alert and the status that goes with it."""
        gpio = driver.spec.gpio
        self._device.emit(self._voice.alert(gpio, kind, f"Actuator GPIO {gpio} {what}", now))
        self._device.emit(self._voice.status(driver, now))

    # -- the stop ----------------------------------------------------------------------------------

    def stop(self, code: str, intent: Intent, now: int) -> None:
        """Everything off and latched, running or not."""
        self._device.safety_epoch += 1
        for driver in self.drivers.values():
            driver.latch(now)
            self.alarm(driver, "emergency_stop", "emergency stopped", now)
        self._device.outcome(intent, "applied", code, "Emergency stop triggered", now)

    def may_clear(self, now: int) -> bool:
        """Whether the last stop is old enough to be cleared."""
        last = max((driver.latched_at for driver in self.drivers.values() if driver.latched), default=-NEVER)
        return now - last >= CLEAR_REFUSED

    def unlatch(self) -> None:
        """Open every actuator to commands; outputs stay off."""
        for driver in self.drivers.values():
            driver.unlatch()
