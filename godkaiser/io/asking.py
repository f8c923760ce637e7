"""Where a request came from: what it makes happen has the same address and correlation in the audit.

A context variable, as every request is a task of its own and what it asks of the engine is posted from it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final

from godkaiser.errors import ProtocolError

ADDRESS_MOST: Final = 80
_CORRELATION: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asking:
    """`address`: of whom it came, empty for the local user; `correlation`: of this one request."""

    address: str = ""
    correlation: str = ""


NOBODY: Final = Asking()
ASKING: Final[ContextVar[Asking]] = ContextVar("asking", default=NOBODY)


def read_asking(said: Any) -> Asking:
    """What a client says of itself. Raises `ProtocolError`."""
    if said is None:
        return NOBODY
    if not isinstance(said, Mapping) or set(said) - {"address", "correlation"}:
        raise ProtocolError(problem="'from' must be an object with 'address' and 'correlation'")
    address, correlation = said.get("address", ""), said.get("correlation", "")
    if not isinstance(address, str) or len(address) > ADDRESS_MOST or not address.isprintable():
        raise ProtocolError(problem=f"'from.address' must be a text of at most {ADDRESS_MOST} characters")
    if correlation != "" and not (isinstance(correlation, str) and _CORRELATION.fullmatch(correlation)):
        raise ProtocolError(
            problem="'from.correlation' must be 1 to 64 letters, digits and the signs . _ : -"
        )
    return Asking(address, correlation)


def known(asking: Asking) -> Asking:
    """The same with a correlation of its own, if nobody gave it one."""
    return asking if asking.correlation else replace(asking, correlation=secrets.token_hex(6))


@contextmanager
def asking(said: Asking) -> Iterator[None]:
    """What is posted within comes of that request."""
    before = ASKING.set(said)
    try:
        yield
    finally:
        ASKING.reset(before)


def asked_from(said: str) -> str:
    """Where the request under way comes from: who brought it knows best; else what it says itself."""
    asking = ASKING.get()
    if said and not asking.address:
        asking = replace(asking, address=said[:ADDRESS_MOST])
        ASKING.set(asking)
    return asking.address
