"""Accounts, API tokens and addresses that are kept out, as plain frozen values. No picture of them shows a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from godkaiser.display import Html, Shown, bad, html_of, quiet, table, text_table
from godkaiser.handles.secret import Secret, kept
from godkaiser.handles.values import surely, when

ACCOUNT_HEAD: Final = ("name", "role", "zones", "active", "second factor", "last seen")
TOKEN_HEAD: Final = ("prefix", "label", "owner", "may", "zones", "last used", "ends", "state")
BLOCK_HEAD: Final = ("address", "since", "until", "time")
NO_ACCOUNT, NO_TOKEN, NO_BLOCK = "no account", "no API token", "no address is kept out"


@dataclass(frozen=True, slots=True)
class Account(Shown):
    """One account. `zones`: where it acts; none: everywhere. `totp`: is a second factor asked for?

    `last_seen`: aware, UTC; only in a list. `tokens_ended`: how many tokens of its sessions the change has ended.
    `already`: it was so before, so nothing was changed. `password`: one that was made for it, told this once;
    `password.reveal()` gives the text.
    """

    name: str
    role: str
    zones: tuple[str, ...]
    active: bool
    totp: bool
    last_seen: datetime | None = None
    tokens_ended: int = 0
    already: bool = False
    password: Secret | None = None

    @classmethod
    def of(cls, shot: Mapping[str, Any], last_seen: str | None = None) -> Self:
        """From the controller's words."""
        names = {name: shot[name] for name in ("name", "role", "active", "totp")}
        told = {"tokens_ended": shot.get("tokens_invalidated", 0), "already": shot.get("already", False)}
        told |= {"password": kept(shot.get("password"))}
        return cls(**names, **told, zones=tuple(shot["zones"]), last_seen=when(last_seen))

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        return self.name, self.role, _zones(self.zones), self.active, self.totp, self.last_seen


@dataclass(frozen=True, slots=True)
class ApiToken(Shown):
    """An API token of a program. `zones`: None for those of its owner. `state`: good, over or revoked.

    `ends_soon`: it is to be rotated. `replaced_by`: the prefix of the one it was exchanged for.

    `whole`: the token itself, told this once, when it is made; `whole.reveal()` gives the text. `before`, when it was
    made by rotation: the old one, and until when that is good yet.
    """

    prefix: str
    label: str
    owner: str | None
    permissions: tuple[str, ...]
    zones: tuple[str, ...] | None
    created: datetime
    expires: datetime
    last_used: datetime | None
    state: str
    ends_soon: bool
    replaced_by: str | None = None
    whole: Secret | None = None
    before: ApiToken | None = field(default=None, repr=False)

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        names = {name: shot[name] for name in ("prefix", "label", "owner", "state", "ends_soon")}
        zones = None if shot["zones"] is None else tuple(shot["zones"])
        before = cls.of(shot["before"]) if shot.get("before") is not None else None
        return cls(
            **names,
            created=surely(shot["created"]),
            expires=surely(shot["expires"]),
            permissions=tuple(shot["permissions"]),
            zones=zones,
            last_used=when(shot["last_used"]),
            replaced_by=shot.get("replaced_by"),
            whole=kept(shot.get("token")),
            before=before,
        )

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        zones = "the owner's" if self.zones is None else _zones(self.zones)
        state = "ends soon" if self.state == "good" and self.ends_soon else self.state
        if self.state == "good" and self.replaced_by is not None:
            state = f"replaced by {self.replaced_by}"
        may = ", ".join(self.permissions)
        return self.prefix, self.label, self.owner, may, zones, self.last_used, self.expires, state


@dataclass(frozen=True, slots=True)
class KeptOut(Shown):
    """An address nobody can sign in from until `until`. `times`: how often it was kept out by now."""

    address: str
    since: datetime
    until: datetime
    times: int

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(shot["address"], surely(shot["since"]), surely(shot["until"]), shot["times"])

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        return self.address, self.since, self.until, self.times


class AccountList(Shown, tuple[Account, ...]):
    """Everybody there is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return text_table(ACCOUNT_HEAD, [one.row() for one in self]) if self else NO_ACCOUNT


class TokenList(Shown, tuple[ApiToken, ...]):
    """API tokens: one's own, an admin's all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return text_table(TOKEN_HEAD, [one.row() for one in self]) if self else NO_TOKEN


class KeptOutList(Shown, tuple[KeptOut, ...]):
    """Addresses that are kept out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return text_table(BLOCK_HEAD, [one.row() for one in self]) if self else NO_BLOCK


def _zones(zones: tuple[str, ...]) -> str:
    return ", ".join(zones) or "all"


@html_of.register
def _(accounts: AccountList) -> Html:
    return table(ACCOUNT_HEAD, [one.row() for one in accounts]) if accounts else quiet(NO_ACCOUNT)


@html_of.register
def _(tokens: TokenList) -> Html:
    return table(TOKEN_HEAD, [_marked(one) for one in tokens]) if tokens else quiet(NO_TOKEN)


@html_of.register
def _(blocks: KeptOutList) -> Html:
    return table(BLOCK_HEAD, [one.row() for one in blocks]) if blocks else quiet(NO_BLOCK)


@html_of.register
def _(account: Account) -> Html:
    return table(ACCOUNT_HEAD, [account.row()])


@html_of.register
def _(token: ApiToken) -> Html:
    return table(TOKEN_HEAD, [_marked(token)])


@html_of.register
def _(block: KeptOut) -> Html:
    return table(BLOCK_HEAD, [block.row()])


def _marked(token: ApiToken) -> tuple[object, ...]:
    *rest, state = token.row()
    return *rest, bad(str(state)) if state == "ends soon" else state
