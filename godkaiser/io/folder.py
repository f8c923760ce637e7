"""The data folder: writable, and owned by one controller at a time (an OS lock that dies with the process)."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from godkaiser.errors import ControllerRunningError, DataFolderError

LOOK_EVERY: Final = 0.25
OWN: Final = 0o600
OTHERS: Final = 0o077
log = logging.getLogger(__name__)


def keep_private(path: Path, change: Callable[[Path, int], None] = os.chmod) -> None:
    """A file only its owner may read: made if it is not there, and closed to others if it is open to them.

    SQLite gives the files beside its own the mode of that. Raises OSError.
    """
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWN))
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & OTHERS or not path.is_file():
        return
    try:
        change(path, OWN)
    except OSError as error:  # not ours, or on a card that knows no modes: no reason not to start
        log.warning("%s may be read by others (mode %o): %s", path, mode, error.strerror)
    else:
        log.warning("%s could be read by others (mode %o); it is its owner's alone now.", path, mode)


class DataFolder:
    """A folder we hold."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def check(self) -> None:
        """May we have it? Raises what `take` would, and holds nothing."""
        self.take().release()

    async def take_when_free(self, told: Callable[[str], None] = lambda who: None) -> DataFolder:
        """Wait for the one who has it; `told` hears, once, who that is. The lock ends with its process, however.

        There is no time-out on purpose: one that hangs may wake up again, and two must never send.
        """
        first = True
        while True:
            try:
                return self.take()
            except ControllerRunningError as error:
                if first:
                    told(str(error))
                first = False
            await asyncio.sleep(LOOK_EVERY)

    def take(self) -> DataFolder:
        """Create it if needed, check that we may write, lock it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "controller.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataFolderError(path=str(self.path), problem=error.strerror or str(error)) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            who = os.read(self._lock, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._lock)
            self._lock = None
            raise ControllerRunningError(what=f"data folder {self.path}", who=f"process {who}") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        return self

    def release(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
