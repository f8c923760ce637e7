"""What pages say, drawn without a browser: everything escaped, nothing old as new, only changes redrawn."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import panel as pn
import pytest
from bokeh.document import Document
from godkaiser_dashboard.app import PAGES
from godkaiser_dashboard.feed import Feed
from godkaiser_dashboard.guard import ticket_from
from godkaiser_dashboard.pages.actuators import Actuators, Card
from godkaiser_dashboard.pages.history import History
from godkaiser_dashboard.pages.nodes import Nodes
from godkaiser_dashboard.pages.overview import Overview
from godkaiser_dashboard.pages.rules import Card as WholeRule
from godkaiser_dashboard.pages.rules import Rules
from godkaiser_dashboard.parts import actuator_facts, chain, findings
from godkaiser_dashboard.ruling import rule_card, trial
from godkaiser_dashboard.session import Session
from godkaiser_dashboard.shell import frame, head
from godkaiser_dashboard.view import View, fold, lost, reminded
from godkaiser_dashboard.words import Words

from tests.dashboard.fake_desk import (
    AIR,
    FAN,
    HEATER,
    LAMP,
    Greenhouse,
    alarm,
    iso,
    now,
    rule,
    said_of_itself,
    unreadable,
)

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def poison(thing: Any) -> Any:
    """The same thing with something nasty in every text that is not a word of the protocol."""
    protocol = {
        "id", "zone", "node", "kind", "type", "status", "truth", "phase", "state", "quality", "freshness",
        "measured_at", "received_at", "reported_at", "last_contact", "last_decision", "lease_until", "since",
        "now", "at", "emergency", "unit",
    }  # fmt: skip
    if isinstance(thing, dict):
        return {k: v if k in protocol and isinstance(v, str) else poison(v) for k, v in thing.items()}
    if isinstance(thing, list):
        return [poison(each) for each in thing]
    return EVIL if isinstance(thing, str) else thing


def view_of(house: Greenhouse, **more: Any) -> View:
    return fold(View(), {"kind": "snapshot", "id": "", "data": house.snapshot() | more}, 0.0)


async def nowhere() -> Any:
    raise ConnectionError


class Fixed(Feed):
    """A feed that does not move, answers from a greenhouse, and has its own clock."""

    def __init__(self, house: Greenhouse, view: View) -> None:
        super().__init__(nowhere, clock=lambda: 0.0)
        self.view, self._house = view, house

    async def call(self, method: str, **params: Any) -> Any:
        return await (await self._house.open()).call(method, **params)


def session_of(
    house: Greenhouse, view: View, name: str = "ada", language: str = "en", zones: list[str] | None = None
) -> Session:
    token = house.sign_in(name)
    house.tokens[token]["zones"] = zones
    told = house.tokens[token]
    ticket = ticket_from(token, told)
    return Session(Fixed(house, view), ticket, Words(language), Document())


def texts(shown: pn.viewable.Viewable) -> list[str]:
    return [str(pane.object) for pane in parts(shown, pn.pane.HTML)]


def parts(shown: pn.viewable.Viewable, kind: type) -> list[Any]:
    return list(shown.select(kind))


def buttons(shown: pn.viewable.Viewable) -> list[str]:
    return [str(button.label) for button in parts(shown, pn.widgets.Button)]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("wanted", [None, "ESP_0A1B2C", EVIL])
@pytest.mark.parametrize("name", PAGES)
async def test_nothing_from_outside_gets_into_a_page_unescaped(
    name: str, wanted: str | None, language: str
) -> None:
    house = Greenhouse()
    house.malformed = [{"at": now().isoformat(), "topic": "t", "excerpt": "e", "code": "c", "why": "w"}]
    house.counters["malformed"] = 1
    house.nodes["ESP_0A1B2C"] |= {
        "problems": ["hot"], "kaiser_id": "god", "notes": [said_of_itself("x")], "unreadable": [unreadable("x")],
    }  # fmt: skip
    house.rules["cool"] |= {"degraded": "away", "notice": {"at": "", "target": "t", "text": "hot"}}
    house.sensors[AIR] |= {"quality": "error", "reason": "broken", "value": None}
    house.actuators[FAN]["last_command"] = {
        "value": 1.0,
        "state": "failed",
        "origin": "x",
        "message": "y",
        "at": "",
    }
    house.stop |= {"phase": "ACTIVE", "reason": "r", "by": "b", "unconfirmed": ["ESP_0A1B2C"]}
    house.alarm(alarm(state="SHLVD", reason="r", suppressed_by="b", acked_by="a"))
    data = poison(house.snapshot())
    view = fold(View(), {"kind": "snapshot", "id": "", "data": data}, 0.0)
    session = session_of(house, view, language=language)
    session.wanted = wanted
    page = "".join(texts(PAGES[name](session).content()))
    page += "".join(str(v) for v in head(session.words, session.ticket, view, view.now(0.0)).values())
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


def test_the_frame_escapes_what_comes_in_an_address() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    top = head(session.words, session.ticket, session.feed.view, now())
    uri = "/history?sensor=" + EVIL
    text = frame(session.words, session.ticket, xsrf="s", here="/history", uri=uri, lang=EVIL, head=top)
    assert "<script" not in text
    assert "onerror=alert(1)>" not in text


async def test_chains_and_findings_are_escaped() -> None:
    words = Words("en")
    step = {"what": EVIL, "at": EVIL, "text": EVIL, "ok": None}
    for text in (chain(words, {"text": EVIL, "steps": [step]}), chain(words, {"text": EVIL, "steps": []})):
        assert "<script" not in text
    assert "<script" not in findings(words, "set.refused", "bad", [{"sentence": EVIL, "severity": EVIL}])


async def test_the_overview_shows_values_with_unit_and_age() -> None:
    house = Greenhouse()
    page = " ".join(texts(Overview(session_of(house, view_of(house))).content()))
    assert "23.4<small>°C</small>" in page
    assert "All is well" in page
    assert "Propagation bench" in page
    assert "When Bench air is above 28 °C" in page
    assert "Now: Fan 80 %, Lamp on" in page


async def test_a_stale_value_is_not_in_the_place_of_a_living_one() -> None:
    house = Greenhouse()
    house.sensors[AIR] |= {"freshness": "stale", "measured_at": (now() - timedelta(minutes=14)).isoformat()}
    tile = next(
        t for t in texts(Overview(session_of(house, view_of(house))).content()) if "Bench air</div>" in t
    )
    assert '<div class="value">–</div>' in tile
    assert "Stale" in tile
    assert "last 23.4 °C, 14 min ago" in tile


async def test_pages_without_a_controller_show_no_living_value() -> None:
    house = Greenhouse()
    view = lost(view_of(house), 1.0)
    page = texts(Overview(session_of(house, view)).content())
    assert [t for t in page if 'class="tile' in t and '<div class="value">–</div>' not in t] == []
    assert "Controller gone" in " ".join(page)


async def test_only_what_changed_is_redrawn() -> None:
    house = Greenhouse()
    view = view_of(house)
    page = Overview(session_of(house, view))
    shown = page.content()
    panes, redrawn = parts(shown, pn.pane.HTML), list[str]()
    for pane in panes:
        pane.param.watch(lambda event: redrawn.append(event.new), "object")
    page.update(view, view.now(0.0))
    assert redrawn == []
    house.measure(AIR, 24.9)
    page.update(fold(view, {"kind": "sensor", "id": AIR, "data": house.sensors[AIR]}, 0.0), view.now(0.0))
    assert len(redrawn) == 1
    assert "24.9" in redrawn[0]
    assert parts(shown, pn.pane.HTML) == panes


async def test_a_new_sensor_appears_and_a_removed_one_goes() -> None:
    house = Greenhouse()
    view = view_of(house)
    page = Overview(session_of(house, view))
    shown = page.content()
    new = house.sensors[AIR] | {"id": "new", "name": "New probe"}
    view = fold(view, {"kind": "sensor", "id": "new", "data": new}, 0.0)
    page.update(view, view.now(0.0))
    assert "New probe" in " ".join(texts(shown))
    page.update(fold(view, {"kind": "sensor", "id": "new", "data": None}, 0.0), view.now(0.0))
    assert "New probe" not in " ".join(texts(shown))


@pytest.mark.parametrize(("name", "may"), [("ada", True), ("olaf", True), ("vera", False)])
async def test_pending_nodes_have_a_button_for_those_who_may(name: str, may: bool) -> None:
    house = Greenhouse()
    shown = Overview(session_of(house, view_of(house), name)).content()
    assert ("Approve ESP_AB12CD" in buttons(shown)) is may


async def test_approving() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    shown = Overview(session).content()
    parts(shown, pn.widgets.Button)[0].clicks += 1
    await settle(session)
    assert house.nodes["ESP_AB12CD"]["status"] == "approved"


async def settle(session: Session) -> None:
    """Let the page's tasks end, then do what they asked the page to show."""
    await asyncio.sleep(0)
    while session._tasks:
        await asyncio.gather(*session._tasks)
    draw(session)


