"""What a database remembers of a site, as the engine's state has it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from godkaiser.engine.state import NodeState
from godkaiser.errors import DatabaseBrokenError
from godkaiser.model.ids import NodeId
from godkaiser.model.site import Site


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
