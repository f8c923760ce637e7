"""The local socket: JSON lines between the controller and its clients (commands, notebooks, the dashboard).

Request `{"id": 1, "call": "set", "with": {…}}`, answer `{"id": 1, "ok": …}` or `{"id": 1, "error": {…}}`. `from`,
with `address` and `correlation`, says for whom a client asks; the answer has the `correlation`, made if none was
said. After `{"id": 2, "call": "watch"}` changes come as `{"change": {…}}`, the first being a whole snapshot. The
socket file is 0600: who may open it is the user of the controller.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Protocol

from godkaiser.errors import (
    ControllerGoneError,
    GodkaiserError,
    NoControllerError,
    ProtocolError,
    from_wire,
)
from godkaiser.io.asking import ASKING, NOBODY, Asking, known, read_asking
from godkaiser.io.chosen import Chosen, chosen_folder
from godkaiser.io.ending import ended
from godkaiser.io.trusted import problem_of_peer

log = logging.getLogger(__name__)
LINE_MOST: Final = 64 * 1024 * 1024
ANSWER_WITHIN: Final = 60.0
NODE_ANSWERS_WITHIN: Final = 610.0  # the controller gives up before
_ASKS_A_NODE: Final = ("measure", "nodes.ask")
SLOW_CLIENT: Final = 10.0
SOCKET_PATH_MOST: Final = 100  # AF_UNIX allows 107 bytes
POINTER: Final = "controller.json"


class Requests(Protocol):
    """What answers: the controller."""

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """Do it, or raise a `GodkaiserError`."""

    def watch(self) -> AsyncIterator[dict[str, Any]]:
        """A snapshot, then changes."""


class DeskServer:
    """Serves one data folder."""

    def __init__(self, data: Path, requests: Requests) -> None:
        self._data, self._requests = data, requests
        self._server: asyncio.Server | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._path = self._socket_path()
        self._tasks: set[asyncio.Task[None]] = set()

    def _socket_path(self) -> Path:
        path = self._data.resolve() / "controller.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_MOST:
            return path
        self._folder = tempfile.TemporaryDirectory(prefix="godkaiser-")
        return Path(self._folder.name) / "controller.sock"

    async def start(self) -> None:
        """Listen, and leave a pointer for clients."""
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_MOST)
        finally:
            os.umask(old)
        pointer = {"pid": os.getpid(), "socket": str(self._path)}
        remember_running(self._data)  # first: who sees the pointer may count who runs here
        (self._data / POINTER).write_text(json.dumps(pointer))

    async def stop(self) -> None:
        """No more clients."""
        if self._server is not None:
            self._server.close()
        await ended(tuple(self._tasks))
        self._path.unlink(missing_ok=True)
        (self._data / POINTER).unlink(missing_ok=True)
        forget_running()
        if self._folder is not None:
            self._folder.cleanup()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        client = _Client(self._requests, writer)
        try:
            while line := await reader.readline():
                client.take(line)
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # the client is gone, spoke a line beyond all measure, or we are closing
        finally:
            self._tasks.discard(task)
            await client.close()


class _Client:
    """One connection: each request is a task, so a slow one does not hold the others."""

    def __init__(self, requests: Requests, writer: asyncio.StreamWriter) -> None:
        self._requests, self._writer = requests, writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing = asyncio.Lock()

    def take(self, line: bytes) -> None:
        task = asyncio.create_task(self._answer(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, line: bytes) -> None:
        number, method, asking = None, "", NOBODY
        try:
            number, method, params, asking = _request(line)
            if method == "watch":
                await self._watch(number)
                return
            ASKING.set(asking)  # of this task only
            answer = {"id": number, "ok": await self._requests.call(method, params)}
        except GodkaiserError as error:
            answer = {"id": number, "error": error.to_wire()}
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            # Values nobody thought of: the caller gets an answer, the log gets the trace, and no password.
            log.exception("request failed: %s", method[:40])
            answer = {
                "id": number,
                "error": ProtocolError(problem=f"{type(error).__name__}: {error}"[:200]).to_wire(),
            }
        answer |= {"correlation": asking.correlation} if asking.correlation else {}
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._write(answer)

    async def _watch(self, number: Any) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._write({"id": number, "ok": True})
            async for change in self._requests.watch():
                await self._write({"change": change})

    async def _write(self, document: dict[str, Any]) -> None:
        data = json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        async with self._writing:
            self._writer.write(data)
            async with asyncio.timeout(SLOW_CLIENT):
                await self._writer.drain()

    async def close(self) -> None:
        await ended(tuple(self._tasks))
        self._writer.close()


def _request(line: bytes) -> tuple[Any, str, dict[str, Any], Asking]:
    try:
        document = json.loads(line)
        number, method, params = document.get("id"), document["call"], document.get("with", {})
        said = document.get("from")
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise ProtocolError(problem="not a JSON object with 'call'") from None
    if not isinstance(method, str) or not isinstance(params, dict):
        raise ProtocolError(problem="'call' must be a text and 'with' an object")
    return number, method, params, known(read_asking(said))


# ── finding the controller ─────────────────────────────────────────────────────────────────────────────
def running_folder() -> Path:
    """Where controllers of this user leave their names."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "godkaiser" / "running"


