"""Rules tried on the history of a database, and what they would have done held against what was done."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from godkaiser.engine.state import from_site
from godkaiser.errors import DatabaseBrokenError
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import ActuatorRow, HeartbeatRow, RuleRow, SeriesRow
from godkaiser.io.stored import read_text, sort_out
from godkaiser.kaiser.backtest import WARM_UP, Backtest, backtest
from godkaiser.kaiser.cause import Case
from godkaiser.kaiser.departures import Compared, Departure, turns
from godkaiser.kaiser.memory import kept_site
from godkaiser.kaiser.site import bind_rules, binder
from godkaiser.kaiser.then import Then, then_of
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.reading import Reading
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.rule import Rule, watched
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue


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
    stored = [SeriesId.parse(row["name"]) for row in await store.rows(SeriesRow)]
    kept = {row["id"]: read_text(row["document"]) for row in await store.rows(RuleRow, "place")}
    sound = sort_out(kept, binder(site, stored, catalogue=catalogue), {})
    running = [sound.documents[rule.id] for rule in sound.rules]
    rules = _built(site, documents if documents is not None else running, stored, catalogue)
    begin = span[0] - WARM_UP
    inputs = {series for rule in rules for series in watched(rule)}
    read = [series for series in stored if series in inputs or SeriesId.of(*_pin(series)) in inputs]
    readings = [await store.readings(series, begin, span[1]) for series in read]
    beats = await _beats(store, (begin, span[1]))
    result = backtest(
        site, rules, _in_order(readings), span, beats=beats, catalogue=catalogue, on_progress=on_progress
    )
    left = () if documents is not None else sound.refused
    result.assumed.extend(
        f"rule “{one.name}” was left out, as it is stored and refused ({one.reason})" for one in left
    )
    known = {rule.id: rule for rule in _built(site, running, stored, catalogue)}
    pairs = [(rule, known[rule.id]) for rule in rules if rule.id in known]
    moved = {turn.actuator for rule, _ in pairs for turn in rule.actions}
    heard = [*(at for one in beats.values() for at in one), *(r.received_at for one in readings for r in one)]
    then = await then_of(store, known, moved, span, heard)
    departures = sorted(_departures(pairs, site, then, result), key=lambda one: (one.at, one.rule))
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
def _departures(
    pairs: Sequence[tuple[Rule, Rule]], site: Site, then: Then, result: Backtest
) -> Iterator[Departure]:
    """`pairs`: each rule as it is tried, and as it is stored."""
    zones, names = from_site(site).zone_of, frozenset(then.before)
    for rule, stored in pairs:
        before = then.before.get(rule.id)
        begun = before is not None and before.active, result.first.get(rule.id, (None, False))[1]
        told = [one for one in result.decisions if one.rule == rule.id]
        was = turns(then.decisions.get(rule.id, ()), rule.id, active=begun[0])
        now = turns(told, rule.id, active=begun[1])
        case = Case(rule, stored, then, zones, names, now, told, result.since)
        compared = Compared(case, begun, was, now)
        yield from compared.of_turns()
        yield from compared.of_commands(result.commands)
