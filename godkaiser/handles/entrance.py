"""What is asked about accounts, API tokens and addresses. Runs in the owner's loop; both faces call the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from godkaiser.handles.deeds import Span, seconds
from godkaiser.handles.line import Line
from godkaiser.handles.people import Account, AccountList, ApiToken, KeptOut, KeptOutList, TokenList
from godkaiser.handles.secret import Secret, Spoken, spoken


def proof(current: Spoken | None) -> dict[str, Any]:
    """One's own password, where it was given: the controller says where it must be."""
    return {} if current is None else {"current": spoken(current)}


def listed(names: str | Iterable[str]) -> list[str]:
    """One or several."""
    return [names] if isinstance(names, str) else [str(name) for name in names]


# ── accounts ───────────────────────────────────────────────────────────────────────────────────────────
async def accounts(line: Line) -> AccountList:
    """Everybody, with when they were seen."""
    found, seen = await line.ask("users.list"), await line.ask("users.seen")
    return AccountList(Account.of(shot, seen.get(shot["name"])) for shot in found)


async def add_account(
    line: Line,
    name: str,
    role: str,
    zones: str | Iterable[str],
    password: Spoken | None,
    proved: dict[str, Any],
) -> Account:
    """A new one."""
    told = {"zones": listed(zones), "password": spoken(password)}
    return Account.of(await line.ask("users.add", name=name, role=role, **told, **proved))


async def set_role(line: Line, name: str, role: str, proved: dict[str, Any]) -> Account:
    """Another role."""
    return Account.of(await line.ask("users.role", name=name, role=role, **proved))


async def set_zones(line: Line, name: str, zones: str | Iterable[str], proved: dict[str, Any]) -> Account:
    """Other zones."""
    return Account.of(await line.ask("users.zones", name=name, zones=listed(zones), **proved))


async def set_password(line: Line, name: str, password: Spoken | None, proved: dict[str, Any]) -> Account:
    """A new password, made if none is given."""
    return Account.of(await line.ask("users.password", name=name, password=spoken(password), **proved))


async def set_active(line: Line, name: str, active: bool, proved: dict[str, Any]) -> Account:
    """Let in or not."""
    if active:
        return Account.of(await line.ask("users.activate", name=name, **proved))
    return Account.of(await line.ask("users.deactivate", name=name, **proved))


async def end_sessions(line: Line, name: str, proved: dict[str, Any]) -> Account:
    """Signed out everywhere."""
    return Account.of(await line.ask("users.logout", name=name, **proved))


async def remove_account(line: Line, name: str, proved: dict[str, Any]) -> None:
    """For good."""
    await line.ask("users.remove", name=name, **proved)


async def begin_totp(line: Line, name: str, proved: dict[str, Any]) -> Secret:
    """The address for the phone."""
    return Secret((await line.ask("users.totp.begin", name=name, **proved))["address"])


async def confirm_totp(line: Line, name: str, code: str, proved: dict[str, Any]) -> Account:
    """The first code."""
    return Account.of(await line.ask("users.totp.confirm", name=name, code=code, **proved))


async def remove_totp(line: Line, name: str, proved: dict[str, Any]) -> Account:
    """The password alone."""
    return Account.of(await line.ask("users.totp.remove", name=name, **proved))


# ── API tokens ─────────────────────────────────────────────────────────────────────────────────────────
async def tokens(line: Line) -> TokenList:
    """One's own, an admin's all."""
    return TokenList(ApiToken.of(shot) for shot in await line.ask("tokens.list"))


async def add_token(line: Line, label: str, limits: dict[str, Any], proved: dict[str, Any]) -> ApiToken:
    """A new one; `limits` as the desk names them."""
    return ApiToken.of(await line.ask("tokens.add", label=label, **limits, **proved))


async def rotate_token(line: Line, prefix: str, overlap: Span, proved: dict[str, Any]) -> ApiToken:
    """Another one in its place."""
    return ApiToken.of(
        await line.ask("tokens.rotate", prefix=prefix, overlap=seconds(overlap, "overlap"), **proved)
    )


async def revoke_token(line: Line, prefix: str) -> ApiToken:
    """Not good any more."""
    return ApiToken.of(await line.ask("tokens.revoke", prefix=prefix))


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────
async def blocks(line: Line) -> KeptOutList:
    """Who is kept out."""
    return KeptOutList(KeptOut.of(shot) for shot in await line.ask("blocks.list"))


async def lift(line: Line, address: str) -> None:
    """Let in again."""
    await line.ask("blocks.lift", address=address)
