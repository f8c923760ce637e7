"""A node on its own: its offline rules, every five seconds, until a server takes over."""

from __future__ import annotations

from .bench import Bench
from .device import Device
from .driver import NEVER, Driver
from .firmware.offline import WARM_UP, Rule
from .sensing import Sensing
from .spec import SECOND

PERIOD = 5 * SECOND
BY_RULE = "firmware:offline_rule"


class Autonomy:
    """Runs the offline rules of one node.

    Of several rules for one actuator the first that wants anything decides. The first valid readings that a
    rule sees in a spell alone are only looked at.
    """

    def __init__(self, device: Device, bench: Bench, sensing: Sensing) -> None:
        self._device = device
        self._bench = bench
        self._sensing = sensing
        self._next = NEVER
        self._seen: dict[Rule, int] = {}
        self._overridden: set[int] = set()

    @property
    def covered(self) -> frozenset[int]:
        """The actuators that have a rule which can run."""
        return frozenset(rule.actuator for rule in self._device.setup.rules if rule.runs)

    @property
    def deadline(self) -> int:
        """When the rules are looked at next."""
        return self._next if self._device.setup.rules else NEVER

    def override(self, gpio: int) -> None:
        """A server has commanded an actuator: if we are alone all the same, rules leave it to the server."""
        if self._device.session.alone:
            self._overridden.add(gpio)

    def tick(self, now: int) -> None:
        """Follow the session, and the rules while alone."""
        session = self._device.session
        if session.mode == "ONLINE":
            self._overridden.clear()
        if not session.alone:
            self._next = NEVER
            return
        if self._next == NEVER:
            self._next = now
            self._seen.clear()
        if now >= self._next:
            self._next = now + PERIOD
            self._evaluate(now)

    def _evaluate(self, now: int) -> None:
        decided: dict[int, bool] = {}
        for rule in self._device.setup.rules:
            driver = self._bench.drivers.get(rule.actuator)
            wanted = self._wanted(rule, driver, now) if driver and rule.runs else None
            if wanted is not None:
                decided.setdefault(rule.actuator, wanted)
        for gpio in decided.keys() - self._overridden:
            self._drive(self._bench.drivers[gpio], decided[gpio], now)

    def _wanted(self, rule: Rule, driver: Driver, now: int) -> bool | None:
        session = self._device.session
        value = None if rule.timed else self._sensing.latest(rule.sensor, rule.kind, now)
        if value is not None:
            self._seen[rule] = self._seen.get(rule, 0) + 1
            value = value if self._seen[rule] > WARM_UP else None
        return rule.wants(value, session.clock(now) if session.synced else None, driver.level > 0)

    def _drive(self, driver: Driver, on: bool, now: int) -> None:
        if driver.latched or (driver.level > 0) is on or not driver.set(float(on), now):
            return
        driver.source = BY_RULE
        self._device.emit(self._device.voice.status(driver, now))
