"""What happened, as it entered the engine, and what was said: enough to replay it to the last byte.

Files of packed lines in the data folder. Each begins with the engine's state, so each can be replayed by itself; they
are closed when they are large, and the oldest are deleted. A message stands there as it came. They are packed as they
grow, because a memory card wears with every byte; whatever was written can be read, also when the end is missing.
Nothing waits for this: what cannot be written is not recorded, and a new file begins when the disk takes it again.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import importlib.metadata
import json
import logging
import pickle
import zlib
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

PART: Final = 32 << 20  # bytes of one file, before they are packed
LUMP: Final = 4096  # bytes packed at once
FLUSH_EVERY: Final = 5.0
HELD_MOST: Final = 2 << 20  # packed bytes that wait for the disk; then the file ends
AGAIN: Final = 60.0
VERSION: Final = importlib.metadata.version("godkaiser")
RECORDINGS: Final = "recordings"  # of the data folder
CLOSED_WITHIN: Final = 3.0
PACKED = ".jsonl.gz"
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


class _Part:
    """One file, packed in the manner of gzip as it grows. `size`: bytes before."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        self._lines, self._packed = bytearray(), bytearray()
        self._pack = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)

    def add(self, one: bytes) -> int:
        """Returns how many packed bytes there are more."""
        self._lines += one
        self.size += len(one)
        return self._squeeze() if len(self._lines) >= LUMP else 0

    def taken(self, last: bool) -> bytes:
        """What is to be written now; nothing comes after the `last`."""
        fresh = bool(self._lines or self._packed)
        self._squeeze()
        if last or fresh:
            self._packed += self._pack.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        found, self._packed = bytes(self._packed), bytearray()
        return found

    def _squeeze(self) -> int:
        packed = self._pack.compress(self._lines)
        self._lines.clear()
        self._packed += packed
        return len(packed)


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
        self._waiting: list[_Part] = []  # for the disk; if one goes on, it is the last
        self._open: _Part | None = None  # None: the next event begins a new file
        self._held = 0
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
        if self._open is None and not self._begin(engine, event):
            return
        if message is None:
            self._add(line("event", event.at, type(event).__name__, packed(event)))
        else:
            self._add(wire_line(event, message))

    def _after(self, engine: Engine, effects: Sequence[fx.Effect]) -> None:
        if self._open is None:
            return
        for effect in effects:
            said = utterance(effect, engine.state)
            if said is not None:
                self._add(line("said", said.topic, said.payload.decode(), said.qos, said.retain))
        if self._open.size >= self._part or self._held >= HELD_MOST:
            self.turn()

    def turn(self) -> None:
        """This file ends; the next event begins another one."""
        self._open = None

    def _begin(self, engine: Engine, event: ev.Event) -> bool:
        if self._held >= HELD_MOST or asyncio.get_running_loop().time() < self._not_before:
            return False
        state = engine.state
        name = f"{event.at // SECOND:011d}-{state.run:06d}-{engine.seq:012d}{PACKED}"
        self._open = _Part(self._folder / name)
        self._waiting.append(self._open)
        self._add(line("begin", VERSION, event.at, state.run, engine.seq, packed(state)))
        return True

    def _add(self, one: bytes) -> None:
        assert self._open is not None
        self._held += self._open.add(one)

    # ── to the disk ────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.flush()

    async def flush(self) -> None:
        """What waits, now; a file that is complete is ended, and what is too much is deleted."""
        taken = [(part.path, part.taken(part is not self._open)) for part in self._waiting]
        self._waiting, self._held = [] if self._open is None else [self._open], 0
        try:
            # Shielded: what was taken out is written, also when nobody waits for it any more.
            await asyncio.shield(self._in_thread(taken))
        except OSError as error:
            if self._problem != str(error):
                log.warning("What happens is not recorded: %s", error)
            self._give_up(str(error))
        else:
            self._problem = ""

    def _in_thread(self, taken: list[tuple[Path, bytes]]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._thread, self._write, taken)

    def _give_up(self, problem: str) -> None:
        """This file; another one begins later."""
        self._waiting, self._held, self._open, self._problem = [], 0, None, problem
        self._not_before = asyncio.get_running_loop().time() + self.again

    async def close(self) -> None:
        """What waits, and then nothing more. Returns after a few seconds also when the disk hangs."""
        self.turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await self.flush()
        self._thread.shutdown(wait=False)

    def _write(self, taken: list[tuple[Path, bytes]]) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._prune()
        for path, lines in taken:
            if lines:
                with path.open("ab") as file:
                    path.chmod(0o600)
                    file.write(lines)
        self._prune()

    def _prune(self) -> None:
        """The oldest first. Also before anything is written, so that a full disk gets room."""
        files = [path for path in sorted(self._folder.glob(f"*{PACKED}")) if path.is_file()]
        total = sum(path.stat().st_size for path in files)
        for path in files[:-1]:
            if total <= self._most:
                return
            total -= path.stat().st_size
            path.unlink()