def draw(session: Session) -> None:
    """Do what the page's tasks asked it to show."""
    for callback in session.doc.session_callbacks:
        session.doc.remove_next_tick_callback(callback)  # type: ignore[arg-type]
        callback.callback()


async def test_actuators_show_what_is_reported_not_what_is_wished() -> None:
    house = Greenhouse()
    house.actuators[FAN] |= {"reported": 0.0, "wished": 0.8, "pending": True}
    page = texts(Actuators(session_of(house, view_of(house))).content())
    card = next(t for t in page if "<span>Fan</span>" in t)
    assert '<div class="state off">off</div>' in card
    assert "Asked for 80 %, not confirmed yet" in card


async def test_viewers_get_no_control() -> None:
    house = Greenhouse()
    shown = Actuators(session_of(house, view_of(house), "vera")).content()
    assert set(buttons(shown)) == {"Why?"}
    assert parts(shown, pn.widgets.IntSlider) == []


async def test_who_is_bound_to_a_zone_gets_controls_there_only() -> None:
    house = Greenhouse()
    zone = house.actuators[LAMP]["zone"]
    shown = Actuators(session_of(house, view_of(house), "olaf", zones=[zone])).content()
    elsewhere = [text for text in texts(shown) if "You switch in other zones." in text]
    own = [one for one in house.actuators.values() if one["zone"] == zone]
    assert len(elsewhere) == len(house.actuators) - len(own) > 0
    assert len([one for one in buttons(shown) if one.startswith("Set to")]) == len(own) == 1


