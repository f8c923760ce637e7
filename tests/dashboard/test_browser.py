"""One real browser: sign in, watch values change, press stop, and never a word to another host."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from godkaiser.io.clock import VirtualClock, WallClock
from godkaiser.io.roller import Roller
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, MINUTE
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from tests.dashboard.conftest import Running, until
from tests.dashboard.fake_desk import AIR, FAN, HEATER, PASSWORDS, alarm, said_of_itself, sensor, unreadable
from tests.kaiser.house import SOIL, TEXT, House, file, house
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}


@pytest.fixture
async def browser(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        program = await playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        yield program
        await program.close()


class Watched:
    """A browser page and everything about it that should not be."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.troubles = page, list[str]()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda m: self.troubles.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        own = (address, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else self.troubles.append(r.url))

    async def goes_live(self) -> None:
        await self.page.wait_for_selector("body[data-live=yes]")

    async def follows(self, link: str, address: str) -> None:
        """To another page; the one that is left is live too, so the address comes first."""
        await self.page.get_by_role("link", name=link).click()
        await self.page.wait_for_url(address)
        await self.goes_live()


async def enter(browser: Browser, running: Running, name: str = "ada", **context: Any) -> Watched:
    place = await browser.new_context(**context)
    watched = Watched(await place.new_page(), running.address)
    page = watched.page
    await page.goto(running.address + "/")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORDS[name])
    await page.click("button[type=submit]")
    await watched.goes_live()
    return watched


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_sign_in_watch_stop_and_clear(
    browser: Browser, running: Running, size: dict[str, int], scheme: str
) -> None:
    watched = await enter(browser, running, viewport=size, color_scheme=scheme)
    page, house = watched.page, running.house
    await expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    house.measure(AIR, 24.7)
    await expect(page.get_by_text("24.7").first).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"]

    await page.get_by_role("button", name="Emergency stop").click()
    await expect(page.get_by_text("Stop ACTIVE")).to_be_visible()
    await expect(page.get_by_text("All actuators report their safe value.")).to_be_visible()
    assert all(a["reported"] == 0.0 for a in house.actuators.values())
    await expect(page.get_by_text("Now: everything at rest")).to_be_visible()

    await page.get_by_role("button", name="Clear…").click()
    await page.get_by_role("button", name="Clear the stop").click()
    await expect(page.get_by_text("Stop ACTIVE")).to_be_hidden()
    assert house.stop["phase"] == "NORMAL"
    assert watched.troubles == []


async def test_one_node_is_stopped_and_the_rest_goes_on(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, "olaf", viewport=PHONE)
    page, house = watched.page, running.house
    await page.goto(running.address + "/nodes?node=ESP_A1B2C3")
    await watched.goes_live()
    await page.get_by_role("button", name="Stop climate node").click()
    await expect(page.get_by_role("heading", name="climate node: stopped")).to_be_visible()
    assert [other["scope"] for other in house.stop["others"]] == ["node:ESP_A1B2C3"]
    assert house.stop["phase"] == "NORMAL"
    await page.get_by_role("button", name="Clear…").click()
    await page.get_by_role("button", name="Clear the stop").click()
    await expect(page.get_by_role("heading", name="climate node: stopped")).to_be_hidden()
    assert house.stop["others"] == []
    assert watched.troubles == []


async def test_an_alarm_is_seen_on_every_page_and_acknowledged(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, "olaf", viewport=PHONE)
    page, house = watched.page, running.house
    house.alarm(alarm())
    await expect(page.locator("#alarms .count")).to_have_text("1")
    await watched.follows("Alarms", "**/alarms")
    await expect(page.get_by_text("irrigation node is not heard any more.")).to_be_visible()
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.get_by_text("Acknowledged by olaf.")).to_be_visible()
    await expect(page.locator("#alarms .count")).to_have_count(0)
    await page.get_by_role("button", name="Shelve").click()
    await expect(page.get_by_text("Shelved by olaf until")).to_be_visible()
    assert [name for name, _ in house.calls if name.startswith("alarms.")] == ["alarms.ack", "alarms.shelve"]
    assert watched.troubles == []


async def test_a_database_that_is_away_is_said_until_it_is_back(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=PHONE)
    page, house = watched.page, running.house
    house.change("counters", "", database="The database is away: <refused>", spooled=12, unstorable=0)
    said = page.get_by_text("Nothing reaches the database; records waiting on the disk: 12.")
    await expect(said).to_be_visible()
    await expect(said).to_contain_text("The database is away: <refused>")
    house.change("counters", "", database=None, spooled=0)
    await expect(said).to_be_hidden()
    await expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    assert watched.troubles == []


async def test_every_page_for_those_who_may_and_those_who_may_not(browser: Browser, running: Running) -> None:
    for name in ("ada", "vera"):
        watched = await enter(browser, running, name, viewport=PHONE)
        for path in (
            "/",
            "/history",
            "/actuators",
            "/rules",
            "/alarms",
            "/nodes",
            "/nodes?node=ESP_A1B2C3",
            "/?lang=de",
        ):
            await watched.page.goto(running.address + path)
            await watched.goes_live()
            await expect(watched.page.locator("#stop")).to_be_visible()
        assert watched.troubles == []
        await watched.page.context.close()


