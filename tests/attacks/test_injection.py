"""Scripts in every name and reason that pages show, in a real browser over a real controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright

from tests.attacks.stand import PASSWORD, Stand, stand
from tests.dashboard.test_browser import Watched
from tests.kaiser.house import NODE, TEXT, file
from tests.services import CHROMIUM_FLAGS

PAGES: Final = ("/", "/history", "/actuators", "/rules", "/nodes", f"/nodes?node={NODE}", "/alarms")
SCRIPTS: Final = (
    "<img src=x onerror=owned(1)>{}",
    "</script><script>owned(2)</script>{}",
    "\"'><svg/onload=owned(3)>{}",
    "{{{{constructor.constructor('owned(4)')()}}}}<%= owned(5) %>{}",
    "<a href=javascript:owned(6)>{}</a><iframe srcdoc='<script>parent.owned(7)</script>'></iframe>",
)
WATCH: Final = "window.taken = []; window.owned = (n) => window.taken.push(n);"


def script(turn: int, number: int) -> str:
    """Another one in each name; with another turn the next one."""
    return SCRIPTS[(turn + number) % len(SCRIPTS)].format(number)


def named(turn: int) -> str:
    """The site with a script in each of its names."""
    text = TEXT
    for number, name in enumerate(("North bench", "climate node", "soil", "fan", "Cool")):
        for key in (f"name: {name}}}", f"name: {name},", f"name: {name}\n"):
            text = text.replace(key, f"name: {json.dumps(script(turn, number))}{key[-1]}")
    return text


async def looked_at(page: Page, watched: Watched, besieged: Stand, path: str, turn: int) -> set[int]:
    """Which names can be read on it."""
    await page.goto(besieged.pages.address + path)
    await watched.goes_live()
    assert await page.evaluate("window.taken") == [], path
    assert await page.locator("img[src=x], svg[onload], iframe[srcdoc], a[href^=javascript]").count() == 0, (
        path
    )
    return {number for number in range(9) if await page.get_by_text(script(turn, number)).count()}


@pytest.mark.parametrize("turn", [0, 2])
async def test_names_and_reasons_are_only_text_on_every_page(
    turn: int, chromium_path: Path, tmp_path: Path
) -> None:
    async with stand(tmp_path / "data", site=file(named(turn))) as besieged, async_playwright() as playwright:
        await besieged.home.beat()
        await besieged.home.soil(2000)
        program = await playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        place = await program.new_context()
        await place.add_init_script(WATCH)
        page = await place.new_page()
        watched = Watched(page, besieged.pages.address)
        page.on("dialog", lambda dialog: watched.troubles.append(dialog.message))
        await page.goto(f"{besieged.pages.address}/login?next=/{script(turn, 9)}")
        await page.fill("#name", script(turn, 9))
        await page.fill("#password", "Guess-123")
        await page.click("button[type=submit]")
        await page.get_by_text("Name or password is not right.").wait_for()
        assert await page.evaluate("window.taken") == []
        watched.troubles.clear()  # that sign-in was answered with 401, which a browser notes
        await page.goto(f"{besieged.pages.address}/login")
        await page.fill("#name", "root")
        await page.fill("#password", PASSWORD)
        await page.click("button[type=submit]")
        await watched.goes_live()
        await besieged.call("stop", reason=script(turn, 8), scope=f"node:{NODE}")
        await besieged.home.leave()
        shown: set[int] = set()
        for path in PAGES:
            shown |= await looked_at(page, watched, besieged, path, turn)
        assert {0, 1, 2, 3, 4} <= shown, "as text they must be there"
        await page.goto(f"{besieged.pages.address}/history?sensor={script(turn, 2)}&lang={script(turn, 7)}")
        await watched.goes_live()
        assert await page.evaluate("window.taken") == []
        assert watched.troubles == []
        await program.close()
