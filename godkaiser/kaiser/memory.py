"""What a database remembers of a site, as the engine's state has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from godkaiser.engine.effect import Decision
from godkaiser.engine.started import Starts, reach
from godkaiser.engine.state import NodeState, State
from godkaiser.errors import DatabaseBrokenError
from godkaiser.io.sql.store import SqlStore
from godkaiser.io.sql.table import DecisionRow
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import Instant
from godkaiser.model.site import Site

_EVER: Final = 1 << 62  # also what was stored before the clock was set back
_MET: Final = "decisions_ahead"


def kept_site(text: str | None) -> Site | None:
    """The site that was applied last, if any."""
    try:
        return None if text is None else Site.model_validate_json(text)
    except ValidationError as error:
        raise DatabaseBrokenError(where="kept site", problem=error.errors()[0]["msg"]) from None


def merge_node(nodes: dict[NodeId, NodeState], kaiser: Any, row: dict[str, Any]) -> None:
    """The site says where a node is; what was decided about it stays, whatever the site says."""
    node_id = NodeId.parse(row["id"])
    node = nodes.get(node_id) or NodeState(node_id, kaiser, row["status"], row["name"], row["zone"])
    nodes[node_id] = node
    node.status = row["status"]
    node.boot_id, node.boot, node.modern = row["boot_id"], row["boot"], row["modern"]
    node.first_seen = row["first_seen"]


def decision_of(row: Mapping[str, Any]) -> Decision:
    """As it was stored."""
    return Decision(*(row[name] for name in ("rule", "at", "truth", "active", "trace", "cause", "note")))


async def recall_starts(store: SqlStore, state: State, now: Instant) -> None:
    """What rules began before a restart counts after it, in the order in which it was stored.

    Rows that are in the future were stored by a clock that was far ahead. When they were met first is kept, and they
    are as of then: else every restart would count them anew, and once more when the clock has come so far.
    """
    far, starts = reach(state), Starts(state, now)
    if far:
        found = [row async for row in store.each(DecisionRow, now - far, _EVER)]
        met = await _met(store, found, now)
        for row in sorted(found, key=lambda row: row["id"]):
            at = min(row["at"], *(seen for last, seen in met if row["id"] <= last), now)
            if at >= now - far:
                starts.take(replace(decision_of(row), at=at))
    starts.done()


async def _met(store: SqlStore, rows: Sequence[Mapping[str, Any]], now: Instant) -> list[tuple[int, Instant]]:
    """Up to which row there were some at which time, while that says more of any than they say themselves."""
    kept = [(int(last), int(seen)) for last, seen in json.loads(await store.fact(_MET) or "[]")]
    met = [(last, seen) for last, seen in kept if any(r["id"] <= last and r["at"] > seen for r in rows)]
    ahead = [row["id"] for row in rows if min(row["at"], *(s for n, s in met if row["id"] <= n), _EVER) > now]
    if ahead:
        met.append((max(ahead), now))
    if met != kept:
        await store.state_fact(_MET, json.dumps(met))
    return met
