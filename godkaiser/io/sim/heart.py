"""When a node gives signs of life."""

from __future__ import annotations

from .device import Device
from .driver import NEVER
from .spec import SECOND, grid

GRID = 30 * SECOND
HEARTBEAT = 60 * SECOND
BOOTSTRAP = 5 * SECOND


class Heart:
    """Heartbeats: every 5 s until the first ACK of a connection, then every minute on the grid of all nodes."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._beats = 0
        self._counters: dict[str, object] = {}
        self.deadline = NEVER

    def start(self, now: int) -> None:
        """There is a connection: announce it and beat at once."""
        self._device.emit(self._device.voice.announce(now))

    def stop(self) -> None:
        """The connection is gone."""
        self.deadline = NEVER

    def tick(self, now: int) -> None:
        """Beat, if it is time."""
        if now >= self.deadline:
            self.beat(now)

    def beat(self, now: int) -> None:
        """One heartbeat, and the counters when they have changed or it is their turn."""
        self.deadline = now + BOOTSTRAP
        if self._device.session.open:
            self.deadline = grid(now + HEARTBEAT - GRID, GRID)
        self._device.emit(self._device.voice.heartbeat(now))
        self._beats += 1
        counters = dict(self._device.counters())
        if counters != self._counters or self._beats % 5 == 0:
            self._counters = counters
            self._device.emit(self._device.voice.metrics(now, counters))

    def acknowledged(self, now: int) -> None:
        """The first ACK of a connection: a minute from now on."""
        self.deadline = max(grid(now, GRID), grid(self.deadline - BOOTSTRAP + HEARTBEAT - GRID, GRID))

    def rejected(self, payload: bytes, code: str, now: int) -> None:
        """The server wants nothing to do with this node."""
        why = "Device rejected by server"
        intent = self._device.intent(payload, "heartbeat", "heartbeat", now)
        self._device.outcome(intent, "rejected", code, why, now)
        self._device.error(4200, "APPLICATION", why, now)


class OldHeart(Heart):
    """The older generation: every minute from the first one after boot, heard or not."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self.deadline = device.boot.at + HEARTBEAT

    def start(self, now: int) -> None:
        """A connection changes nothing."""

    def stop(self) -> None:
        """Nor does its end."""

    def beat(self, now: int) -> None:
        """One heartbeat, if there is a connection."""
        self.deadline += ((now - self.deadline) // HEARTBEAT + 1) * HEARTBEAT
        if self._device.session.connected:
            self._device.emit(self._device.voice.heartbeat(now))
