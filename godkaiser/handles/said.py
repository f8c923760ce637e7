"""What nodes said, as plain frozen values: notes for people, messages nobody could read, probes on a bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from godkaiser.display import Shown
from godkaiser.handles.values import surely


@dataclass(frozen=True, slots=True)
class Note(Shown):
    """Something a node said that is for people. `kind` is warning, error, critical, alert, queue, outcome, …"""

    at: datetime
    kind: str
    text: str

    @classmethod
    def all_of(cls, notes: Sequence[Mapping[str, Any]]) -> tuple[Self, ...]:
        """From the controller's words."""
        return tuple(cls(surely(note["at"]), note["kind"], note["text"]) for note in notes)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}  {self.kind}  {self.text}"


@dataclass(frozen=True, slots=True)
class Message(Shown):
    """A message nobody could read: when it came, its topic, how it begins, and why it could not be read."""

    at: datetime
    topic: str
    excerpt: str
    why: str


@dataclass(frozen=True, slots=True)
class Unreadable(Shown):
    """Messages of one node that could not be read for one reason: how many, and the last few, newest first."""

    code: str
    count: int
    last: tuple[Message, ...] = field(default=(), repr=False)

    @classmethod
    def all_of(cls, reasons: Sequence[Mapping[str, Any]]) -> tuple[Self, ...]:
        """From the controller's words."""
        return tuple(cls(r["code"], r["count"], tuple(map(_message, r["last"]))) for r in reasons)


def _message(shot: Mapping[str, Any]) -> Message:
    return Message(surely(shot["at"]), shot["topic"], shot["excerpt"], shot["why"])


@dataclass(frozen=True, slots=True)
class Probe(Shown):
    """What a node found on a one-wire bus: its ROM as 16 hex digits, and the pin if the node named it."""

    rom: str
    type: str
    pin: int | None

    @classmethod
    def all_of(cls, devices: Sequence[Mapping[str, Any]]) -> tuple[Self, ...]:
        """From the controller's words."""
        return tuple(cls(device["rom"], device["type"], device["pin"]) for device in devices)
