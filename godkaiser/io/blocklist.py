"""Addresses that are kept out: asked where somebody comes in, stored, audited, shown, and lifted by an admin."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.blocks import FORGOTTEN_AFTER, Block, Blocks
from godkaiser.auth.origin import origin_of, place_of
from godkaiser.auth.policy import Permission
from godkaiser.auth.throttle import retry_after
from godkaiser.errors import AddressBlockedError, UnavailableError, UnknownAddressError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.sql.blocks import BlockTable
from godkaiser.model.instant import Instant, describe_duration, describe_wait, to_iso
from godkaiser.ports import Clock

log = logging.getLogger(__name__)
LOCAL: Final = ""  # of who comes by the local socket, which has its own rights


class Blocklist:
    """One for all doors."""

    def __init__(self, clerk: Clerk, table: BlockTable, clock: Clock) -> None:
        self._clerk, self._table, self._clock = clerk, table, clock
        self._blocks = Blocks()
        self._told: tuple[int, str] = (0, "")

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "blocks.list": self._list,
            "blocks.lift": self._lift,
        }

    async def load(self) -> None:
        """What the last process kept out stays out; what counts no more is forgotten."""
        now = self._clock.now()
        for block in await self._table.all():
            if now >= block.until + FORGOTTEN_AFTER:
                await self._table.drop(block.address)
            else:
                self._blocks.restore((block,), now)
        self._told = self._present()

    @property
    def told(self) -> tuple[int, str]:
        """How many are kept out, and the newest of them, as the engine was told."""
        return self._told

    def look(self) -> None:
        """Tell the engine, if others are kept out than it knows: also blocks that ended by themselves."""
        if (present := self._present()) != self._told:
            self._told = present
            self._clerk.keep_out(*present)

    def _present(self) -> tuple[int, str]:
        standing = self._blocks.standing(self._clock.now())
        newest = max(standing, key=lambda block: block.since, default=None)
        return len(standing), "" if newest is None else newest.address

    def check(self, address: str, name: str = "") -> None:
        """Raises `AddressBlockedError`: nobody comes in from there, or this account does not."""
        now = self._clock.now()
        if wait := max(self._blocks.wait(address, now), self._blocks.wait(place_of(address, name), now)):
            raise AddressBlockedError(retry_after=float(retry_after(wait)), left=describe_wait(wait))

    async def denied(self, address: str, name: str = "") -> None:
        """Somebody from there was not let in; `name`: who was in already, and may not do what they asked for.

        That keeps out this account from there, and nobody else: a whole site may be behind one address.
        """
        if address == LOCAL:
            return
        block = self._blocks.denied(place_of(address, name), self._clock.now())
        if block is None:
            return
        lasting = describe_duration(block.until - block.since)
        log.warning("%s is kept out for %s: it was denied too often.", block.address, lasting)
        self._clerk.attest(
            "controller", "address.blocked", block.address, f"for {lasting}, no. {block.times}"
        )
        self.look()
        try:
            await self._table.keep(block)
        except UnavailableError as error:  # it counts, until this process ends
            log.warning("That %s is kept out is not stored: %s", block.address, error)

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────
    async def _list(self, token: str | None = None) -> list[dict[str, Any]]:
        self._clerk.who(token, Permission.MANAGE_USERS)
        now = self._clock.now()
        return [_shown(block, now) for block in self._blocks.standing(now)]

    async def _lift(self, address: str, token: str | None = None) -> dict[str, Any]:
        """Raises `UnknownAddressError`."""
        who = self._clerk.who(token, Permission.MANAGE_USERS)
        origin = origin_of(str(address))
        stored = await self._table.drop(origin)  # first, or a restart would bring it back
        if not self._blocks.lift(origin, self._clock.now()) and not stored:
            raise UnknownAddressError(address=origin[:80])
        self._clerk.attest(who, "address.lifted", origin, "")
        self.look()
        return {"address": origin, "lifted": True}


def _shown(block: Block, now: Instant) -> dict[str, Any]:
    return {
        "address": block.address,
        "since": to_iso(block.since),
        "until": to_iso(block.until),
        "left_s": (block.until - now) / 1e6,
        "times": block.times,
    }
