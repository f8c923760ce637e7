"""Signed tokens (JWT, HS256), read and written with a time that is passed in.

PyJWT takes no clock, so its own checks of ``exp``, ``nbf`` and ``iat`` are switched off and done here. Only
HS256 is accepted, whatever the token's header says (``none`` least of all). A token of one kind is never
accepted where another kind is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt

from godkaiser.errors import AuthenticationFailedError, WeakSecretError

SECOND: Final = 1_000_000
MIN_SECRET: Final = 32
MIN_DIFFERENT: Final = 12
LONGEST_BLOCK: Final = 8  # what is one after the other again and again
# Of examples and of older systems, letters and digits only. No random secret has them by chance.
_KNOWN: Final = ("changeme", "changethis", "changeinproduction", "yoursecret", "supersecret", "replaceme")
# A clock that was set back a little must not throw out whoever signed in just before.
SKEW: Final = 60 * SECOND

ISSUER: Final = "godkaiser"
AUDIENCE: Final = "godkaiser"

_ALGORITHM: Final = "HS256"
_OUR_OWN_CHECKS: Final[Any] = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class TokenKind(StrEnum):
    """What a token is good for."""

    ACCESS = "access"
    REFRESH = "refresh"
    PAGE = "page"  # of a browser that shows the pages; it is not renewed


LIFETIME_S: Final[Mapping[TokenKind, int]] = {
    TokenKind.ACCESS: 30 * 60,
    TokenKind.REFRESH: 7 * 24 * 3600,
    TokenKind.PAGE: 12 * 3600,
}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. Times are microseconds since 1970, on whole seconds.

    `family`: the sign-in it descends from.
    """

    user_id: int
    kind: TokenKind
    jti: str
    family: str
    version: int
    issued_at: int
    expires_at: int


def issue(
    user_id: int,
    kind: TokenKind,
    *,
    jti: str,
    family: str,
    version: int,
    secret: str,
    now: int,
) -> str:
    """A signed token. `version` is the user's log-out-everywhere counter, `jti` a fresh random id.

    Raises WeakSecretError when the secret is too short to protect anything.
    """
    seconds = now // SECOND
    body = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "type": kind.value,
        "jti": jti,
        "fam": family,
        "ver": version,
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + LIFETIME_S[kind],
    }
    return jwt.encode(body, _strong(secret), algorithm=_ALGORITHM)


def read(token: str, kind: TokenKind, *, secret: str, now: int) -> Claims:
    """What a token says, once it is proved to be ours, of this kind, and of this time.

    Raises AuthenticationFailedError, whose text never says more than an outsider may know.
    """
    return read_any(token, (kind,), secret=secret, now=now)


def read_any(token: str, kinds: Collection[TokenKind], *, secret: str, now: int) -> Claims:
    """The same of one of these kinds."""
    body = _signed_body(token, _strong(secret))
    claims = _claims(body)
    if claims.kind not in kinds:
        raise _failed()
    if now < claims.issued_at - SKEW or now < _count(body.get("nbf")) * SECOND - SKEW:
        raise _failed()
    if now >= claims.expires_at:
        raise AuthenticationFailedError(problem="the session has ended")
    return claims


def _signed_body(token: str, secret: str) -> dict[str, Any]:
    try:
        return jwt.decode(token, secret, algorithms=[_ALGORITHM], options=_OUR_OWN_CHECKS)
    # A token with a lone surrogate cannot even be spelled in bytes; PyJWT lets that error pass.
    except (jwt.InvalidTokenError, UnicodeEncodeError):
        raise _failed() from None


def _claims(body: Mapping[str, Any]) -> Claims:
    subject, kind = body.get("sub"), body.get("type")
    if body.get("iss") != ISSUER or body.get("aud") != AUDIENCE or kind not in tuple(TokenKind):
        raise _failed()
    if not isinstance(subject, str) or _DIGITS.fullmatch(subject) is None:
        raise _failed()
    return Claims(
        user_id=int(subject),
        kind=TokenKind(kind),
        jti=_name(body.get("jti")),
        family=_name(body.get("fam")),
        version=_count(body.get("ver")),
        issued_at=_count(body.get("iat")) * SECOND,
        expires_at=_count(body.get("exp")) * SECOND,
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _failed()
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:  # a bool is an int to isinstance, and no time
        raise _failed()
    return value


def weakness(secret: str) -> str:
    """Why a secret protects nothing, or nothing. Never says what it is."""
    if len(secret) < MIN_SECRET:
        return f"shorter than {MIN_SECRET} characters"
    plain = "".join(letter for letter in secret.casefold() if letter.isalnum())
    if any(word in plain for word in _KNOWN):
        return "a default that everybody knows"
    if any(secret == (secret[:n] * len(secret))[: len(secret)] for n in range(1, LONGEST_BLOCK + 1)):
        return "repeats a few characters over and over"
    if len(set(secret)) < MIN_DIFFERENT:
        return f"fewer than {MIN_DIFFERENT} different characters"
    return ""


def _strong(secret: str) -> str:
    if problem := weakness(secret):
        raise WeakSecretError(name="JWT_SECRET_KEY", problem=problem)
    return secret


def _failed() -> AuthenticationFailedError:
    return AuthenticationFailedError(problem="authentication failed")
