"""By which way a rule tells people something, and whether anything here can go that way."""

from __future__ import annotations

from typing import Final, Literal

Channel = Literal["websocket", "email", "webhook"]
CHANNELS: Final[tuple[Channel, ...]] = ("websocket", "email", "webhook")
# There is no sender for the others: what is meant for them is kept and shown, and says that it was not sent.
SENT_BY: Final = frozenset({"websocket"})


def is_sent(channel: str) -> bool:
    """Does what is told by it reach whom it is meant for? By websocket: whoever has the pages open, or asks later."""
    return channel in SENT_BY
