"""`godkaiser actuators …`: what is in service, and putting an actuator into it and out of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import InvalidValueError

app = typer.Typer(help="Actuators: which there are, and service.", invoke_without_command=True)
Actuator = Annotated[str, typer.Argument(help="The actuator's id or name.")]


@app.callback()
def actuators(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the actuators with their limits in force."""
    if context.invoked_subcommand is None:
        show(ask(data, "snapshot")["actuators"], as_json, _tell)


def _tell(shown: list[dict[str, Any]]) -> None:
    head = ("actuator", "name", "kind", "ends at", "in service by", "until")
    table(head, [_row(actuator) for actuator in shown], "There is no actuator.")


def _row(actuator: dict[str, Any]) -> tuple[object, ...]:
    service = actuator["service"] or {"who": None, "until": None}
    about = (actuator["id"], actuator["name"], actuator["kind"], actuator["lease_until"])
    return *about, service["who"], service["until"]


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
