"""What every request passes: so many a minute for each who was let in; and what is written down if it is denied."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from godkaiser.auth.denials import Denials, Denied
from godkaiser.auth.requests import PER_MINUTE, RequestThrottle
from godkaiser.auth.session import Principal
from godkaiser.auth.throttle import retry_after
from godkaiser.errors import GodkaiserError, ThrottledError
from godkaiser.io.accounts import Accounts
from godkaiser.io.asking import ASKING, Asking, asking

# Never counted: stopping; what ends or proves a sign-in, of which guesses are slowed down where they are looked at.
FREE: Final = frozenset({"stop", "logout", "verify", "refresh"})
_ADDRESSED: Final = ("users.", "tokens.", "broker.")  # these are told where from as `address`
FORGED: Final = "authentication failed"  # what never was a token of ours says that
_DOORS: Final = ("refresh", "setup")  # what they are shown opens something, or not
# What a request is about, as far as that is no secret. The first that is there is told.
_THINGS: Final = (
    "actuator", "actuators", "sensor", "series", "rule", "documents", "node", "nodes", "key", "prefix", "label",
    "name", "scope", "cycle", "trial", "address",
)  # fmt: skip
_THING_MOST: Final = 80
_NAMED: Final = 3

Attest = Callable[[str, str, str, str], None]
OnDenied = Callable[[str, str], Awaitable[None]]
_asked: ContextVar[tuple[str, str]] = ContextVar("asked", default=("", ""))


async def _nobody(origin: str, name: str) -> None:
    """Until somebody is told."""


class Turnstile:
    """One for all requests. `on_denied` is told the address of whoever was denied, and who it is if they came in."""

    def __init__(self, accounts: Accounts, attest: Attest, per_minute: int = PER_MINUTE) -> None:
        self._accounts, self._attest = accounts, attest
        self._throttle, self._denials = RequestThrottle(per_minute), Denials()
        self.on_denied: OnDenied = _nobody

    def admit(self, method: str, token: str | None) -> None:
        """The local user is not counted. Raises `ThrottledError`, `AuthenticationFailedError`."""
        if token is None or method in FREE:
            return
        if wait := self._throttle.admit(self._accounts.principal(token), self._accounts.clock.now()):
            raise ThrottledError(retry_after=float(retry_after(wait)))

    @contextmanager
    def asking(self, method: str, params: Mapping[str, Any]) -> Iterator[None]:
        """While this is asked, denials say what it was."""
        before = _asked.set((method, thing_of(params)))
        try:
            yield
        finally:
            _asked.reset(before)

    def denied(self, person: Principal, right: str) -> None:
        """For the audit: who, which right, and what was asked for; a flood leaves two rows a minute."""
        self._denied(person.who, right)

    async def failed(self, method: str, params: Mapping[str, Any], error: GodkaiserError) -> None:
        """What was shown opens nothing: a row as for what is denied, and it counts for the address.

        Not if a session is over, as open pages and programs ask on, and passwords have rows of their own.
        """
        if method == "refresh" and getattr(error, "problem", FORGED) != FORGED:
            return
        if what := self._wrong(method, params.get("token")):
            with self.asking(method, params):
                self._denied("nobody", what)
            await self.on_denied(ASKING.get().address, "")

    def _wrong(self, method: str, token: str | None) -> str:
        if method in _DOORS:
            return "" if method == "setup" and self._accounts.empty else method
        return "api_token" if token is not None and self._accounts.is_guess(token) else ""

    def _denied(self, who: str, right: str) -> None:
        self.tell()
        method, thing = _asked.get()
        detail = f"{method} {thing}".strip()
        denied = Denied(who, right, method, detail, ASKING.get().address)
        if self._denials.denied(denied, self._accounts.clock.now()):
            self._attest(who, "denied", right, detail)

    def tell(self, *, everything: bool = False) -> None:
        """The rows of what was counted, of minutes that are over or (`everything`) of all."""
        for denied, more in self._denials.over(None if everything else self._accounts.clock.now()):
            times = f"{more} time{'' if more == 1 else 's'} more within a minute"
            with asking(Asking(denied.address)):  # not that of who happens to be here now
                self._attest(denied.who, "denied", denied.right, f"{denied.detail}; {times}")


def address_of(method: str, params: Mapping[str, Any]) -> str:
    """Where a request comes from, of those that say so themselves."""
    return (params.get("address") or "") if method.startswith(_ADDRESSED) else ""


def thing_of(params: Mapping[str, Any]) -> str:
    """What a request is about, in few words."""
    for name in _THINGS:
        if (value := params.get(name)) is not None:
            return _plain(value)
    return ""


def _plain(value: Any) -> str:
    """Names of strangers: short, and without what could look like more than one line."""
    if isinstance(value, list):
        more = f" and {len(value) - _NAMED} more" if len(value) > _NAMED else ""
        return ", ".join(_plain(one) for one in value[:_NAMED]) + more
    if isinstance(value, dict):
        value = value.get("name", "")
    text = str(value) if isinstance(value, (str, int, float)) else ""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:_THING_MOST])
