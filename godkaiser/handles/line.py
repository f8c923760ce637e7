"""The line of a handle to its owner: how to ask from a cell's task, and how to ask from a plain thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

from godkaiser.errors import ControllerGoneError, GodkaiserError, NoControllerError
from godkaiser.handles.mirror import Event, Mirror
from godkaiser.handles.owner import Owner

T = TypeVar("T")
P = ParamSpec("P")
# What a person's token decides on; the rest only looks.
SIGNED: Final = {
    "set", "stop", "clear", "history", "measure", "nodes.approve", "nodes.reject", "nodes.ask",
    "rules.check", "rules.import", "rules.export", "rules.enable", "rules.disable", "rules.trace", "rules.why",
    "rules.remove", "rules.try", "rules.tried", "alarms.list", "alarms.history",
    "actuators.statistics", "actuators.service", "actuators.release", "sensors.calibrate", "sensors.calibrations",
    "sensors.undo",
    "history.buckets", "history.page", "decisions", "commands", "heartbeats", "notices", "audit",
    "users.list", "users.seen", "users.add", "users.role", "users.zones", "users.password", "users.activate",
    "users.deactivate", "users.logout", "users.remove", "users.totp.begin", "users.totp.confirm", "users.totp.remove",
    "tokens.list", "tokens.add", "tokens.rotate", "tokens.revoke", "blocks.list", "blocks.lift",
}  # fmt: skip


class Line:
    """One connection, shared by all handles of a farm."""

    def __init__(self, owner: Owner, token: str | None = None) -> None:
        self.owner, self._token = owner, token

    @property
    def name(self) -> str:
        """What it leads to, for people."""
        return self.owner.name

    @property
    def mirror(self) -> Mirror:
        """The last known picture."""
        return self.owner.mirror

    @property
    def trouble(self) -> GodkaiserError | None:
        """What is wrong with the connection, if anything."""
        if self.owner.failure is not None or self.owner.ended.done():
            return self.owner.reason()
        return self.mirror.gone

    async def ask(self, method: str, **params: Any) -> Any:
        """Ask the controller; in the owner's loop only."""
        if self._token is not None and method in SIGNED:
            params["token"] = self._token
        try:
            return await self.owner.ask(method, **params)
        except NoControllerError as error:  # there was one
            raise ControllerGoneError(problem=str(error)) from None

    async def awaited(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do it in the owner's loop and await it in this one. Cancelling the one cancels the other."""
        try:
            return await asyncio.wrap_future(self.owner.submit(work, *args, **kwargs))
        except GodkaiserError as error:
            raise told(error) from error.__cause__

    def waited(self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it in the owner's loop while this thread waits. An interrupt cancels it."""
        try:
            future = self.owner.submit(work, *args, **kwargs)
            try:
                return future.result()
            finally:
                future.cancel()
        except GodkaiserError as error:
            raise told(error) from error.__cause__

    def forget(self, queue: asyncio.Queue[Event]) -> None:
        """Nobody listens to this queue any more; from any thread, also when everything is over."""
        self.owner.soon(self.mirror.unlisten, queue)


def told(error: GodkaiserError) -> GodkaiserError:
    """The error with its remedy below, where a notebook shows both."""
    if error.remedy not in getattr(error, "__notes__", ()):
        error.add_note(error.remedy)
    return error
