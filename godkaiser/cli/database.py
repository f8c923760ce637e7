"""`godkaiser db …`: which version the database has, and bringing it to this program's."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, run, say, show

app = typer.Typer(help="The database: its version, and upgrading it.", no_args_is_help=True)


@app.command()
def status(data: Data = None, as_json: Json = False) -> None:
    """Say which version the database has and which one this program needs. Changes nothing."""
    from godkaiser.io.sql.database import state_of

    state = run(state_of(*place(data)))
    show(state.document(), as_json, _tell_status)


def _tell_status(state: dict[str, Any]) -> None:
    say(f"{state['database']}: version {state['version']}; this program needs {state['needed']}.")
    if not state["current"]:
        say("`godkaiser db upgrade` brings it there.")


@app.command()
def upgrade(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the SQL.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring the database to this program's version, in one transaction. SQLite keeps a copy of the old file."""
    from godkaiser.io.sql.database import state_of, upgrade_database

    url, folder = place(data)
    if dry_run:
        show(run(state_of(url, folder)).document(sql=True), as_json, _tell_sql)
    else:
        show(run(upgrade_database(url, folder)), as_json, _tell_upgraded)


def _tell_sql(state: dict[str, Any]) -> None:
    print(state["sql"] or "-- Nothing to do.\n", end="")


def _tell_upgraded(done: dict[str, Any]) -> None:
    if not done["upgraded"]:
        say(f"{done['database']} has version {done['version']} already.")
        return
    say(f"{done['database']} was brought from version {done['from']} to {done['version']}.")
    if done["copy"]:
        say(f"The file as it was: {done['copy']}")


def place(data: Any) -> tuple[str | None, Any]:
    """The database's address, if one is set, and the data folder."""
    from godkaiser.settings import load_settings

    settings = load_settings(godkaiser_data_dir=data)
    url = settings.database_url
    return None if url is None else url.get_secret_value(), settings.godkaiser_data_dir
