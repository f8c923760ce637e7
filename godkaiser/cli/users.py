"""`godkaiser users …`: who may come in, what they may, and where."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, as_typed, ask, say, show, table

app = typer.Typer(help="Accounts of people.", no_args_is_help=True)
totp = typer.Typer(help="The second factor: six digits of a phone.", no_args_is_help=True)
app.add_typer(totp, name="totp")
Name = Annotated[str, typer.Argument(help="The account's name.")]
Role = Annotated[str, typer.Option(help="admin, operator or viewer.")]
Zones = Annotated[list[str] | None, typer.Argument(help="Zones by id or name; none: everywhere.")]
Ask = Annotated[bool, typer.Option("--ask", help="Type a password instead of having one made.")]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List the accounts."""
    show(ask(data, "users.list"), as_json, _tell_users)


def _tell_users(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["name"],
            one["role"],
            _zones(one),
            "yes" if one["active"] else "no",
            "yes" if one["totp"] else "no",
        )
        for one in found
    ]
    table(("Name", "Role", "Zones", "Active", "Second factor"), rows, "Nobody.")


def _zones(one: dict[str, Any]) -> str:
    return ", ".join(one["zones"]) or "all"


@app.command()
def add(
    name: Name,
    role: Role = "viewer",
    zone: Annotated[list[str] | None, typer.Option(help="Where they may act; may be given again.")] = None,
    chosen: Ask = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an account. A password that was made is shown this once."""
    with as_typed(role="--role", zones="--zone"):
        done = ask(data, "users.add", name=name, role=role, zones=zone or [], password=_typed(chosen))
    show(done, as_json, _tell_added)


def _typed(chosen: bool) -> str | None:
    if not chosen:
        return None
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _tell_added(done: dict[str, Any]) -> None:
    say(f"{done['name']} may come in: {done['role']}, zones {_zones(done)}.")
    _tell_password(done)


def _tell_password(done: dict[str, Any]) -> None:
    if done["password"] is not None:
        say(f"Password {done['password']} – it is kept nowhere in clear, and shown this once.")


@app.command()
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="admin, operator or viewer.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give an account another role. Its sessions end."""
    show(ask(data, "users.role", name=name, role=role), as_json, _tell_changed)


def _tell_changed(done: dict[str, Any]) -> None:
    active = "" if done["active"] else ", not active"
    became = "It was so already; nothing was changed." if done["already"] else _ended(done)
    say(f"{done['name']}: {done['role']}, zones {_zones(done)}{active}. {became}")
    if done["role"] == "viewer" and done["zones"]:
        say("Zones bind operators only: these count once this account is one.")


def _ended(done: dict[str, Any]) -> str:
    count = done["tokens_invalidated"]
    return f"{count} {'token' if count == 1 else 'tokens'} ended."


@app.command()
def zones(name: Name, zones: Zones = None, data: Data = None, as_json: Json = False) -> None:
    """Say where an operator may act; without a zone: everywhere. Its sessions end."""
    show(ask(data, "users.zones", name=name, zones=zones or []), as_json, _tell_changed)


@app.command()
def password(name: Name, chosen: Ask = False, data: Data = None, as_json: Json = False) -> None:
    """Give an account a new password. Its sessions end."""
    show(ask(data, "users.password", name=name, password=_typed(chosen)), as_json, _tell_new_password)


def _tell_new_password(done: dict[str, Any]) -> None:
    say(f"{done['name']} has a new password. {_ended(done)}")
    _tell_password(done)


@app.command()
def deactivate(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Let somebody in no more; sessions and API tokens open nothing from now on."""
    show(ask(data, "users.deactivate", name=name), as_json, _tell_changed)


@app.command()
def activate(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Let somebody in again."""
    show(ask(data, "users.activate", name=name), as_json, _tell_changed)


@app.command()
def logout(name: Name, data: Data = None, as_json: Json = False) -> None:
    """End every session of an account."""
    show(ask(data, "users.logout", name=name), as_json, _tell_changed)


@app.command()
def remove(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Remove an account with its API tokens, for good."""
    show(ask(data, "users.remove", name=name), as_json, lambda done: say(f"{done['name']} was removed."))


# ── the second factor ──────────────────────────────────────────────────────────────────────────────────────
@totp.command()
def begin(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show the address for the phone, this once."""
    show(ask(data, "users.totp.begin", name=name), as_json, _tell_begun)


def _tell_begun(done: dict[str, Any]) -> None:
    say(f"Enter this into an authenticator app: {done['address']}")
    say(f"It counts once `godkaiser users totp confirm {done['name']} CODE` has had a code of it.")


@totp.command()
def confirm(
    name: Name,
    code: Annotated[str, typer.Argument(help="The six digits the phone shows now.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """From now on the code is asked for."""
    done = ask(data, "users.totp.confirm", name=name, code=code)
    show(done, as_json, lambda made: say(f"{made['name']} signs in with a code from now on."))


@totp.command("remove")
def totp_remove(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Take it away from somebody whose phone is lost: the password alone counts again."""
    done = ask(data, "users.totp.remove", name=name)
    show(done, as_json, _tell_no_factor)


def _tell_no_factor(done: dict[str, Any]) -> None:
    already = " already; nothing was changed" if done["already"] else ""
    say(f"{done['name']} signs in with the password alone{already}.")
