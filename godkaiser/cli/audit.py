"""`godkaiser audit …`: who did what, and whether anybody changed it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from godkaiser.cli.database import place
from godkaiser.cli.output import Data, Json, ask, run, say, show, table
from godkaiser.errors import DataFolderError

app = typer.Typer(help="Who did what.", no_args_is_help=True)
FAILED = 1


@app.command("list")
def list_(
    since: Annotated[str, typer.Option(help='"-7d", "today" or ISO 8601 with a zone.')] = "-24h",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List who did what, oldest first."""
    show(ask(data, "audit", since=since, until=until), as_json, _tell_rows)


def _tell_rows(rows: list[dict[str, Any]]) -> None:
    columns = ("at", "who", "action", "target", "detail")
    table(
        ("When", "Who", "What", "Of", "Details"),
        [[row[name] for name in columns] for row in rows],
        "Nothing.",
    )


@app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(help="A last seal that was noted before: it must be there.", show_default=False),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check that no row was changed or taken out. Needs no controller; ends with 1 if one was."""
    found = run(_check(data, head))
    show(found, as_json, _tell_check)
    if not found["intact"]:
        raise typer.Exit(FAILED)


async def _check(data: Path | None, head: str | None) -> dict[str, Any]:
    from godkaiser.io.accounts import AUDIT_KEY, audit_key
    from godkaiser.io.sql.database import database_url
    from godkaiser.io.sql.store import SqlStore

    url, folder = place(data)
    if not (folder / AUDIT_KEY).exists():
        raise DataFolderError(path=str(folder / AUDIT_KEY), problem="is not there, and seals need it")
    address = database_url(url, folder).render_as_string(hide_password=False)
    store = await SqlStore.look(address)
    try:
        check, seen = await store.check_audits(audit_key(folder), head)
    finally:
        await store.close()
    return check.document() | {"head_found": seen, "intact": not check.broken and seen is not False}


def _tell_check(found: dict[str, Any]) -> None:
    say(f"{found['rows']} rows, {found['unsealed']} of them from before there were seals.")
    for one in found["breaks"]:
        row = one["row"]
        say(f"Row {one['place']} {one['problem']}: {row['at']} {row['who']} {row['action']} {row['target']}")
    if found["broken"] > len(found["breaks"]):
        say(f"… and {found['broken'] - len(found['breaks'])} more.")
    if found["head_found"] is False:
        say("The seal you gave is not there: rows were cut off, or all were made anew.")
    if found["intact"]:
        say(f"All is as it was sealed. The last seal is {found['last']}: note it elsewhere.")
