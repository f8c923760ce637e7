"""The safety journal: JSON lines, appended and fsynced before a command leaves.

The last line of a (kind, key) wins; a line without data removes it. A torn last line (power loss while it was
written) is left out: what it announced was never sent. Any other damage is an error, not a guess. A file that was
deleted or replaced while it was open is written anew, with everything that stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from godkaiser.engine.effect import Journal
from godkaiser.errors import JournalError
from godkaiser.io.folder import OWN, keep_private

WITHIN: Final = 0.1
COMPACT_FROM: Final = 256_000
COMPACT_WHEN: Final = 8  # times what still stands
Content = dict[tuple[str, str], dict[str, Any]]


class JournalFile:
    """One file, one writer, one thread of its own so that a slow disk never holds the loop.

    What could not be written in time stays in line and goes first with the next attempt: an order of lines is
    never changed, and nothing of it is lost while the process lives.
    """

    def __init__(self, path: Path, *, within: float = WITHIN, sync: Callable[[int], None] = os.fsync) -> None:
        """`within`: seconds a write may take; `sync` brings a file to the disk. Raises `JournalError`."""
        self._path, self._within, self._sync = path, within, sync
        self._thread = ThreadPoolExecutor(1, "safety-journal")
        self.content: Content = _read(path)
        self._queue: list[Journal] = []
        self._job: Future[str] | None = None
        self._late = False
        try:
            keep_private(path)
            _rewrite(path, self.content, sync)
            self._fd, self._size = _opened(path)
        except OSError as error:
            raise JournalError(path=str(path), problem=error.strerror or str(error)) from None
        self._compact_size = self._size

    async def write(self, lines: Sequence[Journal]) -> None:
        """Durable when it returns. Raises `JournalError`: not yet; then it is tried again by the next write.

        Without lines: try what is still in line.
        """
        self._take(lines)
        if self._late and self._job is not None and not self._job.done():
            raise self._failed("the disk still does not answer")  # once is enough to wait for it
        loop = asyncio.get_running_loop()
        end = loop.time() + self._within
        while self._queue or self._job is not None:
            job = self._job = self._job or self._thread.submit(self._drain)
            await asyncio.wait({asyncio.wrap_future(job)}, timeout=max(0.0, end - loop.time()))
            self._late = not job.done()
            if self._late:
                raise self._failed(f"not written within {self._within * 1000:g} ms")
            self._job = None if self._job is job else self._job
            if problem := job.result():
                raise self._failed(problem)

    def write_now(self, lines: Sequence[Journal]) -> None:
        """The same from code that has no loop (start and end). Raises `JournalError`."""
        self._take(lines)
        if problem := self._drain():
            raise self._failed(problem)

    def _take(self, lines: Sequence[Journal]) -> None:
        self._queue += lines
        for line in lines:
            _apply(self.content, line.kind, line.key, line.data)

    def _failed(self, problem: str) -> JournalError:
        return JournalError(path=str(self._path), problem=problem)

    # ── in the thread ──────────────────────────────────────────────────────────────────────────────────
    def _drain(self) -> str:
        """Write what is in line; what went wrong, or nothing."""
        batch = self._queue[:]
        try:
            self._append(_encode(batch))
        except OSError as error:
            return error.strerror or str(error)
        del self._queue[: len(batch)]
        if self._size > max(COMPACT_FROM, COMPACT_WHEN * self._compact_size):
            with contextlib.suppress(OSError):  # a longer file is no reason to switch nothing on
                self._renew()
            self._compact_size = self._size
        return ""

    def _append(self, data: bytes) -> None:
        """All or nothing: half a line must not stand before the next one. It must be found under its name, too."""
        if self._fd < 0:
            self._renew()
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
            self._sync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        if not _is_at(self._fd, self._path):
            self._renew()

    def _renew(self) -> None:
        """Only what still stands. Wherever it fails, the file of that name may be another one now: opened anew.

        Out of what is known, never out of the file: that one may be gone. The copy is made in one go, as the loop
        may add lines meanwhile; these follow in their turn as well, which changes nothing.
        """
        old, self._fd = self._fd, -1
        try:
            _rewrite(self._path, self.content.copy(), self._sync)
        finally:
            if old >= 0:
                os.close(old)
            self._fd, self._size = _opened(self._path)

    def close(self) -> None:
        """Let go of the file."""
        self._thread.shutdown(wait=True)
        if self._fd >= 0:
            os.close(self._fd)


def _opened(path: Path) -> tuple[int, int]:
    return os.open(path, os.O_WRONLY | os.O_APPEND), path.stat().st_size


def _is_at(descriptor: int, path: Path) -> bool:
    """Is an open file still the one of that name?"""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _encode(lines: Iterable[Journal]) -> bytes:
    rows = ({"kind": line.kind, "key": line.key, "data": line.data} for line in lines)
    return b"".join(json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n" for row in rows)


def _apply(content: Content, kind: str, key: str, data: dict[str, Any] | None) -> None:
    if data is None:
        content.pop((kind, key), None)
    else:
        content[kind, key] = data


def _read(path: Path) -> Content:
    content: Content = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return content
    except OSError as error:
        raise JournalError(path=str(path), problem=error.strerror or str(error)) from None
    whole, torn = lines[:-1], lines[-1]
    for number, line in enumerate(whole, 1):
        try:
            row = json.loads(line)
            _apply(content, row["kind"], row["key"], row["data"])
        except (ValueError, KeyError, TypeError):
            raise JournalError(path=str(path), problem=f"line {number} is damaged") from None
    del torn  # an unfinished line: never durable, so never acted upon
    return content


def _rewrite(path: Path, content: Content, sync: Callable[[int], None]) -> None:
    """Compact: only what still stands. Written beside, then renamed, so that a crash leaves one whole file."""
    beside = path.with_suffix(".new")
    lines = [Journal(kind, key, data) for (kind, key), data in sorted(content.items())]
    beside.unlink(missing_ok=True)  # one that was left half done may have any mode
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWN), "wb") as file:
        file.write(_encode(lines))
        file.flush()
        sync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        sync(folder)
    finally:
        os.close(folder)
