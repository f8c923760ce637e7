"""Why a rule does nothing: now by the engine's own judgement, of the past by what was stored then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine.state import RuleState
from godkaiser.engine.whynot import why_not
from godkaiser.errors import InvalidValueError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.fates import with_outcomes
from godkaiser.io.runner import Runner
from godkaiser.io.sql.lookback import last_decision, outcomes_of
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import SECOND, Instant, describe_duration, parse_instant, to_iso


class Explainer:
    """Changes nothing. The past is never evaluated with today's readings."""

    def __init__(self, runner: Runner, store: SqlStore, clerk: Clerk) -> None:
        self._runner, self._store, self._clerk = runner, store, clerk

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.why": self._why_not,
        }

    async def _why_not(self, rule: str, at: str | None = None, token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.LOOK)
        state, now = self._clerk.rule(rule), self._runner.clock.now()
        if at is None:
            return why_not(self._runner.engine.state, state, now) | {"decided": None}
        then = parse_instant(str(at), now, "at")
        if then > now:
            raise InvalidValueError(
                field="at", value=str(at), problem="is in the future", allowed="a time that is over, or none"
            )
        await self._runner.depot.committed()
        return told(state, then, await self._decision(state.rule.id, then))

    async def _decision(self, rule: RuleId, then: Instant) -> dict[str, Any] | None:
        """The last one that was stored by then, with what had become of it by then."""
        found = await last_decision(self._store, rule, then)
        if found is None:
            return None
        outcomes = await outcomes_of(self._store, rule, found["at"], then)
        return with_outcomes([found], outcomes)[0]


def told(state: RuleState, then: Instant, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """From a stored decision: what it was, how old it was then, and what had become of it."""
    answer: dict[str, Any] = {
        "rule": state.rule.id, "name": state.rule.name, "at": to_iso(then), "decided": None, "truth": None,
        "acting": None, "outcome": None, "condition": None, "flips": [], "blockers": [], "advice": "",
    }  # fmt: skip
    if row is None:
        text = f"Nothing is stored of what rule “{state.rule.name}” concluded until {to_iso(then)}."
        return answer | {"text": text}
    age, note = describe_duration(then - row["at"]), f" ({row['note']})" if row["note"] else ""
    found = f"rule “{state.rule.name}” was {row['truth']}{note}: {row['trace']}"
    said = [f"By what is stored of {to_iso(row['at'])}, {age} before: {found}."]
    if row["outcome"] is not None:
        reason = f": {row['outcome_reason'].rstrip('.')}" if row["outcome_reason"] else ""
        said.append(f"What it wanted was {row['outcome']} by then{reason}.")
    elif not row["active"]:
        said.append("It wanted nothing.")
    decided = {"at": to_iso(row["at"]), "age_s": (then - row["at"]) / SECOND, "trace": row["trace"]}
    return answer | {
        "decided": decided, "truth": row["truth"], "acting": bool(row["active"]), "outcome": row["outcome"],
        "text": " ".join(said),
    }  # fmt: skip
