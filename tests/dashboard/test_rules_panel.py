"""The list of rules: can it work, what did it want last, and what became of that. In both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from godkaiser_dashboard.panels import rules_panel
from godkaiser_dashboard.words import Words

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
AWAY = "cannot act: node ESP_B00002 is offline since 00:12:03 on 2026-05-01"


def rule(**more: Any) -> dict[str, Any]:
    said = {"id": "heat", "name": "Heat at night", "sentence": "When it is cold, heat.", "enabled": True}
    said |= {"truth": "true", "acting": True, "degraded": None, "last_decision": "2026-05-01T11:59:00Z"}
    return said | more


def drawn(language: str = "en", **more: Any) -> str:
    return rules_panel(Words(language), [rule(**more)], NOW)


def outcome(word: str, reason: str | None = None) -> dict[str, Any]:
    return {"decided": "2026-05-01T11:59:00Z", "outcome": word, "reason": reason}


@pytest.mark.parametrize(
    ("more", "language", "state"),
    [
        ({}, "en", "active"),
        ({"acting": False, "truth": "false"}, "en", "waiting"),
        ({"degraded": AWAY}, "en", "degraded"),
        ({"enabled": False, "degraded": None}, "en", "off"),
        ({}, "de", "aktiv"),
        ({"acting": False}, "de", "wartet"),
        ({"degraded": AWAY}, "de", "eingeschränkt"),
        ({"enabled": False}, "de", "aus"),
    ],
)
def test_the_state_of_a_rule_is_a_word(more: dict[str, Any], language: str, state: str) -> None:
    assert f">{state}</span>" in drawn(language, **more)


def test_one_that_cannot_act_says_of_which_node_and_since_when_and_that_nothing_was_done() -> None:
    page = drawn(degraded=AWAY, last_outcome=outcome("not carried out", "Node ESP_B00002 is offline."),
                 carried_out=0, not_carried_out=1)  # fmt: skip
    assert AWAY in page
    assert "Last decision: not carried out. Node ESP_B00002 is offline." in page
    assert "0 of 1 decisions carried out." in page
    assert "acting" not in page


def test_only_what_the_node_confirmed_reads_as_done() -> None:
    assert "confirmed by the node" in drawn(last_outcome=outcome("carried out"), carried_out=1)
    waiting = drawn(last_outcome=outcome("waiting"))
    assert "not confirmed yet" in waiting
    assert "confirmed by the node" not in waiting
    assert "Last decision" not in drawn()
    assert "Letzte Entscheidung: vom Knoten bestätigt." in drawn("de", last_outcome=outcome("carried out"))


def test_what_is_said_from_outside_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    page = drawn(name=bad, degraded=bad, last_outcome=outcome("not carried out", bad))
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") == 3


@pytest.mark.parametrize(
    ("language", "said"), [("en", "this rule switches nothing"), ("de", "diese Regel schaltet nichts")]
)
def test_a_rule_that_only_tells_was_confirmed_by_no_node(language: str, said: str) -> None:
    done = outcome("carried out")
    assert said in drawn(language, last_outcome=done, actuators=[])
    assert said not in drawn(language, last_outcome=done, actuators=["ESP_A1B2C3/25"])
    assert said not in drawn(language, last_outcome=outcome("waiting"), actuators=[])
