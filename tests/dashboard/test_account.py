"""What a card says an actuator did: what is known, nothing else, and for how long it is locked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from godkaiser_dashboard.account import account
from godkaiser_dashboard.words import Words
from playwright.async_api import Browser, expect

from tests.dashboard.conftest import Running
from tests.dashboard.fake_desk import FakeDesk, Greenhouse, actuator, now
from tests.dashboard.test_browser import PHONE, browser, enter

__all__ = ["browser"]
EN, DE = Words("en"), Words("de")


def told(type_: str = "pump", **row: Any) -> dict[str, Any]:
    shown = actuator("ESP_A1B2C3/14", "Pump", "bench", "pump", type_, 0.0)
    desk = FakeDesk(Greenhouse())
    windows = {"today": desk._account(shown, "today"), "week": desk._account(shown, "-7d")}
    for one in windows.values():
        one["rows"][0].update(row)
    return windows


def test_a_pump_with_everything() -> None:
    text = account(EN, told(), now())
    for words in (
        "Today",
        "7 days",
        "41 min 40 s",
        "5.8 %",
        "Water",
        "20.8 L",
        "kWh",
        "Not known",
        "1 h 30 min",
    ):
        assert words in text
    assert "25 min of 30 min, 51 of 60 starts an hour" in text
    assert re.search(r"for another [34] min", text)
    assert "node and controller" in text
    assert "290,5 L" in account(DE, told(), now())


def test_what_is_not_stated_or_not_unknown_is_left_out() -> None:
    text = account(EN, told("pwm", energy_wh=None, unknown_s=0.0), now())
    assert not any(words in text for words in ("Water", "Energy", "Not known", "Locked"))
    assert "controller only" in text


def test_nothing_known_is_a_dash_and_not_zero() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("on_s", "starts", "duty", "litres", "energy_wh"))
    text = account(EN, told(**nothing), now())
    assert text.count("<td>–</td>") == 6
    assert account(EN, {}, now()) == ""


def test_a_lock_that_is_over_is_not_shown_and_strangers_words_are_escaped() -> None:
    windows = told()
    for one in windows.values():
        one["timed_by"] = "<script>"
    text = account(EN, windows, now() + timedelta(hours=1))
    assert "Locked" not in text
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


@pytest.mark.parametrize("language", ["en", "de"])
async def test_on_a_phone(browser: Browser, running: Running, language: str) -> None:
    watched = await enter(browser, running, "vera", viewport=PHONE)
    page = watched.page
    await page.goto(f"{running.address}/actuators?lang={language}")
    await watched.goes_live()
    head = "Run time" if language == "en" else "Laufzeit"
    await expect(page.get_by_text(head, exact=True).first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert watched.troubles == []
