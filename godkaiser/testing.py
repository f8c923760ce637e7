"""For tests of programs that use godkaiser: a store in dictionaries, a link that records, a journal in memory.

The fakes satisfy the same ports as the real ones and can be told to fail. `check_sensor_type` is the acceptance check
of a plug-in's sensor type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from godkaiser.engine.effect import Journal, Record
from godkaiser.errors import JournalError, LinkDownError, RecordRefusedError, StoreAwayError
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.reading import Reading
from godkaiser.ports import Columns, LinkListener
from godkaiser.sensors.acceptance import check_sensor_type


@dataclass(slots=True)
class MemoryStore:
    """Records in a list; readings once per key.

    `away` makes it absent, `deaf` loses its answers, `refused` names readings by `seq`.
    """

    records: list[Record] = field(default_factory=list)
    readings: dict[tuple[SeriesId, Instant, int, int], Reading] = field(default_factory=dict)
    away: bool = False
    deaf: bool = False
    refused: set[int] = field(default_factory=set)
    batches: int = 0
    last: str = ""
    closed: bool = False

    async def append(self, records: Sequence[Record], batch: str = "") -> tuple[int, int]:
        """All or nothing."""
        self._check()
        if self.away:
            raise StoreAwayError(problem="told to be away")
        if any(isinstance(record, Reading) and record.seq in self.refused for record in records):
            raise RecordRefusedError(problem="told to refuse it")
        self.batches += 1
        self.last = batch or self.last
        rows = repeats = 0
        for record in records:
            if isinstance(record, Reading):
                key = (record.series, record.measured_at, record.boot, record.seq)
                repeats += key in self.readings
                rows += key not in self.readings
                self.readings.setdefault(key, record)
            else:
                self.records.append(record)
        if self.deaf:
            raise StoreAwayError(problem="told to be deaf: it was committed, and nobody heard of it")
        return rows, repeats

    async def last_batch(self) -> str:
        """The name of the batch that was appended last."""
        if self.away:
            raise StoreAwayError(problem="told to be away")
        return self.last

    async def history(
        self, series: SeriesId, since: Instant, until: Instant, limit: int | None, zone: str | None = None
    ) -> Columns:
        """Oldest first."""
        self._check()
        found = sorted(
            (
                r
                for r in self.readings.values()
                if r.series == series and since <= r.measured_at < until and zone in (None, r.zone)
            ),
            key=lambda r: (r.measured_at, r.boot, r.seq),
        )
        kept = found if limit is None else found[len(found) - min(limit, len(found)) :]
        return Columns(
            [r.measured_at for r in kept],
            [r.value for r in kept],
            [r.quality.value for r in kept],
            [r.raw for r in kept],
            [r.calibration for r in kept],
            [r.coverage for r in kept],
        )

    async def close(self) -> None:
        """What is asked afterwards is refused."""
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            raise StoreAwayError(problem="it was closed")


@dataclass(slots=True)
class RecordingLink:
    """A link without a broker: what is published is kept, what is acknowledged is counted."""

    window: int = 20
    up: bool = True
    published: list[tuple[str, bytes]] = field(default_factory=list)
    acknowledged: list[object] = field(default_factory=list)

    async def run(self, listener: LinkListener) -> None:
        """Up until cancelled."""
        listener.on_up("recorder")
        await asyncio.get_running_loop().create_future()

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Keep it."""
        if not self.up:
            raise LinkDownError(broker="recorder", problem="told to be down")
        self.published.append((topic, payload))

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """Keep the order."""
        self.acknowledged.extend(tokens)


@dataclass(slots=True)
class MemoryJournal:
    """A safety journal that a power cut would take with it. `broken` makes it refuse."""

    content: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    lines: list[Journal] = field(default_factory=list)
    broken: bool = False
    owed: list[Journal] = field(default_factory=list)

    async def write(self, lines: Sequence[Journal]) -> None:
        """At once; while broken the lines stay in line, as in a real one."""
        self.owed.extend(lines)
        if self.broken:
            raise JournalError(path="memory", problem="told to be broken")
        due, self.owed = self.owed, []
        self.lines.extend(due)
        for line in due:
            if line.data is None:
                self.content.pop((line.kind, line.key), None)
            else:
                self.content[line.kind, line.key] = line.data


__all__ = ["MemoryJournal", "MemoryStore", "RecordingLink", "check_sensor_type"]
