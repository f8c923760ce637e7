"""What a database remembers of a site, as the engine's state has it."""

from __future__ import annotations

from collections.abc import Mapping
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
    """What rules began before a restart counts after it."""
    far, starts = reach(state), Starts(state, now)
    if far:
        async for row in store.each(DecisionRow, now - far, _EVER):
            starts.take(decision_of(row))
    starts.done()
