"""What somebody sees who came to a page that is not for their role: what is missing, and who can change that."""

from __future__ import annotations

from datetime import datetime
from html import escape

import panel as pn

from ..session import Session, html, stack
from ..view import View


class Missing:
    """Nothing of the page itself is asked for."""

    def __init__(self, session: Session, name: str, right: str) -> None:
        self._session, self._name, self._right = session, name, right

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        words, ticket = self._session.words, self._session.ticket
        role = words.known(f"role.{ticket.role}", ticket.role)
        said = words("missing.text", right=words(f"right.{self._right}"), role=role)
        head = words("missing.title", page=words(f"nav.{self._name}"))
        return stack(html(f"<h1>{escape(head)}</h1><p>{escape(said)}</p>"))

    def update(self, view: View, now: datetime) -> None:
        """It stays so for as long as the sign-in."""