async def test_nothing_can_be_set_while_the_controller_is_away() -> None:
    house = Greenhouse()
    view = view_of(house)
    page = Actuators(session_of(house, view))
    shown = page.content()
    page.update(lost(view, 1.0), view.now(0.0))
    assert all(button.disabled for button in parts(shown, pn.widgets.Button))
    page.update(view, view.now(0.0))
    assert not any(button.disabled for button in parts(shown, pn.widgets.Button))


def actuator_card(page: Actuators, actuator: str) -> Card:
    return next(card for key, card in page._deck.cards.items() if key.id == actuator)


async def test_safety_is_asked_before_and_its_refusal_is_told_in_full() -> None:
    house = Greenhouse()
    house.stop["phase"] = "ACTIVE"
    session = session_of(house, view_of(house))
    page = Actuators(session)
    page.content()
    card = actuator_card(page, HEATER)
    card._value.value = 100
    await settle(session)
    for sentence in ("A stop is active.", "heating and cooling at once is interlocked"):
        assert sentence in str(card._verdict.object)
    assert [name for name, _ in house.calls] == ["check"]
    card._set.clicks += 1
    await settle(session)
    assert "Nothing was sent" in str(card._verdict.object)
    assert house.actuators[HEATER]["reported"] == 0.0


async def test_setting_tells_the_outcome() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    page = Actuators(session)
    page.content()
    card = actuator_card(page, FAN)
    assert card._value.value == 80
    card._value.value = 40
    card._duration.value = 60
    card._set.clicks += 1
    await settle(session)
    assert "Confirmed by the node." in str(card._verdict.object)
    assert house.calls[-1][1] | {"token": ""} == {"actuator": FAN, "value": 0.4, "duration": 60, "token": ""}


async def test_why_opens_the_chain_and_closes_again() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    page = Actuators(session)
    page.content()
    card = actuator_card(page, FAN)
    card._ask.clicks += 1
    await settle(session)
    assert str(card._why.object).count("<li") == 7
    card._ask.clicks += 1
    assert not card._why.object


async def test_the_history_draws_gaps_and_grows() -> None:
    house = Greenhouse()
    view = view_of(house)
    session = session_of(house, view)
    session.wanted = AIR
    page = History(session)
    page.content()
    await settle(session)
    drawn = page._chart.source.data
    assert "1 gap." in str(page._note.object)
    before = len(drawn["t"])
    house.measure(AIR, 30.0)
    new = fold(view, {"kind": "sensor", "id": AIR, "data": house.sensors[AIR]}, 0.0)
    page.update(new, now())
    assert page._chart.source.data["value"][-1] == 30.0
    grown = len(page._chart.source.data["t"])
    page.update(new, now())
    assert before < grown == len(page._chart.source.data["t"])


async def test_a_long_stretch_is_drawn_as_means_with_a_band_and_says_so() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    session.wanted = AIR
    page = History(session)
    page.content()
    await settle(session)
    page._range.value = "1y"
    await settle(session)
    note = str(page._note.object)
    assert "Means of 6 h, band = min…max." in note
    assert "1 gap." in note
    assert "marked × at the foot: 3." in note
    drawn = page._chart.source.data
    assert len(page._chart.band.data["xs"]) == 2
    assert len(drawn["t"]) == 365 * 4
    asked = [params for name, params in house.calls if name == "history.buckets"]
    assert asked == [{"series": AIR, "every": 21_600, "span": {"since": "-31536000s"}}]
    page._range.value = "1h"
    await settle(session)
    assert page._chart.band.data == {"xs": [], "ys": []}
    assert "Means" not in str(page._note.object)


async def test_means_are_asked_for_again_when_more_was_measured_and_after_a_failure() -> None:
    house = Greenhouse()
    view = view_of(house)
    session = session_of(house, view)
    page = History(session)
    page.content()
    page._range.value = "1y"
    await settle(session)
    at, now_ = 0.0, view.now(0.0)
    session.feed._clock = lambda: at

    async def asked_after(seconds: float, site_s: float) -> int:
        nonlocal at
        at += seconds
        page.update(view, now_ + timedelta(seconds=site_s))
        await settle(session)
        return len([name for name, _ in house.calls if name == "history.buckets"])

    assert await asked_after(100.0, 299.0) == 1
    assert await asked_after(0.0, 301.0) == 2
    house.away = True
    assert await asked_after(11.0, 402.0) == 2
    assert "The controller is gone" in str(page._note.object)
    house.away = False
    assert await asked_after(5.0, 402.0) == 2
    assert await asked_after(6.0, 402.0) == 3
    assert "Means of 6 h" in str(page._note.object)


