"""Answers requests of people who come and go, and looks after what ends by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from godkaiser.auth.session import Principal
from godkaiser.auth.tokens import TokenKind
from godkaiser.errors import (
    AuthenticationFailedError,
    CodeNeededError,
    InvalidValueError,
    ThrottledError,
    UnavailableError,
)
from godkaiser.io.accounts import BEARERS, Accounts
from godkaiser.io.asking import asked_from
from godkaiser.io.blocklist import Blocklist
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.keyring import Keyring
from godkaiser.io.sessions import Sessions
from godkaiser.model.instant import to_iso

LOOK_EVERY: Final = 30.0
log = logging.getLogger(__name__)


class Doorman:
    """Signing in and out, and the first account."""

    def __init__(self, clerk: Clerk, accounts: Accounts, blocklist: Blocklist) -> None:
        self._clerk, self._accounts, self._blocklist = clerk, accounts, blocklist
        self.sessions = Sessions(accounts, self._stolen)
        self.keyring = Keyring(accounts)
        accounts.on_set_back = self._set_back

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "login": self._login,
            "refresh": self._refresh,
            "verify": self._verify,
            "logout": self._logout,
            "setup": self._setup,
            "setup.required": self._setup_required,
        }

    # ── by and by ──────────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except UnavailableError as error:
                log.info("What is over is forgotten later: %s", error)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Forget what is over, write when API tokens were used, warn of those that end soon."""
        self._blocklist.look()
        self._clerk.turnstile.tell()
        await self.sessions.forget()
        await self.keyring.write_uses()
        for key in await self.keyring.ending():
            user = self._accounts.users.get(key.user_id)
            owner, ends = "nobody" if user is None else user.name, to_iso(key.expires_at)
            log.warning(
                "The API token %s (%s) of %s ends at %s: rotate it.", key.prefix, key.label, owner, ends
            )
            self._clerk.attest("controller", "token.ending", key.prefix, f"{key.label} of {owner}, at {ends}")
        await self.keyring.forget()

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────
    async def _login(
        self, name: str, password: str, address: str, code: str = "", pair: bool = False
    ) -> dict[str, Any]:
        """`pair`: an access and a refresh token, for programs; else the one of a page.

        Tries that came too soon are not kept: a flood must not fill the audit.
        """
        _texts(name=name, password=password, address=address, code=code)
        address = asked_from(address)
        self._blocklist.check(address, name)
        async with self._watched("nobody", name, address):
            session = await self.sessions.login(name, password, address, code, pair=bool(pair))
        self._clerk.attest(f"user:{name}", "login", name)
        return session

    async def confirm(self, person: Principal, current: str | None, address: str) -> None:
        """Is it really the person whose session this is? Throttled and audited as a sign-in.

        For what outlasts a page that somebody finds open. Raises `ForbiddenError`, `AuthenticationFailedError`,
        `ThrottledError`.
        """
        if current is None:
            action = "change this without the current password"
            raise self._clerk.refusal(person, action, "current_password")
        _texts(current=current, address=address)
        address = asked_from(address)
        async with self._watched(person.who, person.name, address, "current password"):
            await self.sessions.check(person.name, current, address)

    @asynccontextmanager
    async def _watched(self, who: str, name: str, address: str, of: str = "") -> AsyncIterator[None]:
        """What is wrong is a row of the audit; what came too soon is none."""
        try:
            yield
        except CodeNeededError:
            self._clerk.attest(who, "login.code_needed", name[:80], of)
            raise
        except ThrottledError:
            await self._blocklist.denied(address)
            raise
        except AuthenticationFailedError:
            self._clerk.attest(who, "login.failed", name[:80], of)
            await self._blocklist.denied(address)
            raise

    async def _refresh(self, token: str, address: str = "") -> dict[str, Any]:
        """A new pair for a refresh token, once."""
        _texts(token=token, address=address)
        return await self.sessions.renew(token, asked_from(address))

    def _set_back(self) -> None:
        self._clerk.attest(
            "controller", "session.all_ended", "all", "the clock was set back by more than a day"
        )

    def _stolen(self, name: str, count: int) -> None:
        self._clerk.attest("nobody", "session.reused", name, f"{count} tokens ended")

    async def _verify(self, token: str, kind: str = "") -> dict[str, Any]:
        """`kind`: access or page, where only that one opens the door; else any, an API token too."""
        _texts(token=token, kind=kind)
        if kind and kind not in BEARERS:
            raise InvalidValueError(field="kind", value=kind[:40], problem="is none", allowed="access, page")
        principal = self._accounts.principal(token, TokenKind(kind) if kind else None)
        return {
            "user": principal.name,
            "role": principal.role.value,
            "zones": None if principal.zones is None else sorted(principal.zones),
            "permissions": sorted(principal.permissions),
            "session": principal.session,
            "expires": to_iso(principal.expires_at),
        }

    async def _logout(self, token: str, all_devices: bool = False) -> dict[str, Any]:
        _texts(token=token)
        person = self._clerk.signed_in(token)
        assert person is not None  # there is a token
        count = await self.sessions.logout(token, all_devices=bool(all_devices))
        detail = f"{'everywhere, ' if all_devices else ''}{count} tokens ended"
        self._clerk.attest(person.who, "logout", person.name, detail)
        return {"success": True, "tokens_invalidated": count}

    async def _setup(self, name: str, password: str, address: str = "") -> dict[str, Any]:
        """The first account, while there is none."""
        _texts(name=name, password=password, address=address)
        await self._accounts.set_up(name, password, asked_from(address))
        made: dict[str, Any] = {"role": "admin", "zones": None, "active": True}
        self._clerk.attest("nobody", "user.added", name, "admin, the first account", (None, made))
        return {"name": name, "role": "admin"}

    async def fresh_admin(self) -> str:
        """The password of `admin`, which is made or gets a new one: by whoever starts the program."""
        known = self._accounts.find("admin") is not None
        password = await self._accounts.fresh_admin()
        if known:
            self._clerk.attest("controller", "user.changed", "admin", "password changed at the start")
        else:
            made: dict[str, Any] = {"role": "admin", "zones": None, "active": True}
            self._clerk.attest("controller", "user.added", "admin", "admin, made at the start", (None, made))
        return password

    async def _setup_required(self) -> dict[str, Any]:
        return {"setup_required": self._accounts.empty}


def _texts(**values: object) -> None:
    """Clients in other languages may send anything."""
    for field, value in values.items():
        if not isinstance(value, str):
            raise InvalidValueError(field=field, value="***", problem="no text", allowed="a text")
