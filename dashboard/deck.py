"""Cards that stay as long as what they show does: only so is nothing that was typed or pressed a moment ago lost."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import panel as pn

from .session import html, write


class Laid(Protocol):
    """What has a layout."""

    @property
    def layout(self) -> pn.viewable.Viewable:
        """What is put into the page."""


K = TypeVar("K", bound=Hashable)
C = TypeVar("C", bound=Laid)


class Deck(Generic[K, C]):
    """One card for each key, in their order, in `layout`. What a card cannot change once made belongs to its key."""

    def __init__(self, layout: pn.Column, make: Callable[[K], C]) -> None:
        self.layout, self.cards = layout, dict[K, C]()
        self._make, self._none = make, html()
        layout.objects = [self._none]

    def show(self, keys: Sequence[K], none: str = "") -> None:
        """Make what is new, drop what is gone; `none` is said where there is nothing, as HTML."""
        write(self._none, none if not keys else "")
        if list(keys) != list(self.cards):
            self.cards = {key: self.cards.get(key) or self._make(key) for key in keys}
            self.layout.objects = [card.layout for card in self.cards.values()] or [self._none]
