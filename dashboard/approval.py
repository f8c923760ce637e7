"""A node that waits for approval, with the button for those who may."""

from __future__ import annotations

from functools import partial

import panel as pn

from .feed import TROUBLE
from .panels import pending_node
from .parts import say, widget_style
from .session import SURFACE, Session, html, stack, write
from .view import Thing

_ROW = {"flex-direction": "row", "flex-wrap": "wrap", "justify-content": "space-between"}


def approval(session: Session, node: Thing, said: pn.pane.HTML) -> pn.viewable.Viewable:
    """The node with its button; what becomes of a click is told in `said`."""
    may = session.ticket.may_in("approve", node.get("zone"))
    parts: list[pn.viewable.Viewable] = [
        html(pending_node(session.words, node, may), sizing_mode=None, styles={"flex": "1 1 14rem"})
    ]
    if may:
        parts.append(_button(session, node, said))
    return stack(*parts, **(SURFACE | _ROW))


def _button(session: Session, node: Thing, said: pn.pane.HTML) -> pn.widgets.Button:
    key = str(node["id"])
    name = str(node.get("name") or key)
    button = pn.widgets.Button(
        label=session.words("node.approve", name=name), color="primary", margin=0,
        stylesheets=[widget_style()], styles={"align-self": "center"},
    )  # fmt: skip
    button.on_click(lambda _: session.start(_approve(session, key, name, said)))
    return button


async def _approve(session: Session, node: str, name: str, said: pn.pane.HTML) -> None:
    words = session.words
    try:
        await session.act("nodes.approve", node=node)
        text = say(words("node.approved", name=name), "good")
    except TROUBLE as error:
        text = say(words("shell.failed", problem=str(error)), "bad")
    session.show(partial(write, said, text))
