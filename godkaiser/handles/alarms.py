"""Alarms as plain frozen values, their history as a frame, and how they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from godkaiser.display import Html, Shown, bad, html_of, joined, lines, quiet, strong, table, text_table
from godkaiser.frames import need_pandas
from godkaiser.handles.line import Line
from godkaiser.handles.values import when

if TYPE_CHECKING:
    from pandas import DataFrame

HEAD: Final = ("alarm", "state", "priority", "since", "times", "what", "what to do")
UNSEEN: Final = ("UNACK", "RTNUN", "LATUN")
_HISTORY: Final = ("key", "name", "step", "state", "priority", "text", "who", "reason")
_TIMES: Final = ("since", "returned_at", "acked_at", "shelved_until")


@dataclass(frozen=True, slots=True)
class Alarm(Shown):
    """One alarm of one thing, as it stood when it was asked for.

    `state` is UNACK, ACKED, RTNUN (returned unacknowledged), LATUN or LATCH (latched), SHLVD (shelved until
    `shelved_until`) or OOSRV (out of service); `priority` is low, medium, high or critical. `holds`: does its
    condition hold? `count`: how often it was raised. Times are aware, UTC. `remedy` says what to do.
    """

    key: str
    kind: str
    source: str
    name: str
    state: str
    priority: str
    text: str
    remedy: str = field(repr=False)
    holds: bool
    count: int
    since: datetime | None = None
    returned_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str | None = None
    shelved_until: datetime | None = None
    suppressed_by: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(**{**shot, **{name: when(shot[name]) for name in _TIMES}})

    @property
    def unseen(self) -> bool:
        """Does it wait for somebody to acknowledge it?"""
        return self.state in UNSEEN

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        return self.key, self.state, self.priority, self.since, self.count, self.text, self.remedy


class Alarms(Shown, tuple[Alarm, ...]):
    """The alarms that stand, those to be seen first come first."""

    __slots__ = ()

    def __repr__(self) -> str:
        return text_table(HEAD, [alarm.row() for alarm in self]) if self else "no alarm stands"


@html_of.register
def _(alarms: Alarms) -> Html:
    return table(HEAD, [_cells(alarm) for alarm in alarms]) if alarms else quiet("no alarm stands")


def _cells(alarm: Alarm) -> tuple[object, ...]:
    key, state, *rest = alarm.row()
    return key, bad(str(state)) if alarm.unseen else state, *rest


@html_of.register
def _(alarm: Alarm) -> Html:
    state = bad(alarm.state) if alarm.unseen else strong(alarm.state)
    return lines(joined(state, alarm.priority, alarm.text), quiet(alarm.remedy))


# ── asking ─────────────────────────────────────────────────────────────────────────────────────────────
async def standing(line: Line) -> Alarms:
    """What stands now."""
    shown = await line.ask("alarms.list")
    return Alarms(Alarm.of(shot) for shot in shown["standing"])


async def history(line: Line, span: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every step in a span of time."""
    found: list[dict[str, Any]] = await line.ask("alarms.history", limit=100_000, **span)
    return found


def history_frame(steps: Sequence[Mapping[str, Any]]) -> DataFrame:
    """One row per step, oldest first, with a UTC index named `time`."""
    pandas = need_pandas()
    index = pandas.DatetimeIndex([when(step["at"]) for step in steps], tz="UTC", name="time")
    frame: DataFrame = pandas.DataFrame(
        {name: [step[name] for step in steps] for name in _HISTORY}, index=index, dtype="object"
    )
    return frame
