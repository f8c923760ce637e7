"""A stretch of time as clients say it: from when until when."""

from __future__ import annotations

from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import SECOND, Instant, parse_instant


def check_span(since: object, until: object) -> None:
    """Clients in other languages may send anything. Raises `InvalidValueError`."""
    if not isinstance(since, str) or not isinstance(until, str | None):
        raise InvalidValueError(
            field="since, until", value=repr(since)[:40], problem="no text", allowed='"-24h", ISO'
        )


def read_span(since: str, until: str | None, now: Instant) -> tuple[Instant, Instant]:
    """By the controller's clock, the end exclusive; without `until` what is of now is in it.

    Raises `InvalidValueError`.
    """
    check_span(since, until)
    start = parse_instant(since, now, "since")
    return start, now + SECOND if until is None else parse_instant(until, now, "until")