def remember_running(data: Path) -> None:
    """So that `connect()` without a folder finds us. A home that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        folder = running_folder()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(json.dumps({"data": str(data.resolve())}))


def forget_running() -> None:
    """The other half."""
    with contextlib.suppress(OSError):
        (running_folder() / f"{os.getpid()}.json").unlink(missing_ok=True)


def find_folder(data: Path | str | None) -> Path:
    """The data folder of a living controller: the one named, or of the only one running here."""
    chosen = Chosen(Path(data), "named so") if data else chosen_folder()
    if chosen:
        folder, origin = chosen
        return folder if _pointed(folder) is not None else _nobody(f"in {folder} ({origin})")
    folders = [folder for folder in _known_folders() if _pointed(folder) is not None]
    if len(folders) == 1:
        return folders[0]
    if not folders:
        return _nobody("on this machine, and no folder is named by option, environment or .env")
    return _nobody(f"that could be meant: {len(folders)} are ({', '.join(map(str, folders))})")


def find_socket(data: Path | str | None) -> Path:
    """The socket of a data folder; without one, of the only controller running here."""
    return _socket_of(find_folder(data))


def _socket_of(folder: Path) -> Path:
    return _pointed(folder) or _nobody(f"in {folder}")


def _known_folders() -> list[Path]:
    folders = []
    for entry in sorted(running_folder().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            folders.append(Path(json.loads(entry.read_text())["data"]))
    return folders


def _pointed(data: Path) -> Path | None:
    """The socket of a folder if its controller lives. A pointer of a killed one is left alone."""
    try:
        pointer = json.loads((data / POINTER).read_text())
        os.kill(int(pointer["pid"]), 0)
        return Path(pointer["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _nobody(where: str) -> Path:
    raise NoControllerError(where=where)


async def _connected(path: Path, folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To who may be told passwords. Raises `ControllerGoneError`."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_MOST)
        problem = problem_of_peer(writer.get_extra_info("socket"), path, folder)
    except OSError as error:
        raise ControllerGoneError(problem=f"{path}: {error.strerror or error}") from None
    if problem:
        writer.close()
        raise ControllerGoneError(problem=f"{path}: {problem}")
    return reader, writer


# ── the client ─────────────────────────────────────────────────────────────────────────────────────────
class Desk:
    """A client of a controller: `call` asks and does, `changes` watches. Reconnects by itself."""

    def __init__(self, data: Path | str | None) -> None:
        self._data = data
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._changes: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._listening: asyncio.Task[None] | None = None
        self._number = 0
        self._connecting = asyncio.Lock()

    @classmethod
    async def open(cls, data: Path | str | None = None) -> Desk:
        """Connect to the controller of a data folder, or to the only one running here."""
        desk = cls(data)
        await desk._connect()
        return desk

    async def _connect(self) -> None:
        async with self._connecting:
            if self._writer is not None:
                return
            folder = find_folder(self._data)
            self._reader, self._writer = await _connected(_socket_of(folder), folder)
            self._changes = asyncio.Queue()  # of this connection: the end of an earlier one is not its end
            self._listening = asyncio.create_task(self._listen(self._reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except (ConnectionError, ValueError):
            pass  # told below, like the end of the stream
        finally:
            self._lost()

    def _take(self, document: dict[str, Any]) -> None:
        if "change" in document:
            self._changes.put_nowait(document["change"])
            return
        future = self._waiting.pop(document.get("id", -1), None)
        if future is None or future.done():
            return
        if "error" in document:
            future.set_exception(from_wire(document["error"]))
        else:
            future.set_result(document["ok"])

    def _lost(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ControllerGoneError(problem="it closed the connection"))
        self._changes.put_nowait(None)

    async def call(self, method: str, *, origin: str = "", **params: Any) -> Any:
        """Ask the controller; `origin`: the address of for whom. Raises its typed error, or `ControllerGoneError`."""
        await self._connect()
        assert self._writer is not None
        self._number += 1
        number = self._number
        try:
            document = {"id": number, "call": method, "with": params}
            document |= {"from": {"address": origin}} if origin else {}
            line = json.dumps(document, allow_nan=False)
        except ValueError:
            raise ProtocolError(problem="NaN and infinity cannot be asked for") from None
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._writer.write(line.encode() + b"\n")
        patience = NODE_ANSWERS_WITHIN if method in _ASKS_A_NODE else ANSWER_WITHIN
        try:
            async with asyncio.timeout(patience):
                return await future
        except TimeoutError:
            raise ControllerGoneError(problem=f"no answer within {patience:.0f} s") from None
        finally:
            self._waiting.pop(number, None)

    async def changes(self) -> AsyncIterator[dict[str, Any]]:
        """A whole snapshot, then changes; after a lost connection a snapshot again. One consumer per desk."""
        while True:
            try:
                await self._connect()
                changes = self._changes
                await self.call("watch")
            except (ControllerGoneError, NoControllerError) as error:
                yield {"kind": "gone", "id": "", "data": error.to_wire()}
                await asyncio.sleep(1.0)
                continue
            while (change := await changes.get()) is not None:
                yield change

    async def close(self) -> None:
        """End the connection."""
        if self._listening is not None:
            await ended([self._listening])
        self._lost()
