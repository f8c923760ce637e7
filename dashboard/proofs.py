"""For what the controller wants the password of who asks once more; a test compares this with the controller."""

from __future__ import annotations

from typing import Any, Final

from .session import Session

PROVEN: Final = frozenset(
    {
        "users.add",
        "users.role",
        "users.zones",
        "users.activate",
        "users.remove",
        "users.password",
        "users.totp.begin",
        "users.totp.confirm",
        "users.totp.remove",
        "tokens.add",
        "tokens.rotate",
        "broker.passwd",
        "audit.retention",
    }
)


async def act(session: Session, method: str, current: str, **params: Any) -> Any:
    """Do it in the name of the reader, with their password where that is wanted."""
    if method in PROVEN:
        params |= {"current": current, "address": session.address}
    return await session.act(method, **params)
