"""How a rule was evaluated last, part by part, with what it read and what was in the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from godkaiser.auth.policy import Permission
from godkaiser.engine.whynot import why_not
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.rulebook import Rulebook
from godkaiser.io.runner import Runner
from godkaiser.model.instant import SECOND, Instant, to_iso
from godkaiser.model.reading import Reading
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import Every, Opposite, Slope
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.explain import describe

_PACE: Final = {"minute": "min", "hour": "h"}


class Tracer:
    """Answers requests about the evaluation of one rule. Changes nothing."""

    def __init__(self, runner: Runner, clerk: Clerk, book: Rulebook) -> None:
        self._runner, self._clerk, self._book = runner, clerk, book
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "rules.trace": self._trace,
        }

    async def _trace(self, rule: str, token: str | None = None) -> dict[str, Any]:
        """How it was evaluated last: `when` is the tree, none before the first time.

        `why_not`: what would change its outcome, in sentences; `flips` and `blockers` the same as data, with names.
        """
        self._clerk.who(token, Permission.LOOK)
        found, now = self._book.rule(rule), self._runner.clock.now()
        tree = None if found.trace is None else branch(found.trace, self._words(), now)
        return {
            "rule": found.rule.id,
            "at": to_iso(now),
            "truth": found.truth.value,
            "when": tree,
            "why_not": (why := why_not(self._state, found, now))["advice"],
            "becomes": why["truth"] != Truth.TRUE.value,
            "acting": why["acting"],
            "outcome": why["outcome"],
            "flips": [self._named_flip(flip) for flip in why["flips"]],
            "blockers": [self._named_blocker(blocker) for blocker in why["blockers"]],
        }

    def _named_flip(self, flip: dict[str, Any]) -> dict[str, Any]:
        """With what people call the things, and the units."""
        name, unit = self._words()
        changes = [
            one
            | {
                "name": name(thing) if (thing := one["series"] or one["node"]) else None,
                "unit": unit(one["series"]) if one["series"] else None,
            }
            for one in flip["changes"]
        ]
        return flip | {"changes": changes, "silent": [name(series) for series in flip["silent"]]}

    def _named_blocker(self, blocker: dict[str, Any]) -> dict[str, Any]:
        name, _ = self._words()
        return blocker | {
            "name": name(blocker["actuator"]) if blocker["actuator"] else None,
            "who_name": name(blocker["who"]) if blocker["who"] else None,
        }

    def _words(self) -> Words:
        return self._state.name_of, self._state.unit_of


Words = tuple[Callable[[str], str], Callable[[str], str]]


def branch(trace: Trace, words: Words, now: Instant) -> dict[str, Any]:
    """A part of an evaluation with its own parts. `kind`: all, any, not, or leaf, which alone has readings."""
    condition = trace.condition
    shown: dict[str, Any] = {
        "truth": trace.truth.value,
        "kind": "leaf",
        "text": "",
        "note": trace.note or None,
    }
    if isinstance(condition, (Every, Opposite)):
        shown["kind"] = "not" if isinstance(condition, Opposite) else "all" if condition.every else "any"
    else:
        shown["text"] = describe(condition, *words)
        shown["value"], shown["unit"] = _found(trace)
        shown["reading"] = None if trace.reading is None else _reading(trace.reading, now)
    return shown | {"parts": [branch(part, words, now) for part in trace.parts]}


def _found(trace: Trace) -> tuple[float | None, str | None]:
    """What decided and its unit: the reading's value, or what was computed of several."""
    if trace.reading is None:
        return None, None
    if isinstance(trace.condition, Slope):
        return trace.value, f"{trace.reading.unit}/{_PACE[trace.condition.pace]}"
    return trace.reading.value if trace.value is None else trace.value, trace.reading.unit


def _reading(reading: Reading, now: Instant) -> dict[str, Any]:
    return {
        "series": reading.series,
        "value": reading.value,
        "unit": reading.unit,
        "quality": reading.quality.value,
        "calibration": reading.calibration,
        "measured_at": to_iso(reading.measured_at),
        "age_s": max(now - reading.measured_at, 0) / SECOND,
    }
