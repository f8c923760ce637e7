"""Accounts, API tokens, kept-out addresses and the audit in Python, against a running controller."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

import godkaiser
from godkaiser import Secret, blocking, html_of
from godkaiser.errors import (
    AuthenticationFailedError,
    ForbiddenError,
    InvalidValueError,
    LastAdminError,
    UnknownAddressError,
    UnknownUserError,
)
from godkaiser.handles.people import AccountList, ApiToken, KeptOut, KeptOutList, TokenList
from tests.facade.process import running_demo

PASSWORD = "Pump-2026-house"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running controller."""
    data = tmp_path_factory.mktemp("accounts") / "data"
    with running_demo(data):
        yield data


@pytest.fixture
def farm(folder: Path) -> Iterator[blocking.Farm]:
    with blocking.connect(folder) as connected:
        yield connected


def pictures(thing: object) -> str:
    return f"{thing!r} {thing} {html_of(thing)} {getattr(thing, '_repr_html_', str)()}"


def test_an_account_from_its_beginning_to_its_end(farm: blocking.Farm) -> None:
    made = farm.accounts.add("olaf", "operator", zones=["propagation"])
    assert made.password is not None
    assert made.password.reveal() not in pictures(made)
    assert (made.role, made.zones, made.active, made.totp) == ("operator", ("propagation",), True, False)
    listed = farm.accounts.list()
    assert "olaf" in {one.name for one in listed}
    assert next(one for one in listed if one.name == "olaf").last_seen is None
    assert "olaf" in pictures(listed)
    changed = farm.accounts.role("olaf", "viewer")
    assert (changed.role, changed.already) == ("viewer", False)
    assert farm.accounts.role("olaf", "viewer").already
    assert farm.accounts.zones("olaf").zones == ()
    assert farm.accounts.zones("olaf", "propagation").zones == ("propagation",)
    assert farm.accounts.password("olaf", Secret(PASSWORD)).password is None
    again = farm.accounts.password("olaf").password
    assert again is not None
    assert again != made.password
    assert farm.accounts.deactivate("olaf").active is False
    assert farm.accounts.activate("olaf").active is True
    assert farm.accounts.logout("olaf").tokens_ended == 0
    farm.accounts.remove("olaf")
    with pytest.raises(UnknownUserError):
        farm.accounts.logout("olaf")


def test_what_cannot_be_says_why(farm: blocking.Farm) -> None:
    with pytest.raises(InvalidValueError, match="upper-case"):
        farm.accounts.add("weak", "viewer", password="weak-weak-1")
    assert "weak" not in {one.name for one in farm.accounts.list()}
    farm.accounts.add("only", "admin", password=PASSWORD)
    for one in farm.accounts.list():
        if one.role == "admin" and one.name != "only":
            farm.accounts.remove(one.name)
    with pytest.raises(LastAdminError):
        farm.accounts.remove("only")
    with pytest.raises(UnknownAddressError):
        farm.blocks.lift("198.51.100.7")
    assert farm.blocks.list() == ()


def test_a_second_factor(farm: blocking.Farm) -> None:
    farm.accounts.add("tess", "viewer", password=PASSWORD)
    address = farm.accounts.totp_begin("tess")
    assert "otpauth" not in pictures(address)
    phone = pyotp.parse_uri(address.reveal())
    assert isinstance(phone, pyotp.TOTP)
    with pytest.raises(InvalidValueError):
        farm.accounts.totp_confirm("tess", "nothing")
    assert farm.accounts.totp_confirm("tess", phone.now()).totp
    assert not farm.accounts.totp_remove("tess").totp
    farm.accounts.remove("tess")


