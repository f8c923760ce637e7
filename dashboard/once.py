"""A secret that is shown once: with a button that copies it, until somebody says it is kept."""

from __future__ import annotations

from html import escape
from typing import Final

import panel as pn

from .forms import look, press, text_field
from .session import Session, html, write

# `navigator.clipboard` is there over TLS and on the machine itself only.
COPY: Final = """
const area = document.createElement('textarea');
area.value = source.value;
area.style.position = 'fixed';
area.style.opacity = '0';
document.body.appendChild(area);
area.select();
const done = document.execCommand('copy');
area.remove();
if (!done && navigator.clipboard) { navigator.clipboard.writeText(source.value); }
button.label = copied;
"""


class Once:
    """Shows one text; `forget` takes it out of the page."""

    def __init__(self, session: Session) -> None:
        words = session.words
        self._words, self._text = words, html()
        self._source = text_field("", visible=False)
        self._label = words("once.copy")
        self._copy = pn.widgets.Button(label=self._label, color="primary", **look(visible=False))
        self._copy.js_on_click(
            args={"source": self._source, "button": self._copy, "copied": words("once.copied")}, code=COPY
        )
        self._kept = press(words("once.kept"), self.forget, visible=False)
        self.parts = [self._text, self._source, self._copy, self._kept]

    def show(self, about: str, secret: str) -> None:
        """`about` says what it is."""
        once = escape(self._words("once.text"))
        shown = f'<p>{escape(about)}</p><p class="once"><code>{escape(secret)}</code></p><p class="soft">{once}</p>'
        write(self._text, f'<div class="say good" role="status">{shown}</div>')
        self._source.value = secret
        self._copy.param.update(label=self._label, visible=True)
        self._kept.visible = True

    def forget(self) -> None:
        """Out of the page, and out of the memory of this process."""
        write(self._text, "")
        self._source.value = ""
        self._copy.visible = self._kept.visible = False
