"""The safety journal: JSON lines, appended and fsynced before a command leaves.

The last line of a (kind, key) wins; a line without data removes it. A torn last line (power loss while it was
written) is left out: what it announced was never sent. Any other damage is an error, not a guess.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from godkaiser.engine.effect import Journal
from godkaiser.errors import JournalError

WITHIN: Final = 1.0
Content = dict[tuple[str, str], dict[str, Any]]


class JournalFile:
    """One file, one writer, one thread of its own so that a slow disk never holds the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "safety-journal")
        self.content: Content = _read(path)
        try:
            _rewrite(path, self.content)
            self._file = path.open("ab")
        except OSError as error:
            raise JournalError(path=str(path), problem=error.strerror or str(error)) from None

    async def write(self, lines: Sequence[Journal]) -> None:
        """Durable when it returns."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(loop.run_in_executor(self._thread, self._append, _encode(lines)), WITHIN)
        except TimeoutError:
            raise JournalError(path=str(self._path), problem=f"not written within {WITHIN:g} s") from None
        except OSError as error:
            raise JournalError(path=str(self._path), problem=error.strerror or str(error)) from None
        for line in lines:
            _apply(self.content, line.kind, line.key, line.data)

    def write_now(self, lines: Sequence[Journal]) -> None:
        """The same from code that has no loop (start and end)."""
        self._append(_encode(lines))
        for line in lines:
            _apply(self.content, line.kind, line.key, line.data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._thread.shutdown(wait=True)
        self._file.close()


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


def _rewrite(path: Path, content: Content) -> None:
    """Compact: only what still stands. Written beside, then renamed, so that a crash leaves one whole file."""
    beside = path.with_suffix(".new")
    lines = [Journal(kind, key, data) for (kind, key), data in sorted(content.items())]
    with beside.open("wb") as file:
        file.write(_encode(lines))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
