"""What somebody types into a page is in no log, also when everything is logged and when it cannot be used."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import panel as pn
import param
import pytest
from godkaiser_dashboard.unlogged import keep_typing_unlogged
from playwright.async_api import Browser

from tests.dashboard.conftest import Running, until
from tests.dashboard.test_own_pages import browser as browser  # noqa: PLC0414 - a fixture
from tests.dashboard.test_own_pages import press, shown, signed_in
from tests.dashboard.test_signed_out import serving

TYPED = "Typed-4711-by-somebody"
BY_HAND = ("", "panel", "bokeh")  # Panel's and Bokeh's may pass nothing on to the root


class Ears(logging.Handler):
    """Keeps what is logged, as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines = list[tuple[str, str]]()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, logging.Formatter().format(record)))

    def of(self, name: str) -> list[str]:
        return [text for logger, text in self.lines if logger.startswith(name)]


@pytest.fixture
def ears() -> Iterator[Ears]:
    """Everything from DEBUG on, for the root and for both libraries."""
    heard = Ears()
    loggers = [logging.getLogger(name) for name in BY_HAND]
    for logger in loggers:
        logger.addHandler(heard)
    root = loggers[0]
    before = root.level
    root.setLevel(logging.DEBUG)
    database = logging.getLogger(
        "aiosqlite"
    )  # of the controller, in this process only here: it tells its rows
    told = database.level
    database.setLevel(logging.INFO)
    yield heard
    root.setLevel(before)
    database.setLevel(told)
    for logger in loggers:
        logger.removeHandler(heard)


async def test_a_typed_password_is_not_logged(browser: Browser, tmp_path: Path, ears: Ears) -> None:
    async with (
        serving(tmp_path, "ann") as (_, dashboard),
        signed_in(browser, dashboard.address, "ann", "/account") as page,
    ):
        logging.getLogger().debug("everything is heard")
        await page.locator("main input[type=password]").first.fill(TYPED)
        await page.locator("main input[type=password]").nth(1).fill("Other-2026-house")
        await page.locator("main input[type=password]").nth(2).fill("Other-2026-house")
        await press(page, "Change the password")
        await shown(page, "This is not your password.")
    assert ("root", "everything is heard") in ears.lines
    assert [name for name, text in ears.lines if TYPED in text] == []


def test_what_was_typed_when_our_own_code_failed_is_not_logged(ears: Ears) -> None:
    keep_typing_unlogged()
    keep_typing_unlogged()  # as by a second dashboard in the process

    def fail(event: param.parameterized.Event) -> None:
        raise ValueError(event.new)

    field = pn.widgets.TextInput(label="x")
    field.param.watch(fail, "value")
    with pytest.raises(ValueError, match=TYPED):
        field._process_events({"value": TYPED, "description": TYPED})
    (told,) = ears.of("panel.reactive")[:1]
    assert "Callback failed" in told
    assert told.endswith("ValueError")
    assert [name for name, text in ears.lines if TYPED in text] == []


async def test_what_a_page_sends_and_nobody_can_use_is_told_without_its_words(
    running: Running, ears: Ears
) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    socket = await visitor.socket(await visitor.page_token())
    change = {"kind": "ModelChanged", "model": {"id": TYPED}, "attr": "value", "new": TYPED}
    for part in ({"msgid": "1", "msgtype": "PATCH-DOC"}, {}, {"events": [change]}):
        await socket.write_message(json.dumps(part))
    await until(lambda: bool(ears.of("bokeh.server.protocol_handler")))
    told = ears.of("bokeh.server.protocol_handler")[0]
    assert "error handling message" in told
    assert "Traceback" in told or "File " in told
    assert [name for name, text in ears.lines if TYPED in text] == []
    socket.close()
