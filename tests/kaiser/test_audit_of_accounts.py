"""Who came in, who could not, who was refused: one row each, and no secret in any."""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import (
    AuthenticationFailedError,
    CodeNeededError,
    ForbiddenError,
    KeyFileError,
    ThrottledError,
    WeakSecretError,
)
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.testing import RecordingLink
from tests.kaiser.house import NODE, file, house

PASSWORD = "Pump-2026-house"


async def test_each_way_in_and_out_is_one_row(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.add("vera", PASSWORD, Role.VIEWER)
        begun = len(await home.audit())
        session = await home.call("login", name="vera", password=PASSWORD, address="10.0.0.3")
        with pytest.raises(AuthenticationFailedError):
            await home.call("login", name="vera", password="wrong", address="10.0.0.4")
        with pytest.raises(AuthenticationFailedError):
            await home.call("login", name="x" * 300, password="wrong", address="10.0.0.4")
        with pytest.raises(ForbiddenError):
            await home.call("nodes.approve", node=NODE, token=session["token"])
        await home.call("logout", token=session["token"])
        with pytest.raises(AuthenticationFailedError):
            await home.call("logout", token=session["token"])
        assert (await home.audit())[begun:] == [
            ("user:vera", "login", "vera"),
            ("nobody", "login.failed", "vera"),
            ("nobody", "login.failed", "x" * 80),
            ("user:vera", "denied", "approve"),
            ("user:vera", "logout", "vera"),
        ]
        rows = await home.call("audit")
        assert [(row["address"], row["detail"]) for row in rows if row["action"].startswith("login")] == [
            ("10.0.0.3", ""),
            ("10.0.0.4", ""),
            ("10.0.0.4", ""),
        ]
        assert not [word for word in (PASSWORD, "wrong", session["token"]) if word in str(rows)]


async def test_what_only_began_and_what_was_refused_is_a_row(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        accounts = home.controller.accounts
        await accounts.add("root", PASSWORD, Role.ADMIN)
        session = (await home.call("login", name="root", password=PASSWORD, address="10.0.0.3"))["token"]
        phone = pyotp.parse_uri(await accounts.begin_totp("root"))
        assert isinstance(phone, pyotp.TOTP)
        await accounts.confirm_totp("root", phone.now())
        begun = len(await home.audit())
        with pytest.raises(CodeNeededError):
            await home.call("login", name="root", password=PASSWORD, address="10.0.0.4")
        with pytest.raises(AuthenticationFailedError):
            await home.call("login", name="root", password=PASSWORD, address="10.0.0.5", code="000000")
        mine = {"name": "root", "token": session}
        with pytest.raises(AuthenticationFailedError):
            await home.call("users.password", current="wrong", address="10.0.0.6", **mine)
        with pytest.raises(ForbiddenError):
            await home.call("users.password", **mine)
        made = await home.call("tokens.add", owner="root", label="x", permissions=["manage_users"])
        for method, params in (("logout", {}), ("users.add", {"name": "eve", "role": "admin"})):
            with pytest.raises(ForbiddenError):
                await home.call(method, token=made["token"], **params)
        await home.controller.runner.drained()
        rows = [row for row in await home.call("audit") if row["action"] != "token.added"][begun:]
        shown = [
            tuple(row[name] for name in ("who", "action", "target", "address", "detail")) for row in rows
        ]
        assert shown == [
            ("nobody", "login.code_needed", "root", "10.0.0.4", ""),
            ("nobody", "login.failed", "root", "10.0.0.5", ""),
            ("user:root", "login.failed", "root", "10.0.0.6", "current password"),
            ("user:root", "denied", "current_password", "", "users.password root"),
            (f"user:root/{made['prefix']}", "denied", "session", "", "logout"),
            (f"user:root/{made['prefix']}", "denied", "session", "", "users.add eve"),
        ]
        assert not [word for word in (PASSWORD, phone.secret, session, made["token"]) if word in str(rows)]


async def test_a_flood_of_tries_does_not_fill_it(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        begun = len(await home.audit())
        refused = 0
        for _ in range(40):
            try:
                await home.call("login", name="admin", password="wrong", address="10.0.0.4")
            except ThrottledError:
                refused += 1
            except AuthenticationFailedError:
                continue
        assert refused > 20
        failed = ("nobody", "login.failed", "admin")
        kept_out = ("controller", "address.blocked", "10.0.0.4")
        assert (await home.audit())[begun:] == [*[failed] * (40 - refused), kept_out]


async def test_only_administrators_read_it(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.add("vera", PASSWORD, Role.OPERATOR)
        session = await home.call("login", name="vera", password=PASSWORD, address="10.0.0.3")
        with pytest.raises(ForbiddenError):
            await home.call("audit", token=session["token"])


@pytest.mark.parametrize("secret", ["12345678" * 4, "your-secret-key-change-in-production"])
async def test_nothing_starts_with_a_secret_everybody_knows(secret: str, tmp_path: Path) -> None:
    linked: list[object] = []

    def link(last: object) -> RecordingLink:
        linked.append(last)
        return RecordingLink()

    (tmp_path / "secret.key").write_text(secret)
    for configured, name in ((secret, "JWT_SECRET_KEY"), (None, "secret.key")):
        options = Options(tmp_path, secret=configured, link=link, check_rival=False)
        with pytest.raises(WeakSecretError, match=name) as caught:
            await Controller.open(options)
        assert secret not in str(caught.value)
        assert not (tmp_path / "controller.sock").exists()
    assert linked == []


@pytest.mark.parametrize("name", ["audit.key", "secret.key"])
async def test_an_empty_key_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """Else rows would be sealed with what everybody knows."""
    (tmp_path / name).touch()
    with pytest.raises(KeyFileError, match=name):
        async with house(tmp_path, file()):
            raise AssertionError("it started")


@pytest.mark.parametrize("content", [b"x", b"0" * 63, b"0" * 65, b"g" * 64, b"F0" * 32, b"\xff" * 64])
async def test_a_key_of_the_audit_that_we_did_not_make_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"Key file .*audit\.key: is "):
        async with house(tmp_path, file()):
            raise AssertionError("it started")
    assert (tmp_path / "audit.key").read_bytes() == content
