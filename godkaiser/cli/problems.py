"""`godkaiser wire problems`: the messages nobody could read, by node and reason."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import AmbiguousNameError, UnknownNodeError

NOBODY: Final = "nodes we do not know"


def problems(
    node: Annotated[str | None, typer.Argument(help="Only of this node: its id or name.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Messages that could not be read since the controller started: how many per reason, and the last ten."""
    found = ask(data, "wire.problems")
    if node is not None:
        wanted = find_node(ask(data, "snapshot")["nodes"], node)["id"]
        found = [each for each in found if each["node"] == wanted]
    show(found, as_json, _tell_problems)


def _tell_problems(found: list[dict[str, Any]]) -> None:
    if not found:
        say("Every message could be read.")
    for number, each in enumerate(found):
        say(("\n" if number else "") + (each["node"] or NOBODY))
        tell_reasons(each["reasons"])


def tell_reasons(reasons: list[dict[str, Any]]) -> None:
    """Per reason how many, then the last of them, newest first."""
    for reason in reasons:
        say(f"  {reason['code']}: {reason['count']}")
        rows = [(f"    {m['at']}", m["topic"], m["why"], m["excerpt"]) for m in reason["last"]]
        table(("    at", "topic", "why", "begins with"), rows, "")


def find_node(nodes: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """By id, else by name in any case. Raises `UnknownNodeError`, `AmbiguousNameError`."""
    wanted = text.casefold()
    found = [n for n in nodes if n["id"] == text] or [
        n for n in nodes if wanted in (n["id"].casefold(), n["name"].casefold())
    ]
    if not found:
        raise UnknownNodeError(text=text)
    if len(found) > 1:
        raise AmbiguousNameError(text=text, found=", ".join(n["id"] for n in found))
    return found[0]
