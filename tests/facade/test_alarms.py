"""Alarms in Python: values, their picture, their history as a frame; awaited and plain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from godkaiser import Alarm, Alarms, InvalidValueError, blocking, html_of
from godkaiser.handles import alarms as asked
from godkaiser.handles.alarms import history_frame
from tests.facade.fake import HOSTILE, NOW, Fake

SHOT: dict[str, Any] = {
    "key": "node_silent:ESP_A1B2C3", "kind": "node_silent", "source": "ESP_A1B2C3", "name": "climate",
    "state": "UNACK", "priority": "high", "text": "climate is not heard any more.", "remedy": "Look.",
    "since": NOW, "holds": True, "count": 2, "returned_at": None, "acked_at": None, "acked_by": None,
    "shelved_until": None, "suppressed_by": None, "reason": None,
}  # fmt: skip
STEP = {
    "at": NOW, "key": SHOT["key"], "name": "climate", "step": "raised", "state": "UNACK", "priority": "high",
    "text": SHOT["text"], "who": None, "reason": None,
}  # fmt: skip


def test_an_alarm_is_a_plain_value() -> None:
    alarm = Alarm.of(SHOT)
    assert (alarm.since, alarm.returned_at) == (datetime(2026, 5, 1, 12, tzinfo=UTC), None)
    assert alarm.unseen
    assert not Alarm.of(SHOT | {"state": "SHLVD"}).unseen


def test_alarms_show_themselves() -> None:
    alarms = Alarms([Alarm.of(SHOT), Alarm.of(SHOT | {"state": "ACKED", "key": "x"})])
    assert "node_silent:ESP_A1B2C3  UNACK" in repr(alarms)
    picture = html_of(alarms)
    assert '<span class="bad">UNACK</span>' in picture
    assert '<span class="bad">ACKED</span>' not in picture
    assert "climate is not heard any more." in html_of(alarms[0])
    assert (repr(Alarms()), "no alarm stands" in html_of(Alarms())) == ("no alarm stands", True)
    evil = Alarm.of(SHOT | {"text": HOSTILE, "name": HOSTILE, "remedy": HOSTILE, "state": HOSTILE})
    assert "<script" not in html_of(Alarms([evil])) + html_of(evil)


async def test_they_are_asked_for_with_the_token() -> None:
    fake = Fake()
    fake.answers = {"alarms.list": {"unacknowledged": 1, "standing": [SHOT]}, "alarms.history": [STEP]}
    line = fake.line(token="t")
    line.owner.start()
    line.owner.opened.result(10)
    assert await line.awaited(asked.standing, line) == Alarms([Alarm.of(SHOT)])
    assert await line.awaited(asked.history, line, {"since": "-1h"}) == [STEP]
    assert fake.asked[-1] == ("alarms.history", {"limit": 100_000, "since": "-1h", "token": "t"})
    line.owner.leave()
    line.owner.join()


def test_the_history_is_a_frame() -> None:
    frame = history_frame([STEP, STEP | {"step": "acknowledged", "who": "user:ann"}])
    assert list(frame["step"]) == ["raised", "acknowledged"]
    assert (frame.index.name, str(frame.index.dtype.tz)) == ("time", "UTC")  # type: ignore[union-attr]
    assert list(frame.columns) == ["key", "name", "step", "state", "priority", "text", "who", "reason"]
    assert len(history_frame([])) == 0


def test_a_healthy_greenhouse_has_none(plain: blocking.Farm) -> None:
    assert plain.alarms() == ()
    assert len(plain.alarm_history(since="-1d")) == 0
    with pytest.raises(InvalidValueError):
        plain.alarm_history(since="yesterday")