async def test_a_tile_leads_to_its_history_and_the_curve_grows(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=DESK)
    page = watched.page
    await watched.follows("Bench air: show history", "**/history?*")
    await expect(page.get_by_text("1 gap.")).to_be_visible()
    assert "sensor=ESP_A1B2C3" in page.url
    count = "Bokeh.documents[0].all_models.size, [...Bokeh.documents[0].all_models]"
    length = f"({count}.find((m) => m.type === 'ColumnDataSource').get_length())"
    before = await page.evaluate(length)
    running.house.measure(AIR, 31.3)
    await page.wait_for_function(f"{length} > {before}")
    assert watched.troubles == []


async def seeded(made: House) -> None:
    """Forty days of soil every five minutes, three of them missing, five errors; rolled up."""
    series, begin = SeriesId.parse(SOIL), made.clock.now() - 40 * DAY
    given = [
        Reading(
            series=series, value=None if n in range(9000, 9005) else 40.0 + 8.0 * math.sin(n / 144),
            raw=2000.0, unit="%", quality=Quality.ERROR if n in range(9000, 9005) else Quality.GOOD, reason="",
            measured_at=begin + n * 5 * MINUTE, received_at=begin + n * 5 * MINUTE, zone=None, boot=1, seq=n,
            cause=0,
        )
        for n in range(11_520)
        if not 7200 <= n < 8064
    ]  # fmt: skip
    for place in range(0, len(given), 2000):
        await made.controller.store.append(given[place : place + 2000])
    await Roller(made.controller.store.rollups, made.clock, lambda _: 10 * MINUTE).catch_up()


