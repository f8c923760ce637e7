"""What happened, as it entered the engine, and what was said: enough to replay it to the last byte.

Files of lines in the data folder. Each begins with the engine's state, so each can be replayed by itself; they are
closed when they are large, and the oldest are deleted. A message stands there as it came. Nothing waits for this:
what cannot be written is not recorded, and a new file begins when the disk takes it again.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import importlib.metadata
import json
import logging
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from godkaiser.engine import effect as fx
from godkaiser.engine.engine import Engine
from godkaiser.errors import GodkaiserError
from godkaiser.io.snapshot import to_bytes
from godkaiser.io.utter import utterance
from godkaiser.io.wire.decode import SECRET
from godkaiser.model import event as ev
from godkaiser.model.instant import SECOND
from godkaiser.ports import RawMessage

PART: Final = 32 << 20  # bytes of one file before it is packed
FLUSH_EVERY: Final = 5.0
HELD_MOST: Final = 8 << 20  # bytes that wait for the disk; then the file ends
AGAIN: Final = 60.0
VERSION: Final = importlib.metadata.version("godkaiser")
RECORDINGS: Final = "recordings"  # of the data folder
CLOSED_WITHIN: Final = 3.0
OPEN, PACKED = ".jsonl", ".jsonl.gz"
_OUR_FAULTS: Final = (GodkaiserError, ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
                     ValueError, pickle.PickleError)  # fmt: skip
log = logging.getLogger(__name__)


def line(*words: Any) -> bytes:
    """One line of a recording."""
    return (
        json.dumps(words, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    )


def wire_line(event: ev.Event, message: RawMessage) -> bytes:
    """A message as it came, but for what somebody should not have published."""
    try:
        payload: Any = SECRET.sub(r'\1"***"', message.payload.decode())
    except UnicodeDecodeError:
        payload = {"base64": base64.b64encode(message.payload).decode()}
    return line("message", event.at, message.topic, payload, message.retained)


def packed(value: Any) -> str:
    """A value of ours as text."""
    return base64.b64encode(to_bytes(value)).decode()


class Recorder:
    """`most`: bytes of all files together. `before` and `after` are for the owner of the engine."""

    def __init__(
        self, folder: Path, most: int, *, part: int = PART, flush_every: float = FLUSH_EVERY
    ) -> None:
        self._folder, self._most, self._part, self._every, self.again = (
            folder,
            most,
            min(part, max(1 << 20, most // 4)),
            flush_every,
            AGAIN,
        )
        self._waiting: list[tuple[Path, bytearray]] = []  # for the disk; the last one goes on
        self._path: Path | None = None  # None: the next event begins a new file
        self._held = self._size = 0
        self._not_before = 0.0
        self._problem = ""
        # One of its own: a write that nobody waits for any more goes on, and the next one comes after it.
        self._thread = ThreadPoolExecutor(1, "recorder")

    def before(self, engine: Engine, event: ev.Event, message: RawMessage | None) -> None:
        """This event is handled next."""
        if not isinstance(event, ev.Echo):  # which is none for the engine
            with self._never_in_the_way():
                self._before(engine, event, message)

    def after(self, engine: Engine, effects: Sequence[fx.Effect]) -> None:
        """That came of it."""
        with self._never_in_the_way():
            self._after(engine, effects)

    @contextlib.contextmanager
    def _never_in_the_way(self) -> Iterator[None]:
        """What helps to explain must not end what controls."""
        try:
            yield
        except _OUR_FAULTS as error:
            log.exception("What happens is not recorded.")
            self._give_up(repr(error))

    def _before(self, engine: Engine, event: ev.Event, message: RawMessage | None) -> None:
        if self._path is None and not self._begin(engine, event):
            return
        if message is None:
            self._add(line("event", event.at, type(event).__name__, packed(event)))
        else:
            self._add(wire_line(event, message))

    def _after(self, engine: Engine, effects: Sequence[fx.Effect]) -> None:
        if self._path is None:
            return
        for effect in effects:
            said = utterance(effect, engine.state)
            if said is not None:
                self._add(line("said", said.topic, said.payload.decode(), said.qos, said.retain))
        if self._size >= self._part or self._held >= HELD_MOST:
            self.turn()

    def turn(self) -> None:
        """This file ends; the next event begins another one."""
        self._path = None

    def _begin(self, engine: Engine, event: ev.Event) -> bool:
        if self._held >= HELD_MOST or asyncio.get_running_loop().time() < self._not_before:
            return False
        state = engine.state
        name = f"{event.at // SECOND:011d}-{state.run:06d}-{engine.seq:012d}{OPEN}"
        self._path, self._size = self._folder / name, 0
        self._waiting.append((self._path, bytearray()))
        self._add(line("begin", VERSION, event.at, state.run, engine.seq, packed(state)))
        return True

    def _add(self, one: bytes) -> None:
        self._waiting[-1][1].extend(one)
        self._held += len(one)
        self._size += len(one)

    # ── to the disk ────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.flush()

    async def flush(self) -> None:
        """What waits, now; a file that is complete is packed, and what is too much is deleted."""
        taken, self._waiting, self._held = [one for one in self._waiting if one[1]], [], 0
        if self._path is not None:
            self._waiting.append((self._path, bytearray()))
        try:
            # Shielded: what was taken out is written, also when nobody waits for it any more.
            await asyncio.shield(self._in_thread(taken))
        except OSError as error:
            if self._problem != str(error):
                log.warning("What happens is not recorded: %s", error)
            self._give_up(str(error))
        else:
            self._problem = ""

    def _in_thread(self, taken: list[tuple[Path, bytearray]]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._write, taken, self._path)

    def _give_up(self, problem: str) -> None:
        """This file; another one begins later."""
        self._waiting, self._held, self._path, self._problem = [], 0, None, problem
        self._not_before = asyncio.get_running_loop().time() + self.again

    async def close(self) -> None:
        """What waits, and then nothing more. Returns after a few seconds also when the disk hangs."""
        self.turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await self.flush()
        self._thread.shutdown(wait=False)

    def _write(self, taken: list[tuple[Path, bytearray]], going_on: Path | None) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._prune()
        for path, lines in taken:
            with path.open("ab") as file:
                path.chmod(0o600)
                file.write(lines)
        for path in sorted(self._folder.glob(f"*{OPEN}")):
            if path != going_on and path.is_file():
                _pack(path)
        self._prune()

    def _prune(self) -> None:
        """The oldest first. Also before anything is written, so that a full disk gets room."""
        for part in self._folder.glob("*.part"):
            part.unlink()
        files = [path for path in sorted(self._folder.glob("*.jsonl*")) if path.is_file()]
        total = sum(path.stat().st_size for path in files)
        for path in files[:-1]:
            if total <= self._most:
                return
            total -= path.stat().st_size
            path.unlink()


def _pack(path: Path) -> None:
    """Whole or not there."""
    part = path.with_name(f"{path.name}.part")
    with path.open("rb") as source, part.open("wb") as bare:
        with gzip.GzipFile(fileobj=bare, mode="wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target)
        bare.flush()
        os.fsync(bare.fileno())
    part.chmod(0o600)
    part.replace(path.with_name(f"{path.name.removesuffix(OPEN)}{PACKED}"))
    path.unlink()
