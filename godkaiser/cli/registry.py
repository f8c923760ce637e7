"""`godkaiser nodes approve | remove | replace`: who belongs to us."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from godkaiser.cli.broker import tell_password
from godkaiser.cli.output import Data, Json, ask, say, show
from godkaiser.cli.site import read_text
from godkaiser.errors import DocumentError, InvalidValueError

Node = Annotated[str, typer.Argument(help="The node's id or name.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (approve, remove, replace):
        app.command()(command)


def approve(
    nodes: Annotated[list[str] | None, typer.Argument(help="Ids or names.", show_default=False)] = None,
    from_file: Annotated[
        Path | None, typer.Option(help="A file with one id per line, or a site file.", show_default=False)
    ] = None,
    broker_password: Annotated[
        bool, typer.Option("--broker-password", help="Give each an account of its own at the broker.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Let pending nodes take part: all of those named, or none when one of them is unknown."""
    if bool(nodes) == (from_file is not None):
        problem = "are named twice" if nodes else "are not named"
        raise InvalidValueError(
            field="nodes", value="…", problem=problem, allowed="either NODE… or --from-file FILE"
        )
    names = nodes if from_file is None else nodes_of(from_file)
    if nodes is not None and len(nodes) == 1:
        found = [ask(data, "nodes.approve", node=nodes[0])]
    else:
        found = ask(data, "nodes.approve_all", nodes=names)
    if broker_password:
        found = [node | {"broker": ask(data, "broker.passwd", name=node["id"])} for node in found]
    shown = found[0] if nodes is not None and len(nodes) == 1 else found
    show(shown, as_json, lambda _: _tell_status(found))


def _tell_status(nodes: list[dict[str, Any]]) -> None:
    for node in nodes:
        say(f"{node['id']} is {node['status']}.")
        if "broker" in node:
            tell_password(node["broker"])


def nodes_of(path: Path) -> list[str]:
    """The lines of a list (`#` begins a comment), or of a site file the nodes it does not say no to.

    Raises `DocumentError`.
    """
    text = read_text(path)
    if re.search(r"^\w+:", text, re.MULTILINE):
        from godkaiser.kaiser.site import parse_site
        from godkaiser.plugins import load

        listed = parse_site(text, str(path), load()).nodes
        names = [str(n.id) for n in listed if n.approved or "approved" not in n.model_fields_set]
    else:
        names = [name for line in text.splitlines() if (name := line.partition("#")[0].strip())]
    if not names:
        raise DocumentError(path=str(path), problem="names no node")
    return names


def remove(
    node: Node,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Take a node out: its actuators are made safe, it is no longer shown, its history stays."""
    if not (yes or _sure(f"Take {node} out?")):
        raise InvalidValueError(
            field="node", value=node, problem="was not taken out", allowed="say yes, or give --yes"
        )
    text = "is removed; should it speak again, it waits for approval like a new one."
    show(ask(data, "nodes.remove", node=node), as_json, lambda n: say(f"{n['id']} {text}"))


def _sure(question: str) -> bool:
    """Nobody is there to ask: no."""
    return sys.stdin.isatty() and typer.confirm(question)


def replace(
    node: Node,
    board: Annotated[str, typer.Argument(help="The id of the new board.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put a new board in a node's place: name, zone, calibration, rules and history go on."""
    shown = ask(data, "nodes.replace", node=node, board=board)
    show(shown, as_json, lambda n: say(f"{n['id']} goes on with the board {n['board_id']}."))
