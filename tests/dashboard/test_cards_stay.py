"""What a reader presses or picks while a page learns something new is not lost: the parts of a card stay."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
from godkaiser_dashboard.forms import Question, Ticks, Values
from godkaiser_dashboard.keys import Keys
from godkaiser_dashboard.pages.accounts import Accounts
from godkaiser_dashboard.pages.actuators import Actuators
from godkaiser_dashboard.people import Person
from godkaiser_dashboard.rounds import Rounds, Show
from godkaiser_dashboard.session import Session

from tests.dashboard.fake_desk import FAN, HEATER, Greenhouse
from tests.dashboard.test_pages import actuator_card, draw, parts, session_of, settle, view_of

ANN: dict[str, Any] = {
    "name": "ann", "role": "operator", "zones": [], "active": True, "totp": False, "last_seen": None,
}  # fmt: skip
TOKEN: dict[str, Any] = {
    "prefix": "one", "label": "logger", "owner": "ann", "state": "good", "ends_soon": False,
    "permissions": ["look"], "zones": None, "last_used": None, "expires": "2027-01-01T00:00:00+00:00",
}  # fmt: skip
WIDGETS = (pn.widgets.Button, pn.widgets.Select, pn.widgets.CheckBoxGroup)


def page() -> Session:
    house = Greenhouse()
    return session_of(house, view_of(house), "ada")


def button(shown: pn.viewable.Viewable, label: str) -> pn.widgets.Button:
    (found,) = (one for one in parts(shown, pn.widgets.Button) if one.label == label and one.visible)
    assert isinstance(found, pn.widgets.Button)
    return found


def opened(session: Session, **more: Any) -> Person:
    card = Person(session, "ann", lambda: None)
    card.update(ANN | more)
    button(card.layout, "Change …").clicks += 1
    return card


def widgets(card: Person) -> list[Any]:
    return [one for kind in WIDGETS for one in parts(card.layout, kind)]


def test_an_open_account_keeps_its_buttons_whatever_becomes_of_it() -> None:
    session = page()
    card, zone = opened(session), next(iter(session.feed.view.zones))
    before, old = widgets(card), button(card.layout, "New password …")
    for change in (
        {"role": "viewer"},
        {"zones": [zone]},
        {"active": False},
        {"totp": True},
        {"role": "admin", "zones": []},
        {"zones": ["gone"]},
    ):
        card.update(ANN | change)
        assert widgets(card) == before
    old.clicks += 1  # one that was seen before all this
    assert button(card.layout, "New password for ann").visible


def test_an_open_account_offers_what_can_be_done_now() -> None:
    card = opened(page())
    seen = {one.label for one in parts(card.layout, pn.widgets.Button) if one.visible}
    assert {"Do not let in …", "Set these zones"} <= seen
    assert not {"Let in again …", "Remove the second factor …"} & seen
    card.update(ANN | {"active": False, "totp": True, "role": "admin"})
    now = {one.label for one in parts(card.layout, pn.widgets.Button) if one.visible}
    assert now - seen == {"Let in again …", "Take the second factor away …"}
    assert seen - now == {"Do not let in …", "Set these zones"}


def test_what_is_picked_stays_unless_somebody_else_changed_just_that() -> None:
    session = page()
    card, (first, second, *_) = opened(session), session.feed.view.zones
    (role,), (zones,) = parts(card.layout, pn.widgets.Select), parts(card.layout, pn.widgets.CheckBoxGroup)
    role.value, zones.value = "admin", [first]
    card.update(ANN | {"last_seen": "2026-05-01T10:00:00+00:00", "totp": True})
    assert (role.value, zones.value) == ("admin", [first])
    card.update(ANN | {"zones": [second], "totp": True})
    assert (role.value, zones.value) == ("admin", [second])
    card.update(ANN | {"zones": [second], "role": "viewer"})
    assert (role.value, zones.value) == ("viewer", [second])


def test_things_of_one_name_are_told_apart() -> None:
    ticks = Ticks("Zones", {"a": "Bench", "b": "Bench", "c": "Door"}, ["b"])
    assert ticks.box.options == {"Bench (a)": "a", "Bench (b)": "b", "Door": "c"}
    ticks.offer({"b": "Bench", "c": "Door"})
    assert (ticks.box.options, ticks.value) == ({"Bench": "b", "Door": "c"}, ["b"])
    ticks.offer({})
    assert (ticks.value, ticks.head.visible) == ([], False)


async def test_what_is_asked_meanwhile_stays_when_the_last_answer_comes() -> None:
    session, slow = page(), asyncio.Event()
    question = Question(session)
    shown = pn.Column(*question.parts)

    async def take_long(_: Values) -> str:
        await slow.wait()
        return "the first is done"

    async def never(_: Values) -> str:
        raise AssertionError

    question.ask("First?", "Do the first", take_long, proves=False)
    button(shown, "Do the first").clicks += 1
    question.ask("Second?", "Do the second", never, proves=False)
    slow.set()
    await settle(session)
    assert not button(shown, "Do the second").disabled
    said = " ".join(str(one.object) for one in parts(shown, pn.pane.HTML))
    assert "Second?" in said
    assert "the first is done" in said


async def test_a_second_press_of_a_quick_hand_is_none() -> None:
    session, did = page(), list[str]()
    question = Question(session)
    shown = pn.Column(*question.parts)

    async def act(values: Values) -> str:
        did.append(values["current"])
        return "done"

    question.ask("Sure?", "Do it", act, proves=True)
    (current,) = parts(shown, pn.widgets.PasswordInput)
    yes = button(shown, "Do it")
    current.value = "secret"
    yes.clicks += 1
    yes.clicks += 1
    await settle(session)
    said = " ".join(str(one.object) for one in parts(shown, pn.pane.HTML))
    assert (did, said.strip()) == (["secret"], "done")


def test_where_there_are_no_zones_none_are_offered() -> None:
    house = Greenhouse()
    house.zones.clear()
    card = opened(session_of(house, view_of(house), "ada"))
    assert "Set these zones" not in {
        one.label for one in parts(card.layout, pn.widgets.Button) if one.visible
    }
    said = [str(one.object) for one in parts(card.layout, pn.pane.HTML) if one.visible]
    assert all(said), "an empty line takes room"
    card.update(ANN | {"zones": ["gone"]})  # what stands there can still be taken away
    assert button(card.layout, "Set these zones").visible


async def test_who_was_changed_so_by_somebody_else_is_told_so() -> None:
    house = Greenhouse()
    house.answers["users.deactivate"] = lambda **_: ANN | {"already": True, "tokens_invalidated": 0}
    session = session_of(house, view_of(house), "ada")
    card = opened(session)
    button(card.layout, "Do not let in …").clicks += 1
    button(card.layout, "Keep ann out").clicks += 1
    await settle(session)
    said = " ".join(str(one.object) for one in parts(card.layout, pn.pane.HTML))
    assert "It was so already; nothing was changed for ann." in said


async def test_an_answer_that_comes_late_says_nothing_any_more() -> None:
    session, slow, shown = page(), asyncio.Event(), list[str]()
    answers = iter([(slow, "old"), (None, "new"), (None, "newest")])

    async def ask() -> Show:
        waits, text = next(answers)
        if waits is not None:
            await waits.wait()
        return lambda: shown.append(text)

    rounds = Rounds(session, 30.0, ask)
    rounds.soon()
    rounds.soon()
    async with asyncio.timeout(60):
        while not session.doc.session_callbacks:
            await asyncio.sleep(0)
    draw(session)
    slow.set()
    await settle(session)
    rounds.soon()
    await settle(session)
    assert shown == ["new", "newest"]


def test_a_press_on_the_way_to_a_token_that_is_gone_is_asked_about() -> None:
    keys = Keys(page(), lambda: None, everybody=True)
    keys.show([TOKEN])
    late = button(keys.layout, "Revoke")
    keys.show([])
    late.clicks += 1
    said = " ".join(str(one.object) for one in parts(keys.layout, pn.pane.HTML))
    assert "Revoke “logger” (one)?" in said


def test_the_other_tokens_keep_their_buttons_when_one_comes_and_one_ends() -> None:
    keys = Keys(page(), lambda: None, everybody=True)
    token = TOKEN
    keys.show([token])
    before = set(parts(keys.layout, pn.widgets.Button))
    keys.show([token | {"last_used": "2026-05-01T10:00:00+00:00"}, token | {"prefix": "two"}])
    after = set(parts(keys.layout, pn.widgets.Button))
    assert before < after
    keys.show([token | {"state": "revoked"}, token | {"prefix": "two"}])
    assert len(set(parts(keys.layout, pn.widgets.Button)) & (after - before)) == 2


def test_addresses_that_stay_out_keep_their_button() -> None:
    accounts = Accounts(page())
    shown = accounts.content()
    block = {"address": "198.51.100.7", "until": "2026-05-01T10:00:00+00:00", "times": 1}
    accounts._show([ANN], [], [block])
    before = button(shown, "Let it in again")
    longer = block | {"until": "2026-05-01T14:00:00+00:00", "times": 2}
    accounts._show([ANN], [], [longer, block | {"address": "198.51.100.8"}])
    lifts = [one for one in parts(shown, pn.widgets.Button) if one.label == "Let it in again"]
    assert (before in lifts, len(lifts)) == (True, 2)
    assert any("14:00" in str(one.object) for one in parts(shown, pn.pane.HTML))


async def test_an_actuator_that_comes_or_moves_leaves_the_others_as_they_are() -> None:
    house = Greenhouse()
    session = session_of(house, view_of(house), "olaf")
    actuators = Actuators(session)
    actuators.content()
    fan, heater = actuator_card(actuators, FAN), actuator_card(actuators, HEATER)
    fan._value.value = 35
    house.actuators[HEATER]["zone"] = "elsewhere"  # who may switch it is another question now
    session.feed.view = view_of(house)
    actuators.update(*session.look())
    assert (actuator_card(actuators, FAN), fan._value.value) == (fan, 35)
    assert actuator_card(actuators, HEATER) is not heater
    await settle(session)