async def test_the_history_of_nothing_says_so() -> None:
    house = Greenhouse()
    house.sensors.clear()
    session = session_of(house, view_of(house))
    page = " ".join(texts(History(session).content()))
    assert "There is no sensor yet." in page


async def test_a_history_that_cannot_be_read_says_why() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    page = History(session)
    page.content()
    house.away = True
    await settle(session)
    assert "The controller is gone" in str(page._note.object)


def test_the_top_bar_tells_the_link() -> None:
    house = Greenhouse()
    words, session = Words("en"), session_of(house, View())
    since = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
    link = {"state": "down", "since": since.isoformat(), "next_try_s": 8.0}
    view = view_of(house, link=link)
    said = head(words, session.ticket, view, since + timedelta(seconds=3))["link"]
    assert "Broker gone since 12:00:00 UTC, next try in 5 s" in said
    assert head(words, session.ticket, view, since)["gone"] == ""
    view = view_of(house, link=link | {"error": "cannot be trusted: <expired> Renew its certificate"})
    assert "&lt;expired&gt; Renew its certificate" in head(words, session.ticket, view, since)["gone"]
    assert "Controller gone" in head(words, session.ticket, lost(view, 1.0), since)["link"]
    assert "has not answered since" in head(words, session.ticket, lost(view, 1.0), since)["gone"]


@pytest.mark.parametrize(("name", "clears"), [("ada", True), ("olaf", True), ("vera", False)])
def test_an_active_stop_says_why_who_when_and_who_may_clear(name: str, clears: bool) -> None:
    house = Greenhouse()
    house.stop |= {"phase": "ACTIVE", "reason": "smell of smoke", "by": "vera", "unconfirmed": ["ESP_D4E5F6"]}
    view = view_of(house)
    said = head(Words("en"), session_of(house, view, name).ticket, view, now())
    for words in ("Stop ACTIVE", "smell of smoke", "By vera", "No answer from: irrigation node", "Fan, Lamp"):
        assert words in said["stopped"]
    assert ("data-clear" in said["stopped"]) is clears
    assert "irrigation node" in said["insist"]


def test_who_is_bound_to_a_zone_clears_its_stops_only() -> None:
    house = Greenhouse()
    bench, room = (str(house.actuators[key]["zone"]) for key in (FAN, LAMP))
    part = house.stop | {"phase": "ACTIVE", "reason": "leak", "by": "olaf"}
    del part["others"]
    scopes = [f"zone:{bench}", f"zone:{room}", "node:ESP_A1B2C3", "node:ESP_0A1B2C", "node:gone"]
    house.stop |= {"phase": "ACTIVE", "others": [part | {"scope": scope} for scope in scopes]}
    view = view_of(house)
    ticket = session_of(house, view, "olaf", zones=[bench]).ticket
    said = head(Words("en"), ticket, view, now())["stopped"]
    assert re.findall('data-clear="([^"]+)"', said) == [f"zone:{bench}", "node:ESP_A1B2C3"]


def test_stops_of_parts_have_banners_of_their_own() -> None:
    house = Greenhouse()
    part = house.stop | {"phase": "ACTIVE", "reason": "leak", "by": "olaf", "problem": None}
    del part["others"]
    house.stop["others"] = [
        part
        | {"scope": "node:ESP_D4E5F6", "unconfirmed": ["ESP_D4E5F6"], "not_offline_proof": ["ESP_D4E5F6"]},
        part | {"scope": "zone:propagation", "phase": "CLEARING"},
    ]
    view = view_of(house)
    said = head(Words("en"), session_of(house, view, "olaf").ticket, view, now())
    for words in (
        "irrigation node: stopped",
        "By olaf",
        "No answer from",
        "might still switch by rules of its own",
    ):
        assert words in said["stopped"], words
    assert 'data-clear="node:ESP_D4E5F6"' in said["stopped"]
    assert 'data-clear="zone:' not in said["stopped"], "it is being cleared already"
    assert 'value="node:ESP_D4E5F6"' in said["insist"]
    assert "Stop ACTIVE" not in said["stopped"]
    assert said["phase"] == "NORMAL"


def test_a_normal_house_has_no_stop_banner() -> None:
    house = Greenhouse()
    view = view_of(house)
    assert head(Words("en"), session_of(house, view).ticket, view, now())["stopped"] == ""


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
def nodes_page(
    house: Greenhouse, wanted: str | None = None, **more: Any
) -> tuple[Nodes, pn.viewable.Viewable]:
    session = session_of(house, view_of(house), **more)
    session.wanted = wanted
    page = Nodes(session)
    return page, page.content()


