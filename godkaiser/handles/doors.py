"""Who may come in: `farm.accounts`, `farm.tokens`, `farm.blocks`. Awaited; `doors_plain` is the same without await.

`current` is the password of who asks: with a session it must be said for some of this (the controller says for
what), at the controller's own machine it need not. Passwords may be given as texts or as `Secret`.
"""

from __future__ import annotations

from collections.abc import Iterable

from godkaiser.handles import entrance
from godkaiser.handles.deeds import Span
from godkaiser.handles.entrance import listed, proof
from godkaiser.handles.line import Line
from godkaiser.handles.people import Account, AccountList, ApiToken, KeptOutList, TokenList
from godkaiser.handles.secret import Secret, Spoken


class Door:
    """What hangs on the line of a farm."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self._line.name}"


class Accounts(Door):
    """The accounts, for admins; with a session everybody may change the own password, and begin a second factor.

    What changes an account ends its sessions. All raise `ForbiddenError`, `UnknownUserError`, `ControllerGoneError`.
    """

    async def list(self) -> AccountList:
        """Everybody there is, with when they were seen last."""
        return await self._line.awaited(entrance.accounts, self._line)

    async def add(
        self,
        name: str,
        role: str,
        zones: str | Iterable[str] = (),
        password: Spoken | None = None,
        *,
        current: Spoken | None = None,
    ) -> Account:
        """Let somebody in as admin, operator or viewer; `zones` bind an operator. Raises `InvalidValueError` too.

        Without a `password` one is made: `account.password.reveal()` tells it, this once.
        """
        return await self._line.awaited(
            entrance.add_account, self._line, name, role, zones, password, proof(current)
        )

    async def role(self, name: str, role: str, *, current: Spoken | None = None) -> Account:
        """Give another role. Raises `LastAdminError` where nobody would be left."""
        return await self._line.awaited(entrance.set_role, self._line, name, role, proof(current))

    async def zones(
        self, name: str, zones: str | Iterable[str] = (), *, current: Spoken | None = None
    ) -> Account:
        """Say where somebody acts; none: everywhere."""
        return await self._line.awaited(entrance.set_zones, self._line, name, zones, proof(current))

    async def password(
        self, name: str, password: Spoken | None = None, *, current: Spoken | None = None
    ) -> Account:
        """Give a new password, one's own by the `current` one; without one it is made and told in the answer."""
        return await self._line.awaited(entrance.set_password, self._line, name, password, proof(current))

    async def activate(self, name: str, *, current: Spoken | None = None) -> Account:
        """Let somebody in again. Their old API tokens stay void."""
        return await self._line.awaited(entrance.set_active, self._line, name, True, proof(current))

    async def deactivate(self, name: str, *, current: Spoken | None = None) -> Account:
        """Let somebody in no more, until `activate`; their API tokens end for good. Raises `LastAdminError`."""
        return await self._line.awaited(entrance.set_active, self._line, name, False, proof(current))

    async def logout(self, name: str, *, current: Spoken | None = None) -> Account:
        """End every session of somebody."""
        return await self._line.awaited(entrance.end_sessions, self._line, name, proof(current))

    async def remove(self, name: str, *, current: Spoken | None = None) -> None:
        """For good, with the API tokens. Raises `LastAdminError`."""
        await self._line.awaited(entrance.remove_account, self._line, name, proof(current))

    async def totp_begin(self, name: str, *, current: Spoken | None = None) -> Secret:
        """Begin a second factor: the `otpauth://` address for an authenticator app, this once.

        It is asked for once a first code came with `totp_confirm`.
        """
        return await self._line.awaited(entrance.begin_totp, self._line, name, proof(current))

    async def totp_confirm(self, name: str, code: str, *, current: Spoken | None = None) -> Account:
        """Say the six digits the app shows. Raises `InvalidValueError` when they are not right."""
        return await self._line.awaited(entrance.confirm_totp, self._line, name, code, proof(current))

    async def totp_remove(self, name: str, *, current: Spoken | None = None) -> Account:
        """Take the second factor away, for somebody whose phone is lost. Admins only."""
        return await self._line.awaited(entrance.remove_totp, self._line, name, proof(current))


class Tokens(Door):
    """API tokens: one's own, an admin's all.

    All raise `ForbiddenError`, `UnknownTokenError`, `ControllerGoneError`.
    """

    async def list(self) -> TokenList:
        """Those there are, and for 30 days those that have ended."""
        return await self._line.awaited(entrance.tokens, self._line)

    async def add(
        self,
        label: str,
        permissions: str | Iterable[str],
        zones: str | Iterable[str] | None = None,
        lasting: Span = "90d",
        owner: str | None = None,
        *,
        current: Spoken | None = None,
    ) -> ApiToken:
        """Make one for a program: `token.whole.reveal()` tells it, this once.

        `permissions` such as `"look"`, never more than its owner has; `zones`: None for the owner's; `lasting` at
        most 366 days. Without a session the `owner` must be named. Raises `InvalidValueError`, `TokenLimitError` too.
        """
        limits = {"permissions": listed(permissions), "zones": None if zones is None else listed(zones)}
        told = limits | {"lasting": lasting, "owner": owner}
        return await self._line.awaited(entrance.add_token, self._line, label, told, proof(current))

    async def rotate(self, prefix: str, overlap: Span = "1d", *, current: Spoken | None = None) -> ApiToken:
        """Make another one in its place; the old one is good for the overlap yet."""
        return await self._line.awaited(entrance.rotate_token, self._line, prefix, overlap, proof(current))

    async def revoke(self, prefix: str) -> ApiToken:
        """End one now."""
        return await self._line.awaited(entrance.revoke_token, self._line, prefix)


class Blocks(Door):
    """Addresses that are kept out because they were denied too often. Admins only."""

    async def list(self) -> KeptOutList:
        """Those that are kept out now."""
        return await self._line.awaited(entrance.blocks, self._line)

    async def lift(self, address: str) -> None:
        """Let one in again. Raises `UnknownAddressError`."""
        await self._line.awaited(entrance.lift, self._line, address)
