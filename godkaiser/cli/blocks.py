"""`godkaiser blocks …`: addresses that are kept out because they were denied too often."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, say, show, table

app = typer.Typer(help="Addresses that are kept out.", no_args_is_help=True)


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """List who is kept out, since when and until when."""
    show(ask(data, "blocks.list"), as_json, _tell)


def _tell(found: list[dict[str, Any]]) -> None:
    rows = [(one["address"], one["since"], one["until"], one["times"]) for one in found]
    table(("Address", "Since", "Until", "Times"), rows, "Nobody is kept out.")


@app.command()
def lift(
    address: Annotated[str, typer.Argument(help="As `blocks list` shows it.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let an address in again; what it did is forgiven."""
    show(
        ask(data, "blocks.lift", address=address),
        as_json,
        lambda done: say(f"{done['address']} may come in."),
    )