async def test_every_node_is_a_card_that_leads_to_all_about_it() -> None:
    house = Greenhouse()
    house.nodes["ESP_A1B2C3"] |= {
        "problems": ["its queue runs full"],
        "unreadable": [unreadable("bad_json", 12)],
    }
    _, shown = nodes_page(house)
    cards = {t.split("node=")[1][:10]: t for t in texts(shown) if 'class="card' in t}
    assert set(cards) == set(house.nodes)
    assert "its queue runs full" in cards["ESP_A1B2C3"]
    assert "12 unreadable messages" in cards["ESP_A1B2C3"]
    assert 'class="mark good">online' in cards["ESP_0A1B2C"]
    assert "waits for approval" in cards["ESP_AB12CD"]
    assert "unreadable messages" not in cards["ESP_0A1B2C"]


async def test_a_node_tells_everything_about_itself() -> None:
    house = Greenhouse()
    house.nodes["ESP_A1B2C3"] |= {
        "kaiser_id": "greenhouse_2", "generation": "seed", "heap": 0, "system_state": "SAFE_MODE",
        "problems": ["it listens to another kaiser id"],
        "notes": [said_of_itself("critical", "4200 sensor bus dead"), said_of_itself("outcome", "expired")],
        "unreadable": [unreadable("wrong_type", 11), unreadable("made_up_yesterday", 1)],
    }  # fmt: skip
    page = " ".join(texts(nodes_page(house, "ESP_A1B2C3")[1]))
    for words in (
        "climate node <code>ESP_A1B2C3</code>", "<dd>greenhouse_2</dd>", "<dd>before 2026</dd>", "<dd>SAFE_MODE</dd>",
        "<dd>-61 dBm</dd>", "<dd>0.0 KiB</dd>", "<dd>1 d</dd>", "<dd>approved</dd>", "<dd>Propagation bench</dd>",
        "<dd>esp32_dev</dd>", "<dd>as wanted</dd>",
        "it listens to another kaiser id", '<span class="mark bad">critical</span>', "4200 sensor bus dead",
        "could not read: 12", "a field of the wrong type: 11", "made_up_yesterday: 1", "kaiser/god/esp/x",
        "Bench air", "<span>Fan</span>",
    ):  # fmt: skip
        assert words in page
    assert "Soil moisture" not in page
    assert "Lamp" not in page
    assert page.index("4200 sensor bus dead") < page.index("expired")


async def test_what_a_node_has_not_said_is_not_made_up() -> None:
    house = Greenhouse()
    nothing = dict.fromkeys(
        ("online", "last_contact", "generation", "rssi", "heap", "uptime", "system_state")
    )
    house.nodes["ESP_A1B2C3"] |= nothing | {"zone": None, "board": None, "config": {"state": "unknown"}}
    page = " ".join(texts(nodes_page(house, "ESP_A1B2C3")[1]))
    assert page.count("<dd>–</dd>") == 7
    assert "<dd>not known</dd>" in page
    assert "<dd>never</dd>" in page
    assert "<dd>not heard yet</dd>" in page
    assert "Nothing is wrong with it." in page
    assert "Nothing that needs a person." in page
    assert "Every message could be read." in page


@pytest.mark.parametrize(("language", "href"), [("en", "/nodes"), ("de", "/nodes?lang=de")])
async def test_the_way_back_keeps_the_language(language: str, href: str) -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house), language=language)
    session.wanted = "ESP_FFFFFF"
    session.query = "&lang=de" if language == "de" else ""
    said = " ".join(texts(Nodes(session).content()))
    assert f'<a href="{href}">' in said
    assert "ESP_FFFFFF" in said


async def test_a_node_nobody_can_know_yet_is_not_denied() -> None:
    house = Greenhouse()
    session = session_of(house, View())
    session.wanted = "ESP_A1B2C3"
    page = Nodes(session)
    shown = page.content()
    assert "Waiting for the controller." in " ".join(texts(shown))
    view = view_of(house)
    page.update(view, view.now(0.0))
    assert "climate node" in " ".join(texts(shown))


async def test_a_gone_controller_leaves_no_node_online() -> None:
    house = Greenhouse()
    page, shown = nodes_page(house)
    view = lost(view_of(house), 1.0)
    page.update(view, view.now(1.0))
    assert not any(">online<" in text for text in texts(shown))
    assert " ".join(texts(shown)).count("Controller gone") == len(house.nodes)


async def test_only_what_changed_about_a_node_is_redrawn() -> None:
    house = Greenhouse()
    page, shown = nodes_page(house, "ESP_A1B2C3")
    redrawn = list[str]()
    for pane in parts(shown, pn.pane.HTML):
        pane.param.watch(lambda event: redrawn.append(event.new), "object")
    house.nodes["ESP_A1B2C3"]["notes"] = [said_of_itself("alert", "pump ran dry")]
    view = fold(view_of(house), {"kind": "node", "id": "ESP_A1B2C3", "data": house.nodes["ESP_A1B2C3"]}, 0.0)
    page.update(view, view.now(0.0))
    assert [text for text in redrawn if "pump ran dry" in text]
    assert not [text for text in redrawn if "could be read" in text or "Nothing is wrong" in text]


