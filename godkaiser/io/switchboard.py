"""What people command: set an actuator, ask whether it would be allowed, stop, and clear a stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.clear import latched
from godkaiser.errors import (
    AckTimeoutError,
    CommandFailedError,
    CommandRefusedError,
    InvalidValueError,
    StopTransitionError,
)
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import of_actuator, of_scope
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import DAY, parse_duration
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.scope import Scope
from godkaiser.safety.gate import examine
from godkaiser.safety.stop import Step, Stop

ANSWER_GUARD: Final = 30.0


class Switchboard:
    """Answers commands. People enter where rules enter, as intents; who asked waits for what becomes of his."""

    def __init__(self, runner: Runner, clerk: Clerk) -> None:
        self._runner, self._clerk = runner, clerk
        self._state = runner.engine.state
        self._waiting: dict[str, asyncio.Queue[Outcome]] = {}
        self._asked = 0

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "set": self._set,
            "check": self._check,
            "stop": self._stop,
            "clear": self._clear,
        }

    async def _check(self, actuator: str, value: float) -> dict[str, Any]:
        actuator_id = self._clerk.actuator(actuator)
        intent = Intent("", actuator_id, _number("value", value), Origin.PERSON, "check")
        findings = examine(intent, self._state, self._runner.clock.now())
        shown = [{"code": f.code, "sentence": f.sentence, "severity": f.severity.value} for f in findings]
        return {"allowed": all(f["severity"] == "warn" for f in shown), "findings": shown}

    async def _set(
        self,
        actuator: str,
        value: float,
        duration: str | float | None = None,
        hold: str | float | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        state = self._state
        who = self._clerk.who(
            token, Permission.SWITCH, lambda: of_actuator(state, self._clerk.actuator(actuator))
        )
        actuator_id = self._clerk.actuator(actuator)
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
        who = self._clerk.who(token, Permission.STOP)
        reach = self._scope(scope)
        self._runner.post(ev.StopAsked(self._runner.clock.now(), who, reason, reach))
        await self._runner.settled_inbox()
        return picture.standing_picture(self._state, reach)

    async def _clear(
        self, force: bool = False, scope: str = "all", token: str | None = None
    ) -> dict[str, Any]:
        who = self._clerk.who(token, Permission.CLEAR, lambda: of_scope(self._state, self.standing(scope)))
        reach = self.standing(scope)
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

    def standing(self, text: str) -> Scope:
        """A stop that stands comes before what has its name now: its zone may be renamed, its node be gone."""
        found = [scope for scope in self._state.stops if str(scope) == text]
        return found[0] if found else self._scope(text)

    def _scope(self, text: str) -> Scope:
        """A zone or node by id or name. Raises `InvalidValueError`, `UnknownNodeError`, `UnknownZoneError`."""
        kind, _, name = str(text).partition(":")
        if kind == "node" and name:
            return Scope("node", self._clerk.node(name))
        if kind == "zone" and name:
            return Scope("zone", self._clerk.zone(name))
        return Scope.parse(str(text))


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