def test_an_api_token_is_told_once_and_used(folder: Path, farm: blocking.Farm) -> None:
    farm.accounts.add("prog", "operator", password=PASSWORD)
    made = farm.tokens.add("logger", "look", owner="prog", lasting="2d")
    assert made.whole is not None
    assert made.whole.reveal() not in pictures(made)
    assert (made.ends_soon, made.replaced_by) == (False, None)
    with blocking.connect(folder, token=made.whole.reveal()) as program:
        assert len(program.decisions(since="-1h")) >= 0
        with pytest.raises(ForbiddenError):
            program.accounts.list()
        with pytest.raises(ForbiddenError):
            program.audit()
    newer = farm.tokens.rotate(made.prefix, overlap="1h")
    assert newer.before is not None
    assert (newer.before.prefix, newer.before.replaced_by) == (made.prefix, newer.prefix)
    assert f"replaced by {newer.prefix}" in repr(farm.tokens.list())
    assert farm.tokens.revoke(newer.prefix).state == "revoked"
    listed = farm.tokens.list()
    assert {made.prefix, newer.prefix} <= {one.prefix for one in listed}
    assert newer.whole is not None
    assert newer.whole.reveal() not in pictures(listed)
    with pytest.raises(AuthenticationFailedError):
        blocking.connect(folder, token=newer.whole.reveal()).decisions()
    farm.accounts.remove("prog")


async def test_with_a_session_the_own_password_is_asked_for(folder: Path) -> None:
    desk = await godkaiser.Desk.open(folder)
    async with await godkaiser.connect(folder) as local:
        await local.accounts.add("self", "operator", password=PASSWORD)
    told = await desk.call("login", name="self", password=PASSWORD, address="", pair=True)
    async with await godkaiser.connect(folder, token=told["access_token"]) as mine:
        with pytest.raises(ForbiddenError, match="current password"):
            await mine.accounts.password("self", "Other-2026-house")
        with pytest.raises(ForbiddenError, match="current password"):
            await mine.tokens.add("x", ["look"])
        assert (await mine.tokens.add("x", ["look"], current=PASSWORD)).owner == "self"
        assert (
            await mine.accounts.password("self", "Other-2026-house", current=Secret(PASSWORD))
        ).tokens_ended
    await desk.close()


def test_the_audit_is_a_frame(farm: blocking.Farm) -> None:
    farm.accounts.add("seen", "viewer", password=PASSWORD)
    frame = farm.audit(since="-1d")
    assert list(frame.columns[:5]) == ["who", "action", "target", "detail", "place"]
    mine = frame[frame["target"] == "seen"]
    assert list(mine["action"]) == ["user.added"]
    assert (frame.index.name, str(frame.index.dtype.tz)) == ("time", "UTC")  # type: ignore[union-attr]
    assert list(farm.audit(since="-1d", until="-23h").columns) == [
        "who",
        "action",
        "target",
        "detail",
        "place",
    ]


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("gk_12345678_abc")
    assert "gk_" not in pictures(secret) + f"{secret} {[secret]} {secret!r}"
    assert secret.reveal() == "gk_12345678_abc"
    assert secret == Secret("gk_12345678_abc")
    assert secret != Secret("other")
    assert secret != "gk_12345678_abc"
    assert len({secret, Secret("gk_12345678_abc")}) == 1
    with pytest.raises(TypeError, match="secret"):
        pickle.dumps(secret)


def test_pictures_of_none_and_of_what_strangers_wrote() -> None:
    for nothing in (AccountList(), TokenList(), KeptOutList()):
        assert repr(nothing) in html_of(nothing)
    evil = "<script>x</script>"
    shot = {
        "prefix": "gk_1", "label": evil, "owner": None, "permissions": ["look"], "zones": ["a"], "state": "good",
        "created": "2026-05-01T00:00:00Z", "expires": "2026-05-02T00:00:00Z", "last_used": None, "ends_soon": True,
    }  # fmt: skip
    assert "<script" not in html_of(TokenList([ApiToken.of(shot)])) + html_of(ApiToken.of(shot))
    block = KeptOut.of(
        {"address": evil, "since": "2026-05-01T00:00:00Z", "until": "2026-05-01T01:00:00Z", "times": 1}
    )
    assert "<script" not in html_of(KeptOutList([block])) + html_of(block)
    assert evil in repr(KeptOutList([block]))