@pytest.mark.parametrize("wanted", [None, "ESP_AB12CD"])
@pytest.mark.parametrize(("name", "may"), [("olaf", True), ("vera", False)])
async def test_a_node_is_approved_where_it_is_shown(name: str, may: bool, wanted: str | None) -> None:
    house = Greenhouse()
    page, shown = nodes_page(house, wanted, name=name)
    assert buttons(shown) == (["Approve ESP_AB12CD"] if may else [])
    if may:
        parts(shown, pn.widgets.Button)[0].clicks += 1
        await settle(page._session)
        assert house.nodes["ESP_AB12CD"]["status"] == "approved"
        assert "ESP_AB12CD is approved." in " ".join(texts(shown))


async def test_the_overview_leads_to_each_node() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house))
    session.query = "&lang=de"
    page = " ".join(texts(Overview(session).content()))
    assert '<a href="/nodes?node=ESP_A1B2C3&amp;lang=de">climate node</a>' in page


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────────
def whole(page: Rules, rule: str) -> WholeRule:
    card = page._deck.cards[rule, False]
    assert isinstance(card, WholeRule)
    return card


def drawn(page: Rules) -> list[str]:
    """The rules whose cards are whole ones."""
    return [rule for rule, refused in page._deck.cards if not refused]


def rules_page(house: Greenhouse, name: str = "olaf", language: str = "en") -> tuple[Session, Rules]:
    session = session_of(house, view_of(house), name, language)
    page = Rules(session)
    page.content()
    return session, page


async def pressed(session: Session, page: Rules, button: pn.widgets.Button, house: Greenhouse) -> str:
    """Press it, let what follows happen, and show the house as it is then."""
    button.clicks += 1
    await settle(session)
    session.feed.view = view_of(house)
    page.update(*session.look())
    return " ".join(texts(page._deck.layout))


async def test_one_that_waits_is_switched_off_and_on_without_a_question() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    card = whole(page, "irrigate")
    assert "Switched off." in await pressed(session, page, card._switch, house)
    assert house.rules["irrigate"]["enabled"] is False
    assert card._switch.label == "Switch on"
    assert "Switched on." in await pressed(session, page, card._switch, house)
    assert [name for name, _ in house.calls] == ["rules.disable", "rules.enable"]
    assert card._switch.label == "Switch off"


async def test_one_that_acts_is_asked_about_before() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    card = whole(page, "cool")
    assert "acts right now" in await pressed(session, page, card._switch, house)
    assert house.calls == []
    assert (card._yes.visible, card._no.visible, card._switch.disabled) == (True, True, True)
    assert "acts right now" not in await pressed(session, page, card._no, house)
    assert (card._yes.visible, card._switch.disabled, house.calls) == (False, False, [])
    await pressed(session, page, card._switch, house)
    assert "It stays off" in await pressed(session, page, card._yes, house)
    assert [name for name, _ in house.calls] == ["rules.disable"]
    assert not card._yes.visible


async def test_a_question_about_one_that_somebody_else_switched_off_goes_away() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    await pressed(session, page, whole(page, "cool")._switch, house)
    house.change("rule", "cool", enabled=False, acting=False)
    session.feed.view = view_of(house)
    page.update(*session.look())
    assert not whole(page, "cool")._yes.visible
    assert "acts right now" not in " ".join(texts(page._deck.layout))


async def test_viewers_see_the_switch_and_cannot_use_it() -> None:
    house = Greenhouse()
    session, page = rules_page(house, "vera")
    card = whole(page, "irrigate")
    assert card._switch.disabled
    assert "Operators and admins" in " ".join(texts(page._deck.layout))
    said = await pressed(session, page, card._switch, house)  # a page that was tampered with
    assert "may not" in said
    assert house.rules["irrigate"]["enabled"]
    assert not card._ask.disabled
    assert not card._try.disabled


async def test_the_evaluation_is_shown_as_a_tree_and_hidden_again() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    card = whole(page, "cool")
    said = await pressed(session, page, card._ask, house)
    assert "28.6 °C · 7 s ago · good · calibration 2" in said
    assert [said.count(sign) for sign in ("✔", "✘", "? ", "at least one of these")] == [4, 1, 0, 1]
    assert "stale" in said
    assert str(card._why.object).count('<ul class="tree">') == 4
    await pressed(session, page, card._ask, house)
    assert not card._why.object
    leaf = {"truth": "false", "kind": "leaf", "text": "it is cold", "parts": []}
    house.answers["rules.trace"] = lambda rule: {"rule": rule, "when": leaf, "why_not": f"{EVIL} at 24.3 °C"}
    said = await pressed(session, page, card._ask, house)
    assert "at 24.3 °C</p>" in said
    assert EVIL not in said
    await pressed(session, page, card._ask, house)
    house.answers["rules.trace"] = lambda rule: {"rule": rule, "when": None}
    assert "not been evaluated yet" in await pressed(session, page, card._ask, house)


