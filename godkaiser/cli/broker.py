"""`godkaiser broker …`: who may connect to the broker, and who may say and hear what there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, say, show, table

app = typer.Typer(help="Accounts at the broker, and its access list.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A node's id or name, or another account.")]


@app.command()
def accounts(data: Data = None, as_json: Json = False) -> None:
    """List who has a password at the broker, and which nodes have none yet."""
    show(ask(data, "broker.accounts"), as_json, _tell_accounts)


def _tell_accounts(found: list[dict[str, Any]]) -> None:
    rows = [(one["name"], "yes" if one["password"] else "no", one["topics"]) for one in found]
    table(("Account", "Password", "Topics"), rows, "Nobody.")


@app.command()
def passwd(
    name: Name,
    chosen: Annotated[
        bool, typer.Option("--ask", help="Type a password instead of having one made.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give an account a new password and tell the broker. It is shown this once."""
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if chosen else None
    show(ask(data, "broker.passwd", name=name, password=password), as_json, tell_password)


def tell_password(done: dict[str, Any]) -> None:
    """Once, and where it has to go."""
    say(f"Account {done['name']}, password {done['password']}")
    say("It is kept nowhere in clear: enter it into the node's provisioning page, or MQTT_PASSWORD, now.")
    _tell_problem(done)


@app.command()
def remove(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Take an account from the broker."""
    show(ask(data, "broker.remove", name=name), as_json, _tell_removed)


def _tell_removed(done: dict[str, Any]) -> None:
    say(f"{done['name']} cannot connect to the broker any more.")
    _tell_problem(done)


def _tell_problem(done: dict[str, Any]) -> None:
    if done["problem"]:
        say(f"The broker goes on as before until it reads {done['folder']} again: {done['problem']}.")


@app.command()
def acl(data: Data = None, as_json: Json = False) -> None:
    """Print the access list made from the nodes that are approved."""
    show(ask(data, "broker.acl"), as_json, lambda made: print(made["text"], end=""))
