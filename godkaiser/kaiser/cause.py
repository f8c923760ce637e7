"""Why a rule of then did something else than it would have done: from what is stored of that moment, nothing else.

A cause concerns the rule, its nodes or its actuators, and covers the moment. Where nothing stored tells, it is
unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from godkaiser.engine.amended import amendments
from godkaiser.engine.course import INTERRUPTED
from godkaiser.engine.effect import Decision
from godkaiser.engine.escalate import FAILOVER
from godkaiser.engine.standing import Standing
from godkaiser.kaiser.then import SAME, Edit, Look, Stood, Then, codes_of, leaves_of
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import Instant, to_iso
from godkaiser.model.outcome import Fate
from godkaiser.model.quantity import Freshness
from godkaiser.rules.rule import Rule, watched

Kind = Literal[
    "silence", "stop", "switch", "change", "document", "limit", "outranked", "person", "node", "reading",
    "confirmation", "safety", "recalibrated", "restart", "memory", "unknown",
]  # fmt: skip
# What keeps a rule from beginning; what else stands in its way only keeps it from being carried out.
_HOLDING: Final[Mapping[str, Kind]] = {
    "stop_active": "stop", "unread": "stop", "disabled": "switch", "rule_cooldown": "limit", "rule_limit": "limit",
    "steps_full": "limit", "rule_hold": "outranked",
}  # fmt: skip
_FOUND: Final[Mapping[str, Kind]] = {
    "stop_active": "stop", "manual_hold": "person", "service_mode": "person", "node_offline": "node",
    "node_unheard": "node", "node_adopting": "node", "node_not_approved": "node", "link_down": "silence",
    "min_on": "limit", "min_off": "limit", "cooldown": "limit", "start_budget": "limit", "on_budget": "limit",
    "max_on_reached": "limit",
}  # fmt: skip
_BAD: Final = (Fate.REJECTED, Fate.FAILED, Fate.EXPIRED, Fate.REFUSED, Fate.SUPERSEDED)
_COMMANDED: Final = (Fate.SENT.value, Fate.QUEUED.value)
_PERSONS: Final = ("user:", "local:")
# What the engine says of a wish or a command that somebody else's took the place of.
_PRIOR: Final = " has priority"  # behind the id of a rule or its failover, or a person
_KEPT: Final = " switched it last, and it is kept so until "  # behind the name of a rule
_REPLACED: Final = "a newer command replaced it"
FAILED: Final = frozenset(fate.value for fate in _BAD)
LOOKED: Final = (
    "nothing that is stored explains it: looked at were silence, stops, changes of the rule and of the document, "
    "what it saw and what held it back, persons, other rules, its commands and what became of them"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """`kind` for programs, `text` for people."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """One rule as it is tried, the one that is stored under its name, and what is known of then and of the trial.

    `turns`: when it began and ended in the trial. `told`: what it concluded there.
    """

    rule: Rule
    stored: Rule
    then: Then
    zone_of: Callable[[ActuatorId], str | None]
    rules: frozenset[str]
    turns: Sequence[tuple[Instant, bool]]
    told: Sequence[Decision]
    since: Instant

    def of_turn(self, at: Instant, then: bool | None, now: bool | None) -> Cause:
        """It began or ended only then, or only now."""
        look = self._look(at)
        kept_back = now is True and then is None
        asked: tuple[Callable[[], Cause | None], ...] = (
            lambda: self._silent(at),
            lambda: self._switched(at),
            lambda: self._noted(at) if then is False else None,
            lambda: self._held(look, at) if kept_back else None,
            lambda: _blind(look) if kept_back or then is False else None,
            lambda: self._otherwise(at),
            lambda: self._resting(at) if then is True else None,
            lambda: self._unsure(at) if then is True or now is False else None,
            lambda: self._older(at),
        )
        found = (one() for one in asked)
        return next((cause for cause in found if cause is not None), Cause("unknown", LOOKED))

    def of_command(self, actuator: ActuatorId, at: Instant, row: Mapping[str, Any] | None) -> Cause:
        """A command was sent only then, or only now, or was not carried out then: `row` says what became of it."""
        asked: tuple[Callable[[], Cause | None], ...] = (
            lambda: None if row is None else self._failed(row),
            lambda: self._silent(at),
            lambda: self._switched(at),
            lambda: self._stopped(at, [actuator]),
            lambda: self._taken(actuator, at),
            lambda: self._otherwise(at),
        )
        found = (one() for one in asked)
        untold = LOOKED if row is None else f"{_said_of(row)}; {LOOKED}"
        return next((cause for cause in found if cause is not None), Cause("unknown", untold))

    # ── what may be the cause ──────────────────────────────────────────────────────────────────────────
    def _silent(self, at: Instant) -> Cause | None:
        for since, until in self.then.silences:
            if (since < at or since == at == self.since) and at <= until + SAME:
                text = f"nothing was heard from {to_iso(since)} to {to_iso(until)}: controller or broker were away"
                return Cause("silence", text)
        return None

    @property
    def _edits(self) -> Sequence[Edit]:
        return self.then.edits.get(self.rule.id, ())

    def _switched(self, at: Instant) -> Cause | None:
        """It was off then, or is off in what is tried."""
        before = [e for e in self._edits if e.enabled is not None and e.at <= at + SAME]
        after = [e for e in self._edits if e.enabled is not None and e.at > at + SAME]
        on = not after[0].enabled if after else self.stored.enabled
        if on is self.rule.enabled:
            return None
        if on:
            return Cause("switch", "it is switched off now, and was not then" + _by(after[:1]))
        return Cause("switch", "it was switched off then" + _by(before[-1:]))

    def _noted(self, at: Instant) -> Cause | None:
        """What the decision of then says of its end."""
        mine = [d for d in self.then.decisions.get(self.rule.id, ()) if d.at == at and not d.active]
        note = mine[-1].note if mine else ""
        if note == "stopped":
            return self._stopped(at, [turn.actuator for turn in self.rule.actions])
        if note in ("disabled", "removed"):
            made = [edit for edit in self._edits if abs(edit.at - at) <= SAME]
            return Cause("change", "the rule was changed then" + _by(made[-1:], said=True))
        if note == INTERRUPTED:
            return Cause("restart", f"the controller was started anew then: {note}")
        if note == "":
            return None
        failed = [
            cause for turn in self.rule.actions if (cause := self._taken(turn.actuator, at)) is not None
        ]
        return failed[0] if failed else Cause("limit", f"then it ended as {note}")

    def _held(self, look: Look | None, at: Instant) -> Cause | None:
        """It was true, and something kept it from beginning; without a trace: a stop of all it switches."""
        if look is None:
            every = [self._stopped(at, [turn.actuator]) for turn in self.rule.actions]
            return every[0] if every and None not in every else None
        if look.truth != "true" or look.acting:
            return None
        holding = [one for one in look.blockers if one["code"] in _HOLDING]
        if not holding:
            return None
        kind = _HOLDING[holding[0]["code"]]
        stop = self._stopped(at, [turn.actuator for turn in self.rule.actions]) if kind == "stop" else None
        return stop or Cause(kind, "; ".join(dict.fromkeys(_said(one) for one in holding)))

    def _stopped(self, at: Instant, actuators: Sequence[ActuatorId]) -> Cause | None:
        for stood in self.then.stops:
            if stood.at(at) and any(_covers(stood, one, self.zone_of(one)) for one in actuators):
                until = "" if stood.until is None else f" to {to_iso(stood.until)}"
                text = f"a stop by {stood.by} ({stood.scope}) stood from {to_iso(stood.since)}{until}"
                return Cause("stop", text)
        return None

    def _otherwise(self, at: Instant) -> Cause | None:
        """Another document was at work then."""
        tried = [said for _, said in amendments({self.stored.id: self.stored}, [self.rule])]
        later = [edit for edit in self._edits if edit.matters and edit.at > at]
        if later:
            return Cause(
                "change", "the rule was another one then: it was changed" + _by(later[:1], said=True)
            )
        if tried:
            return Cause("document", f"what is tried is not the rule that ran: {tried[0]}")
        series = {str(one).partition("@")[0] for one in watched(self.rule)}
        for row in self.then.recalibrated:
            if row["at"] > at and row["target"].partition("@")[0] in series:
                text = f"{row['target']} was recalibrated by {row['who']} at {to_iso(row['at'])}, and read otherwise"
                return Cause("recalibrated", text)
        return None

    def _resting(self, at: Instant) -> Cause | None:
        """In the trial it had started at another time."""
        starts = [start for start, active in self.turns if active and start <= at]
        if not starts or at >= starts[-1] + self.rule.cooldown:
            return None
        return Cause("limit", f"in the trial its cooldown lasted: it had started at {to_iso(starts[-1])}")

    def _unsure(self, at: Instant) -> Cause | None:
        """In the trial it knew nothing."""
        told = [one for one in self.told if one.at <= at + SAME]
        if not told or told[-1].truth != "unknown":
            return None
        return Cause("reading", f"from what is stored nobody can know: {told[-1].trace}")

    def _older(self, at: Instant) -> Cause | None:
        if at > self.since:
            return None
        return Cause(
            "memory", "it was so when the span began: it had begun before, from what is not looked at here"
        )

    def _taken(self, actuator: ActuatorId, at: Instant) -> Cause | None:
        """What had become of the actuator by then: the last word that is not a success of this rule."""
        rows = [row for row in self.then.outcomes.get(actuator, ()) if row["at"] <= at + SAME]
        for row in reversed(rows):
            if row["who"] in self._mine and row["fate"] not in FAILED and abs(row["at"] - at) <= SAME:
                continue
            if row["who"] in self._mine:
                return self._failed(row) if row["fate"] in FAILED else None
            if row["origin"] == "person":
                return Cause("person", f"{row['who']} had switched it at {to_iso(row['at'])}")
            if row["origin"] == "rule":
                return Cause("outranked", f"{row['who']} had switched it at {to_iso(row['at'])}")
        return None

    def _failed(self, row: Mapping[str, Any]) -> Cause | None:
        """Why a command of it was not carried out; None where only that is stored, and nobody who is known."""
        text = _said_of(row)
        if row["fate"] == Fate.SUPERSEDED.value:
            return self._superseded(row, text)
        if row["fate"] == Fate.REFUSED.value:
            found = [_FOUND[code] for code in codes_of(row) if code in _FOUND]
            return Cause(found[0] if found else "safety", text)
        return Cause("confirmation", text)

    def _superseded(self, row: Mapping[str, Any], text: str) -> Cause | None:
        """By whom: the words of the engine name who wants it otherwise, or the rule whose hold stands."""
        message = row["message"]
        if message == _REPLACED:
            return self._replaced(row, text)
        name, kept, _ = message.rpartition(_KEPT)
        if kept:
            names = (name, name.removesuffix(" (failover)"))
            return Cause("outranked", text) if any(self._ran(RuleId.from_name(n)) for n in names) else None
        kind = self._kind_of(message.removesuffix(_PRIOR)) if message.endswith(_PRIOR) else None
        return None if kind is None else Cause(kind, text)

    def _replaced(self, row: Mapping[str, Any], text: str) -> Cause | None:
        """The next command for that actuator did; its own one or that of safety is no cause by itself."""
        rows = self.then.outcomes.get(row["actuator"], ())
        later = (one for one in rows if one["id"] > row["id"] and one["fate"] in _COMMANDED)
        by = next((one for one in later if abs(one["at"] - row["at"]) <= SAME), None)
        if by is None or by["who"] in self._mine:
            return None
        kind = self._kind_of(by["who"])
        return None if kind is None else Cause(kind, f"{text}, that of {by['who']}")

    def _kind_of(self, who: str) -> Kind | None:
        """A person, or a rule with its failover, as far as they are known from then."""
        every = (row for rows in self.then.outcomes.values() for row in rows)
        if who.startswith(_PERSONS) or any(row["origin"] == "person" and row["who"] == who for row in every):
            return "person"
        return "outranked" if self._ran(who.removeprefix("rule:").removesuffix(FAILOVER)) else None

    def _ran(self, rule: str) -> bool:
        """Is it one of the rules of then? Also of one that is gone its changes and its decisions are stored."""
        return rule in self.rules or rule in self.then.edits or rule in self.then.decisions

    @property
    def _mine(self) -> tuple[str, str]:
        return self.rule.id, f"rule:{self.rule.id}"

    def _look(self, at: Instant) -> Look | None:
        """What it found last; every change of its truth is kept. From before a silence it says nothing."""
        looks = [one for one in self.then.looks.get(self.rule.id, ()) if one.at <= at + SAME]
        if not looks or any(looks[-1].at < since and until <= at for since, until in self.then.silences):
            return None
        return looks[-1]


def _covers(stood: Stood, actuator: ActuatorId, zone: str | None) -> bool:
    return Standing(stood.scope).covers(actuator, zone)


def _said_of(row: Mapping[str, Any]) -> str:
    return f"then it was {row['fate']} at {to_iso(row['at'])}: {row['message']}".rstrip(". ")


def _by(edits: Sequence[Edit], *, said: bool = False) -> str:
    return "".join(f", by {e.by} at {to_iso(e.at)}" + (f" ({e.said})" if said else "") for e in edits)


def _said(blocker: Mapping[str, Any]) -> str:
    since = "" if blocker["since"] is None else f" since {blocker['since']}"
    until = "" if blocker["until"] is None else f" until {blocker['until']}"
    return f"{blocker['text']}{since}{until}"


def _blind(look: Look | None) -> Cause | None:
    """It knew nothing then, and why."""
    if look is None or look.truth != "unknown":
        return None
    silent = [leaf for leaf in leaves_of(look.condition) if leaf["truth"] == "unknown"]
    away = [leaf for leaf in silent if Freshness.OFFLINE.value in leaf["note"]]
    text = "; ".join(_why(leaf) for leaf in (away or silent))
    return Cause("node" if away else "reading", f"at {to_iso(look.at)} it could not know: {text}")


def _why(leaf: Mapping[str, Any]) -> str:
    return str(leaf["text"]) if leaf["note"] in leaf["text"] else f"{leaf['text']}: {leaf['note']}"
