"""My account, Accounts and Audit in a real browser, over a real controller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from godkaiser.errors import AuthenticationFailedError, GodkaiserError
from tests.dashboard.conftest import Visitor, until
from tests.dashboard.test_signed_out import PASSWORD, serving
from tests.kaiser.house import House
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS

# What a page added to itself is told in full by the browser; Bokeh finds that worth a warning, and goes on.
pytestmark = pytest.mark.filterwarnings("ignore:reference already known")

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 860}
OTHER = "Other-2026-house"
SAID_OF = {"": "Please enter your own password.", "Wrong-2026-house": "This is not your password."}
REFUSED = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
NO_CODE = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture
async def browser(chromium_path: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        program = await playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        yield program
        await program.close()


@asynccontextmanager
async def signed_in(
    browser: Browser, address: str, name: str, path: str, expected: str = "", **context: Any
) -> AsyncIterator[Page]:
    """A page of somebody; whatever the browser complains of, or loads from elsewhere, fails the test."""
    place = await browser.new_context(**context)
    page = await place.new_page()
    page.set_default_timeout(PATIENCE_MS)
    troubles = list[str]()
    own = (address, "data:", "blob:")
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else troubles.append(r.url))
    await page.goto(f"{address}{path}")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_selector("body[data-live=yes]")
    yield page
    assert [one for one in troubles if one != expected] == []
    await place.close()


async def shown(page: Page, text: str) -> Locator:
    found = page.get_by_text(text).first
    await expect(found).to_be_visible()
    return found


async def press(page: Page, name: str, at: int = 0) -> None:
    await page.get_by_role("button", name=name, exact=True).nth(at).click()


async def asked_back(page: Page, name: str, cards: int, text: str) -> None:
    """Press the first card's button; its question comes above it, with a button of the same name."""
    buttons = page.get_by_role("button", name=name, exact=True)
    await expect(buttons).to_have_count(cards)
    await buttons.first.click()
    await shown(page, text)
    await expect(buttons).to_have_count(cards + 1)


async def fits(page: Page, size: dict[str, int]) -> None:
    await expect(page.locator("#stop")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize(("scheme", "language"), [("light", "en-US"), ("dark", "de-DE")])
async def test_every_page_fits_in_both_languages(
    browser: Browser, tmp_path: Path, size: dict[str, int], scheme: str, language: str
) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        await home.call("tokens.add", label="logger " + "x" * 60, owner="root", permissions=["look"])
        context: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "locale": language}
        german = language.startswith("de")
        async with signed_in(browser, dashboard.address, "root", "/account", **context) as page:
            await shown(page, "API-Token" if german else "API tokens")
            await fits(page, size)
            for path, said in (
                ("/accounts", "Konten" if german else "Accounts"),
                ("/audit", "Wer" if german else "Who"),
            ):
                await page.goto(dashboard.address + path)
                await page.wait_for_selector("body[data-live=yes]")
                await shown(page, said)
                await fits(page, size)


