"""The overview: is all well, what is being done, and every value by zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from html import escape

import panel as pn

from ..faces import wellness
from ..feed import TROUBLE
from ..panels import counts_panel, malformed_panel, nodes_panel, pending_node, rules_panel
from ..parts import actuator_card, headline, say, sensor_tile, widget_style
from ..session import SURFACE, Session, grid, html, stack, write
from ..view import Thing, View, homeless, in_zone, named

Draw = Callable[[View, datetime], str]
Paint = Callable[[Draw], pn.pane.HTML]


class Overview:
    """Panes by what they show. The layout is rebuilt only when things appear or disappear."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._drawn: list[tuple[pn.pane.HTML, Draw]] = []
        self._shape: object = None
        self._said = html()
        self._body = stack()

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return self._body

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        shape = _shape(view)
        if shape != self._shape:
            self._shape = shape
            self._drawn = []
            self._body.objects = self._build(view, now)
        else:
            for pane, draw in self._drawn:
                write(pane, draw(view, now))

    def _pane(self, draw: Draw, view: View, now: datetime) -> pn.pane.HTML:
        pane = html(draw(view, now))
        self._drawn.append((pane, draw))
        return pane

    def _build(self, view: View, now: datetime) -> list[pn.viewable.Viewable]:
        words = self._session.words
        pane = partial(self._pane, view=view, now=now)
        parts: list[pn.viewable.Viewable] = [
            pane(lambda v, n: headline(words, wellness(v, n), v)),
            self._said,
        ]
        parts += [
            self._pending(node) for node in named(view.nodes.values()) if node.get("status") == "pending"
        ]
        for zone in view.zones.values():
            rows = in_zone(view.sensors, zone["id"]), in_zone(view.actuators, zone["id"])
            parts += self._zone(str(zone.get("name") or zone["id"]), rows, pane)
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
                  pane(lambda v, n: nodes_panel(words, _settled(v), n))], least="24rem"),
            pane(lambda v, _: counts_panel(words, v)),
            pane(lambda v, _: malformed_panel(words, v)),
            **{"margin-top": "0.75rem"},
        )  # fmt: skip

    def _pending(self, node: Thing) -> pn.viewable.Viewable:
        session = self._session
        may = session.ticket.may_switch()
        parts: list[pn.viewable.Viewable] = [
            html(pending_node(session.words, node, may), sizing_mode=None, styles={"flex": "1 1 14rem"})
        ]
        if may:
            name = str(node.get("name") or node["id"])
            button = pn.widgets.Button(
                label=session.words("node.approve", name=name), color="primary", margin=0,
                stylesheets=[widget_style()], styles={"align-self": "center"},
            )  # fmt: skip
            button.on_click(lambda _: session.start(self._approve(str(node["id"]), name)))
            parts.append(button)
        row = {"flex-direction": "row", "flex-wrap": "wrap", "justify-content": "space-between"}
        return stack(*parts, **(SURFACE | row))

    async def _approve(self, node: str, name: str) -> None:
        words = self._session.words
        try:
            await self._session.act("nodes.approve", node=node)
            text = say(words("node.approved", name=name), "good")
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(write, self._said, text))


def _settled(view: View) -> list[Thing]:
    return named(node for node in view.nodes.values() if node.get("status") != "pending")


def _shape(view: View) -> object:
    """What the layout depends on: which things there are and where, not what they say."""
    things = (view.sensors, view.actuators)
    placed = tuple(tuple((t["id"], t.get("zone"), t.get("name")) for t in table.values()) for table in things)
    zones = tuple((z["id"], z.get("name")) for z in view.zones.values())
    pending = tuple(n["id"] for n in view.nodes.values() if n.get("status") == "pending")
    return view.known, placed, zones, pending
