"""What the shell offers the engine's owner: small Protocols, each with a real and a simulated back end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from godkaiser.engine.effect import Journal as JournalLine
from godkaiser.engine.effect import Record
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Duration, Instant


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as it came. `token` acknowledges it to the broker; None for QoS 0."""

    topic: str
    payload: bytes
    retained: bool
    token: object | None


class Cancelable(Protocol):
    """A timer that may be taken back."""

    def cancel(self) -> None:
        """Do not fire."""


class Clock(Protocol):
    """The only source of the present."""

    def now(self) -> Instant:
        """Microseconds since the epoch, UTC."""

    def jumped(self) -> Duration:
        """By how much the present has run ahead of the time that passed, since this was asked last."""

    def call_at(self, at: Instant, call: Callable[[], None]) -> Cancelable:
        """Call in the running loop at that instant."""


class LinkListener(Protocol):
    """Who is told what happens on the link. All calls come in the loop of the link."""

    def on_message(self, message: RawMessage) -> None:
        """A message arrived."""

    def on_up(self, broker: str) -> None:
        """Connected and subscribed."""

    def on_down(self, broker: str, why: str, next_try: float) -> None:
        """Not connected; the next try comes in `next_try` seconds."""


class Link(Protocol):
    """A broker connection that keeps itself up."""

    async def run(self, listener: LinkListener) -> None:
        """Stay connected until cancelled."""

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Returns when the broker has it. Raises `LinkDownError`, also when it does not answer in time."""

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """The messages are durable with us: the broker may forget them."""

    @property
    def window(self) -> int:
        """How many unacknowledged messages the broker lets us have."""


@dataclass(frozen=True, slots=True)
class Columns:
    """A stretch of one series, column by column."""

    times: list[Instant]
    values: list[float | None]
    quality: list[str]
    raw: list[float]
    calibration: list[int]  # versions; 0: none
    coverage: list[float | None]  # of sums; None: it is none


class Store(Protocol):
    """The database."""

    async def append(self, records: Sequence[Record], batch: str = "") -> tuple[int, int]:
        """All or nothing, and the name of the batch with it. Returns new and repeated readings.

        Raises `StoreAwayError`, and `RecordRefusedError` when one of them is what no database takes.
        """

    async def last_batch(self) -> str:
        """The name of the batch that was appended last; empty when there was none."""

    async def history(
        self, series: SeriesId, since: Instant, until: Instant, limit: int | None, zone: str | None = None
    ) -> Columns:
        """Readings by time of measurement, oldest first; with `limit` the newest ones, with `zone` those of it."""

    async def close(self) -> None:
        """Let go of the database."""


class SafetyJournal(Protocol):
    """The small local file that survives everything: stop, leases, runs."""

    async def write(self, lines: Sequence[JournalLine]) -> None:
        """Durable when it returns. Raises `JournalError`."""

    @property
    def content(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What stands in it."""
