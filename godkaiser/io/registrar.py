"""Nodes by the hand of a person: let in or kept out, taken out, a new board put in one's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from godkaiser.auth.policy import Permission
from godkaiser.engine import picture
from godkaiser.engine.state import NodeState
from godkaiser.errors import BoardUnfitError, InvalidValueError, UnknownNodeError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.whereabouts import Zones, of_node
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId

OnLeave = Callable[[NodeId, str], Awaitable[None]]


class Registrar:
    """Answers requests about who belongs to us. All or nothing: who is unknown is named before anything happens."""

    def __init__(self, runner: Runner, clerk: Clerk, on_leave: OnLeave) -> None:
        """`on_leave`: a board belongs to us no longer, and who said so."""
        self._runner, self._clerk, self._on_leave = runner, clerk, on_leave
        self._state = runner.engine.state

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "nodes.approve": self._approve,
            "nodes.reject": self._reject,
            "nodes.approve_all": self._approve_all,
            "nodes.remove": self._remove,
            "nodes.replace": self._replace,
        }

    async def _approve(self, node: str, token: str | None = None) -> dict[str, Any]:
        return await self._decide(node, True, self._approver(node, token))

    async def _reject(self, node: str, token: str | None = None) -> dict[str, Any]:
        return await self._decide(node, False, self._approver(node, token))

    def _approver(self, node: str, token: str | None) -> str:
        return self._clerk.who(
            token, Permission.APPROVE, lambda: of_node(self._state, self._clerk.node(node))
        )

    async def _decide(self, node: str, approved: bool, who: str) -> dict[str, Any]:
        node_id = self._clerk.node(node)
        self._runner.post(ev.NodeDecided(self._runner.clock.now(), node_id, approved, who))
        await self._runner.drained()
        return self._shown(node_id)

    async def _approve_all(self, nodes: list[str], token: str | None = None) -> list[dict[str, Any]]:
        who = self._who(nodes, token)
        found = self._all(nodes)
        for node in found:
            self._runner.post(ev.NodeDecided(self._runner.clock.now(), node, True, who))
        await self._runner.drained()
        return [self._shown(node) for node in found]

    def _who(self, nodes: list[str], token: str | None) -> str:
        def where() -> Zones:
            return {zone for node in self._all(nodes) for zone in of_node(self._state, node)}

        return self._clerk.who(token, Permission.APPROVE, where)

    def _all(self, names: object) -> list[NodeId]:
        if not isinstance(names, list) or not names:
            shown = repr(names)[:80]
            raise InvalidValueError(
                field="nodes", value=shown, problem="names no node", allowed="a list of ids"
            )
        found, unknown = [], []
        for name in names:
            try:
                found.append(self._clerk.node(name))
            except UnknownNodeError:
                unknown.append(str(name))
        if unknown:
            raise UnknownNodeError(text=", ".join(unknown))
        return list(dict.fromkeys(found))

    async def _remove(self, node: str, token: str | None = None) -> dict[str, Any]:
        who = self._who([node], token)
        found = self._present(node)
        board = found.board_id or found.id
        self._runner.post(ev.NodeRemoved(self._runner.clock.now(), found.id, who))
        await self._runner.drained()
        await self._on_leave(board, who)
        return self._shown(found.id)

    async def _replace(self, node: str, board: str, token: str | None = None) -> dict[str, Any]:
        who = self._who([node], token)
        found, board_id = self._present(node), NodeId.parse(board)
        self._check(found, board_id)
        before = found.board_id or found.id
        self._runner.post(ev.BoardReplaced(self._runner.clock.now(), found.id, board_id, who))
        await self._runner.drained()
        await self._on_leave(before, who)
        return self._shown(found.id)

    def _present(self, name: str) -> NodeState:
        found = self._state.nodes[self._clerk.node(name)]
        if found.status == "removed":
            raise UnknownNodeError(text=name)
        return found

    def _check(self, node: NodeState, board: NodeId) -> None:
        """Two boards must never act as one node, nor one board as two."""
        other = self._state.nodes.get(board) if board != node.id else None
        stands_for = self._state.boards.get(board)
        if board == (node.board_id or node.id):
            raise _unfit(node, board, "it is that node's board already", "Name the new board.")
        if stands_for is not None:
            way = f"Give {stands_for} another board first."
            raise _unfit(node, board, f"it stands for {stands_for}", way)
        if other is not None and other.status != "removed" and (other.declared or other.status == "approved"):
            way = f"Remove it first: `godkaiser nodes remove {board}`, and from the site file."
            raise _unfit(node, board, "it is a node of its own", way)
        if node.online:
            way = "Switch the old board off; at the latest three minutes later it counts as offline."
            raise _unfit(node, board, "the board it is to replace is still online", way)

    def _shown(self, node: NodeId) -> dict[str, Any]:
        shown = picture.one(self._state, "node", node, self._runner.clock.now())
        assert shown is not None
        return shown


def _unfit(node: NodeState, board: NodeId, problem: str, way: str) -> BoardUnfitError:
    return BoardUnfitError(node=node.id, board=board, problem=problem, way=way)
