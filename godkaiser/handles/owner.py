"""The owner: one task, in its own loop thread, that holds a connection from its beginning to its end.

A notebook's cells are tasks of their own, and a cell that computes blocks the loop they share; so nothing
that lives longer than a cell may live there. The owner's thread is no daemon: at the end of the program it
notices that the main thread is gone, leaves in order and lets the interpreter end.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, ParamSpec, Protocol, TypeVar

from godkaiser.errors import ControllerGoneError, FarmClosedError, GodkaiserError
from godkaiser.handles.mirror import Mirror

T = TypeVar("T")
P = ParamSpec("P")
LOOK_ROUND: Final = 0.5  # seconds between two looks at the main thread


class Session(Protocol):
    """A connection to a controller, as the owner's task sees it."""

    async def call(self, method: str, **params: Any) -> Any:
        """Ask; raises `GodkaiserError`."""

    def changes(self) -> AsyncIterator[dict[str, Any]]:
        """A snapshot, then changes."""


@dataclass(slots=True)
class Progress:
    """How far the opening is: simulated hours done and to do. Zero to do: nothing worth showing."""

    done: float = 0.0
    total: float = 0.0


Opening = Callable[[Progress], AbstractAsyncContextManager[Session]]


class Owner:
    """Runs a session in a thread. `opened` ends when the first snapshot is there, or with what went wrong."""

    def __init__(self, opening: Opening, name: str) -> None:
        self.name, self.mirror, self.progress = name, Mirror(), Progress()
        self.opened: Future[None] = Future()
        self.ended: Future[None] = Future()
        self.failure: BaseException | None = None
        self._opening = opening
        self._session: Session | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main_task: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[Any] | None] = set()
        self._lock = threading.Lock()  # guards the two flags against a call that comes while we leave
        self._open = False
        self._leave = False
        self._leaving = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"godkaiser {name}", daemon=False)

    def start(self) -> None:
        """Start the thread."""
        for future in (self.opened, self.ended):
            future.set_running_or_notify_cancel()  # those who wait may give up; the future itself goes on
        self._thread.start()

    # ── the thread ─────────────────────────────────────────────────────────────────────────────────────
    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            if not self.opened.done():
                self.opened.set_exception(self.failure or FarmClosedError())
            self.ended.set_result(None)

    async def _main(self) -> None:
        with self._lock:
            self._loop, self._main_task = asyncio.get_running_loop(), asyncio.current_task()
            if self._leave:
                return
        guard = asyncio.create_task(self._guard())
        try:
            async with self._opening(self.progress) as self._session:
                with self._failing():
                    await self._attend(self._session)
        except asyncio.CancelledError:
            pass  # we were asked to leave before we had arrived
        except BaseException as error:  # noqa: BLE001 - kept, and raised by whoever asks next
            self._failed(error)
        finally:
            await self._refuse_calls()
            guard.cancel()

    async def _attend(self, session: Session) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(session))
            await self._leaving.wait()
            await self._refuse_calls()
            watching.cancel()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Whoever sees the failure must not get a call in any more, nor while the session is being closed."""
        try:
            yield
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failed(error)
            raise

    def _failed(self, error: BaseException) -> None:
        with self._lock:
            self._open = False
            self.failure = self.failure or _root(error)

    async def _guard(self) -> None:
        while threading.main_thread().is_alive():  # noqa: ASYNC110 - nobody tells when it ends
            await asyncio.sleep(LOOK_ROUND)
        self.leave()

    async def _watch(self, session: Session) -> None:
        async for change in session.changes():
            self.mirror.fold(change)
            if self.opened.done():
                continue
            if self.mirror.gone is not None:
                raise self.mirror.gone
            with self._lock:
                self._open = not self._leave
            self.opened.set_result(None)
        raise ControllerGoneError(problem="its changes ended")

    async def _refuse_calls(self) -> None:
        with self._lock:
            self._open = False
        await asyncio.sleep(0)  # a call that got in before starts now, so that it can be told
        calls = [task for task in self._calls if task is not None]
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    # ── from other threads ─────────────────────────────────────────────────────────────────────────────
    def submit(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run a coroutine function in the owner's loop. Raises what ended the connection if it has ended."""
        with self._lock:
            if self._open and self._loop is not None:
                return asyncio.run_coroutine_threadsafe(self._call(work, *args, **kwargs), self._loop)
        raise self.reason()

    async def _call(self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.current_task()
        self._calls.add(task)
        try:
            return await work(*args, **kwargs)
        except asyncio.CancelledError:
            if self._open:
                raise  # the one who asked has given up
            raise self.reason() from None
        finally:
            self._calls.discard(task)

    def soon(self, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have it called in the owner's loop, if that still runs."""
        with self._lock:
            if self._open and self._loop is not None:
                self._loop.call_soon_threadsafe(partial(call, *args, **kwargs))

    async def ask(self, method: str, **params: Any) -> Any:
        """Ask the controller. In the owner's loop only."""
        if self._session is None:
            raise self.reason()
        return await self._session.call(method, **params)

    def reason(self) -> GodkaiserError:
        """Why there is no connection any more."""
        failure = self.failure
        if failure is None:
            return FarmClosedError()
        error = ControllerGoneError(problem=f"{type(failure).__name__}: {failure}")
        error.__cause__ = failure
        return error

    def leave(self) -> None:
        """Ask the thread to end; returns at once."""
        with self._lock:
            if self._leave or self._loop is None:
                self._leave = True
                return
            self._leave = True
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._leave_now)

    def _leave_now(self) -> None:
        if self._open:
            self._leaving.set()
        elif self._main_task is not None:
            self._main_task.cancel()

    @property
    def alive(self) -> bool:
        """Is the thread there?"""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for the end of the thread, which is near once `ended` is done."""
        self._thread.join()


def _root(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
