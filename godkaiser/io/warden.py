"""Answers requests about accounts and API tokens: by an admin for everybody, by a person for themselves.

Each change is one row of the audit with what was before and after, never a password, a token or a second factor.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from godkaiser.auth.keys import Key, common
from godkaiser.auth.passwords import ENTROPY_BYTES, generate_password
from godkaiser.auth.policy import Permission, Role
from godkaiser.auth.session import Principal, User
from godkaiser.errors import InvalidValueError
from godkaiser.io.accounts import Accounts
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.doorman import Doorman
from godkaiser.model.instant import parse_duration, to_iso

OVERLAP: Final = "1d"
LASTING: Final = "90d"


class Warden:
    """Accounts, by whoever may."""

    def __init__(self, clerk: Clerk, accounts: Accounts, doorman: Doorman) -> None:
        self._clerk, self._accounts = clerk, accounts
        self._doorman, self._keyring = doorman, doorman.keyring
        self._changing = asyncio.Lock()

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "users.list": self._list,
            "users.add": self._add,
            "users.role": self._role,
            "users.zones": self._zones,
            "users.password": self._password,
            "users.activate": self._activate,
            "users.deactivate": self._deactivate,
            "users.remove": self._remove,
            "users.logout": self._logout,
            "users.totp.begin": self._totp_begin,
            "users.totp.confirm": self._totp_confirm,
            "users.totp.remove": self._totp_remove,
            "tokens.list": self._tokens,
            "tokens.add": self._token_add,
            "tokens.rotate": self._token_rotate,
            "tokens.revoke": self._token_revoke,
        }

    # ── accounts ───────────────────────────────────────────────────────────────────────────────────────
    async def _list(self, token: str | None = None) -> list[dict[str, Any]]:
        self._admin(token)
        return [self._shown(user.name) for user in self._accounts.users.values()]

    async def _add(  # noqa: PLR0917 - what clients name
        self,
        name: str,
        role: str,
        zones: list[str] | None = None,
        password: str | None = None,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """Without a password one is made; it is said this once."""
        who = await self._proved(current, address, token)
        chosen, found, reach = _chosen(password), _role(role), self._zone_ids(zones)
        await self._accounts.add(str(name), chosen, found, reach)
        detail = f"{found.value}, zones {_worded(reach)}"
        made = _facts(self._accounts.named(str(name)))
        self._clerk.attest(who, "user.added", str(name), detail, (None, made))
        return self._shown(str(name)) | {"password": chosen if password is None else None}

    async def _role(
        self, name: str, role: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        await self._proved(current, address, token)
        async with self._in_turn(token) as who:
            before, after = self._accounts.named(name), _role(role)
            if after is before.role:
                return self._already(name)
            count = await self._accounts.set_role(name, after)
            return self._changed(who, name, f"role {before.role.value} → {after.value}", count, before)

    async def _zones(
        self,
        name: str,
        zones: list[str],
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """An empty list: everywhere."""
        await self._proved(current, address, token)
        async with self._in_turn(token) as who:
            before, after = self._accounts.named(name), self._zone_ids(zones)
            if after == before.zones:
                return self._already(name)
            count = await self._accounts.set_zones(name, after)
            zoned = f"zones {_worded(before.zones)} → {_worded(after)}"
            return self._changed(who, name, zoned, count, before)

    async def _password(
        self,
        name: str,
        password: str | None = None,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """One's own, or by an admin somebody else's. Without one it is made, and said once."""
        who = await self._self_or_admin(name, current, address, token)
        chosen = _chosen(password)
        count = await self._accounts.set_password(name, chosen)
        done = self._changed(who, name, "password changed", count)
        return done | {"password": chosen if password is None else None}

    async def _activate(
        self, name: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        await self._proved(current, address, token)
        return await self._switched(name, True, token)

    async def _deactivate(self, name: str, token: str | None = None) -> dict[str, Any]:
        """Shutting somebody out must be quick: no password is asked for."""
        return await self._switched(name, False, token)

    async def _switched(self, name: str, active: bool, token: str | None) -> dict[str, Any]:
        async with self._in_turn(token) as who:
            before = self._accounts.named(name)
            if before.active is active:
                return self._already(name)
            theirs = [key for key in self._keyring.standing() if key.user_id == before.id]
            count = await self._accounts.set_active(name, active)
            for key in theirs if not active else ():
                self._clerk.attest(who, "token.revoked", key.prefix, f"{key.label}, with its owner")
            return self._changed(who, name, f"active {_yes(before.active)} → {_yes(active)}", count, before)

    async def _remove(
        self, name: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        await self._proved(current, address, token)
        async with self._in_turn(token) as who:
            before = self._accounts.named(name)
            await self._accounts.remove(name)
            detail = f"{before.role.value}, zones {_worded(before.zones)}"
            self._clerk.attest(who, "user.removed", name, detail, (_facts(before), None))
            return {"name": name, "removed": True}

    async def _logout(self, name: str, token: str | None = None) -> dict[str, Any]:
        """End every session of somebody."""
        who = self._admin(token)
        return self._changed(who, name, "logged out everywhere", await self._accounts.end_sessions(name))

    # ── the second factor ──────────────────────────────────────────────────────────────────────────────
    async def _totp_begin(
        self, name: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        """The address for the phone, this once."""
        who = await self._self_or_admin(name, current, address, token)
        begun = await self._accounts.begin_totp(name)
        self._clerk.attest(who, "user.changed", name, "second factor begun")
        return {"name": name, "address": begun}

    async def _totp_confirm(
        self, name: str, code: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        who = await self._self_or_admin(name, current, address, token)
        await self._accounts.confirm_totp(name, str(code))
        return self._changed(who, name, "second factor no → yes", 0)

    async def _totp_remove(
        self, name: str, current: str | None = None, address: str = "", token: str | None = None
    ) -> dict[str, Any]:
        """By an admin only: whoever has a stolen session must not take it away."""
        await self._proved(current, address, token)
        async with self._in_turn(token) as who:
            begun, before = self._accounts.named(name).totp, self._shown(name)["totp"]
            if begun is None:
                return self._already(name)
            await self._accounts.remove_totp(name)
            return self._changed(who, name, f"second factor {_yes(before)} → no", 0)

    # ── API tokens ─────────────────────────────────────────────────────────────────────────────────────
    async def _tokens(self, token: str | None = None) -> list[dict[str, Any]]:
        """An admin sees all of them, others their own."""
        person = self._person(token)
        everybody = person is None or person.may(Permission.MANAGE_USERS)
        found = [
            key for key in self._keyring.all() if everybody or (person and key.user_id == person.user_id)
        ]
        return [self._told(key) for key in found]

    async def _token_add(  # noqa: PLR0913, PLR0917 - what clients name
        self,
        label: str,
        permissions: list[str],
        zones: list[str] | None = None,
        lasting: str = LASTING,
        owner: str | None = None,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """The whole token is said this once. It outlives a session, so that asks for the password again."""
        person = self._person(token)
        if owner is None and person is None:
            raise InvalidValueError(field="owner", value="none", problem="is missing", allowed="whose it is")
        name = owner if owner is not None else person.name if person else ""
        who = await self._giver(self._accounts.named(name).id, current, address, token)
        user = self._accounts.named(name)
        rights, span = _rights(permissions), parse_duration(lasting, "lasting")
        whole, made = await self._keyring.add(user, label, rights, self._zone_ids(zones), span)
        told = self._told(made)
        limits = f"{', '.join(told['permissions'])}, zones {_reach(made, user)}, until {told['expires']}"
        self._clerk.attest(who, "token.added", made.prefix, f"{made.label} of {user.name}: {limits}")
        return told | {"token": whole}

    async def _token_rotate(
        self,
        prefix: str,
        overlap: str = OVERLAP,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """The new one, said this once; the old one is good for a while more."""
        self._person(token)
        old, span = self._keyring.named(prefix), parse_duration(overlap, "overlap")
        who = await self._giver(old.user_id, current, address, token)
        whole, made = await self._keyring.rotate(prefix, span)
        self._clerk.attest(who, "token.rotated", prefix, f"{old.label}: {prefix} → {made.prefix}")
        return self._told(made) | {"token": whole, "before": self._told(self._keyring.named(prefix))}

    async def _token_revoke(self, prefix: str, token: str | None = None) -> dict[str, Any]:
        person = self._person(token)
        key = self._keyring.named(prefix)
        who = self._owner_or_admin(person, key.user_id, token)
        if not key.revoked:  # else no row may claim a change
            await self._keyring.revoke(prefix)
            self._clerk.attest(who, "token.revoked", prefix, key.label)
        return self._told(self._keyring.named(prefix)) | {"already": key.revoked}

    # ── who ────────────────────────────────────────────────────────────────────────────────────────────
    @asynccontextmanager
    async def _in_turn(self, token: str | None) -> AsyncIterator[str]:
        """Changes of what an account is come one after the other, so that each row says what was just before.

        Gives who it is; who lost the right to the change before theirs changes nothing.
        """
        async with self._changing:
            yield self._admin(token)

    def _person(self, token: str | None) -> Principal | None:
        return self._clerk.signed_in(token)

    def _admin(self, token: str | None) -> str:
        self._person(token)
        return self._clerk.who(token, Permission.MANAGE_USERS)

    def _owner_or_admin(self, person: Principal | None, user_id: int, token: str | None) -> str:
        mine = person is not None and person.user_id == user_id
        return person.who if mine and person is not None else self._admin(token)

    async def _giver(self, user_id: int, current: str | None, address: str, token: str | None) -> str:
        """Who may make one for this account, with a session only by the password of whose session it is."""
        person = self._person(token)
        who = self._owner_or_admin(person, user_id, token)
        if person is None:
            return who
        await self._doorman.confirm(person, current, address)
        return self._owner_or_admin(self._person(token), user_id, token)  # that took its time

    async def _proved(self, current: str | None, address: str, token: str | None) -> str:
        """An admin, with a session only by their password: an open page must not be enough to take the house over."""
        who, person = self._admin(token), self._person(token)
        if person is None:
            return who
        await self._doorman.confirm(person, current, address)
        return self._admin(token)  # that took its time

    async def _self_or_admin(self, name: str, current: str | None, address: str, token: str | None) -> str:
        """Oneself or an admin, with a session only by the password of whose session it is."""
        person = self._person(token)
        if person is None or person.name != name:
            return await self._proved(current, address, token)
        await self._doorman.confirm(person, current, address)
        self._person(token)  # that took its time: the session may have ended
        return person.who

    # ── words ──────────────────────────────────────────────────────────────────────────────────────────
    def _changed(
        self, who: str, name: str, detail: str, count: int, before: User | None = None
    ) -> dict[str, Any]:
        change = (None, None) if before is None else (_facts(before), _facts(self._accounts.named(name)))
        ended = f"; {count} tokens ended" if count else ""
        self._clerk.attest(who, "user.changed", name, detail + ended, change)
        return self._shown(name) | {"tokens_invalidated": count, "already": False}

    def _already(self, name: str) -> dict[str, Any]:
        """It is so already: no row of the audit may claim a change, and no session ends."""
        return self._shown(name) | {"tokens_invalidated": 0, "already": True}

    def _shown(self, name: str) -> dict[str, Any]:
        user: User = self._accounts.named(name)
        return {"name": user.name} | _facts(user)

    def _told(self, key: Key) -> dict[str, Any]:
        now, owner = self._accounts.clock.now(), self._accounts.users.get(key.user_id)
        soon, after = self._keyring.ends_soon(key, now), self._keyring.successor(key)
        return {
            "prefix": key.prefix,
            "label": key.label,
            "owner": None if owner is None else owner.name,
            "permissions": sorted(key.permissions),
            "zones": None if key.zones is None else sorted(key.zones),
            "created": to_iso(key.created_at),
            "expires": to_iso(key.expires_at),
            "last_used": None if key.last_used is None else to_iso(key.last_used),
            "state": "revoked" if key.revoked else "good" if key.standing(now) else "over",
            "ends_soon": soon,
            "replaced_by": after,
        }

    def _zone_ids(self, zones: object) -> frozenset[str]:
        if not isinstance(zones, list | None):
            shown = repr(zones)[:80]
            raise InvalidValueError(field="zones", value=shown, problem="no list", allowed="a list of zones")
        return frozenset(self._clerk.zone(str(zone)) for zone in zones or ())


def _facts(user: User) -> dict[str, Any]:
    """What may be told of an account."""
    return {
        "role": user.role.value,
        "zones": sorted(user.zones),
        "active": user.active,
        "totp": user.totp is not None and user.totp.step is not None,
    }


def _chosen(password: str | None) -> str:
    return str(password) if password is not None else generate_password(secrets.token_bytes(ENTROPY_BYTES))


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        allowed = ", ".join(Role)
        raise InvalidValueError(
            field="role", value=str(text)[:40], problem="is none", allowed=allowed
        ) from None


def _rights(words: object) -> list[Permission]:
    if not isinstance(words, list):
        shown = repr(words)[:80]
        raise InvalidValueError(
            field="permissions", value=shown, problem="no list", allowed="a list of rights"
        )
    return [_permission(word) for word in words]


def _permission(text: str) -> Permission:
    try:
        return Permission(text)
    except ValueError:
        allowed = ", ".join(Permission)
        raise InvalidValueError(
            field="permissions", value=str(text)[:40], problem="is none", allowed=allowed
        ) from None


def _worded(zones: frozenset[str] | None) -> str:
    return ", ".join(sorted(zones)) if zones else "all"


def _reach(key: Key, owner: User) -> str:
    """Where it acts: one without zones of its own is bound to those of its owner."""
    owned = " (its owner's)" if key.zones is None and owner.reach is not None else ""
    return _worded(common(key.zones, owner.reach)) + owned


def _yes(value: object) -> str:
    return "yes" if value else "no"
