"""The nodes page: every node as a card, or everything about the one a link asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from html import escape
from typing import Final

import panel as pn

from ..approval import approval
from ..dossier import node_card, node_facts, node_title, notes_panel, problems_panel, unreadable_panel
from ..halting import halting
from ..panels import malformed_panel
from ..parts import actuator_card, say, sensor_tile
from ..redrawn import Paint, Redrawn
from ..session import Session, grid, html
from ..view import Thing, View, named, waiting

UNREADABLE_MOST: Final = 5  # of all nodes; each node's own page shows its last ten


class Nodes:
    """All nodes, or one of them: `wanted` decides for as long as the page is open."""

    def __init__(self, session: Session) -> None:
        self._session, self._wanted = session, session.wanted
        self._said = html()
        one = self._wanted is not None
        self._redrawn = Redrawn(self._shape_of_one if one else _shape_of_all, self._one if one else self._all)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return self._redrawn.body

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        self._redrawn.update(view, now)

    # --- all nodes ---------------------------------------------------------------------------------
    def _all(self, view: View, pane: Paint) -> list[pn.viewable.Viewable]:
        words = self._session.words
        parts: list[pn.viewable.Viewable] = [self._said]
        parts += [approval(self._session, node, self._said) for node in waiting(view)]
        cards = [pane(partial(self._card, str(node["id"]))) for node in named(view.nodes.values())]
        parts.append(grid(cards, least="18rem") if cards else html(say(words("overview.nodes.none"))))
        if view.known:
            parts.append(pane(lambda v, _: malformed_panel(words, v, UNREADABLE_MOST)))
        return parts

    def _card(self, key: str, view: View, now: datetime) -> str:
        return node_card(self._session.words, view.nodes[key], view, now, self._session.query)

    # --- one node ----------------------------------------------------------------------------------
    def _one(self, view: View, pane: Paint) -> list[pn.viewable.Viewable]:
        node = view.nodes.get(self._wanted or "")
        if node is None:
            return [html(self._way_back()), html(say(self._nobody(view)))]
        parts: list[pn.viewable.Viewable] = [html(self._way_back()), self._said]
        if node.get("status") == "pending":
            parts.append(approval(self._session, node, self._said))
        key = str(node["id"])
        if node.get("status") == "approved":
            parts.append(halting(self._session, f"node:{key}", str(node.get("name") or key), self._said))
        unread = pane(lambda v, _: unreadable_panel(self._session.words, v.nodes[key]))
        return [*parts, *self._about(key, pane), *self._things(key, view, pane), unread]

    def _nobody(self, view: View) -> str:
        words = self._session.words
        return words("node.missing", node=self._wanted) if view.known else words("well.never")

    def _way_back(self) -> str:
        query = "?" + self._session.query[1:] if self._session.query else ""
        label = escape(self._session.words("node.all"))
        return f'<p><a href="{escape("/nodes" + query, quote=True)}">← {label}</a></p>'

    def _about(self, key: str, pane: Paint) -> list[pn.viewable.Viewable]:
        words = self._session.words
        return [
            pane(lambda v, _: node_title(words, v.nodes[key], v)),
            grid(
                [pane(lambda v, n: node_facts(words, v.nodes[key], v, n)),
                 pane(lambda v, _: problems_panel(words, v.nodes[key]))], least="26rem"),
            pane(lambda v, _: notes_panel(words, v.nodes[key])),
        ]  # fmt: skip

    def _things(self, node: str, view: View, pane: Paint) -> list[pn.viewable.Viewable]:
        words = self._session.words
        tiles = [pane(partial(self._tile, str(t["id"]))) for t in _of(node, view.sensors.values())]
        cards = [pane(partial(self._actuator, str(t["id"]))) for t in _of(node, view.actuators.values())]
        titled = ((words("overview.sensors"), tiles), (words("nav.actuators"), cards))
        return [
            part
            for title, panes in titled
            if panes
            for part in (html(f'<h2 class="zone">{escape(title)}</h2>'), grid(panes))
        ]

    def _tile(self, key: str, view: View, now: datetime) -> str:
        return sensor_tile(self._session.words, view.sensors[key], view, now, self._session.query)

    def _actuator(self, key: str, view: View, now: datetime) -> str:
        return actuator_card(self._session.words, view.actuators[key], view, now)

    def _shape_of_one(self, view: View) -> object:
        node = view.nodes.get(self._wanted or "")
        things = (view.sensors, view.actuators)
        mine = tuple(tuple(t["id"] for t in _of(self._wanted, table.values())) for table in things)
        return view.known, node is not None, node is not None and node.get("status"), mine


def _of(node: str | None, things: Iterable[Thing]) -> list[Thing]:
    return named(thing for thing in things if thing.get("node") == node)


def _shape_of_all(view: View) -> object:
    return view.known, tuple(
        (node["id"], node.get("name"), node.get("status")) for node in view.nodes.values()
    )
