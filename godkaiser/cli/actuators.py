"""`godkaiser actuators …`: which there are, what they did, putting one into service and out of it, ending a hold."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.account import tell as tell_statistics
from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import InvalidValueError

app = typer.Typer(
    help="Actuators: which there are, what they did, service, and the end of a hold.",
    invoke_without_command=True,
)
Actuator = Annotated[str, typer.Argument(help="The actuator's id or name.")]


@app.callback()
def actuators(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the actuators with their limits in force."""
    if context.invoked_subcommand is None:
        listed(data, as_json)


@app.command("list")
def listed(data: Data = None, as_json: Json = False) -> None:
    """The same as without a subcommand."""
    show(ask(data, "snapshot")["actuators"], as_json, _tell)


@app.command()
def statistics(
    actuators: Annotated[
        list[str] | None, typer.Argument(help="Ids or names; all without.", show_default=False)
    ] = None,
    since: Annotated[str, typer.Option(help='"-7d", "today" or ISO 8601 with a zone.')] = "-7d",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    every: Annotated[
        str | None, typer.Option(help='One line per bucket, like "1d" (UTC).', show_default=False)
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Run time, starts, duty, litres and kWh of a time, and what is left of the budgets now."""
    asked = {"actuators": actuators or None, "since": since, "until": until, "every": every}
    show(ask(data, "actuators.statistics", **asked), as_json, tell_statistics)


def _tell(shown: list[dict[str, Any]]) -> None:
    head = ("actuator", "name", "kind", "timed by", "ends at", "in service by", "until")
    table(head, [_row(actuator) for actuator in shown], "There is no actuator.")


def _row(actuator: dict[str, Any]) -> tuple[object, ...]:
    service = actuator["service"] or {"who": None, "until": None}
    about = (
        actuator["id"],
        actuator["name"],
        actuator["kind"],
        actuator["timed_by"],
        actuator["lease_until"],
    )
    return *about, service["who"], service["until"]


@app.command()
def release(actuator: Actuator, data: Data = None, as_json: Json = False) -> None:
    """End a manual hold before its time: the rules decide again, at once."""
    show(ask(data, "actuators.release", actuator=actuator), as_json, _released)


def _released(actuator: dict[str, Any]) -> None:
    say(f"Nobody holds {actuator['name']}; the rules decide.")


@app.command()
def service(
    actuator: Actuator,
    span: Annotated[
        str | None, typer.Option("--for", help='How long, like "1h"; at most a day.', show_default=False)
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Service is over.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make it safe and keep everything automatic off it, until the end. Only people may move it meanwhile."""
    if (span is None) is not end:
        problem = "was given twice" if end else "was not given"
        raise InvalidValueError(field="for", value="…", problem=problem, allowed="either --for 1h or --end")
    show(ask(data, "actuators.service", actuator=actuator, within=span), as_json, _said)


def _said(actuator: dict[str, Any]) -> None:
    service = actuator["service"]
    if service is None:
        say(f"{actuator['name']} is not in service; it goes to its safe value.")
    else:
        say(
            f"{actuator['name']} is in service by {service['who']} until {service['until']}, made safe first."
        )
