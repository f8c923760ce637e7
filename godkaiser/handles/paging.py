"""History in parts: never more than a part of it is in memory, and nothing stays open between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from godkaiser.errors import InvalidValueError
from godkaiser.frames import Stretch
from godkaiser.handles.deeds import How, column, fetch, headed, span_of
from godkaiser.handles.line import Line

CHUNK: Final = 100_000
CHUNK_MOST: Final = 500_000
_BUCKETS: Final = ("minimum", "maximum", "std", "readings", "bad")


@dataclass(slots=True)
class Paging:
    """One sensor, readings or (with `how.every`) buckets, at most `chunk` of them at a time.

    `done` 0..1: how far it is, by time. Buckets come at once, as they are few, and are cut.
    """

    sensor: str
    span: Mapping[str, str]
    how: How
    chunk: int = CHUNK
    done: float = 0.0
    _place: dict[str, Any] | None = None
    _bounds: tuple[int, int] = (0, 0)
    _head: Stretch | None = None
    _rest: Stretch | None = None
    _over: bool = field(default=False)

    async def following(self, line: Line) -> Stretch | None:
        """The next part, the first one even when it is empty; None: there is no more."""
        if self._over:
            return None
        return await (self._readings(line) if self.how.every is None else self._buckets(line))

    async def _readings(self, line: Line) -> Stretch:
        what = {"span": self.span} if self._place is None else {"place": self._place}
        answer = await line.ask("history.page", series=self.sensor, most=self.chunk, **what)
        if self._head is None:
            self._head, self._bounds = headed(line, self.sensor, answer), (answer["since"], answer["until"])
        self._place = answer["next"]
        self._over = self._place is None
        part = replace(
            self._head,
            times=column("q", answer["times"]),
            values=column("d", answer["values"]),
            quality=bytes(column("q", answer["quality"]).tolist()),
            raw=column("d", answer["raw"]),
            calibration=column("q", answer["calibration"]),
            coverage=column("d", answer["coverage"]),
        )
        since, until = self._bounds
        self.done = 1.0 if self._over else (part.times[-1] - since) / max(1, until - since)
        return part

    async def _buckets(self, line: Line) -> Stretch:
        if self._rest is None:
            span = (self.span["since"], self.span.get("until"))
            (self._rest,) = await fetch(line, [self.sensor], span, how=self.how)
            self._head = self._rest
        part, self._rest = _cut(self._rest, self.chunk)
        self._over = not self._rest.times
        assert self._head is not None
        self.done = 1.0 - len(self._rest.times) / max(1, len(self._head.times))
        return part


def _cut(stretch: Stretch, count: int) -> tuple[Stretch, Stretch]:
    return _slice(stretch, slice(count)), _slice(stretch, slice(count, None))


def _slice(stretch: Stretch, which: slice) -> Stretch:
    buckets = stretch.buckets
    assert buckets is not None
    numbers = {name: getattr(buckets, name)[which] for name in _BUCKETS}
    return replace(
        stretch,
        times=stretch.times[which],
        values=stretch.values[which],
        coverage=stretch.coverage[which],
        buckets=replace(buckets, **numbers),
    )


def pages(sensor: str, span: tuple[Any, Any], how: How, chunk: int) -> Paging:
    """What is to be read, part by part. Raises `InvalidValueError`."""
    if type(chunk) is not int or not 0 < chunk <= CHUNK_MOST:  # True is no number of rows
        raise InvalidValueError(
            field="chunk", value=repr(chunk)[:40], problem="no number of rows", allowed=f"1 to {CHUNK_MOST}"
        )
    return Paging(sensor, span_of(*span), how, chunk)
