"""`godkaiser audit …`: who did what, and whether anybody changed it afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from godkaiser.cli.database import place
from godkaiser.cli.output import Data, Json, as_typed, ask, run, say, show, table
from godkaiser.errors import KeyFileError, NoControllerError

app = typer.Typer(help="Who did what.", no_args_is_help=True)
FAILED = 1


@app.command("list")
def list_(
    since: Annotated[str, typer.Option(help='"-7d" or ISO 8601 with a zone.')] = "-24h",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    who: Annotated[str | None, typer.Option(help='Only of "user:NAME", "local:NAME", "controller".')] = None,
    action: Annotated[
        str | None, typer.Option(help='Only this action; with a dot at the end all that begin so: "user.".')
    ] = None,
    target: Annotated[str | None, typer.Option(help="Only of this thing.")] = None,
    address: Annotated[str | None, typer.Option(help="Only from this address.")] = None,
    correlation: Annotated[str | None, typer.Option(help="Only of this request.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning, error or critical.")] = None,
    limit: Annotated[int, typer.Option(help="Only the newest, 1 to 100,000.")] = 100_000,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List who did what, oldest first."""
    wanted = {
        "who": who, "action": action, "target": target, "address": address, "correlation": correlation,
        "severity": severity,
    }  # fmt: skip
    given = {name: value for name, value in wanted.items() if value is not None}
    typed = {f"wanted.{name}": f"--{name}" for name in wanted}
    with as_typed(since="--since", until="--until", limit="--limit", **typed):
        rows = ask(data, "audit", since=since, until=until, limit=limit, wanted=given)
    show(rows, as_json, _tell_rows)


def _tell_rows(rows: list[dict[str, Any]]) -> None:
    columns = ("at", "severity", "who", "address", "action", "target", "detail")
    table(
        ("When", "Severity", "Who", "From", "What", "Of", "Details"),
        [[row[name] for name in columns] for row in rows],
        "Nothing.",
    )


@app.command()
def stats(
    since: Annotated[str, typer.Option(help='"-7d" or ISO 8601 with a zone.')] = "-30d",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    tz: Annotated[str, typer.Option(help="Time zone of the days.")] = "UTC",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Count what happened: by action, person, severity, address and day."""
    with as_typed(since="--since", until="--until", tz="--tz"):
        found = ask(data, "audit.statistics", since=since, until=until, tz=tz)
    show(found, as_json, _tell_statistics)


def _tell_statistics(found: dict[str, Any]) -> None:
    say(f"{found['rows']} rows from {found['since']} to {found['until']}, and {found['erased']} erased ones.")
    for name, title in (("action", "What"), ("who", "Who"), ("address", "From"), ("severity", "Severity")):
        rows = [(value or "(this machine)", count) for value, count in found["by"][name].items()]
        table((title, "Rows"), rows, "")
    columns = ("begins", "info", "warning", "error", "critical")
    days = [[day[name] for name in columns] for day in found["days"]]
    table(("Day", "Info", "Warning", "Error", "Critical"), days, "")


@app.command()
def retention(
    erase: Annotated[bool, typer.Option("--erase", help="Really; without only counted.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Count, or erase, rows that are older than AUDIT_RETENTION_… says. What is critical always stays."""
    show(ask(data, "audit.retention", dry_run=not erase), as_json, _tell_retention)


def _tell_retention(found: dict[str, Any]) -> None:
    what = "would be erased" if found["dry_run"] else "erased"
    say(f"{found['rows']} rows {what}{', and there are more' if found['more'] else ''}.")
    for severity, before in found["before"].items():
        say(f"{severity}: of before {before}")


@app.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="Made, or given another key on top.")], as_json: Json = False
) -> None:
    """Make a key for the audit's details; AUDIT_ENCRYPTION_KEY_FILE names its file. Keep it outside the database."""
    from godkaiser.io.cipher import new_key as made

    show({"file": str(file), "key": made(file)}, as_json, _tell_key)


def _tell_key(done: dict[str, Any]) -> None:
    say(
        f"Key {done['key']} is the first of {done['file']}. Without this file what it locks cannot be read again."
    )


@app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(help="A last seal that was noted before: it must be there.", show_default=False),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="A file with an audit.key of before; more than once for more.", show_default=False),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check that no row was changed or taken out. Needs no controller; ends with 1 if one was."""
    found = run(_check(data, head, key or []))
    show(found, as_json, _tell_check)
    if not found["intact"]:
        raise typer.Exit(FAILED)


def _meant(data: Path | None) -> Path | None:
    """As for other commands: else that of the only controller running here. None: as the settings say."""
    from godkaiser.io.chosen import chosen_folder
    from godkaiser.io.desk import find_folder

    if data is not None or chosen_folder() is not None:
        return data
    try:
        return find_folder(None)
    except NoControllerError:
        return None


async def _check(data: Path | None, head: str | None, files: list[Path]) -> dict[str, Any]:
    from godkaiser.io.keyfiles import AUDIT_KEY, read_audit_key
    from godkaiser.io.sql.audits import Keys
    from godkaiser.io.sql.database import database_url
    from godkaiser.io.sql.store import SqlStore

    url, folder = place(_meant(data))
    if not (folder / AUDIT_KEY).exists():
        problem = "is not there, and nothing can be checked without it"
        raise KeyFileError(path=str(folder / AUDIT_KEY), problem=problem)
    address = database_url(url, folder).render_as_string(hide_password=False)
    others = tuple(read_audit_key(file) for file in files)
    store = await SqlStore.look(address, Keys(read_audit_key(folder / AUDIT_KEY), others=others))
    try:
        return await store.audits.verdict(head) | {"key_file": "same"}
    finally:
        await store.close()


def _tell_check(found: dict[str, Any]) -> None:
    say(
        f"{found['rows']} rows, {found['unsealed']} of them from before there were seals, {found['erased']} erased."
    )
    for one in found["breaks"]:
        row = one["row"]
        say(f"Row {one['place']} {one['problem']}: {row['at']} {row['who']} {row['action']} {row['target']}")
    if found["broken"] > len(found["breaks"]):
        say(f"… and {found['broken'] - len(found['breaks'])} more.")
    if not found["same_key"]:
        say(
            "audit.key is not the key the newest rows are sealed with. Put the right one there before the controller"
            " starts: with this one it goes on as with a new key."
        )
    if found["other_key"]:
        count, as_sealed = found["other_key"], "whether they are as they were can only be told with it"
        say(
            f"{count} rows were sealed with a key that is not here: {as_sealed}. Name its file with --key, and leave"
            " audit.key as it is."
            if found["same_key"]
            else f"{count} rows fit no key that is here, so nobody can tell whether they are as they were."
        )
    if found["head_found"] is False:
        say("The seal you gave is not there: rows were cut off, or all were made anew.")
    if found["intact"]:
        say(f"All is as it was sealed. The last seal is {found['last']}: note it elsewhere.")