async def test_a_month_and_a_year_of_stored_readings_are_drawn_as_means(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    hold = TEXT.replace("name: soil,", "name: soil, stale_after_s: 600,")
    async with house(tmp_path, file(hold), clock=VirtualClock(WallClock().now())) as made:
        await made.beat()
        await made.soil(2000)
        await seeded(made)
        running.house.archive = made.call
        running.house.sensors |= {SOIL: sensor(SOIL, "Stored soil", "propagation", "%", 40.0)}
        running.house.tell("sensor", SOIL, running.house.sensors[SOIL])
        await until(lambda: SOIL in running.dashboard.feed.view.sensors)
        watched = await enter(browser, running, viewport=PHONE)
        page = watched.page
        await page.goto(f"{running.address}/history?sensor={SOIL}")
        await watched.goes_live()
        sizes = """() => [...Bokeh.documents[0].all_models].filter((m) => m.type === 'ColumnDataSource')
            .map((s) => [s.get_length(), 'xs' in s.data, 'low' in s.data && [...s.data.low].some((v) => v === v)])"""
        for label, said, points in (
            ("30 days", "Means of 30 min, band = min…max.", 30 * 48 + 1),
            ("1 year", "Means of 6 h, band = min…max.", 40 * 4 + 1),
        ):
            await page.get_by_role("button", name=label).click()
            note = page.get_by_text(said)
            await expect(note).to_be_visible()
            await expect(note).to_contain_text("1 gap.")
            await expect(note).to_contain_text("marked × at the foot: 5.")
            found = await page.evaluate(sizes)
            assert [2, True, False] in found  # two outlines: none reaches over the three days
            assert [points, False, True] in found
        await page.get_by_role("button", name="24 hours").click()
        await expect(page.get_by_text("289 values, ")).to_be_visible()
        assert [0, True, False] in await page.evaluate(sizes)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert watched.troubles == []


async def test_a_rule_is_tried_explained_and_switched_off_on_a_small_phone(
    browser: Browser, running: Running
) -> None:
    watched = await enter(browser, running, "olaf", viewport={"width": 360, "height": 740})
    page, house = watched.page, running.house
    await watched.follows("Rules", "**/rules")
    house.trials = [0.4] * 10_000
    await page.get_by_role("button", name="Try on the last 24 hours").first.click()
    await expect(page.get_by_text("Trying: 40 %")).to_be_visible()
    house.trials.clear()
    await expect(page.get_by_text("started 2 times")).to_be_visible()
    await page.get_by_role("button", name="Why?").first.click()
    await expect(page.get_by_text("Bench air is above 28 °C", exact=False).nth(1)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    heights = "all => all.map(one => one.getBoundingClientRect().height).filter(Boolean)"
    found = await page.locator("main").get_by_role("button").evaluate_all(heights)
    assert found
    assert min(found) >= 44  # what a thumb hits
    await page.get_by_role("button", name="Switch off").first.click()
    await page.get_by_role("button", name="Switch off all the same").click()
    await expect(page.get_by_text("It stays off")).to_be_visible()
    assert not house.rules["cool"]["enabled"]
    assert watched.troubles == []


async def test_switching_by_hand_with_safetys_opinion(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=DESK)
    page = watched.page
    await page.goto(running.address + "/actuators")
    await watched.goes_live()
    order = sorted(a["name"] for a in running.house.actuators.values())
    heater = order.index(running.house.actuators[HEATER]["name"]) - 1  # the fan has a slider, not two buttons
    await page.get_by_role("button", name="on", exact=True).nth(heater).click()
    await expect(page.get_by_text("heating and cooling at once is interlocked")).to_be_visible()
    await page.get_by_role("button", name="Set to 80 %").click()
    await expect(page.get_by_text("Confirmed by the node.")).to_be_visible()
    assert running.house.calls[-1][1]["actuator"] == FAN
    await page.get_by_role("button", name="Why?").first.click()
    await expect(page.get_by_text("cool: 28.6 °C > 28 °C")).to_be_visible()
    assert watched.troubles == []


ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_node_and_what_strangers_wrote_about_it(
    browser: Browser, running: Running, size: dict[str, int], scheme: str, language: str
) -> None:
    watched = await enter(browser, running, viewport=size, color_scheme=scheme)
    page, house = watched.page, running.house
    await page.goto(f"{running.address}/nodes?lang={language}")
    await watched.goes_live()
    await watched.follows("climate node", "**/nodes?node=*")
    assert "node=ESP_A1B2C3" in page.url
    bad = unreadable("wrong_type", 12, ATTACK)
    bad["last"][0] |= {"topic": f"kaiser/{ATTACK}", "why": ATTACK}
    house.change(
        "node", "ESP_A1B2C3", notes=[said_of_itself("alert", ATTACK)], unreadable=[bad], problems=[ATTACK]
    )
    await expect(page.get_by_text(ATTACK).first).to_be_visible()
    assert await page.get_by_text(ATTACK).count() >= 12
    assert await page.locator("img[src=x]").count() == 0
    assert "owned" not in await page.title()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"]
    assert watched.troubles == []


async def test_a_page_whose_sign_in_ends_goes_to_the_form(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=PHONE)
    running.house.tokens.clear()
    await watched.page.wait_for_url("**/login?out=1&next=*")


async def test_signing_out_in_one_tab_ends_the_other(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=DESK)
    other = await watched.page.context.new_page()
    await other.goto(running.address + "/actuators")
    await other.wait_for_selector("body[data-live=yes]")
    await watched.page.get_by_role("button", name="Sign out").click()
    await expect(watched.page.get_by_text("You are signed out.")).to_be_visible()
    await other.wait_for_url("**/login?out=1&next=*")


async def test_a_controller_that_goes_is_said_and_greyed_and_comes_back(
    browser: Browser, running: Running
) -> None:
    watched = await enter(browser, running, viewport=PHONE)
    page = watched.page
    running.house.vanish()
    await expect(page.get_by_text("The controller has not answered since")).to_be_visible()
    await expect(page.get_by_text("23.4", exact=True)).to_have_count(0)
    running.house.away = False
    await until(lambda: not running.dashboard.feed.view.gone)
    await expect(page.get_by_role("heading", name="All is well")).to_be_visible()


async def test_a_dead_dashboard_is_noticed_by_the_page_itself(browser: Browser, running: Running) -> None:
    watched = await enter(browser, running, viewport=PHONE)
    await watched.page.route("**/alive", lambda route: route.abort())
    for told in running.house.tokens.values():
        running.dashboard.guard.end(told["session"])
    await expect(watched.page.locator("#lost")).to_be_visible()
    assert await watched.page.evaluate("document.body.dataset.live") == "no"


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_rule_that_cannot_act_is_seen_without_looking_for_it(
    browser: Browser, running: Running, size: dict[str, int], language: str
) -> None:
    watched = await enter(browser, running, viewport=size)
    page, away = watched.page, "cannot act: node ESP_A1B2C3 is offline since 00:12:03 on 2026-05-01"
    await page.goto(f"{running.address}/?lang={language}")
    await watched.goes_live()
    last = {"decided": "2026-05-01T00:20:00Z", "outcome": "not carried out", "reason": "It is offline."}
    running.house.change("rule", "cool", degraded=away, last_outcome=last, carried_out=0, not_carried_out=1)
    row = page.locator("li.rule").filter(has_text="cool").first
    state = {"en": "degraded", "de": "eingeschränkt"}[language]
    await expect(row.get_by_text(state, exact=True)).to_be_visible()
    await expect(row).to_contain_text(away)
    await expect(row).to_contain_text("It is offline.")
    told = "Hot since five minutes, and nobody came: " + "W" * 80
    running.house.change("rule", "cool", notice={"at": "2026-05-01T00:21:00Z", "target": "", "text": told})
    heading = {"en": "What rules told", "de": "Was Regeln gemeldet haben"}[language]
    panel = page.locator(".panel").filter(has=page.get_by_role("heading", name=heading))
    await expect(panel).to_contain_text(told)
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= size["width"], "nothing runs out of the page"
    assert watched.troubles == []
