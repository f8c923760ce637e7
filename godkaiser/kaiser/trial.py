"""Rules tried on the history of a database, and what they would have done held against what was done."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, Final

from godkaiser.engine.effect import Decision
from godkaiser.errors import DatabaseBrokenError
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import ActuatorRow, AuditRow, DecisionRow, HeartbeatRow, RuleRow, SeriesRow
from godkaiser.kaiser.backtest import WARM_UP, Backtest, backtest
from godkaiser.kaiser.memory import decision_of, kept_site
from godkaiser.kaiser.site import bind_rules
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import MINUTE, SECOND, Instant, to_iso
from godkaiser.model.reading import Reading
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.rule import Rule, watched
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

SAME: Final = 2 * SECOND  # a decision of then and one of now that lie so close are the same
SILENT: Final = 5 * MINUTE  # nothing of any node for so long: the controller or the broker was away
_HANDS: Final = ("stop", "clear", "rules.", "site.", "node.", "sensor.recalibrated", "clock.")


@dataclass(frozen=True, slots=True)
class Departure:
    """A rule began or ended only then, or only now."""

    at: Instant
    rule: str
    then: bool | None  # active from then on; None: nothing happened
    now: bool | None
    cause: str

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "at": to_iso(self.at),
            "rule": self.rule,
            "then": self.then,
            "now": self.now,
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A backtest and, for rules that ran, where it departs from what they decided."""

    result: Backtest
    rules: tuple[Rule, ...]
    departures: tuple[Departure, ...]

    def document(self) -> dict[str, Any]:
        """For `--json` and notebooks."""
        return self.result.document() | {"departures": [one.document() for one in self.departures]}


async def try_rules(
    store: SqlStore,
    documents: Sequence[Any] | None,
    span: tuple[Instant, Instant],
    *,
    catalogue: Catalogue = BUILT_IN,
    on_progress: Callable[[Instant], None] = lambda at: None,
) -> Trial:
    """`documents` None: the rules that run. Raises `DocumentError`, `DatabaseBrokenError`, `StoreAwayError`."""
    site = kept_site(await store.site())
    if site is None:
        raise DatabaseBrokenError(where="database", problem="no controller ever kept a site in it")
    site = await _with_declared(site, store)
    running = [json.loads(row["document"]) for row in await store.rows(RuleRow, "place")]
    stored = [SeriesId.parse(row["name"]) for row in await store.rows(SeriesRow)]
    rules = _built(site, documents if documents is not None else running, stored, catalogue)
    begin = span[0] - WARM_UP
    inputs = {series for rule in rules for series in watched(rule)}
    read = [series for series in stored if series in inputs or SeriesId.of(*_pin(series)) in inputs]
    readings = [await store.readings(series, begin, span[1]) for series in read]
    beats = await _beats(store, (begin, span[1]))
    result = backtest(
        site, rules, _in_order(readings), span, beats=beats, catalogue=catalogue, on_progress=on_progress
    )
    known = {rule.id for rule in _built(site, running, stored, catalogue)}
    live = [decision_of(row) async for row in store.each(DecisionRow, *span) if row["rule"] in known]
    audits = [row async for row in store.each(AuditRow, begin, span[1])]
    wanted = {rule.id for rule in rules} & known
    heard = [*(at for one in beats.values() for at in one), *(r.received_at for one in readings for r in one)]
    departures = _departures(wanted, live, result, audits, _silences(heard, span))
    return Trial(result, rules, tuple(departures))


def _in_order(readings: Sequence[Sequence[Reading]]) -> Iterator[Reading]:
    return heapq.merge(*readings, key=attrgetter("received_at"))


def _pin(series: SeriesId) -> tuple[NodeId, int, str]:
    """A rule may name a sensor without its address on the bus."""
    return series.node, series.gpio, series.sensor_type


def _built(
    site: Site, documents: Sequence[Any], stored: Sequence[SeriesId], catalogue: Catalogue
) -> tuple[Rule, ...]:
    tried = site.model_copy(update={"rules": tuple(documents)})
    return tuple(rule for _, rule in bind_rules(tried, stored, catalogue=catalogue))


async def _with_declared(site: Site, store: SqlStore) -> Site:
    """Rules declare actuators by naming them; these are kept beside the site."""
    known = {spec.id for spec in site.actuators}
    specs = [ActuatorSpec.model_validate_json(row["spec"]) for row in await store.rows(ActuatorRow)]
    return site.model_copy(update={"actuators": (*site.actuators, *(s for s in specs if s.id not in known))})


async def _beats(store: SqlStore, span: tuple[Instant, Instant]) -> dict[NodeId, list[Instant]]:
    """Of the nodes that ever said one in this span."""
    found: dict[NodeId, list[Instant]] = {}
    column: Any = HeartbeatRow.node
    for name in await store.heard():
        times = [row["at"] async for row in store.each(HeartbeatRow, *span, column == name)]
        if times:
            found[NodeId.known(name)] = times
    return found


# ── then and now ───────────────────────────────────────────────────────────────────────────────────────────
def _silences(heard: Iterable[Instant], span: tuple[Instant, Instant]) -> list[tuple[Instant, Instant]]:
    """When nothing came of anybody."""
    times = sorted({*span, *(at for at in heard if span[0] <= at <= span[1])})
    return [(a, b) for a, b in pairwise(times) if b - a > SILENT]


def _turns(decisions: Sequence[Decision], rule: str) -> list[tuple[Instant, bool]]:
    """When a rule began and when it ended."""
    active, turns = False, []
    for one in decisions:
        if one.rule == rule and one.active is not active:
            active = one.active
            turns.append((one.at, active))
    return turns


def _departures(
    rules: set[Any],
    live: Sequence[Decision],
    result: Backtest,
    audits: Sequence[Mapping[str, Any]],
    silences: Sequence[tuple[Instant, Instant]],
) -> list[Departure]:
    found: list[Departure] = []
    for rule in sorted(rules):
        then, now = _turns(live, rule), _turns(result.decisions, rule)
        for at, active in then:
            if not _matched(at, active, now):
                found.append(Departure(at, rule, active, None, _cause(at, audits, silences)))
        for at, active in now:
            if not _matched(at, active, then):
                found.append(Departure(at, rule, None, active, _cause(at, audits, silences)))
    return sorted(found, key=lambda one: (one.at, one.rule))


def _matched(at: Instant, active: bool, others: Sequence[tuple[Instant, bool]]) -> bool:
    return any(active is other and abs(at - when) <= SAME for when, other in others)


def _cause(
    at: Instant, audits: Sequence[Mapping[str, Any]], silences: Sequence[tuple[Instant, Instant]]
) -> str:
    for since, until in silences:
        if since <= at <= until + SILENT:
            return (
                f"nothing was heard from {to_iso(since)} to {to_iso(until)}: controller or broker were away"
            )
    before = [row for row in audits if row["action"].startswith(_HANDS) and row["at"] <= at + SAME]
    if before:
        last = before[-1]
        words = f"{last['action']} by {last['who']} at {to_iso(last['at'])}"
        return f"something outside the readings came before: {words}"
    return "nothing that is stored explains it: a wish of a person, a limit, or memory from before the span"
