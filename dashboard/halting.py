"""The button that stops one node or one zone and leaves the rest working."""

from __future__ import annotations

from functools import partial

import panel as pn

from .feed import TROUBLE
from .parts import say, widget_style
from .session import Session, write


def halting(session: Session, scope: str, name: str, said: pn.pane.HTML) -> pn.widgets.Button:
    """Everybody who is signed in may press it; what becomes of it is told in `said`."""
    words = session.words
    button = pn.widgets.Button(
        label=words("stop.part", name=name), color="danger", margin=(0, 0, 12, 0),
        description=words("stop.part.help"), stylesheets=[widget_style()],
    )  # fmt: skip
    button.on_click(lambda _: session.start(_stop(session, scope, name, said)))
    return button


async def _stop(session: Session, scope: str, name: str, said: pn.pane.HTML) -> None:
    words = session.words
    try:
        await session.act("stop", reason=words("stop.reason"), scope=scope)
        text = say(words("stop.part.done", name=name), "good")
    except TROUBLE as error:
        text = say(words("shell.failed", problem=str(error)), "bad")
    session.show(partial(write, said, text))
