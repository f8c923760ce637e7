"""The overview: is all well, what is being done, and every value by zone."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from html import escape

import panel as pn

from ..approval import approval
from ..faces import wellness
from ..halting import halting
from ..panels import counts_panel, malformed_panel, nodes_panel, notices_panel, rules_panel
from ..parts import actuator_card, headline, say, sensor_tile
from ..redrawn import Paint, Redrawn
from ..session import Session, grid, html, stack
from ..view import Thing, View, homeless, in_zone, named, waiting


class Overview:
    """The headline, what waits for approval, the zones, and the lists below."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said = html()
        self._redrawn = Redrawn(_shape, self._build)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return self._redrawn.body

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        self._redrawn.update(view, now)

    def _build(self, view: View, pane: Paint) -> list[pn.viewable.Viewable]:
        words = self._session.words
        parts: list[pn.viewable.Viewable] = [
            pane(lambda v, n: headline(words, wellness(v, n), v)),
            self._said,
        ]
        parts += [approval(self._session, node, self._said) for node in waiting(view)]
        for zone in view.zones.values():
            rows = in_zone(view.sensors, zone["id"]), in_zone(view.actuators, zone["id"])
            name = str(zone.get("name") or zone["id"])
            parts += self._zone(name, rows, pane)
            if rows[1]:
                parts.append(halting(self._session, f"zone:{zone['id']}", name, self._said))
        parts += self._zone(words("overview.zone.other"), homeless(view), pane)
        if view.known and not view.sensors and not view.actuators:
            parts.append(html(say(words("overview.empty"))))
        if view.known:
            parts.append(self._foot(pane))
        return parts

    def _zone(
        self, name: str, rows: tuple[list[Thing], list[Thing]], pane: Paint
    ) -> list[pn.viewable.Viewable]:
        sensors = [pane(partial(self._tile, str(thing["id"]))) for thing in rows[0]]
        actuators = [pane(partial(self._card, str(thing["id"]))) for thing in rows[1]]
        title = [html(f'<h2 class="zone">{escape(name)}</h2>')] if sensors or actuators else []
        return [*title, *(grid(tiles) for tiles in (sensors, actuators) if tiles)]

    def _tile(self, key: str, view: View, now: datetime) -> str:
        return sensor_tile(self._session.words, view.sensors[key], view, now, self._session.query)

    def _card(self, key: str, view: View, now: datetime) -> str:
        return actuator_card(self._session.words, view.actuators[key], view, now)

    def _foot(self, pane: Paint) -> pn.viewable.Viewable:
        words = self._session.words
        return stack(
            grid([pane(lambda v, n: rules_panel(words, named(v.rules.values()), n)),
                  pane(lambda v, n: nodes_panel(words, _settled(v), n, self._session.query))], least="24rem"),
            pane(lambda v, _: notices_panel(words, v)),
            pane(lambda v, _: counts_panel(words, v)),
            pane(lambda v, _: malformed_panel(words, v)),
            **{"margin-top": "0.75rem"},
        )  # fmt: skip


def _settled(view: View) -> list[Thing]:
    return named(node for node in view.nodes.values() if node.get("status") != "pending")


def _shape(view: View) -> object:
    """What the layout depends on: which things there are and where, not what they say."""
    things = (view.sensors, view.actuators)
    placed = tuple(tuple((t["id"], t.get("zone"), t.get("name")) for t in table.values()) for table in things)
    zones = tuple((z["id"], z.get("name")) for z in view.zones.values())
    pending = tuple(n["id"] for n in view.nodes.values() if n.get("status") == "pending")
    return view.known, placed, zones, pending
