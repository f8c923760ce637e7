"""The audit for admins: a page of it at a time, newest first, and whether anybody changed it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.errors import InvalidValueError, StoreAwayError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.keyfiles import key_file_of
from godkaiser.io.runner import Runner
from godkaiser.io.span import read_span
from godkaiser.io.sql.audits import Keys
from godkaiser.io.sql.database import database_url
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.trail import Sought, trail
from godkaiser.model.instant import to_iso

PAGE_MOST: Final = 1000
PAGE: Final = 100
TEXT_MOST: Final = 200
VERIFY_WITHIN: Final = 50.0  # seconds; clients wait 60


class Inspector:
    """Answers requests about the audit. `database` and `data` say where it lies, for who checks it."""

    def __init__(
        self, runner: Runner, store: SqlStore, clerk: Clerk, database: str | None, data: Path
    ) -> None:
        self._runner, self._store, self._clerk = runner, store, clerk
        self._database, self._data = database, data
        self._checking = asyncio.Lock()

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "audit.page": self._page,
            "audit.verify": self._verify,
        }

    async def _page(  # noqa: PLR0917 - what clients name
        self,
        since: str = "-7d",
        until: str | None = None,
        who: str = "",
        action: str = "",
        place: list[int] | None = None,
        most: int = PAGE,
        token: str | None = None,
    ) -> dict[str, Any]:
        """`rows`, newest first; `next`: the place of the next page, none after the last.

        `who`: a part of who did it; `action`: how it begins, such as `user.`.
        """
        self._clerk.who(token, Permission.MANAGE_USERS)
        span = read_span(since, until, self._runner.clock.now())
        sought = Sought(*span, _text("who", who), _text("action", action), _place(place))
        await self._runner.depot.committed()
        rows, after = await trail(self._store.audits, sought, _most(most))
        shown = [row | {"at": to_iso(row["at"])} for row in rows]
        return {"rows": shown, "next": None if after is None else list(after)}

    async def _verify(self, head: str | None = None, token: str | None = None) -> dict[str, Any]:
        """Is every row what was sealed? One check at a time, in a thread of its own: it may be many rows."""
        self._clerk.who(token, Permission.MANAGE_USERS)
        seal, key = None if head is None else _text("head", head), self._store.audits.key
        url = database_url(self._database, self._data).render_as_string(hide_password=False)
        try:
            async with asyncio.timeout(VERIFY_WITHIN), self._checking:
                await self._runner.depot.committed()
                return await asyncio.to_thread(lambda: asyncio.run(_checked(url, self._data, key, seal)))
        except TimeoutError:
            problem = f"checking the audit took longer than {VERIFY_WITHIN:g} s"
            raise StoreAwayError(problem=f"{problem}; `godkaiser audit verify` takes its time") from None


async def _checked(url: str, data: Path, key: bytes, head: str | None) -> dict[str, Any]:
    """With a connection of its own, as the command does; it ends by itself when nobody waits any more.

    And with the key this controller seals with, whatever became of its file: that is told.
    """
    store = await SqlStore.look(url, Keys(key))
    try:
        async with asyncio.timeout(VERIFY_WITHIN):
            return await store.audits.verdict(head) | {"key_file": key_file_of(data, key)}
    finally:
        await store.close()


def _text(field: str, value: object) -> str:
    if isinstance(value, str) and len(value) <= TEXT_MOST:
        return value
    allowed = f"a text of at most {TEXT_MOST} characters"
    raise InvalidValueError(field=field, value=repr(value)[:40], problem="is none", allowed=allowed)


def _place(place: object) -> tuple[int, int] | None:
    if place is None:
        return None
    if isinstance(place, list | tuple) and len(place) == 2 and all(type(part) is int for part in place):
        at, row = place
        if max(abs(at), abs(row)) < 2**63:
            return at, row
    allowed = "what `next` of the page before says"
    raise InvalidValueError(field="place", value=repr(place)[:40], problem="is none", allowed=allowed)


def _most(most: object) -> int:
    if type(most) is int and 1 <= most <= PAGE_MOST:
        return most
    allowed = f"1..{PAGE_MOST}"
    raise InvalidValueError(field="most", value=repr(most)[:40], problem="no count", allowed=allowed)
