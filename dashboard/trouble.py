"""What went wrong, in the reader's words, and beside which field."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Final

from godkaiser import AuthenticationFailedError, GodkaiserError, InvalidValueError, ThrottledError

from .words import Words

# How an objection to a password begins, as the controller says it, and our sentence for it.
POLICY: Final = {
    "It needs at least": "policy.short",
    "It may have at most": "policy.long",
    "It needs an upper-case": "policy.upper",
    "It needs a lower-case": "policy.lower",
    "It needs a digit": "policy.digit",
    "It needs a special": "policy.special",
    "It may hold only": "policy.unseen",
    "It must not contain": "policy.name",
}
_WRONG: Final = "name or password is wrong"


def told(words: Words, error: Exception) -> tuple[str, str]:
    """The field it belongs to, empty for none, and what to say."""
    if isinstance(error, ThrottledError):
        return "", words("form.throttled", seconds=max(1, ceil(error.retry_after)))
    if isinstance(error, AuthenticationFailedError) and error.problem == _WRONG:
        return "current", words("form.wrong_password")
    if isinstance(error, InvalidValueError):
        return error.field, _invalid(words, error)
    if isinstance(error, GodkaiserError):
        return "", words.known(f"error.{error.code}", f"{error} {error.remedy}")
    return "", words("shell.failed", problem=str(error))


def _invalid(words: Words, error: InvalidValueError) -> str:
    if error.field == "password":
        return " ".join(_policy(words, error.problem)) or str(error)
    return words.known(f"invalid.{error.field}", str(error))


def _policy(words: Words, problem: str) -> Iterator[str]:
    """Sentence by sentence; one we do not know stays as it is."""
    for sentence in problem.replace(". ", ".\n").splitlines():
        key = next((key for begin, key in POLICY.items() if sentence.startswith(begin)), "")
        yield words(key) if key else sentence
