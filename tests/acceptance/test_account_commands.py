"""`godkaiser users …` and `godkaiser tokens …` as people type them."""

from __future__ import annotations

import pyotp

from tests.acceptance.station import Station, ask, godkaiser

UNFIT = 2
MISSING, CONFLICT = 5, 6


def said(house: Station, *arguments: str) -> str:
    done = godkaiser(*arguments, data=house.data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(house: Station, *arguments: str) -> tuple[int, str]:
    done = godkaiser(*arguments, data=house.data, traced=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_accounts_from_the_first_to_the_last(house: Station) -> None:
    admins = [one["name"] for one in ask("users", "list", data=house.data) if one["role"] == "admin"]
    if not admins:
        admins = [ask("users", "add", "root", "--role", "admin", data=house.data)["name"]]
    text = said(house, "users", "add", "olaf", "--role", "operator", "--zone", "House")
    assert "olaf may come in: operator, zones house." in text
    password = text.split("Password ")[1].split()[0]
    assert len(password) >= 16
    assert "shown this once" in text
    code, problem = refused(house, "users", "add", "Olaf")
    assert (code, "There is an account 'Olaf' already." in problem) == (CONFLICT, True)
    assert refused(house, "users", "role", "olaf", "king")[0] == UNFIT
    assert refused(house, "users", "zones", "nobody")[0] == MISSING
    code, problem = refused(house, "users", "role", admins[0], "viewer")
    assert (code, f"{admins[0]} is the last active admin. Make somebody else" in problem) == (CONFLICT, True)

    assert "olaf: operator, zones all. 0 tokens ended." in said(house, "users", "zones", "olaf")
    assert "olaf: viewer, zones all." in said(house, "users", "role", "olaf", "viewer")
    assert "olaf has a new password. 0 tokens ended." in said(house, "users", "password", "olaf")
    assert "zones all, not active." in said(house, "users", "deactivate", "olaf")
    assert "olaf: viewer, zones all. 0" in said(house, "users", "activate", "olaf")
    assert "0 tokens ended." in said(house, "users", "logout", "olaf")

    begun = said(house, "users", "totp", "begin", "olaf")
    phone = pyotp.parse_uri(begun.split("app: ")[1].split("\n")[0])
    assert isinstance(phone, pyotp.TOTP)
    assert "godkaiser users totp confirm olaf CODE" in begun
    code, problem = refused(house, "users", "totp", "confirm", "olaf", "12")
    assert (code, "is not right" in problem, phone.secret in problem) == (UNFIT, True, False)
    assert "signs in with a code from now on" in said(house, "users", "totp", "confirm", "olaf", phone.now())
    listed = said(house, "users", "list")
    assert [word for line in listed.splitlines() if "olaf" in line for word in line.split()] == [
        "olaf", "viewer", "all", "yes", "yes",
    ]  # fmt: skip
    assert "the password alone" in said(house, "users", "totp", "remove", "olaf")
    assert "olaf was removed." in said(house, "users", "remove", "olaf")
    assert "olaf" not in [one["name"] for one in ask("users", "list", data=house.data)]
    rows = ask("audit", "list", data=house.data)
    assert {row["action"] for row in rows} >= {"user.added", "user.changed", "user.removed"}
    assert not [word for word in (password, phone.secret) if word in str(rows)]


def test_api_tokens_from_the_first_to_the_last(house: Station) -> None:
    ask("users", "add", "olaf", "--role", "operator", data=house.data)
    assert "There are none." in said(house, "tokens", "list")
    made = said(house, "tokens", "add", "logger", "--owner", "olaf", "--right", "look", "--zone", "house")
    token = made.split()[0]
    prefix = token.rpartition("_")[0]
    assert "shown this once. It ends at" in made
    code, problem = refused(house, "tokens", "add", "x", "--owner", "olaf", "--right", "manage_users")
    assert (code, "olaf (operator) may not manage_users" in problem) == (UNFIT, True)
    rotated = said(house, "tokens", "rotate", prefix, "--overlap", "1h")
    assert f"{prefix} is good until" in rotated
    assert f"{prefix} (logger) opens nothing any more." in said(house, "tokens", "revoke", prefix)
    listed = said(house, "tokens", "list")
    [old] = [line for line in listed.splitlines() if prefix in line]
    assert ("revoked" in old, "house" in old, "never" in old) == (True, True, True)
    assert token not in listed
    assert sorted(one["state"] for one in ask("tokens", "list", data=house.data)) == ["good", "revoked"]
    assert refused(house, "tokens", "revoke", "gk_nothing")[0] == MISSING
