"""A page's content as panes, each with the function that draws it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import panel as pn

from .session import html, stack, write
from .view import View

Draw = Callable[[View, datetime], str]
Paint = Callable[[Draw], pn.pane.HTML]
Build = Callable[[View, Paint], list[pn.viewable.Viewable]]


class Redrawn:
    """Redraws what has become different; the layout is rebuilt only when its shape is another one.

    `shape` says what the layout depends on: which things there are and where, not what they say.
    """

    def __init__(self, shape: Callable[[View], object], build: Build) -> None:
        self._shape_of, self._build = shape, build
        self._drawn: list[tuple[pn.pane.HTML, Draw]] = []
        self._shape: object = None
        self.body = stack()

    def update(self, view: View, now: datetime) -> None:
        """Show this view."""
        shape = self._shape_of(view)
        if shape != self._shape:
            self._shape, self._drawn = shape, []
            self.body.objects = self._build(view, partial(self._pane, view=view, now=now))
        else:
            for pane, draw in self._drawn:
                write(pane, draw(view, now))

    def _pane(self, draw: Draw, view: View, now: datetime) -> pn.pane.HTML:
        pane = html(draw(view, now))
        self._drawn.append((pane, draw))
        return pane
