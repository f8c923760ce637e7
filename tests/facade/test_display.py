"""Pictures: escaped, complete without colour, made from what is known."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import pytest_asyncio

from godkaiser import Farm, NoControllerError, html_of
from godkaiser.display import Html, Shown, framed, text_table
from godkaiser.handles.said import Message, Note, Probe, Unreadable
from godkaiser.handles.values import Chain, Change, Finding, Outcome, Reading, Step, Stop, Verdict
from godkaiser.kaiser.connect import Connecting
from tests.facade.fake import HOSTILE, QUIET, Fake, actuator, node, rule, sensor, snapshot

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Text(HTMLParser):
    """What a person without colours reads, and which elements there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def said(self) -> str:
        return " ".join(self.words)


def hostile_snapshot() -> dict[str, object]:
    problems = {"quality": "error", "reason": HOSTILE, "unit": HOSTILE}
    said: dict[str, Any] = {
        "notes": [note_shot()],
        "unreadable": [unreadable_shot()],
        "system_state": HOSTILE,
    }
    return snapshot(
        nodes=[
            node(name=HOSTILE, problems=[HOSTILE], zone=HOSTILE, status="pending", last_contact=None, **said)
        ],
        sensors=[sensor(name=HOSTILE, **problems), sensor("b", HOSTILE, measured_at=None)],
        actuators=[actuator(name=HOSTILE, kind=HOSTILE, last_command=outcome_shot())],
        rules=[rule(name=HOSTILE, sentence=HOSTILE, degraded=HOSTILE)],
        stop=QUIET | {"phase": "ACTIVE", "reason": HOSTILE, "by": HOSTILE, "unconfirmed": [HOSTILE]},
    )


def note_shot(text: str = HOSTILE) -> dict[str, object]:
    return {"at": AT.isoformat(), "kind": "alert", "text": text}


def unreadable_shot(count: int = 12) -> dict[str, object]:
    last = {"at": AT.isoformat(), "topic": HOSTILE, "excerpt": HOSTILE, "code": "bad_json", "why": HOSTILE}
    return {"code": HOSTILE, "count": count, "last": [last, last]}


def outcome_shot() -> dict[str, object]:
    findings = [{"code": "x", "sentence": HOSTILE, "severity": "warn"}]
    shot: dict[str, object] = {
        "id": "1",
        "actuator": "a",
        "value": 1.0,
        "state": "failed",
        "at": AT.isoformat(),
    }
    return shot | {"origin": HOSTILE, "message": HOSTILE, "findings": findings}


@pytest_asyncio.fixture
async def hostile() -> AsyncIterator[Farm]:
    fake = Fake(first=False)
    fake.feed = [{"kind": "snapshot", "id": "", "data": hostile_snapshot()}]
    async with Connecting(fake.line(name=HOSTILE)) as farm:
        yield farm


