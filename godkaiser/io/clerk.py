"""What the controller does for its clients: one method per request. People enter where rules enter, as intents."""

from __future__ import annotations

import asyncio
import getpass
import json
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from godkaiser.auth.policy import Permission
from godkaiser.auth.requests import PER_MINUTE
from godkaiser.auth.session import Principal
from godkaiser.engine import picture
from godkaiser.engine.calibration import calibration_picture, versions_of
from godkaiser.engine.clear import latched
from godkaiser.engine.cycles import marks_of
from godkaiser.engine.request import scan_refusal
from godkaiser.engine.site import undeclared
from godkaiser.engine.state import RuleState
from godkaiser.errors import (
    AckTimeoutError,
    AuthenticationFailedError,
    CommandFailedError,
    CommandRefusedError,
    DocumentError,
    DuplicateRuleError,
    ForbiddenError,
    InvalidValueError,
    NodeRefusedError,
    NodeSilentError,
    ProtocolError,
    RuleRefusedError,
    SetupDoneError,
    StopTransitionError,
    ThrottledError,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownRuleError,
    UnknownSensorError,
    UnknownZoneError,
)
from godkaiser.io.accounts import Accounts, require
from godkaiser.io.asking import ASKING, asked_from, known
from godkaiser.io.hub import Hub
from godkaiser.io.packing import RANKS, floats, packed_array
from godkaiser.io.runner import Runner
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.stored import Stored, sort_out
from godkaiser.io.turnstile import Turnstile, address_of
from godkaiser.io.whereabouts import (
    Where,
    Zones,
    of_actuator,
    of_node,
    of_rules,
    of_scope,
    of_sensor,
    whole_house,
)
from godkaiser.model import event as ev
from godkaiser.model.discreet import told
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import (
    DAY,
    MILLISECOND,
    MINUTE,
    SECOND,
    Instant,
    parse_duration,
    parse_instant,
    to_iso,
)  # fmt: skip
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.request import MEASURE_WITHIN, Inquiry, Measure, Reply, Request, read_inquiry
from godkaiser.model.scope import Scope
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.text import spoiled_in, storable
from godkaiser.rules.build import build_rule
from godkaiser.rules.caution import cautions
from godkaiser.rules.document import RuleDocument, hash_of, read_document, write_document
from godkaiser.rules.explain import sentence
from godkaiser.rules.refused import RefusedRule
from godkaiser.rules.rule import Rule
from godkaiser.rules.surroundings import Surroundings
from godkaiser.safety.gate import examine
from godkaiser.safety.stop import Step, Stop

# Changes that are stored first and audited then: neither is left without the other.
TO_THE_END: Final = ("users.", "tokens.", "blocks.", "broker.", "logout", "setup")
LOOKING: Final = (".list", ".seen", ".required")
ANSWER_GUARD: Final = 30.0
REQUEST_GUARD: Final = 600.0  # others may be asked first
ROWS_MOST: Final = 100_000_000
REASON_MOST: Final = 500
NO_REASON: Final = "the reason was no text"
TEXTS: Final = frozenset({"token", "current", "password", "address", "code"})
MARKING: Final = ("node.replaced", "sensor.recalibrated")  # what a reader of a curve must know of
Method = Callable[..., Awaitable[Any]]