async def test_a_trial_says_what_would_have_been() -> None:
    house = Greenhouse()
    house.trials = [0.0]
    session, page = rules_page(house)
    card = whole(page, "cool")
    text = await pressed(session, page, card._try, house)
    assert [name for name, _ in house.calls] == ["rules.try", "rules.tried", "rules.tried"]
    card._show_progress("too late")
    assert "started 2 times and been true for 5 h" in text
    assert "For 1 h 30 min nobody could have known." in text
    assert "Fan, by all rules together: 4 commands, 5 h away" in text
    assert "Nothing usable of Bench air from" in text
    assert str(card._tried.object).count('class="active"') == 2
    assert str(card._tried.object).count('class="unknown"') == 1
    assert not card._try.disabled


async def test_what_cannot_be_done_is_said_where_it_was_asked() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    card = whole(page, "irrigate")
    house.away = True
    for button, pane in ((card._switch, card._said), (card._ask, card._why), (card._try, card._tried)):
        await pressed(session, page, button, house)
        assert "The controller is gone" in str(pane.object)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["refused", "this program refuses it: rule.actions[1]: bad &lt;b&gt;", "rules remove"]),
        ("de", ["abgelehnt", "dieses Programm sie ablehnt: rule.actions[1]: bad &lt;b&gt;", "rules remove"]),
    ],
)
async def test_a_refused_rule_says_why_and_has_nothing_to_press(language: str, said: list[str]) -> None:
    house = Greenhouse()
    refused = {"path": "rule.actions[1]", "problem": "bad <b>"}
    house.rules["lights"] |= {"refused": refused, "degraded": "rule.actions[1]: bad <b>", "sentence": ""}
    session, page = rules_page(house, language=language)
    assert drawn(page) == ["cool", "irrigate"]
    cards = [" ".join(texts(card)) for card in page._deck.layout.objects]
    (card,) = (text for text in cards if "lights" in text)
    assert [part for part in said if part not in card] == []
    overview = " ".join(texts(Overview(session).content()))
    assert said[1] in overview
    house.change("rule", "lights", refused=None, degraded=None)
    page.update(view_of(house), now())
    assert drawn(page) == ["cool", "irrigate", "lights"]
    assert said[1] not in " ".join(texts(page._deck.layout))
    house.change("rule", "lights", refused=refused, degraded="again")
    page.update(view_of(house), now())
    assert drawn(page) == ["cool", "irrigate"]


async def test_without_the_controller_nothing_can_be_pressed_and_without_rules_that_is_said() -> None:
    house = Greenhouse()
    session, page = rules_page(house)
    page.update(lost(session.feed.view, 0.0), now())
    card = whole(page, "cool")
    assert [each.disabled for each in (card._switch, card._ask, card._try)] == [True, True, True]
    house.rules.clear()
    page.update(view_of(house), now())
    assert "No rules yet" in " ".join(texts(page._deck.layout))


@pytest.mark.parametrize(
    ("more", "language", "said"),
    [
        (
            {"degraded": "cannot act: node X is offline", "degraded_since": -120},
            "en",
            "cannot act · for 2 min",
        ),
        (
            {"degraded": "cannot decide: no reading", "degraded_since": -120},
            "en",
            "cannot decide · for 2 min",
        ),
        ({"degraded": "cannot decide: no reading"}, "de", "kann nicht entscheiden"),
        ({"wanted_since": -3600}, "en", "active · for 1 h"),
        ({"acting": False, "wanted_since": None}, "en", ">waiting<"),
        ({"enabled": False, "acting": False}, "de", ">aus<"),
        ({"last_decision": None}, "en", "Has decided nothing yet."),
        (
            {"escalation": {"text": "tried once more", "failover_since": None}},
            "en",
            "Escalates: tried once more",
        ),
        ({"escalation": {"text": "x, failover", "failover_since": "y"}}, "de", "Eskaliert: x, failover"),
    ],
)
def test_the_state_of_a_rule_says_since_when(more: dict[str, Any], language: str, said: str) -> None:
    shown = {k: (now() + timedelta(seconds=v)).isoformat() if isinstance(v, int) and k.endswith("since") else v
             for k, v in more.items()}  # fmt: skip
    text = rule_card(Words(language), rule("cool", "When hot, cool.", "true") | shown, now())
    assert said in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"readings": 0}, "No reading of that time is stored."),
        ({"departures": [{}, {}]}, "otherwise than it did then: 2 times"),
        ({"assumed": ["node X is there"]}, "Assumed: node X is there."),
        (
            {"gaps": [{"series": f"s{n}", "since": None, "until": None, "seconds": n} for n in range(7)]},
            "And 2 shorter",
        ),
        ({"until": None}, "started 1 times"),
    ],
)
def test_a_trial_hides_nothing_it_does_not_know(more: dict[str, Any], said: str) -> None:
    told: dict[str, Any] = {
        "since": "2026-05-01T00:00:00Z", "until": "2026-05-02T00:00:00Z", "readings": 9, "starts": 1, "true_s": 60.0,
        "unknown_s": 0.0, "active": [{"since": None, "until": None}], "unknown": [],
    }  # fmt: skip
    assert said in trial(Words("en"), told | more, View())


