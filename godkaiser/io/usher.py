"""Tells people who they are and what they may do with which thing, so that no page decides that by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.auth.session import Principal
from godkaiser.engine import alarm as alarms
from godkaiser.engine.state import State
from godkaiser.errors import (
    InvalidError,
    InvalidValueError,
    MissingError,
    RuleRefusedError,
    UnknownAlarmError,
)
from godkaiser.io.accounts import Accounts
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.trail import last_logins
from godkaiser.io.switchboard import Switchboard
from godkaiser.io.whereabouts import Zones, of_actuator, of_alarm, of_node, of_rules, of_scope, of_sensor
from godkaiser.model.instant import to_iso

THINGS_MOST: Final = 500
Reach = Callable[[str], Zones | None]


class Usher:
    """Answers requests of people about themselves. Refuses nothing: it only says what would be refused."""

    def __init__(
        self,
        runner: Runner,
        store: SqlStore,
        clerk: Clerk,
        switchboard: Switchboard,
        accounts: Accounts,
        book: Rulebook,
    ) -> None:
        self._state, self._store, self._clerk, self._accounts = runner.engine.state, store, clerk, accounts
        self._kinds: Mapping[str, Reach] = {
            "actuator": lambda name: of_actuator(self._state, clerk.actuator(name)),
            "sensor": lambda name: of_sensor(self._state, clerk.sensor(name)),
            "node": lambda name: of_node(self._state, clerk.node(name)),
            "rule": lambda name: _of_rule(book, self._state, name),
            "alarm": lambda key: of_alarm(self._state, self._alarm(key)),
            "scope": lambda name: of_scope(self._state, switchboard.standing(name)),
        }

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "me": self._me,
            "may": self._may,
            "users.seen": self._seen,
        }

    async def _me(self, token: str) -> dict[str, Any]:
        """One's own account. With a session only."""
        person = self._clerk.signed_in(token)
        assert person is not None  # there is a token
        user = self._accounts.users[person.user_id]
        return {
            "name": user.name,
            "role": user.role.value,
            "zones": sorted(user.zones),
            "totp": user.totp is not None and user.totp.step is not None,
            "permissions": sorted(person.permissions),
        }

    async def _may(
        self, right: object, kind: object, things: object, token: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Per thing `may`, and if not `why`: right (nowhere), zones (not there), missing; its `zones`."""
        person = self._clerk.person(token)
        permission, reach = _right(right), self._kinds.get(kind) if isinstance(kind, str) else None
        if reach is None:
            allowed = ", ".join(self._kinds)
            raise InvalidValueError(field="kind", value=repr(kind)[:40], problem="is none", allowed=allowed)
        found = {}
        for name in dict.fromkeys(_names(things)):
            found[name] = _judged(person, permission, name, reach)
            await asyncio.sleep(0)  # others have their turn
        return found

    async def _seen(self, token: str | None = None) -> dict[str, str | None]:
        """When each account was seen last: with a session since the start, or signing in as the audit says."""
        self._clerk.signed_in(token)
        self._clerk.who(token, Permission.MANAGE_USERS)
        logins = await last_logins(self._store)
        found = {
            u.name: self._accounts.seen.get(u.id, logins.get(u.name)) for u in self._accounts.users.values()
        }
        return {name: None if at is None else to_iso(at) for name, at in found.items()}

    def _alarm(self, key: str) -> str:
        found = alarms.find(self._state, key)
        if found is None:
            raise UnknownAlarmError(text=key[:200])
        return found.key


def _of_rule(book: Rulebook, state: State, name: str) -> Zones | None:
    try:
        return of_rules(state, [book.rule(name).rule])
    except RuleRefusedError:
        return None  # nobody knows what one that is refused would switch


def _judged(person: Principal | None, right: Permission, name: str, reach: Reach) -> dict[str, Any]:
    try:
        zones = reach(name)
    except (MissingError, InvalidError):
        return {"may": False, "why": "missing", "zones": []}
    shown = sorted({str(zone) for zone in zones or () if zone is not None})
    if person is None or person.may(right, zones):
        return {"may": True, "why": "", "zones": shown}
    return {"may": False, "why": "zones" if right in person.permissions else "right", "zones": shown}


def _right(text: object) -> Permission:
    try:
        return Permission(str(text))
    except ValueError:
        shown, allowed = repr(text)[:40], ", ".join(Permission)
        raise InvalidValueError(field="right", value=shown, problem="is none", allowed=allowed) from None


def _names(things: object) -> list[str]:
    if (
        isinstance(things, list)
        and len(things) <= THINGS_MOST
        and all(isinstance(one, str) for one in things)
    ):
        return things
    allowed = f"a list of at most {THINGS_MOST} ids"
    raise InvalidValueError(field="things", value=repr(things)[:40], problem="is none", allowed=allowed)
