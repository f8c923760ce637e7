"""Requests of clients: who may ask, who answers, and what things the words of people mean."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from godkaiser.auth.policy import Permission
from godkaiser.auth.requests import PER_MINUTE
from godkaiser.auth.session import Principal
from godkaiser.engine import picture
from godkaiser.errors import (
    AuthenticationFailedError,
    ForbiddenError,
    InvalidValueError,
    ProtocolError,
    SetupDoneError,
    ThrottledError,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownSensorError,
    UnknownZoneError,
)
from godkaiser.io.accounts import Accounts, require
from godkaiser.io.asking import ASKING, asked_from, known
from godkaiser.io.hub import Hub
from godkaiser.io.runner import Runner
from godkaiser.io.turnstile import Turnstile, address_of
from godkaiser.io.whereabouts import Where, whole_house
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import to_iso
from godkaiser.model.text import spoiled_in, storable

# Changes that are stored first and audited then: neither is left without the other.
TO_THE_END: Final = ("users.", "tokens.", "blocks.", "broker.", "logout", "setup")
LOOKING: Final = (".list", ".seen", ".required")
REASON_MOST: Final = 500
NO_REASON: Final = "the reason was no text"
TEXTS: Final = frozenset({"token", "current", "password", "address", "code"})
OWNER: Final = re.compile(r"^(?:[\w<>]+\.)+_*(?=\w+\(\))")  # what Python says before the name of a function
Method = Callable[..., Awaitable[Any]]


class Offers(Protocol):
    """Somebody who answers requests."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""