def test_a_gap_has_the_sensors_name_also_where_the_rule_leaves_out_its_address() -> None:
    told: dict[str, Any] = {
        "since": None,
        "until": None,
        "starts": 0,
        "true_s": 0.0,
        "unknown_s": 0.0,
        "readings": 1,
    }
    gap = {"series": AIR.partition("@")[0], "since": None, "until": None, "seconds": 60.0}
    view = view_of(Greenhouse())
    assert "Nothing usable of Bench air from" in trial(Words("en"), told | {"gaps": [gap]}, view)
    two = fold(view, {"kind": "sensor", "id": AIR[:-1] + "9", "data": {"name": "other"}}, 0.0)
    assert f"Nothing usable of {gap['series']} from" in trial(Words("en"), told | {"gaps": [gap]}, two), (
        "which one?"
    )


def test_what_safety_did_is_told_in_the_readers_language() -> None:
    last = {"value": 0.0, "state": "confirmed", "origin": "safety", "message": "", "at": iso(now())}
    view = view_of(Greenhouse())
    fan = {**view.actuators[FAN], "last_command": last}
    assert "aus von Sicherung" in actuator_facts(Words("de"), fan, view, now())
    assert "off by safety" in actuator_facts(Words("en"), fan, view, now())


# ── what rules told ────────────────────────────────────────────────────────────────────────────────────────
def notice(text: str, minutes_ago: int, **more: str) -> dict[str, Any]:
    return {
        "at": iso(now() - timedelta(minutes=minutes_ago)),
        "rule": "cool",
        "target": "",
        "text": text,
    } | more


@pytest.mark.parametrize("page", [Overview, Rules])
@pytest.mark.parametrize(
    ("language", "title"), [("en", "What rules told"), ("de", "Was Regeln gemeldet haben")]
)
async def test_the_newest_five_notices_stand_there_with_when_and_of_which_rule(
    page: type[Overview | Rules], language: str, title: str
) -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house), language=language)
    shown = page(session)
    layout = shown.content()
    assert title not in " ".join(texts(layout))
    session.feed.view = reminded(view_of(house), [notice(f"told {n}", 10 - n) for n in range(6)])
    newest = notice("told live & <b>", 0, target="ann")
    session.feed.view = fold(
        session.feed.view,
        {"kind": "rule", "id": "cool", "data": house.rules["cool"] | {"notice": newest}},
        0.0,
    )
    shown.update(*session.look())
    (text,) = [each for each in texts(layout) if title in each]
    found = re.findall(r'<span class="what">(.*?)<br><b>(.*?)</b>', text)
    assert found == [
        (told, "cool") for told in ("told live &amp; &lt;b&gt;", *(f"told {n}" for n in (5, 4, 3, 2)))
    ]
    assert ("für ann" if language == "de" else "for ann") in text
    assert "unsent" not in text
    mailed = {**session.feed.view.rules["cool"], "notice": {**newest, "channel": "email", "sent": False}}
    session.feed.view = fold(session.feed.view, {"kind": "rule", "id": "cool", "data": mailed}, 0.0)
    shown.update(*session.look())
    (text,) = [each for each in texts(layout) if title in each]
    assert ("email: nicht versandt" if language == "de" else "email: not sent") in text
    assert newest["at"][:10] in text


# ── a person's hold ────────────────────────────────────────────────────────────────────────────────────────
async def test_a_hold_counts_down_and_can_be_ended_by_those_who_may() -> None:
    house, moment = Greenhouse(), now()
    house.actuators[FAN]["hold"] = {
        "who": "user:olaf",
        "until": (moment + timedelta(seconds=125.5)).isoformat(),
    }
    session = session_of(house, view_of(house))
    page = Actuators(session)
    page.content()
    page.update(session.feed.view, moment)
    card = actuator_card(page, FAN)
    assert "Held by olaf: rules leave it alone for another 2 min 5 s." in str(card._hold.object)
    assert card._release.visible
    assert not actuator_card(page, HEATER)._release.visible
    page.update(session.feed.view, moment + timedelta(seconds=65))
    assert "another 1 min" in str(card._hold.object)
    card._release.clicks += 1
    await settle(session)
    assert [params["actuator"] for name, params in house.calls if name == "actuators.release"] == [FAN]
    assert "the rules decide" in str(card._released.object)
    house.away = True
    card._release.clicks += 1
    await settle(session)
    assert "The controller is gone" in str(card._released.object)
    house.actuators[FAN]["hold"] = None
    page.update(view_of(house), now())
    assert not card._hold.object
    assert not card._release.visible
