"""Why a rule does nothing: now by the engine's own judgement, of the past by what was stored then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.state import RuleState, State
from godkaiser.engine.whynot import blocker_of, sentence_of, why_not
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.fates import with_outcomes
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.io.sql.lookback import last_decision, last_trace, outcomes_of
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.trace_text import from_text
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import SECOND, Instant, describe_duration, parse_instant, to_iso
from godkaiser.model.truth import Truth

NOTHING_SEEN: Final = "nothing was evaluated"


class Explainer:
    """Changes nothing. The past is never evaluated with today's readings."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk, book: Rulebook) -> None:
        self._runner, self._store, self._clerk, self._book = runner, store, clerk, book

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.why": self._why_not,
        }

    async def _why_not(self, rule: str, at: str | None = None, token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.LOOK)
        state, now = self._book.rule(rule), self._runner.clock.now()
        if at is None:
            return why_not(self._runner.engine.state, state, now) | {"decided": None, "looked": None}
        then = parse_instant(str(at), now, "at")
        if then > now:
            raise InvalidValueError(
                field="at", value=str(at), problem="is in the future", allowed="a time that is over, or none"
            )
        await self._runner.depot.committed()
        decision = await self._decision(state.rule.id, then)
        trace = await last_trace(self._store, state.rule.id, then)
        if trace is None or (decision is not None and decision["at"] > trace["at"]):
            return told(
                state, then, decision
            )  # of before there were traces, or of one that is kept no longer
        return recalled(self._runner.engine.state, state, then, (trace, decision))

    async def _decision(self, rule: RuleId, then: Instant) -> dict[str, Any] | None:
        """The last one that was stored by then, with what had become of it by then."""
        found = await last_decision(self._store, rule, then)
        if found is None:
            return None
        outcomes = await outcomes_of(self._store, rule, found["at"], then)
        return with_outcomes([found], outcomes)[0]


def told(state: RuleState, then: Instant, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """From a stored decision: what it was, how old it was then, and what had become of it."""
    answer = _blank(state, then)
    if row is None:
        text = f"Nothing is stored of what rule “{state.rule.name}” concluded until {to_iso(then)}."
        return answer | {"text": text}
    said = [_by(state, then, row, row["trace"]), *_outcome(row)]
    if row["outcome"] is None and not row["active"]:
        said.append("It wanted nothing.")
    return answer | {
        "decided": _decided(then, row), "truth": row["truth"], "acting": bool(row["active"]),
        "outcome": row["outcome"], "text": " ".join(said),
    }  # fmt: skip


def recalled(
    site: State, state: RuleState, then: Instant, rows: tuple[Mapping[str, Any], Mapping[str, Any] | None]
) -> dict[str, Any]:
    """From what was kept of an evaluation, and of the last decision: also what it read and what was in the way."""
    trace, decision = rows
    condition, blocked, cut = from_text(trace["document"])
    words = NOTHING_SEEN if condition is None else condition["text"]
    said = [_by(state, then, trace, words)]
    if decision is not None and decision["outcome"] is not None:
        said += _outcome(decision)
    elif not trace["acting"]:
        said.append("It did not act." if trace["truth"] == Truth.TRUE.value else "It wanted nothing.")
    if cut:
        said.append(f"It was too long to be kept whole: {cut} parts of it or more are missing.")
    said += [sentence_of(site, blocker_of(shot)) for shot in blocked]
    looked = {
        "at": to_iso(trace["at"]), "age_s": (then - trace["at"]) / SECOND, "kind": trace["kind"], "cut": cut
    }  # fmt: skip
    return _blank(state, then) | {
        "decided": None if decision is None else _decided(then, decision), "looked": looked,
        "truth": trace["truth"], "acting": bool(trace["acting"]), "condition": condition, "blockers": blocked,
        "outcome": None if decision is None else decision["outcome"], "text": " ".join(said),
    }  # fmt: skip


def _blank(state: RuleState, then: Instant) -> dict[str, Any]:
    """What is not known of then."""
    return {
        "rule": state.rule.id, "name": state.rule.name, "at": to_iso(then), "decided": None, "looked": None,
        "truth": None, "acting": None, "outcome": None, "condition": None, "flips": [], "blockers": [],
        "advice": "",
    }  # fmt: skip


def _by(state: RuleState, then: Instant, row: Mapping[str, Any], words: str) -> str:
    age, note = describe_duration(then - row["at"]), f" ({row['note']})" if row["note"] else ""
    found = f"rule “{state.rule.name}” was {row['truth']}{note}: {words}"
    return f"By what is stored of {to_iso(row['at'])}, {age} before: {found}."


def _outcome(row: Mapping[str, Any]) -> list[str]:
    if row["outcome"] is None:
        return []
    reason = f": {row['outcome_reason'].rstrip('.')}" if row["outcome_reason"] else ""
    return [f"What it wanted was {row['outcome']} by then{reason}."]


def _decided(then: Instant, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": to_iso(row["at"]), "age_s": (then - row["at"]) / SECOND, "trace": row["trace"]}
