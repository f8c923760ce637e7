"""The database and the spool before it: batches go in once, in order, whatever was interrupted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from godkaiser.engine import effect as fx
from godkaiser.errors import RecordRefusedError
from godkaiser.io.spool import Spool
from godkaiser.model.reading import Reading
from godkaiser.ports import Store

AT_ONCE: Final = 2000  # records handed back to the database together
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """Readings: stored and repeated; records no database takes, and those that wait in the spool."""

    stored: int = 0
    repeats: int = 0
    unstorable: int = 0
    spooled: int = 0


class Archive:
    """Every batch has a name, and the database remembers the last one.

    So what was committed although nobody heard of it is not written twice.
    """

    def __init__(self, store: Store, spool: Spool | None = None) -> None:
        self.store, self.spool = store, spool
        self.counts = Counts()
        self.on_change: Callable[[], None] = lambda: None
        self._doubt = True  # the database may hold batches that nobody was told of

    @property
    def waiting(self) -> bool:
        """Is anything in the spool? What is newer has to wait behind it."""
        return self.spool is not None and len(self.spool) > 0

    async def append(self, records: Sequence[fx.Record], name: str) -> None:
        """As one; when one of them is refused by every database, the others do not suffer."""
        last = await self.store.last_batch() if self._doubt else ""
        if last == name:
            return
        self._doubt = True  # until we have heard that it was committed
        try:
            rows, repeats = await self.store.append(records, name)
        except RecordRefusedError:
            rows, repeats = await self._one_by_one(records, name, last)
        self._doubt = False
        if any(isinstance(record, Reading) for record in records):
            # Kept out of the engine: when a batch commits must not show in anything a replay compares.
            self.counts.stored += rows
            self.counts.repeats += repeats
            self.on_change()

    async def _one_by_one(self, records: Sequence[fx.Record], name: str, last: str) -> tuple[int, int]:
        """Each as a batch; when that was interrupted, from the one after `last` on."""
        begin = int(last.rpartition("/")[2]) + 1 if last.startswith(f"{name}/") else 0
        rows = repeats = 0
        for place, record in enumerate(records[begin:], begin):
            try:
                new, old = await self.store.append([record], f"{name}/{place}")
            except RecordRefusedError as error:
                log.error("%s %r", error, record)  # noqa: TRY400 - the sentence says it, a trace adds nothing
                self.counts.unstorable += 1
                continue
            rows, repeats = rows + new, repeats + old
        return rows, repeats

    async def put_aside(self, records: Sequence[fx.Record], name: str) -> None:
        """Into the spool. Raises `SpoolError`."""
        assert self.spool is not None
        await self.spool.put(name, records)
        self.counts.spooled += len(records)
        self.on_change()

    async def bring_back(self) -> None:
        """The oldest batches of the spool, as one. Raises `StoreAwayError`, `SpoolError`."""
        assert self.spool is not None
        if self._doubt and (last := _place(self.spool.names, await self.store.last_batch())) is not None:
            await self.spool.drop(self.spool.names[: last + 1])
        names, records = list[str](), list[fx.Record]()
        for name in self.spool.names:
            names.append(name)
            records += await self.spool.get(name)
            if len(records) >= AT_ONCE:
                break
        if records:
            await self.append(records, _batch(names[-1]))
        doubt, self._doubt = self._doubt, True  # until the files are gone: else it would be written again
        await self.spool.drop(names)
        self._doubt = doubt
        self.counts.spooled = max(0, self.counts.spooled - len(records)) if len(self.spool) else 0
        if not self.waiting:
            log.warning("Everything that waited in the spool is in the database.")
        self.on_change()

    def close(self) -> None:
        """Let go of the spool."""
        if self.spool is not None:
            self.spool.close()

    async def bring_back_all(self) -> None:
        """What the run before left in the spool, before anything is read. Raises `StoreAwayError`, `SpoolError`."""
        while self.waiting:
            await self.bring_back()


def _batch(name: str) -> str:
    """Of the file's name: a number, and the batch's name."""
    return name.partition("-")[2]


def _place(names: Sequence[str], batch: str) -> int | None:
    return next((place for place, name in enumerate(names) if _batch(name) == batch), None)
