"""How far a stop reaches: everything, one zone, one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from godkaiser.errors import InvalidValueError
from godkaiser.model.ids import NodeId, ZoneId


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Written `all`, `zone:ID` or `node:ID`."""

    kind: Literal["all", "zone", "node"] = "all"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def key(self) -> str:
        """As the journal and timers know it: empty for everything."""
        return str(self) if self.name else ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Raises `InvalidValueError` for another word, `InvalidIdError` for an id that is none."""
        kind, _, name = text.partition(":")
        if kind in ("", "all") and not name:
            return ALL
        if kind == "zone" and name:
            return cls("zone", ZoneId.parse(name))
        if kind == "node" and name:
            return cls("node", NodeId.parse(name))
        raise InvalidValueError(
            field="scope", value=text, problem="is not a scope", allowed="all, zone:ID or node:ID"
        )


ALL: Final = Scope()


def reach(node: str | None, zone: str | None) -> str:
    """How far a stop goes. Raises `InvalidValueError` for both at once."""
    if node is not None and zone is not None:
        raise InvalidValueError(
            field="zone", value=zone, problem="stands beside a node", allowed="a node or a zone"
        )
    return f"node:{node}" if node is not None else f"zone:{zone}" if zone is not None else "all"
