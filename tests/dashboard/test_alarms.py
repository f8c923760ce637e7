"""The alarms page: what stands, in words; buttons for those who may; their number on every page."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import panel as pn
import pytest
from godkaiser_dashboard.alarms import count
from godkaiser_dashboard.faces import wellness
from godkaiser_dashboard.pages.alarms import ANSWERS, Alarms
from godkaiser_dashboard.session import Session
from godkaiser_dashboard.shell import frame, head
from godkaiser_dashboard.view import fold
from godkaiser_dashboard.words import Words

from godkaiser.alarms.alarm import State
from godkaiser.alarms.kind import KINDS
from tests.dashboard.conftest import DEADLINE_S
from tests.dashboard.fake_desk import Greenhouse, alarm, iso, now
from tests.dashboard.test_pages import EVIL, parts, session_of, settle, texts, view_of


def buttons(shown: pn.viewable.Viewable) -> list[str]:
    """Those that can be seen."""
    return [str(button.label) for button in parts(shown, pn.widgets.Button) if button.visible]


def shown(house: Greenhouse, name: str = "ada", language: str = "en") -> tuple[Session, pn.viewable.Viewable]:
    session = session_of(house, view_of(house), name, language)
    return session, Alarms(session).content()


async def test_a_quiet_house_says_so() -> None:
    session, page = shown(Greenhouse())
    assert "No alarm stands." in "".join(texts(page))
    assert buttons(page) == []
    assert count(session.words, session.feed.view) == ""


async def test_an_alarm_says_what_is_wrong_and_what_to_do() -> None:
    house = Greenhouse()
    house.alarm(alarm(count=3, since=iso(now() - timedelta(minutes=5))))
    _, page = shown(house)
    text = "".join(texts(page))
    for said in (
        "irrigation node is not heard any more.", '<span class="mark bad">unacknowledged</span>', "high",
        "Check its power and its Wi-Fi.", "times raised: 3",
    ):  # fmt: skip
        assert said in text
    assert buttons(page) == ["Acknowledge", "Shelve"]


async def test_in_german_it_says_the_same() -> None:
    house = Greenhouse()
    house.alarm(alarm())
    _, page = shown(house, language="de")
    text = "".join(texts(page))
    assert "Strom und WLAN prüfen." in text
    assert "nicht quittiert" in text
    assert buttons(page) == ["Quittieren", "Zurückstellen"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"state": "ACKED", "acked_by": "user:olaf"}, "Acknowledged by olaf."),
        (
            {
                "state": "SHLVD",
                "suppressed_by": "user:ada",
                "shelved_until": "2026-05-01T06:07:08Z",
                "reason": "x",
            },
            "Shelved by ada until 2026-05-01 06:07:08 UTC. x",
        ),
        ({"state": "OOSRV", "suppressed_by": "local:root"}, "Out of service by root."),
    ],
)
async def test_who_did_it_is_told(more: dict[str, Any], said: str) -> None:
    house = Greenhouse()
    house.alarm(alarm(**more))
    _, page = shown(house)
    assert said in "".join(texts(page))


def test_every_state_has_its_buttons() -> None:
    assert set(ANSWERS) == {state.value for state in State if state is not State.NORM}


async def test_viewers_look_only() -> None:
    house = Greenhouse()
    house.alarm(alarm())
    _, page = shown(house, "vera")
    assert buttons(page) == []
    assert "An operator or admin can acknowledge" in "".join(texts(page))


async def pressed(session: Session, page: pn.viewable.Viewable, label: str) -> None:
    """Press a button and let what it started run to its end."""
    next(b for b in parts(page, pn.widgets.Button) if b.label == label).clicks += 1
    async with asyncio.timeout(DEADLINE_S):
        await settle(session)


async def test_a_click_acknowledges_in_the_name_of_the_reader() -> None:
    house = Greenhouse()
    house.alarm(alarm())
    session, page = shown(house, "olaf")
    await pressed(session, page, "Acknowledge")
    method, params = house.calls[-1]
    assert (method, params["key"], params["token"]) == (
        "alarms.ack", "node_silent:ESP_D4E5F6", session.ticket.token,
    )  # fmt: skip
    assert house.alarms["standing"][0]["acked_by"] == "user:olaf"


async def test_shelving_always_carries_its_end() -> None:
    house = Greenhouse()
    house.alarm(alarm())
    session, page = shown(house)
    parts(page, pn.widgets.Select)[0].value = 28_800
    await pressed(session, page, "Shelve")
    assert house.calls[-1][1]["duration"] == 28_800
    assert house.alarms["standing"][0]["state"] == "SHLVD"


async def test_a_click_that_reaches_nobody_is_told() -> None:
    house = Greenhouse()
    house.alarm(alarm())
    session, page = shown(house)
    house.away = True
    await pressed(session, page, "Acknowledge")
    assert house.alarms["standing"][0]["state"] == "UNACK"
    assert "That did not reach the controller" in "".join(texts(page))


async def test_the_page_follows_what_changes() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    page = Alarms(session)
    body = page.content()
    said = {"unacknowledged": 1, "standing": [alarm()]}
    view = fold(session.feed.view, {"kind": "alarms", "id": "", "data": said}, 0.0)
    page.update(view, now())
    assert buttons(body) == ["Acknowledge", "Shelve"]
    later = fold(view, {"kind": "alarms", "id": "", "data": {"unacknowledged": 0, "standing": []}}, 0.0)
    page.update(later, now())
    assert "No alarm stands." in "".join(texts(body))


async def test_their_number_stands_on_every_page_and_in_the_headline() -> None:
    house = Greenhouse()
    house.alarm(alarm(), alarm(source="ESP_A1B2C3"), alarm(source="ESP_0A1B2C", state="ACKED"))
    session = session_of(house, view_of(house))
    top = head(session.words, session.ticket, session.feed.view, now())
    page = frame(session.words, session.ticket, xsrf="s", here="/", uri="/", lang="", head=top)
    assert '<span id="alarms"><span class="count" role="status" aria-label="' in page
    assert ">2</span>" in top["alarms"]
    well = wellness(session.feed.view, now())
    assert (well.tone, well.reasons[0].key, well.reasons[0].words) == ("bad", "well.alarms", {"n": 2})
    assert Words("de")("well.alarms", n=2) == "Alarme, die niemand quittiert hat: 2."


def test_what_to_do_is_what_the_controller_says() -> None:
    words = Words("en")
    assert [words(f"alarm.remedy.{code}") for code in KINDS] == [kind.remedy for kind in KINDS.values()]


async def test_words_of_strangers_are_escaped() -> None:
    house = Greenhouse()
    house.alarm(alarm(kind=EVIL, name=EVIL, text=EVIL, remedy=EVIL, state=EVIL, priority=EVIL, acked_by=EVIL))
    _, page = shown(house)
    assert "<script" not in "".join(texts(page))
