"""A recording, event by event through the production engine: it says the same again, or we hear where it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from godkaiser.engine import effect as fx
from godkaiser.engine.engine import HANDLERS, Engine
from godkaiser.engine.state import State
from godkaiser.errors import RecordingError
from godkaiser.io.recorder import PACKED
from godkaiser.io.snapshot import from_bytes
from godkaiser.io.unpack import Source
from godkaiser.io.utter import utterance
from godkaiser.io.wire.decode import decode
from godkaiser.model import event as ev
from godkaiser.model.instant import Instant, to_iso
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
SHOWN: Final = 100  # differences kept; more are only counted
Said = tuple[str, str, int, bool]  # topic, payload, QoS, retained
Line = Said | ev.Event


@dataclass(frozen=True, slots=True)
class Difference:
    """After the event at `at`: what was said live and what was said now; None: nothing."""

    at: Instant
    live: Said | None
    now: Said | None

    def __str__(self) -> str:
        """For people."""
        return f"{to_iso(self.at)}  live: {_shown(self.live)}  replayed: {_shown(self.now)}"


@dataclass(slots=True)
class Report:
    """What came of a replay. `cut`: its end was not written any more, as after a crash.

    `left`: so many bytes of the file, from `left_from` on, were left out, for they hold no line of ours (`left_why`).
    """

    file: str
    version: str = ""  # of the program that made it
    events: int = 0
    said: int = 0
    first: Instant = 0
    last: Instant = 0
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    cut: bool = False
    left: int = 0
    left_from: int | None = None
    left_why: str = ""

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": self.file,
            "version": self.version,
            "events": self.events,
            "said": self.said,
            "first": to_iso(self.first),
            "last": to_iso(self.last),
            "different": self.different,
            "differences": [str(one) for one in self.differences],
            "cut": self.cut,
            "left": self.left,
            "left_from": self.left_from,
            "left_why": self.left_why,
        }


def _shown(said: Said | None) -> str:
    return "nothing" if said is None else f"{said[0]} {said[1]}"


def recordings(folder: Path) -> list[Path]:
    """The oldest first."""
    return sorted(folder.glob(f"*{PACKED}"))


def replay(
    path: Path,
    catalogue: Catalogue = BUILT_IN,
    *,
    on_effects: Callable[[ev.Event, list[fx.Effect]], None] = lambda event, effects: None,
) -> Report:
    """Raises `RecordingError`. `on_effects` sees everything that comes of each event."""
    report = Report(path.name)
    source = Source(path, path.name.endswith(PACKED))
    pieces = _pieces(source)
    engine = _begun(pieces, catalogue, report)
    _play(engine, _lines(source, pieces, catalogue, report), report, on_effects)
    return report


def _play(
    engine: Engine,
    lines: Iterator[Line],
    report: Report,
    on_effects: Callable[[ev.Event, list[fx.Effect]], None],
) -> None:
    now: list[Said] = []
    live: list[Said] = []
    at = report.first
    for read in lines:
        if isinstance(read, tuple):
            live.append(read)
            continue
        _compare(report, at, live, now)
        event = read
        effects = engine.handle(event)
        on_effects(event, effects)
        spoken = (utterance(effect, engine.state) for effect in effects)
        now = [(one.topic, one.payload.decode(), one.qos, one.retain) for one in spoken if one is not None]
        live, at = [], event.at
        report.events, report.last = report.events + 1, at
    if report.cut and len(live) < len(now):
        now = now[: len(live)]  # the rest of it was lost with the end
    _compare(report, at, live, now)


def _compare(report: Report, at: Instant, live: list[Said], now: list[Said]) -> None:
    report.said += len(live)
    for place in range(max(len(live), len(now))):
        before = live[place] if place < len(live) else None
        after = now[place] if place < len(now) else None
        if before != after:
            report.different += 1
            if len(report.differences) < SHOWN:
                report.differences.append(Difference(at, before, after))


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────
def _pieces(source: Source) -> Iterator[tuple[int, bytes]]:
    try:
        yield from source.lines()
    except OSError as error:
        raise RecordingError(problem=f"{source.path.name} cannot be read: {error}") from None


def _begun(pieces: Iterator[tuple[int, bytes]], catalogue: Catalogue, report: Report) -> Engine:
    """The state it begins with. Raises `RecordingError`: without that nothing can be played."""
    _, text = next(pieces, (0, b"null"))
    try:
        kind, report.version, at, _, seq, state = json.loads(text)
        if kind != "begin":
            raise RecordingError(problem=f"{report.file} does not begin as one")
        report.first = report.last = int(at)
        made, count = from_bytes(base64.b64decode(state), catalogue), int(seq)
    except _UNREADABLE as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(problem=f"{report.file} does not begin as one: {error}") from None
    if not isinstance(made, State):
        raise RecordingError(problem=f"{report.file} does not begin with the engine's state")
    return Engine(made, count)


def _lines(
    source: Source, pieces: Iterator[tuple[int, bytes]], catalogue: Catalogue, report: Report
) -> Iterator[Line]:
    """As far as they are ours: nobody says when a machine goes dark, and what then stands at the end."""
    for place, text in pieces:
        try:
            read = _line(text, catalogue)
        except _UNREADABLE as error:
            report.left_why = (
                error.problem if isinstance(error, RecordingError) else f"none of our lines: {error}"
            )
            source.stop(place)
            break
        yield read
    report.cut, report.left, report.left_from = source.cut, source.left, source.bad


def _line(text: bytes, catalogue: Catalogue) -> Line:
    """What was said, or an event. Raises one of `_UNREADABLE`."""
    try:
        kind, *rest = json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise RecordingError(problem="it is no JSON") from None
    if kind == "said":
        topic, payload, qos, retain = rest
        return str(topic), str(payload), int(qos), bool(retain)
    event = _event(kind, rest, catalogue)
    if type(event) not in HANDLERS:
        raise RecordingError(problem=f"a {type(event).__name__} is no event")
    return event


def _event(kind: str, rest: list[Any], catalogue: Catalogue) -> ev.Event:
    if kind == "message" and len(rest) == 4:
        at, topic, payload, retained = rest
        raw = base64.b64decode(payload["base64"]) if isinstance(payload, dict) else str(payload).encode()
        return decode(str(topic), raw, int(at), retained=bool(retained))
    if kind == "event" and len(rest) == 3:
        found: ev.Event = from_bytes(base64.b64decode(rest[2]), catalogue)
        return found
    raise RecordingError(problem=f"nobody knows a line of the kind {kind!r}")
