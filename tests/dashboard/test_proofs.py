"""The reader's password is asked for exactly where the controller takes it, and objections are in their words."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from godkaiser_dashboard.proofs import PROVEN
from godkaiser_dashboard.trail import defused, lines
from godkaiser_dashboard.trouble import told
from godkaiser_dashboard.words import Words

from godkaiser.auth.passwords import check_policy
from godkaiser.errors import InvalidValueError, LastAdminError, ThrottledError
from tests.dashboard.fake_desk import Greenhouse, alarm
from tests.dashboard.test_alarms import buttons
from tests.dashboard.test_pages import parts, session_of, settle, texts, view_of
from tests.kaiser.house import file, house

import panel as pn  # isort: skip
from godkaiser_dashboard.pages.alarms import Alarms  # isort: skip


async def test_the_table_is_what_the_controller_takes(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        methods = home.controller.clerk.methods
    taking = {name for name, one in methods.items() if "current" in inspect.signature(one).parameters}
    assert taking == PROVEN


@pytest.mark.parametrize("password", ["a", "A" * 80, "\x07bel", "anna1234567"])
def test_every_objection_to_a_password_has_a_german_sentence(password: str) -> None:
    objections = check_policy(password, "anna")
    error = InvalidValueError(field="password", value="***", problem=" ".join(objections), allowed="x")
    field, text = told(Words("de"), error)
    assert field == "password"
    assert objections
    assert not any(sentence in text for sentence in objections)
    assert text.count("Es ") >= len(objections)


def test_what_else_can_be_wrong_is_said_plainly() -> None:
    assert told(Words("en"), ThrottledError(retry_after=7.2)) == (
        "",
        "Too many tries. Please wait 8 s, then try again.",
    )
    assert "letzte aktive Administrator" in told(Words("de"), LastAdminError(name="root"))[1]
    assert told(Words("en"), OSError("gone"))[1].endswith("gone")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_calculated(cell: str) -> None:
    assert defused(cell) == f"'{cell}"
    assert defused("plain") == "plain"
    assert defused(None) == ""
    assert lines([["a", 'b"c', "d,e"]]) == 'a,"b""c","d,e"\r\n'


async def test_an_operator_of_another_zone_sees_why_the_button_is_grey() -> None:
    found = Greenhouse()
    found.alarm(alarm(), alarm(source="ESP_0A1B2C"))
    found.theirs = {"node_silent:ESP_0A1B2C"}
    session = session_of(found, view_of(found), "olaf", zones=["flowering"])
    page = Alarms(session)
    shown = page.content()
    seen = [b for b in parts(shown, pn.widgets.Button) if b.visible]
    assert all(button.disabled for button in seen), "nothing is offered before the controller has said so"
    await settle(session)
    page.update(*session.look())
    free = [b.disabled for b in parts(shown, pn.widgets.Button) if b.visible and b.label == "Acknowledge"]
    assert sorted(free) == [False, True]
    assert "where you do not act" in "".join(texts(shown))
    assert buttons(shown).count("Acknowledge") == 2
