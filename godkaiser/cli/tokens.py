"""`godkaiser tokens …`: API tokens, for programs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, as_typed, ask, say, show, table

app = typer.Typer(help="API tokens, for programs.", no_args_is_help=True)
Prefix = Annotated[str, typer.Argument(help="How the token begins, as `tokens list` shows it.")]


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List API tokens, also those that ended within the last month."""
    show(ask(data, "tokens.list"), as_json, _tell_tokens)


def _tell_tokens(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            one["prefix"],
            one["label"],
            one["owner"],
            ", ".join(one["permissions"]),
            _zones(one),
            one["last_used"] or "never",
            one["expires"],
            _state(one),
        )
        for one in found
    ]
    columns = ("Token", "For", "Owner", "Rights", "Zones", "Last used", "Ends", "State")
    table(columns, rows, "There are none.")


def _state(one: dict[str, Any]) -> str:
    if one["state"] == "good" and one["replaced_by"] is not None:
        return f"replaced by {one['replaced_by']}"
    return "ends soon: rotate it" if one["ends_soon"] else str(one["state"])


def _zones(one: dict[str, Any]) -> str:
    return "its owner's" if one["zones"] is None else ", ".join(one["zones"])


@app.command()
def add(
    label: Annotated[str, typer.Argument(help="What it is for.")],
    owner: Annotated[str, typer.Option(help="The account it acts for, and never beyond.")],
    right: Annotated[list[str], typer.Option(help="look, stop, switch, …; may be given again.")],
    zone: Annotated[list[str] | None, typer.Option(help="Where it may act; may be given again.")] = None,
    lasting: Annotated[str, typer.Option(help='How long it is good, up to "366d".')] = "90d",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an API token. It is shown this once."""
    asked = {"label": label, "owner": owner, "permissions": right, "zones": zone or [], "lasting": lasting}
    with as_typed(permissions="--right", zones="--zone", lasting="--lasting", owner="--owner"):
        done = ask(data, "tokens.add", **asked)
    show(done, as_json, _tell_made)


def _tell_made(done: dict[str, Any]) -> None:
    say(f"{done['token']}")
    say(f"It is kept nowhere in clear, and shown this once. It ends at {done['expires']}.")


@app.command()
def rotate(
    prefix: Prefix,
    overlap: Annotated[str, typer.Option(help="How long the old one is still good.")] = "1d",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make another one that may the same for as long; the old one ends after the overlap."""
    with as_typed(overlap="--overlap"):
        done = ask(data, "tokens.rotate", prefix=prefix, overlap=overlap)
    show(done, as_json, _tell_rotated)


def _tell_rotated(done: dict[str, Any]) -> None:
    _tell_made(done)
    say(f"{done['before']['prefix']} is good until {done['before']['expires']}.")


@app.command()
def revoke(prefix: Prefix, data: Data = None, as_json: Json = False) -> None:
    """End an API token now."""
    done = ask(data, "tokens.revoke", prefix=prefix)
    show(done, as_json, lambda key: say(f"{key['prefix']} ({key['label']}) opens nothing any more."))