VALUES = [
    Reading("s", HOSTILE, 1.0, HOSTILE, "suspect", "fresh", AT, None, timedelta(), None, HOSTILE),
    Verdict("a", 1.0, False, (Finding("x", HOSTILE), Finding("y", HOSTILE, "warn"))),
    Outcome("1", HOSTILE, 1.0, "confirmed", AT, HOSTILE, HOSTILE),
    Chain(HOSTILE, HOSTILE, (Step("payload", AT, HOSTILE, True), Step("verdict", AT, HOSTILE, False))),
    Stop("ACTIVE", HOSTILE, HOSTILE, AT, (HOSTILE,), HOSTILE),
    Note(AT, HOSTILE, HOSTILE),
    Message(AT, HOSTILE, HOSTILE, HOSTILE),
    Unreadable(HOSTILE, 3, (Message(AT, HOSTILE, HOSTILE, HOSTILE),)),
    Probe(HOSTILE, HOSTILE, 4),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_escape_what_others_wrote(value: Shown) -> None:
    page = value._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "script" not in Text(page).elements


async def test_handles_escape_what_others_wrote(hostile: Farm) -> None:
    things = [hostile, hostile.nodes, hostile.sensors, hostile.actuators, hostile.rules]
    things += [hostile.nodes[0], *hostile.sensors, hostile.actuators[0], hostile.rules[0]]
    for thing in things:
        page = thing._repr_html_()
        assert "<script" not in page, thing
        assert HOSTILE in Text(page).said, thing


async def test_reprs_are_whole_sentences_of_text(hostile: Farm) -> None:
    assert "never heard" in repr(hostile.sensors["b"])
    assert hostile.sensors["b"].latest is None
    assert "error" in repr(hostile.sensors[0])
    assert "not heard yet" not in repr(hostile.nodes[0])
    assert "heard never" in repr(hostile.nodes[0])
    assert "1 wait for approval" in repr(hostile)
    assert "STOP ACTIVE" in Text(hostile._repr_html_()).said
    assert "reported 50%" in repr(hostile.actuators[0])
    assert hostile.nodes[0].problems == (HOSTILE,)
    assert hostile.nodes[0].zone == HOSTILE
    assert hostile.nodes[0].last_contact is None


async def test_a_node_shows_its_problems_its_notes_and_what_could_not_be_read(hostile: Farm) -> None:
    node = hostile.nodes[0]
    assert "12 messages could not be read" in repr(node)
    assert f"it said last: 2026-05-01 12:00:00  alert  {HOSTILE}" in repr(node)
    page = Text(node._repr_html_())
    for words in (
        "What it said of itself",
        "What could not be read of it",
        "12 messages",
        "-61 dBm",
        "2 h",
        "esp32_dev",
    ):
        assert words in page.said
    assert page.said.count(HOSTILE) >= 10
    assert node.unreadable[0].last[0].excerpt == HOSTILE
    assert node.notes[0].at == AT
    assert node.system_state == HOSTILE


async def test_what_a_node_has_not_said_is_a_dash_and_zero_is_a_value() -> None:
    fake = Fake(first=False)
    said: dict[str, Any] = dict.fromkeys(("generation", "rssi", "uptime", "system_state")) | {"heap": 0}
    fake.feed = [{"kind": "snapshot", "id": "", "data": snapshot(nodes=[node(**said)])}]
    async with Connecting(fake.line()) as farm:
        shown = farm.node("climate")
        assert (shown.rssi, shown.uptime, shown.generation, shown.system_state, shown.heap) == (
            None,
            None,
            None,
            None,
            0,
        )
        page = Text(shown._repr_html_()).said
        assert "0 bytes" in page
        assert page.count("–") == 4
        assert "could not be read" not in repr(shown) + page


def test_marks_and_words_carry_the_meaning_not_the_colour() -> None:
    refused = Text(Verdict("a", 1.0, False, (Finding("x", "too hot"),))._repr_html_()).said
    assert "✘ refused" in refused
    assert "too hot" in refused
    assert "✔ allowed" in Text(Verdict("a", 1.0, True)._repr_html_()).said
    chain = Chain("a", "it runs", (Step("payload", AT, "28.6 °C", True), Step("intent", AT, "no", None)))
    assert re.search(r"✔.*payload.*28\.6 °C.*·.*intent", Text(chain._repr_html_()).said, re.DOTALL)
    assert "no stop" in Text(Stop("NORMAL")._repr_html_()).said
    assert repr(Stop("NORMAL")) == "<Stop NORMAL>"
    assert "✔ confirmed" in Text(VALUES[2]._repr_html_()).said
    assert "sent" in Text(Outcome("1", "a", 1.0, "sent", AT, "me")._repr_html_()).said


def test_colours_are_the_pages_own() -> None:
    page = Stop("NORMAL")._repr_html_()
    assert "currentColor" in page
    assert "prefers-color-scheme" in page
    assert not re.search(r"background:\s*(#|rgb|white|black)", page)


def test_plain_values_have_pictures_too() -> None:
    assert html_of("<b>") == "&lt;b&gt;"
    assert html_of(Html("<b>")) == "<b>"
    assert html_of(None) == "–"
    assert html_of(True) == "yes"
    assert html_of(23.41234) == "23.41"
    assert html_of(7) == "7"
    assert html_of(timedelta(seconds=12)) == "12 s"
    assert "2026-05-01 12:00:00 UTC" in html_of(AT)
    assert html_of(["<a>", 1]) == "&lt;a&gt;, 1"
    assert html_of(()) == "–"
    assert html_of({"<k>": "<v>"}).count("&lt;") == 2
    error = Text(framed(html_of(NoControllerError(where="in <x>")))).said
    assert "No controller is running in <x>." in error
    assert "godkaiser demo" in error
    assert html_of(Change("sensor", "<x>", {})).count("&lt;") == 1


async def test_an_empty_table_says_so() -> None:
    fake = Fake(first=False)
    fake.feed = [{"kind": "snapshot", "id": "", "data": snapshot(nodes=[], sensors=[])}]
    async with Connecting(fake.line()) as farm:
        assert "nothing here yet" in Text(farm.nodes._repr_html_()).said
        assert len(farm.sensors) == 0
        assert repr(farm.sensors).startswith("sensor")


def test_a_text_table_is_aligned_and_one_line_each() -> None:
    table = text_table(("a", "b"), [("1\n2", "x"), ("long", None)])
    assert table == "a     b\n1 2   x\nlong  None"
