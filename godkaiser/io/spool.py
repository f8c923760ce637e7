"""Batches on the local disk while the database is away: one file each, whole or not there, handed back in order."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from godkaiser.engine.effect import Record
from godkaiser.errors import SpoolError
from godkaiser.io.line_format import from_line, to_line

MOST: Final = 1 << 30  # bytes; then the broker has to keep what comes
WITHIN: Final = 5.0
ENDING: Final = ".batch"
_NAME: Final = re.compile(rf"\d{{12}}-.+{re.escape(ENDING)}", re.ASCII)
T = TypeVar("T")
log = logging.getLogger(__name__)


class _Promise:
    """Whoever is first decides: the thread that it is kept, or the loop that nobody waits any longer."""

    def __init__(self) -> None:
        self._lock, self._decided = threading.Lock(), ""

    def kept(self) -> bool:
        """From the thread: it is on the disk. False: too late, it is to be undone."""
        return self._decide("kept")

    def broken(self) -> bool:
        """From the loop: nobody waits any longer. False: it has just been kept."""
        return self._decide("broken")

    def _decide(self, word: str) -> bool:
        with self._lock:
            self._decided = self._decided or word
            return self._decided == word


def _forget(job: asyncio.Future[T]) -> None:
    if not job.cancelled():
        job.exception()  # marks it as seen: nobody waits any more


class Spool:
    """A folder of batches. `names` are those that wait, the oldest first."""

    def __init__(
        self,
        folder: Path,
        *,
        most: int = MOST,
        within: float = WITHIN,
        sync: Callable[[int], None] = os.fsync,
    ) -> None:
        """`most` bytes in all; `within` seconds the disk may take; `sync` brings a file to it."""
        self._folder, self._most, self._within, self._sync = folder, most, within, sync
        self._thread = ThreadPoolExecutor(1, "spool")
        self.damaged = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sizes = {path.name: path.stat().st_size for path in folder.glob(f"*{ENDING}")}
        except OSError as error:
            raise SpoolError(path=str(folder), problem=error.strerror or str(error)) from None
        self._sizes = {
            name.removesuffix(ENDING): sizes[name] for name in sorted(filter(_NAME.fullmatch, sizes))
        }
        self._number = max((int(name.partition("-")[0]) for name in self._sizes), default=0)

    @property
    def names(self) -> list[str]:
        """Of the batches that wait, the oldest first."""
        return list(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)

    async def put(self, batch: str, records: Sequence[Record]) -> None:
        """Durable when it returns. Raises `SpoolError`: the disk is full or broken, and nothing was kept."""
        name = f"{self._number + 1:012d}-{batch}"
        data = b"".join(map(to_line, records))
        if sum(self._sizes.values()) + len(data) > self._most:
            raise SpoolError(path=str(self._folder), problem=f"it holds {self._most >> 20} MB already")
        promise = _Promise()
        await self._in_thread(lambda: self._write(name, data, promise), promise)
        self._number += 1
        self._sizes[name] = len(data)

    async def get(self, name: str) -> list[Record]:
        """A batch. What cannot be read any more is put aside, and is none."""
        return await self._in_thread(lambda: self._read(name))

    async def drop(self, names: Sequence[str]) -> None:
        """They are in the database."""
        await self._in_thread(lambda: self._unlink(names))
        for name in names:
            self._sizes.pop(name, None)

    async def _in_thread(self, work: Callable[[], T], promise: _Promise | None = None) -> T:
        """A disk may be slow, and must not hold the loop. What comes too late is undone, if that can be."""
        job = asyncio.wrap_future(self._thread.submit(work))
        done, _ = await asyncio.wait({job}, timeout=self._within)
        if not done and (promise is None or promise.broken()):
            job.add_done_callback(_forget)
            problem = f"the disk does not answer within {self._within:g} s"
            raise SpoolError(path=str(self._folder), problem=problem)
        try:
            return await job
        except OSError as error:
            raise SpoolError(path=str(self._folder), problem=error.strerror or str(error)) from None

    # ── in the thread ──────────────────────────────────────────────────────────────────────────────────
    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{ENDING}"

    def _write(self, name: str, data: bytes, promise: _Promise) -> None:
        beside = self._folder / f"{name}.new"
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                self._sync(file.fileno())
            beside.replace(self._path(name))
            self._settle()
        except OSError:
            self._undo(name)
            raise
        if not promise.kept():
            self._undo(name)

    def _undo(self, name: str) -> None:
        for path in (self._folder / f"{name}.new", self._path(name)):
            path.unlink(missing_ok=True)

    def _unlink(self, names: Sequence[str]) -> None:
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _settle(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            self._sync(folder)
        finally:
            os.close(folder)

    def _read(self, name: str) -> list[Record]:
        path = self._path(name)
        try:
            return [from_line(line) for line in path.read_bytes().splitlines()]
        except FileNotFoundError:  # deleted after all, when nobody waited for it any more
            log.warning("%s is gone from the spool already.", path)
            return []
        except (ValueError, KeyError, TypeError) as error:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            self.damaged += 1
            log.error("A batch in the spool cannot be read (%s); it is kept as %s.", error, aside)  # noqa: TRY400
            return []

    def close(self) -> None:
        """Let go of the folder."""
        self._thread.shutdown(wait=False)