class Offers(Protocol):
    """Somebody who answers requests."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""


class Clerk:
    """Answers requests. Holds what they need; changes nothing except by posting events."""

    def __init__(
        self,
        runner: Runner,
        store: SqlStore,
        accounts: Accounts,
        *,
        speed: float,
        simulated: bool,
        per_minute: int = PER_MINUTE,
    ) -> None:
        self._runner, self._store, self._accounts = runner, store, accounts
        self._state = runner.engine.state
        self._speed, self._simulated = speed, simulated
        self.turnstile = Turnstile(accounts, self.attest, per_minute)
        self._waiting: dict[str, asyncio.Queue[Outcome]] = {}
        self._requests: dict[str, asyncio.Future[Reply]] = {}
        self._asked = 0
        self._working: set[asyncio.Future[Any]] = set()
        self.documents: dict[str, Any] = {}  # of rules, as they are stored: also of those that are refused
        self.changing = asyncio.Lock()  # one change of rules or site after the other
        self.hub = Hub(self._draw, lambda: to_iso(self._runner.clock.now()))
        self._methods: dict[str, Method] = {
            "snapshot": self._snapshot,
            "set": self._set,
            "check": self._check,
            "stop": self._stop,
            "clear": self._clear,
            "why": self._why,
            "history": self._history,
            "nodes.approve": self._approve,
            "nodes.reject": self._reject,
            "measure": self._measure,
            "nodes.ask": self._ask,
            "wire.problems": self._problems,
            "rules.check": self._rules_check,
            "rules.import": self._rules_import,
            "rules.export": self._rules_export,
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
            problem = f"{method}: {str(error)[:200]}".replace("Clerk._", "")
            raise ProtocolError(problem=problem) from None

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
            await asyncio.sleep(
                0
            )  # the watcher is registered before the snapshot is drawn: nothing is missed
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

    async def _check(self, actuator: str, value: float) -> dict[str, Any]:
        actuator_id = self.actuator(actuator)
        intent = Intent("", actuator_id, _number("value", value), Origin.PERSON, "check")
        findings = examine(intent, self._state, self._runner.clock.now())
        shown = [{"code": f.code, "sentence": f.sentence, "severity": f.severity.value} for f in findings]
        return {"allowed": all(f["severity"] == "warn" for f in shown), "findings": shown}

    async def _history(
        self,
        series: str,
        since: str = "-24h",
        until: str | None = None,
        limit: int | None = None,
        packed: bool = False,
        token: str | None = None,
    ) -> dict[str, Any]:
        """`packed`: columns as base64 of 64-bit integers and floats (NaN where there is no value).

        `raw`: what the node said, before conversion and filters.
        `marks`: when the board or the calibration behind the series was changed, and the words about it; what was
        planted, noted and ended in its zone.
        `calibration`: the version that made each value, 0 for none; `versions`: those that occur.
        `coverage`: of a light sum, the part 0..1 of its time that was measured; of all others it is empty.
        """
        self.who(token, Permission.LOOK)
        _check_history(since, until, limit)
        return await self.stretch(self.sensor(series), self.span(since, until), limit, packed)

    def span(self, since: str, until: str | None = None) -> tuple[Instant, Instant]:
        """By the controller's clock. Raises `InvalidValueError`."""
        _check_history(since, until, None)
        now = self._runner.clock.now()
        start = parse_instant(since, now, "since")
        return start, now + SECOND if until is None else parse_instant(until, now, "until")

    async def stretch(
        self,
        sensor: SeriesId,
        span: tuple[Instant, Instant],
        limit: int | None = None,
        packed: bool = False,
        zone: str | None = None,
    ) -> dict[str, Any]:
        """What is stored of a span, the end exclusive; with `zone` only what was measured there."""
        await self._runner.depot.committed()  # who has seen a value finds it in the history
        columns = await self._store.history(sensor, *span, limit, zone)
        marks = await self.marks(sensor, span, zone)
        versions = self._versions(sensor, set(columns.calibration))
        head: dict[str, Any] = {"series": sensor, "unit": self._state.unit_of(sensor)}
        head |= {
            "quality": columns.quality,
            "marks": marks,
            "calibration": columns.calibration,
            "versions": versions,
        }
        coverage = columns.coverage if any(part is not None for part in columns.coverage) else []
        if packed:
            ranks = bytes(RANKS[word] for word in columns.quality)
            head |= {"quality": packed_array(array("B", ranks))}
            head |= {"calibration": packed_array(array("q", columns.calibration))}
            head |= {
                "times": packed_array(array("q", columns.times)),
                "raw": packed_array(array("d", columns.raw)),
            }
            return head | {"values": floats(columns.values), "coverage": floats(coverage)}
        times = [to_iso(at) for at in columns.times]
        return head | {"times": times, "values": columns.values, "raw": columns.raw, "coverage": coverage}

    async def marks(
        self, sensor: SeriesId, span: tuple[Instant, Instant], zone: str | None = None
    ) -> list[dict[str, str]]:
        """What a reader of a curve must know of."""
        shown = picture.sensor_picture(self._state, self._state.sensors[sensor], span[1])
        marks = await self._store.audits.marks((sensor, sensor.node), MARKING, *span)
        marks = sorted([*marks, *marks_of(self._state, zone or shown["zone"], *span)])
        return [{"at": to_iso(at), "text": text} for at, text in marks]

    def _versions(self, sensor: SeriesId, numbers: set[int]) -> list[dict[str, Any]]:
        made = versions_of(self._state, self._state.sensors[sensor])
        return [calibration_picture(one) for one in made if one.version in numbers]

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

    # ── acting ─────────────────────────────────────────────────────────────────────────────────────────
    async def _set(
        self,
        actuator: str,
        value: float,
        duration: str | float | None = None,
        hold: str | float | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        state = self._state
        who = self.who(token, Permission.SWITCH, lambda: of_actuator(state, self.actuator(actuator)))
        actuator_id = self.actuator(actuator)
        self._asked += 1
        intent = Intent(
            id=f"p{self._state.run}-{self._asked}",
            actuator=actuator_id,
            value=_number("value", value),
            origin=Origin.PERSON,
            who=who,
            duration=None if duration is None else parse_duration(duration, "duration"),
            hold=None if hold is None else _at_most_a_day(parse_duration(hold, "hold")),
        )
        return picture.outcome_picture(await self._outcome(intent))

    async def _outcome(self, intent: Intent) -> Outcome:
        queue = self._waiting[intent.id] = asyncio.Queue()
        self._runner.post(ev.Asked(self._runner.clock.now(), intent))
        try:
            async with asyncio.timeout(ANSWER_GUARD):
                outcome = await queue.get()
                while not (outcome.fate.final or outcome.fate is Fate.QUEUED):
                    outcome = await queue.get()
        except TimeoutError:
            raise AckTimeoutError(actuator=intent.actuator, seconds=ANSWER_GUARD) from None
        finally:
            del self._waiting[intent.id]
        return _raised(outcome)

    def on_answer(self, outcome: Outcome) -> None:
        """From the runner: somebody may wait for it."""
        queue = self._waiting.get(outcome.intent)
        if queue is not None:
            queue.put_nowait(outcome)

    async def _stop(self, reason: str = "", scope: str = "all", token: str | None = None) -> dict[str, Any]:
        """`scope`: all, zone:NAME or node:NAME."""
        who = self.who(token, Permission.STOP)
        reach = self._scope(scope)
        self._runner.post(ev.StopAsked(self._runner.clock.now(), who, reason, reach))
        await self._runner.settled_inbox()
        return picture.standing_picture(self._state, reach)

    async def _clear(
        self, force: bool = False, scope: str = "all", token: str | None = None
    ) -> dict[str, Any]:
        who = self.who(token, Permission.CLEAR, lambda: of_scope(self._state, self._standing(scope)))
        reach = self._standing(scope)
        standing = self._state.stops.get(reach)
        stop = Stop() if standing is None else standing.stop
        own_latch = (
            standing is None and reach.kind == "node" and latched(self._state, NodeId.known(reach.name))
        )
        if not own_latch and not stop.allows(Step.CLEAR) and not (force and stop.allows(Step.CONFIRMED)):
            way = {
                "NORMAL": f"No stop of {reach} is active.{self._other_stops()}",
                "CLEARING": "It is being cleared; wait, or clear with force.",
                "RESUMING": "It is resuming already.",
            }[stop.phase.value]
            raise StopTransitionError(phase=stop.phase.value, step="clear", way=way)
        if own_latch and not self._state.stop.energising:
            way = "The stop of everything keeps it: clear that first."
            raise StopTransitionError(phase=self._state.stop.phase.value, step="clear", way=way)
        self._runner.post(ev.ClearAsked(self._runner.clock.now(), who, bool(force), reach))
        await self._runner.settled_inbox()
        return picture.standing_picture(self._state, reach)

    def _other_stops(self) -> str:
        names = ", ".join(str(scope) for scope in sorted(self._state.stops))
        return f" There is one of {names}: clear that." if names else ""

    def _standing(self, text: str) -> Scope:
        """A stop that stands comes before what has its name now: its zone may be renamed, its node be gone."""
        found = [scope for scope in self._state.stops if str(scope) == text]
        return found[0] if found else self._scope(text)

    def _scope(self, text: str) -> Scope:
        """A zone or node by id or name. Raises `InvalidValueError`, `UnknownNodeError`, `UnknownZoneError`."""
        kind, _, name = str(text).partition(":")
        if kind == "node" and name:
            return Scope("node", self.node(name))
        if kind == "zone" and name:
            return Scope("zone", self.zone(name))
        return Scope.parse(str(text))

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

    async def _approve(self, node: str, token: str | None = None) -> dict[str, Any]:
        return await self._decide(node, True, self._approver(node, token))

    async def _reject(self, node: str, token: str | None = None) -> dict[str, Any]:
        return await self._decide(node, False, self._approver(node, token))

    def _approver(self, node: str, token: str | None) -> str:
        return self.who(token, Permission.APPROVE, lambda: of_node(self._state, self.node(node)))

    async def _decide(self, node: str, approved: bool, who: str) -> dict[str, Any]:
        node_id = self.node(node)
        self._runner.post(ev.NodeDecided(self._runner.clock.now(), node_id, approved, who))
        await self._runner.drained()
        shown = picture.one(self._state, "node", node_id, self._runner.clock.now())
        assert shown is not None
        return shown

    # ── requests to nodes ──────────────────────────────────────────────────────────────────────────────
    async def _measure(
        self, sensor: str, within: str | float | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """Read a sensor now; the answer is its new reading."""
        who = self.who(token, Permission.SWITCH, lambda: of_sensor(self._state, self.sensor(sensor)))
        series = self.sensor(sensor)
        limit = MEASURE_WITHIN if within is None else _measure_time(parse_duration(within, "within"))
        before, ask = self._state.sensors[series].latest, Measure(series.gpio, limit)
        reply = await self._reply(series.node, who, ask)
        if self._state.sensors[series].latest is before:
            message = (
                "it answered, but sent no newer reading of this sensor: is another one first on its pin?"
            )
            raise NodeRefusedError(node=series.node, what=reply.request.what, message=message)
        await self._runner.depot.committed()
        shown = picture.one(self._state, "sensor", series, self._runner.clock.now())
        assert shown is not None
        return shown

    async def _ask(
        self, node: str, command: str, params: dict[str, Any] | None = None, token: str | None = None
    ) -> dict[str, Any]:
        """A system command that moves nothing."""
        self.person(token)
        inquiry = read_inquiry(command, params or {})
        right = Permission.MANAGE_USERS if inquiry.word == "set_emergency_token" else Permission.SWITCH
        who = self.who(token, right, lambda: of_node(self._state, self.node(node)))
        if inquiry.word == "set_emergency_token":
            self._check_ours(inquiry)
        node_id = self.node(node)
        self._check_scan(node_id, inquiry)
        return (await self._reply(node_id, who, inquiry)).content

    def _check_scan(self, node: NodeId, inquiry: Inquiry) -> None:
        problem = scan_refusal(self._state, node, inquiry)
        if problem is not None:
            raise InvalidValueError(
                field="params.pin",
                value=str(inquiry.params.get("pin", "the board's own")),
                problem=f"{problem}, and a scan would drive it",
                allowed="a pin without an actuator; if the bus hangs there, correct the site first",
            )

    def _check_ours(self, inquiry: Inquiry) -> None:
        """A node must not demand a token that we do not send: our own emergency stop would be refused."""
        broadcast = inquiry.params.get("token_type") == "broadcast"
        ours = self._runner.tokens.broadcast if broadcast else self._runner.tokens.node
        if inquiry.params["token"] != ours:
            name = "GODKAISER_BROADCAST_TOKEN" if broadcast else "GODKAISER_NODE_TOKEN"
            raise InvalidValueError(
                field="params.token",
                value="…",
                problem="is not the one this controller sends, so the node would refuse our own emergency stop",
                allowed=f"the token in {name}: set it there, start the controller again, then give it to the nodes",
            )

    async def _reply(self, node: NodeId, who: str, ask: Measure | Inquiry) -> Reply:
        self._asked += 1
        request = Request(f"q{self._state.run}-{self._asked}", node, who, ask)
        future = self._requests[request.id] = asyncio.get_running_loop().create_future()
        self._runner.post(ev.RequestAsked(self._runner.clock.now(), request))
        try:
            async with asyncio.timeout(REQUEST_GUARD):
                reply: Reply = await future
        except TimeoutError:
            raise NodeSilentError(node=node, what=request.what, seconds=REQUEST_GUARD) from None
        finally:
            del self._requests[request.id]
        if reply.end == "refused":
            raise NodeRefusedError(node=node, what=request.what, message=reply.message)
        if reply.end == "silent":
            raise NodeSilentError(node=node, what=request.what, seconds=request.patience / SECOND)
        return reply

    def on_reply(self, reply: Reply) -> None:
        """From the runner: somebody may wait for it."""
        future = self._requests.get(reply.request.id)
        if future is not None and not future.done():
            future.set_result(reply)

    async def _problems(self, token: str | None = None) -> list[dict[str, Any]]:
        """What could not be read, per node; the empty name is everybody unknown."""
        self.who(token, Permission.LOOK)
        nodes = sorted({whose for whose, _ in self._state.troubles})
        return [{"node": node, "reasons": picture.troubles_picture(self._state, node)} for node in nodes]

    # ── rules ──────────────────────────────────────────────────────────────────────────────────────────
    async def _rules_check(self, documents: list[Any], token: str | None = None) -> list[dict[str, Any]]:
        self.who(token, Permission.LOOK)
        checked = self._checked(documents)
        names, unit = self._state.name_of, self._state.unit_of
        return [
            {
                "id": rule.id,
                "name": rule.name,
                "sentence": sentence(rule, names, unit),
                "hash": hash_of(document),
                "warnings": list(cautions(document, f"rules[{number}]")),
            }
            for number, (document, rule) in enumerate(checked)
        ]

    def _checked(self, documents: list[Any]) -> list[tuple[RuleDocument, Rule]]:
        if not isinstance(documents, list):
            raise DocumentError(path="rules", problem="a list of rules is expected")
        made = []
        for number, data in enumerate(documents):
            path = f"rules[{number}]"
            document = read_document(data, path)
            made.append((document, self.build(document, path)))
        ids = [rule.id for _, rule in made]
        for rule_id in ids:
            if ids.count(rule_id) > 1:
                raise DuplicateRuleError(name=rule_id)
        return made

    def build(self, document: RuleDocument, path: str) -> Rule:
        """A document bound to this site."""
        state = self._state
        return build_rule(
            document,
            timezone=state.timezone,
            around=replace(
                Surroundings.of(state.sensor_specs.values(), state.derived.values(), state.position),
                unit_of=lambda one: state.catalogue.unit_of(one, state.derived),
            ),
            canonical=state.catalogue.canonical,
            known=(*state.sensors, *state.sensor_specs, *state.derived),
            spec_of=state.spec,
            path=path,
        )

    async def _rules_import(self, documents: list[Any], token: str | None = None) -> dict[str, Any]:
        """All or nothing: rules of the same name are replaced, the others stay."""
        self.who(token, Permission.EDIT_RULES, lambda: self._zones_of(documents))
        checked = self._checked(documents)
        async with self.changing:
            who = self.who(token, Permission.EDIT_RULES, lambda: self._zones_of(documents))  # as of now
            given = {str(rule.id): write_document(document) for document, rule in checked}
            stored, declared = await self.take_over(self.documents | given, who)
        await self._runner.drained()
        return {
            "imported": [rule.id for _, rule in checked],
            "rules": len(stored.rules),
            "refused": [
                {"rule": rule.id, "path": rule.path, "problem": rule.problem} for rule in stored.refused
            ],
            "warnings": [
                words
                for n, (document, _) in enumerate(checked)
                for words in cautions(document, f"rules[{n}]")
            ],
            "declared": [
                f"{spec.id}: taken as a {spec.type} with at most {spec.longest_on_s:g} s on-time, as no site file"
                " or node has said more"
                for spec in declared
            ],
        }

    def _zones_of(self, documents: list[Any]) -> Zones | None:
        """Those of the new rules, and of what they replace."""
        rules = [rule for _, rule in self._checked(documents)]
        before = [self._state.rules[rule.id].rule for rule in rules if rule.id in self._state.rules]
        return of_rules(self._state, [*rules, *before])

    def stored(self, documents: Mapping[str, Any]) -> Stored:
        """Which of these are carried out here."""
        return sort_out(
            documents, self.build, {rule.rule.id: rule.rule for rule in self._state.rules.values()}
        )

    async def take_over(
        self, documents: Mapping[str, Any], who: str
    ) -> tuple[Stored, tuple[ActuatorSpec, ...]]:
        """These are the rules from now on; give what they declare. Only while `changing` is held.

        Kept first: a change that happened must be known after a crash.
        """
        stored = self.stored(documents)
        declared = undeclared(stored.rules, self._state.actuators)
        await self._store.save_rules(list(stored.documents.items()))
        changes = tuple(_changes(self.documents, stored.documents))
        self.documents = stored.documents
        now = self._runner.clock.now()
        self._runner.post(ev.RulesChanged(now, stored.rules, declared, who, stored.refused, changes))
        return stored, declared

    @property
    def sound(self) -> dict[str, Any]:
        """The documents of the rules that are carried out."""
        return {key: data for key, data in self.documents.items() if key not in self._state.refused}

    async def _rules_export(self, token: str | None = None) -> list[dict[str, Any]]:
        self.who(token, Permission.LOOK)
        return list(self.documents.values())

    # ── names ──────────────────────────────────────────────────────────────────────────────────────────
    def rule(self, text: object) -> RuleState:
        """By id or name, in any case of letters. Raises `UnknownRuleError`, or `RuleRefusedError`."""
        wanted = str(text).strip().casefold()
        for state in self._state.rules.values():
            if wanted and wanted in (state.rule.id.casefold(), state.rule.name.casefold()):
                return state
        if (refused := self.refused(text)) is not None:
            raise RuleRefusedError(name=refused.name, path=refused.path, problem=refused.problem)
        raise UnknownRuleError(text=str(text)[:80])

    def refused(self, text: object) -> RefusedRule | None:
        """A stored rule that is not carried out, likewise."""
        wanted = str(text).strip().casefold()
        named = (r for r in self._state.refused.values() if wanted in (r.id.casefold(), r.name.casefold()))
        return next(named, None) if wanted else None

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


def _check_history(since: object, until: object, limit: object) -> None:
    """Clients in other languages may send anything."""
    if not isinstance(since, str) or not isinstance(until, str | None):
        raise InvalidValueError(
            field="since, until", value=repr(since)[:40], problem="no text", allowed='"-24h", ISO'
        )
    if limit is not None and not (isinstance(limit, int) and 0 < limit <= ROWS_MOST):
        allowed = f"1..{ROWS_MOST}"
        raise InvalidValueError(field="limit", value=repr(limit)[:40], problem="no count", allowed=allowed)


def _measure_time(within: int) -> int:
    if not MILLISECOND <= within <= MINUTE:
        raise InvalidValueError(
            field="within", value=f"{within / SECOND:g} s", problem="out of range", allowed="1 ms to 60 s"
        )
    return within


def _at_most_a_day(hold: int) -> int:
    if hold > DAY:
        raise InvalidValueError(
            field="hold", value=f"{hold / DAY:g} d", problem="is too long", allowed="up to 24 h"
        )
    return hold


def _number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -10 <= value <= 10:
        raise InvalidValueError(
            field=field, value=repr(value), problem="not a finite number", allowed="0.0 to 1.0"
        )
    return float(value)


def _raised(outcome: Outcome) -> Outcome:
    """Ends that are not what was wanted become errors, here at the edge."""
    match outcome.fate:
        case Fate.REFUSED:
            findings = [
                {"code": f.code, "sentence": f.sentence, "severity": f.severity.value}
                for f in outcome.findings
            ]
            raise CommandRefusedError(actuator=outcome.actuator, reasons=outcome.message, findings=findings)
        case Fate.EXPIRED:
            raise AckTimeoutError(actuator=outcome.actuator, seconds=10.0)
        case Fate.REJECTED | Fate.FAILED | Fate.SUPERSEDED:
            raise CommandFailedError(actuator=outcome.actuator, message=outcome.message)
    return outcome


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What became of which document. One that cannot be read is not told."""
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old != new:
            texts = (told(part) if isinstance(part, dict) else "" for part in (old, new))
            yield key, next(texts), next(texts)