class Clerk:
    """Passes each request on to whoever offered to answer it, and says who asks.

    Changes nothing except by posting events.
    """

    def __init__(
        self,
        runner: Runner,
        accounts: Accounts,
        *,
        speed: float,
        simulated: bool,
        per_minute: int = PER_MINUTE,
    ) -> None:
        self._runner, self._accounts = runner, accounts
        self._state = runner.engine.state
        self._speed, self._simulated = speed, simulated
        self.turnstile = Turnstile(accounts, self.attest, per_minute)
        self._working: set[asyncio.Future[Any]] = set()
        self.hub = Hub(self._draw, lambda: to_iso(self._runner.clock.now()))
        self._methods: dict[str, Method] = {
            "snapshot": self._snapshot,
            "why": self._why,
            "wire.problems": self._problems,
        }

    @property
    def methods(self) -> Mapping[str, Method]:
        """All there are, by name."""
        return MappingProxyType(self._methods)

    def offer(self, methods: Mapping[str, Method]) -> None:
        """More methods, by name."""
        self._methods.update(methods)

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """One request. Every error is typed."""
        handler = self._methods.get(method)
        if handler is None:
            raise ProtocolError(
                problem=f"no method {method[:40]!r}; there are {', '.join(sorted(self._methods))}"
            )
        if method == "stop":  # whatever is said as its reason, it stops
            params = params | {"reason": _reason(params.get("reason"))}
        _check_texts(params)
        asking = ASKING.set(known(ASKING.get()))
        try:
            asked_from(address_of(method, params))
            self.turnstile.admit(method, params.get("token"))
            with self.turnstile.asking(method, params):
                return await self._done(method, handler, params)
        except ForbiddenError as error:
            await self.turnstile.on_denied(ASKING.get().address, error.who)
            raise
        except (AuthenticationFailedError, SetupDoneError, ThrottledError) as error:
            await self.turnstile.failed(method, params, error)
            raise
        finally:
            ASKING.reset(asking)

    async def _done(self, method: str, handler: Method, params: dict[str, Any]) -> Any:
        try:
            if method.startswith(TO_THE_END) and not method.endswith(LOOKING):
                return await self._to_the_end(handler(**params))
            return await handler(**params)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            raise ProtocolError(problem=f"{method}: {OWNER.sub('', str(error)[:200])}") from None

    async def _to_the_end(self, work: Awaitable[Any]) -> Any:
        """Also if who asked hangs up: what was changed has its row in the audit, which is kept before the answer."""
        task = asyncio.ensure_future(self._kept(work))
        self._working.add(task)
        task.add_done_callback(self._worked)
        return await asyncio.shield(task)

    async def _kept(self, work: Awaitable[Any]) -> Any:
        answer = await work
        await self._runner.settled_inbox()
        await self._runner.depot.committed()
        return answer

    def _worked(self, task: asyncio.Future[Any]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # who asked has it, or has hung up

    async def finished(self) -> None:
        """Wait for what has to come to its end; nobody may ask any more."""
        while self._working:
            await asyncio.wait(tuple(self._working))

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        """A snapshot, then changes."""
        feed = self.hub.watch()
        first = asyncio.ensure_future(anext(feed))
        try:
            # The watcher is registered before the snapshot is drawn: nothing is missed.
            await asyncio.sleep(0)
            yield {"kind": "snapshot", "id": "", "data": await self._snapshot()}
            yield await first
            async for change in feed:
                yield change
        finally:
            first.cancel()

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────
    async def _snapshot(self) -> dict[str, Any]:
        return self._whole()

    def _whole(self) -> dict[str, Any]:
        now = self._runner.clock.now()
        shot = picture.snapshot(self._state, now, self._runner.received)
        shot["counters"] = self._counters()
        return shot | {"speed": self._speed, "simulated": self._simulated}

    def _counters(self) -> dict[str, Any]:
        depot = self._runner.depot
        counts = depot.counts
        stored: dict[str, Any] = {"readings_stored": counts.stored, "duplicates": counts.repeats}
        stored |= {
            "spooled": counts.spooled,
            "unstorable": counts.unstorable,
            "database": depot.problem or None,
        }
        return picture.counters_picture(self._state) | stored

    def _draw(self, kind: str, thing: str) -> dict[str, Any] | None:
        if kind == "counters":
            return self._counters()
        if kind == "snapshot":
            return self._whole()
        return picture.one(self._state, kind, thing, self._runner.clock.now())

    async def _why(self, actuator: str) -> dict[str, Any]:
        return picture.why(self._state, self.actuator(actuator), self._runner.clock.now())

    async def _problems(self, token: str | None = None) -> list[dict[str, Any]]:
        """What could not be read, per node; the empty name is everybody unknown."""
        self.who(token, Permission.LOOK)
        nodes = sorted({whose for whose, _ in self._state.troubles})
        return [{"node": node, "reasons": picture.troubles_picture(self._state, node)} for node in nodes]

    # ── who asks ───────────────────────────────────────────────────────────────────────────────────────
    def who(self, token: str | None, permission: Permission, where: Where = whole_house) -> str:
        """A signed-in person with the right, or the local user, whom the socket's file mode has let in.

        `where`: the zones it is about, asked only of people who are bound to some.
        """
        person = self.person(token)
        if person is None:
            return f"local:{getpass.getuser()}"
        zones = where() if person.zones is not None and permission in person.permissions else None
        try:
            require(person, permission, zones)
        except ForbiddenError:
            self.turnstile.denied(person, permission.value)
            raise
        return person.who

    def person(self, token: str | None) -> Principal | None:
        """Who is signed in, or came with an API token; None for the local user."""
        return None if token is None else self._accounts.principal(token)

    def signed_in(self, token: str | None) -> Principal | None:
        """The same, but no API token. Raises `ForbiddenError`."""
        person = self.person(token)
        if person is not None and person.key:
            raise self.refusal(person, f"do this with the API token {person.key}", "session")
        return person

    def refusal(self, person: Principal, action: str, target: str) -> ForbiddenError:
        """What to raise; that it was is in the audit."""
        self.turnstile.denied(person, target)
        return ForbiddenError(who=person.name, role=person.role.value, action=action)

    def attest(
        self,
        who: str,
        action: str,
        target: str,
        detail: str = "",
        change: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None] = (None, None),
    ) -> None:
        """For the audit. `change`: what was before and is after, without secrets."""
        before, after = ("" if part is None else json.dumps(part, separators=(",", ":")) for part in change)
        now = self._runner.clock.now()
        self._runner.post(ev.Attested(now, who, action, target, detail, before, after))

    def keep_out(self, number: int, newest: str) -> None:
        """For the alarm: so many addresses may not sign in."""
        self._runner.post(ev.KeptOut(self._runner.clock.now(), number, newest))

    # ── names ──────────────────────────────────────────────────────────────────────────────────────────
    def node(self, text: str) -> NodeId:
        """By id or name. Raises `UnknownNodeError`."""
        for node in self._state.nodes.values():
            if text and text in (node.id, node.name):
                return node.id
        raise UnknownNodeError(text=str(text))

    def actuator(self, text: str) -> ActuatorId:
        """By id or name. Raises `UnknownActuatorError`."""
        for actuator in self._state.actuators.values():
            if text and text in (actuator.id, actuator.spec.name):
                return actuator.id
        raise UnknownActuatorError(text=str(text))

    def sensor(self, text: str) -> SeriesId:
        """A series that was heard, by id or name. Raises `UnknownSensorError`."""
        for sensor in self._state.sensors.values():
            if text in (sensor.id, self._state.name_of(sensor.id)):
                return sensor.id
        raise UnknownSensorError(text=str(text))

    def zone(self, text: str) -> str:
        """By id or name. Raises `UnknownZoneError`."""
        state = self._state
        used = {node.zone for node in state.nodes.values()} | {a.spec.zone for a in state.actuators.values()}
        used |= {scope.name for scope in state.stops if scope.kind == "zone"}
        known = {zone: state.zones.get(zone, zone) for zone in (*state.zones, *used) if zone}
        for zone, name in known.items():
            if text in (zone, name):
                return zone
        raise UnknownZoneError(text=text, known=", ".join(sorted(known)) or "none")


def _check_texts(params: Mapping[str, Any]) -> None:
    """Who somebody is is said in texts. The value is never told: it may hold a secret all the same.

    What no database keeps is refused before anything is done: else it happened, and its row of the audit is missing.
    """
    if (found := spoiled_in(params, "with")) is not None:
        field, problem = found[0].removeprefix("with."), found[1]
        raise InvalidValueError(field=field, value="***", problem=problem, allowed="text without it")
    for field in TEXTS & params.keys():
        if not isinstance(params[field], str | None):
            raise InvalidValueError(field=field, value="***", problem="no text", allowed="a text")


def _reason(said: object) -> str:
    """Why somebody stops, as far as it can be kept: never a reason not to stop."""
    if said is None:
        return ""
    return storable(said[:REASON_MOST]) if isinstance(said, str) else NO_REASON
