"""Where rules that are tried depart from what they did: when they began and ended, and what they sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from godkaiser.engine.effect import Decision
from godkaiser.kaiser.backtest import Sent
from godkaiser.kaiser.cause import FAILED, Case, Cause, Kind
from godkaiser.kaiser.then import SAME
from godkaiser.model.instant import Instant, to_iso
from godkaiser.model.outcome import Fate

CLOSE: Final = 1e-6
Turn = tuple[Instant, bool]


@dataclass(frozen=True, slots=True)
class Departure:
    """Something happened only then, or only now; None: it did not.

    Of a rule whether it was active from then on; of an `actuator` the value (0..1) the rule brought it to.
    """

    at: Instant
    rule: str
    then: bool | float | None
    now: bool | float | None
    kind: Kind
    cause: str
    actuator: str | None = None

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "at": to_iso(self.at),
            "rule": self.rule,
            "actuator": self.actuator,
            "then": self.then,
            "now": self.now,
            "kind": self.kind,
            "cause": self.cause,
        }


def turns(decisions: Sequence[Decision], rule: str, *, active: bool = False) -> list[Turn]:
    """When a rule began and when it ended. `active`: at first."""
    found = []
    for one in decisions:
        if one.rule == rule and one.active is not active:
            active = one.active
            found.append((one.at, active))
    return found


@dataclass(slots=True)
class Compared:
    """One rule: what is stored of it (`then`) beside what the trial gave (`now`). `begun`: active at first."""

    case: Case
    begun: tuple[bool, bool]
    then: Sequence[Turn]
    now: Sequence[Turn]
    apart: list[tuple[Instant, Instant | None]] = field(default_factory=list)

    def of_turns(self) -> Iterator[Departure]:
        """What ends a difference follows from what began it."""
        rule, (then, now) = str(self.case.rule.id), self.begun
        cause: Cause | None = None
        if then is not now:
            cause = self._opened(self.case.since, then or None, now or None)
            yield Departure(self.case.since, rule, then or None, now or None, cause.kind, cause.text)
        for at, was, becomes in self._paired():
            then, now = (then if was is None else was), (now if becomes is None else becomes)
            if was is becomes:
                continue
            if then is not now or cause is None:
                cause = self._opened(at, was, becomes)
                text = cause.text
            else:
                since = self.apart[-1][0]
                self.apart[-1] = (since, at)
                text = f"it follows from the difference at {to_iso(since)}: {cause.text}"
            yield Departure(at, rule, was, becomes, cause.kind, text)

    def _opened(self, at: Instant, then: bool | None, now: bool | None) -> Cause:
        self.apart.append((at, None))
        return self.case.of_turn(at, then, now)

    def _paired(self) -> list[tuple[Instant, bool | None, bool | None]]:
        """Each of then has at most one of now, and the other way round."""
        left, found = list(self.now), list[tuple[Instant, bool | None, bool | None]]()
        for at, active in self.then:
            same = next((one for one in left if one[1] is active and abs(one[0] - at) <= SAME), None)
            found.append((at, active, None if same is None else active))
            if same is not None:
                left.remove(same)
        return sorted([*found, *((at, None, active) for at, active in left)], key=lambda one: one[0])

    def of_commands(self, sent: Sequence[Sent]) -> Iterator[Departure]:
        """While the rule itself departs, its commands do, too: that has been said."""
        for actuator in sorted({turn.actuator for turn in self.case.rule.actions}):
            rows = [row for row in self.case.then.outcomes.get(actuator, ()) if self._own(row["who"])]
            here = [one for one in sent if one.actuator == actuator]
            for one in _commands(rows, here, self._own):
                if not self._apart(one.at):
                    cause = self.case.of_command(actuator, one.at, one.row)
                    yield Departure(
                        one.at, str(self.case.rule.id), one.then, one.now, cause.kind, cause.text, actuator
                    )

    def _own(self, who: str) -> bool:
        return who.removeprefix("rule:") == self.case.rule.id

    def _apart(self, at: Instant) -> bool:
        """Also at its beginning and end."""
        return any(
            since - SAME <= at and (until is None or at <= until + SAME) for since, until in self.apart
        )


@dataclass(frozen=True, slots=True)
class _Command:
    at: Instant
    then: float | None
    now: float | None
    row: Mapping[str, Any] | None = None


def _commands(
    rows: Sequence[Mapping[str, Any]], sent: Sequence[Sent], own: Callable[[str], bool]
) -> Iterator[_Command]:
    """`rows`: the rule's commands of then, `sent`: everything of now."""
    left = [row for row in rows if row["fate"] == Fate.SENT.value]
    ends = {row["command"]: row for row in rows if row["command"] and row["fate"] in FAILED}
    told: set[int] = set()
    for one in sent:
        if not own(one.who):
            continue
        same = next((row for row in left if _alike(row, one)), None)
        if same is not None:
            left.remove(same)
        end = _refusal(rows, one) if same is None else ends.get(same["command"])
        told |= set() if end is None else {end["id"]}
        if same is None or end is not None:
            yield _Command(one.at, None, one.value, end)
    for row in left:
        yield _Command(row["at"], row["value"], None, _before(rows, row))
    yield from _lost(rows, sent, own, told)


def _alike(row: Mapping[str, Any], one: Sent) -> bool:
    return bool(abs(row["value"] - one.value) < CLOSE and abs(row["at"] - one.at) <= SAME)


def _refusal(rows: Sequence[Mapping[str, Any]], one: Sent) -> Mapping[str, Any] | None:
    return next((row for row in rows if row["fate"] in FAILED and _alike(row, one)), None)


def _before(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What had been tried before had failed, if it had."""
    older = [one for one in rows if one["id"] < row["id"]]
    return older[-1] if older and older[-1]["fate"] in FAILED else None


def _lost(
    rows: Sequence[Mapping[str, Any]], sent: Sequence[Sent], own: Callable[[str], bool], told: set[int]
) -> Iterator[_Command]:
    """What was refused or taken from it then, and not in the trial. What is repeated is said once."""
    said: tuple[Any, ...] = ()
    for row in rows:
        now = [one for one in sent if one.at <= row["at"] + SAME]
        has = bool(now) and own(now[-1].who) and abs(now[-1].value - row["value"]) < CLOSE
        if row["fate"] not in FAILED:
            said = () if row["fate"] == Fate.CONFIRMED.value else said
        elif row["id"] in told:
            said = (row["fate"], row["message"])
        elif has and (row["fate"], row["message"]) != said:
            said = (row["fate"], row["message"])
            yield _Command(row["at"], None, row["value"], row)
