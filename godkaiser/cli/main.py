"""`godkaiser …`: the commands and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from godkaiser.cli import (
    actuators,
    alarms,
    audit,
    blocks,
    broker,
    clients,
    database,
    history,
    nodes,
    problems,
    recordings,
    registry,
    rules,
    sensors,
    site,
    starters,
    tokens,
    users,
    wire,
)
from godkaiser.cli.output import complain
from godkaiser.errors import GodkaiserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A greenhouse controller for ESP32 nodes that speak MQTT. `godkaiser demo` shows it at work.",
)
clients.add_to(app)
registry.add_to(nodes.app)
app.command()(history.history)
app.add_typer(nodes.app, name="nodes")
app.add_typer(sensors.app, name="sensors")
app.add_typer(actuators.app, name="actuators")
app.add_typer(alarms.app, name="alarms")
app.add_typer(rules.app, name="rules")
app.add_typer(site.app, name="site")
wire.app.command()(problems.problems)
app.add_typer(wire.app, name="wire")
app.add_typer(database.app, name="db")
app.add_typer(broker.app, name="broker")
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.add_typer(tokens.app, name="tokens")
app.add_typer(blocks.app, name="blocks")
app.command()(recordings.replay)
starters.add_to(app)


def main() -> None:
    """Entry point. Exit code 0, or that of the error's kind; 130 after Ctrl-C."""
    try:
        app()
    except GodkaiserError as error:
        complain(error, "--json" in sys.argv)
        raise SystemExit(error.kind.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