@pytest.mark.parametrize("name", ["ann", "vera"])
async def test_what_is_not_for_a_role_says_what_is_missing(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    async with serving(tmp_path, "ann", "vera") as (home, dashboard):
        if name == "vera":
            await home.call("users.role", name="vera", role="viewer")
        visitor = Visitor(dashboard.address)
        await visitor.form("/login", {"name": name, "password": PASSWORD})
        assert (await visitor.ask("/audit")).code == 403
        assert (await visitor.ask("/audit.csv")).code == 403
        async with signed_in(browser, dashboard.address, name, "/account", REFUSED, viewport=PHONE) as page:
            await shown(page, "Sessions")
            assert await page.get_by_role("link", name="Accounts").count() == 0
            for path in ("/accounts", "/audit"):
                await page.goto(dashboard.address + path)
                await page.wait_for_selector("body[data-live=yes]")
                await shown(page, "This page needs the right “manage accounts and read the audit”.")
                assert await page.locator("main").get_by_role("button").count() == 0
                await fits(page, PHONE)


async def test_the_own_password(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        async with (
            signed_in(browser, dashboard.address, "ann", "/actuators", viewport=PHONE) as other,
            signed_in(browser, dashboard.address, "ann", "/account", viewport=PHONE) as page,
        ):
            fields = page.locator("main input[type=password]")

            async def say(current: str, new: str, again: str) -> None:
                for place, text in enumerate((current, new, again)):
                    await fields.nth(place).fill(text)
                await press(page, "Change the password")

            await shown(page, "operator")
            await say(PASSWORD, "Ab1-", "Ab1-")
            await shown(page, "It needs at least 8 characters.")
            await say(PASSWORD, OTHER, OTHER + "x")
            await shown(page, "The two new passwords are not the same.")
            await say("wrong", OTHER, OTHER)
            await shown(page, "This is not your password.")
            assert [await fields.nth(place).input_value() for place in range(3)] == [""] * 3
            await say(PASSWORD, OTHER, OTHER)
            await other.wait_for_url("**/login?out=1&next=*")
            await page.wait_for_url("**/login?out=1&next=*")
        assert (await home.call("login", name="ann", password=OTHER, address=""))["user"] == "ann"


async def test_a_second_factor_from_the_picture_to_the_sign_in(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):  # noqa: SIM117 - the page goes before the house
        async with signed_in(browser, dashboard.address, "ann", "/account", NO_CODE, viewport=PHONE) as page:
            await shown(page, "the password alone lets you in")
            fields = page.locator("main input[type=password]:visible")
            await expect(fields).to_have_count(5)  # three of the own password, this one, that of a new token
            await fields.nth(3).fill(PASSWORD)
            await press(page, "Set it up")
            address = await (await shown(page, "otpauth://")).inner_text()
            assert await page.locator("main svg.segno").count() == 1
            await fits(page, PHONE)
            phone = pyotp.parse_uri(address.replace("\n", ""))
            assert isinstance(phone, pyotp.TOTP)
            clock = home.controller.accounts.clock
            code = page.get_by_placeholder("123456")
            await code.fill("000000")
            await press(page, "Confirm")
            await shown(page, "This code is not right.")
            await code.fill(phone.at(clock.now() // 1_000_000 - 30))
            await press(page, "Confirm")
            await shown(page, "The second factor is on.")
            await expect(page.get_by_text("otpauth://")).to_have_count(0)
            await shown(page, "Only an admin can take it away")
            await page.get_by_role("button", name="Sign out", exact=True).click()
            await page.fill("#name", "ann")
            await page.fill("#password", PASSWORD)
            await page.click("button[type=submit]")
            await shown(page, "asks for the code of its phone")
            await page.fill("#password", PASSWORD)
            await page.fill("#code", phone.at(clock.now() // 1_000_000 + 30))
            await page.click("button[type=submit]")
            await page.wait_for_selector("body[data-live=yes]")


async def test_api_tokens_of_ones_own(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        async with signed_in(browser, dashboard.address, "ann", "/account", viewport=PHONE) as page:
            await shown(page, "There is none.")
            secret = page.locator("main input[type=password]").last
            await secret.fill(PASSWORD)
            await press(page, "Make it")
            await shown(page, "Give it a short label")
            await page.get_by_label("What it is for").fill("logger")
            await secret.fill(PASSWORD)
            await press(page, "Make it")
            first = await (await shown(page, "gk_")).inner_text()
            assert (await home.call("verify", token=first))["user"] == "ann"
            await press(page, "Copy")
            await expect(page.get_by_role("button", name="Copied")).to_be_visible()
            await press(page, "I have kept it")
            await expect(page.get_by_text(first)).to_have_count(0)
            await asked_back(page, "Replace", 1, "Replace “logger”")
            await press(page, "Replace")
            await shown(page, "Please enter your own password.")
            await page.locator("main input[type=password]:visible").nth(4).fill(PASSWORD)
            await press(page, "Replace")
            second = (
                await (await shown(page, "This replaces")).locator("xpath=..").locator("code").inner_text()
            )
            assert second != first
            await until(lambda: len(home.controller.accounts.keys) == 2)
            for left in (2, 1):
                await asked_back(page, "Revoke", left, "Programs that use it are refused at once.")
                await press(page, "Revoke")
                await expect(page.get_by_text("Programs that use it")).to_have_count(0)
                await shown(page, "is revoked")
                await page.reload()
                await page.wait_for_selector("body[data-live=yes]")
                await shown(page, "logger")
        for token in (first, second):
            with pytest.raises(AuthenticationFailedError):
                await home.call("verify", token=token)


async def proven(page: Page, yes: str, password: str = PASSWORD) -> None:
    """The reader's own password in the question that stands there, and yes."""
    # The question comes a moment after its button was pressed, above the forms that are always there.
    await expect(page.get_by_role("button", name=yes).first).to_be_visible()
    await page.locator("main input[type=password]:visible").first.fill(password)
    await press(page, yes)


async def deed(
    page: Page, button: str, yes: str, done: str, *, proof: bool = True, wrong: bool = False
) -> None:
    """A button of the open card, its question back, and what is said then; a wrong password changes nothing."""
    await press(page, button)
    for password in SAID_OF if wrong else ():  # few times: who guesses often has to wait
        await proven(page, yes, password)
        await shown(page, SAID_OF[password])
        await expect(page.get_by_text(done)).to_have_count(0)
    if proof:
        await proven(page, yes)
    else:
        await press(page, yes)
    await shown(page, done)


async def test_somebody_is_added(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path) as (home, dashboard):
        async with signed_in(browser, dashboard.address, "root", "/accounts", viewport=DESK) as page:
            await page.get_by_label("Name").fill("new one")
            await proven(page, "Add the account")
            await shown(page, "cannot be an account")
            await page.get_by_label("Name").fill("olaf")
            for wrong in ("", "Wrong-2026-house"):
                await proven(page, "Add the account", wrong)
                await shown(page, SAID_OF[wrong])
            assert {user.name for user in home.controller.accounts.users.values()} == {"root"}
            await proven(page, "Add the account")
            await shown(page, "The password of olaf:")
            password = await page.locator("main p.once code").inner_text()
            assert (await home.call("login", name="olaf", password=password, address=""))["role"] == "viewer"
            await press(page, "I have kept it")
            await expect(page.get_by_text(password)).to_have_count(0)
            await expect(page.get_by_role("button", name="Change …")).to_have_count(2)
            await press(page, "Change …", 1)  # of root
            await press(page, "Remove …")
            await proven(page, "Remove root for good")
            await shown(page, "This is the last active admin")
        assert {user.name for user in home.controller.accounts.users.values()} == {"olaf", "root"}


async def test_what_an_admin_changes(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        named = home.controller.accounts.named
        async with signed_in(browser, dashboard.address, "root", "/accounts", viewport=PHONE) as page:
            await press(page, "Change …")  # of ann, the first by name
            await shown(page, "Acts in these zones only")  # else the first field is that of the form below
            await page.get_by_label("Role").first.select_option("viewer")
            await deed(page, "Give this role", "Change the role of ann", "ann has the new role.", wrong=True)
            assert named("ann").role.value == "viewer"
            await page.get_by_label("North bench").first.check()
            await deed(page, "Set these zones", "Change the zones of ann", "ann has the new zones.")
            assert named("ann").zones == {"bench"}
            await deed(page, "New password …", "New password for ann", "The password of ann:")
            await press(page, "I have kept it")
            await deed(
                page, "Sign out everywhere …", "Sign ann out", "ann is signed out everywhere.", proof=False
            )
            await deed(page, "Do not let in …", "Keep ann out", "ann is not let in any more.", proof=False)
            assert not named("ann").active
            await deed(page, "Let in again …", "Let ann in", "ann may come in again.")
            await press(page, "Remove …")
            await shown(page, "Remove ann for good? ")
            await fits(page, PHONE)
            await press(page, "Cancel")
            await press(page, "Remove …")
            await proven(page, "Remove ann for good", "Wrong-2026-house")
            await shown(page, "This is not your password.")
            assert named("ann").name == "ann"
            await proven(page, "Remove ann for good")
            await until(lambda: len(home.controller.accounts.users) == 1)
            await expect(page.get_by_role("button", name="Change …")).to_have_count(1)
        assert {user.name for user in home.controller.accounts.users.values()} == {"root"}


async def test_an_address_is_let_in_again(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path) as (home, dashboard):
        for _ in range(25):
            with pytest.raises(GodkaiserError):
                await home.call("login", name="nobody", password="x", address="198.51.100.7")
        async with signed_in(browser, dashboard.address, "root", "/accounts", viewport=PHONE) as page:
            await shown(page, "198.51.100.7")
            await asked_back(page, "Let it in again", 1, "Let 198.51.100.7 in again?")
            await press(page, "Let it in again")
            await shown(page, "198.51.100.7 may try again.")
        assert await home.call("blocks.list") == []


async def filled(home: House, count: int) -> None:
    """So many rows that there are pages of them, one of them evil."""
    evil = "=HYPERLINK(\"http://x\")<script>document.title='owned'</script>"
    for number in range(count):
        home.controller.clerk.attest("user:ann", "site.applied", f"row {number}", evil if not number else "")
    await home.controller.runner.drained()


async def test_the_audit_page_by_page_filtered_checked_and_as_a_file(
    browser: Browser, tmp_path: Path
) -> None:
    async with serving(tmp_path, "ann") as (home, dashboard):
        await filled(home, 120)
        async with signed_in(browser, dashboard.address, "root", "/audit", viewport=PHONE) as page:
            await shown(page, "row 119")
            await expect(page.get_by_text("row 30", exact=False)).to_have_count(0)
            await press(page, "Older")
            await shown(page, "row 50")
            await press(page, "Older")
            await shown(page, "row 0")
            assert "owned" not in await page.title()
            await fits(page, PHONE)
            await press(page, "Newer")
            await shown(page, "row 50")
            await page.get_by_label("What").select_option("sign-ins")
            await press(page, "Show")
            await shown(page, "signed in")
            await expect(page.get_by_text("site.applied")).to_have_count(0)
            await page.get_by_label("Who").fill("nobody at all")
            await press(page, "Show")
            await shown(page, "Nothing was found.")
            await press(page, "Check the chain")
            await shown(page, "All is as it was sealed.")
            (tmp_path / "audit.key").unlink()
            await press(page, "Check the chain")
            await shown(page, "audit.key is missing in the data folder")
            assert not (tmp_path / "audit.key").exists()
        visitor = Visitor(dashboard.address)
        assert (await visitor.ask("/audit.csv")).code == 302
        await visitor.form("/login", {"name": "root", "password": PASSWORD})
        told = await visitor.ask("/audit.csv?since=-7d&action=site.")
        assert told.code == 200
        assert told.headers["Content-Disposition"] == 'attachment; filename="godkaiser-audit.csv"'
        rows = told.body.decode("utf-8-sig").splitlines()
        assert rows[0].startswith("at,who,action,target,detail")
        assert len(rows) == 121
        assert "\"'=HYPERLINK(" in rows[-1]
        assert (await visitor.ask("/audit.csv?since=long+ago")).code == 400
        assert (await visitor.ask("/audit.csv/../../etc/passwd")).code == 404
