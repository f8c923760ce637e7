"""What is shown once: its text comes out only when somebody asks for it."""

from __future__ import annotations

import hmac
from typing import Final

MASK: Final = "**********"


class Secret:
    """A password, an API token or a second factor's address. `reveal()` gives the text; all else shows stars."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Keep it out of notebooks that are saved, and out of logs."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def _repr_html_(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is not written into files: reveal it, and keep it where secrets are kept")


Spoken = str | Secret  # what people give us: as they have it


def spoken(text: Spoken | None) -> str | None:
    """For the controller."""
    return text.reveal() if isinstance(text, Secret) else text


def kept(text: str | None) -> Secret | None:
    """From the controller."""
    return None if text is None else Secret(text)
