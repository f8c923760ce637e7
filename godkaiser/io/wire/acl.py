"""What each account may say and hear at the broker, made from the one table of topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from godkaiser.io.wire.topic import TOPICS, Way
from godkaiser.model.ids import NodeId

_HEAD: Final = (
    "# Made by godkaiser from the nodes that are approved; changes made here are lost.",
    "# Nobody else may say or hear anything, and a node only what is its own.",
)
_VERB: Final = {Way.FROM_NODE: "write", Way.TO_NODE: "read"}


def access_list(controller: str, boards: Iterable[NodeId]) -> str:
    """Mosquitto's `acl_file`: `controller` everything below `kaiser/`, each board its own topics."""
    lines = [*_HEAD, "", f"user {controller}", "topic readwrite kaiser/#"]
    for board in sorted(boards):
        lines += ["", f"user {board}", *_of_board(board)]
    return "\n".join(lines) + "\n"


def _of_board(board: NodeId) -> Iterator[str]:
    """Under any kaiser id: a node changes it with its zone, and says two things under its first one all the same.

    Not the topic of discovery, which has no name in it: there one board could speak for another.
    """
    for row in TOPICS:
        own = row.pattern.replace("~", f"kaiser/+/esp/{board}/").replace("{k}", "+").replace("#", "+")
        if row.pattern.startswith("~") or row.way is Way.TO_NODE:
            yield f"topic {_VERB[row.way]} {own}"
