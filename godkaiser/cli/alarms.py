"""`godkaiser alarms …`: what stands, acknowledging, setting aside with an end, what was."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.alarms.alarm import State
from godkaiser.cli.output import Data, Json, ask, say, show, table

app = typer.Typer(
    help="Alarms: what stands, acknowledging, setting aside, what was.", invoke_without_command=True
)
Key = Annotated[str, typer.Argument(help="The alarm's key, as the list shows it.")]
Reason = Annotated[str, typer.Option(help="Why; shown to everybody.")]


@app.callback()
def alarms(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the alarms that stand, those to be seen first come first."""
    if context.invoked_subcommand is None:
        list_alarms(data, as_json)


@app.command("list")
def list_alarms(data: Data = None, as_json: Json = False) -> None:
    """The same as without a command."""
    show(ask(data, "alarms.list"), as_json, _tell_alarms)


def _tell_alarms(shown: dict[str, Any]) -> None:
    head = ("alarm", "state", "priority", "since", "times", "what", "what to do")
    table(head, [_row(alarm) for alarm in shown["standing"]], "No alarm stands.")


def _row(alarm: dict[str, Any]) -> tuple[object, ...]:
    about = (alarm["priority"], alarm["since"], alarm["count"] or None)
    return alarm["key"], state_of(alarm), *about, alarm["text"] or None, alarm["remedy"]


def state_of(alarm: dict[str, Any]) -> str:
    """Its state in words, with who has seen it or set it aside."""
    word = State(alarm["state"]).said
    if alarm["suppressed_by"]:
        until = f" until {alarm['shelved_until']}" if alarm["shelved_until"] else ""
        reason = f": {alarm['reason']}" if alarm["reason"] else ""
        return f"{word}{until} by {alarm['suppressed_by']}{reason}"
    return f"{word} by {alarm['acked_by']}" if alarm["acked_by"] else word


def _tell(alarm: dict[str, Any]) -> None:
    say(f"{alarm['key']}: {state_of(alarm)}.")


@app.command()
def ack(key: Key, data: Data = None, as_json: Json = False) -> None:
    """Acknowledge an alarm: you have seen it. Its condition is not ended by that."""
    show(ask(data, "alarms.ack", key=key), as_json, _tell)


@app.command()
def reset(key: Key, data: Data = None, as_json: Json = False) -> None:
    """End a latched alarm whose condition is gone and whose cause you have looked at."""
    show(ask(data, "alarms.reset", key=key), as_json, _tell)


@app.command()
def shelve(
    key: Key,
    duration: Annotated[str, typer.Option("--for", help='How long, "1min" to "24h".')],
    reason: Reason = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set an alarm aside until a stated end; then it shows again if its condition still holds."""
    show(ask(data, "alarms.shelve", key=key, duration=duration, reason=reason), as_json, _tell)


@app.command()
def unshelve(key: Key, data: Data = None, as_json: Json = False) -> None:
    """Take a shelved alarm back before its end."""
    show(ask(data, "alarms.unshelve", key=key), as_json, _tell)


@app.command()
def remove(key: Key, reason: Reason = "", data: Data = None, as_json: Json = False) -> None:
    """Take an alarm out of service, until it is restored."""
    show(ask(data, "alarms.remove", key=key, reason=reason), as_json, _tell)


@app.command()
def restore(key: Key, data: Data = None, as_json: Json = False) -> None:
    """Put an alarm back into service."""
    show(ask(data, "alarms.restore", key=key), as_json, _tell)


@app.command()
def history(
    since: Annotated[str, typer.Option(help='"-7d" or ISO 8601 with a zone.')] = "-7d",
    until: Annotated[str | None, typer.Option(help="The same; default now.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.")] = 1000,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Every step of every alarm, oldest first."""
    show(ask(data, "alarms.history", since=since, until=until, limit=limit), as_json, _tell_history)


def _tell_history(changes: list[dict[str, Any]]) -> None:
    rows = [
        (c["at"], c["key"], c["step"], c["priority"], c["who"], c["reason"] or c["text"]) for c in changes
    ]
    table(("at", "alarm", "step", "priority", "who", "what"), rows, "No alarm in this time.")
