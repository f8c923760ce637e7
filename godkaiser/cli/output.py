"""How commands speak: tables for people, one JSON document with `--json`, errors as one line with the remedy."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from godkaiser.errors import GodkaiserError

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder of the controller.", envvar="GODKAISER_DATA_DIR", show_default=False
    ),
]


def show(document: Any, as_json: bool, tell: Callable[[Any], None]) -> None:
    """Print the document, or let `tell` say it."""
    if as_json:
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
    else:
        tell(document)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table, or a sentence when there is nothing."""
    console = _console()
    if not rows:
        console.print(escape(empty))
        return
    grid = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        grid.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        grid.add_row(*(escape("–" if cell is None else str(cell)) for cell in row))
    console.print(grid)


def say(text: str) -> None:
    """A sentence for people."""
    _console().print(escape(text))


def _console() -> Console:
    """As wide as the terminal; into a file or pipe as wide as it takes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=240)


def complain(error: GodkaiserError, as_json: bool) -> None:
    """One line: what is wrong and what helps."""
    if as_json:
        print(json.dumps({"error": error.to_wire()}, ensure_ascii=False, default=str))
    print(f"godkaiser: {error} {error.remedy}".replace("\n", " "), file=sys.stderr)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine from a command."""
    return asyncio.run(work)


def ask(data: Path | None, method: str, **params: Any) -> Any:
    """One request to the controller."""

    async def talk() -> Any:
        from godkaiser.io.desk import Desk

        desk = await Desk.open(data)
        try:
            return await desk.call(method, **params)
        finally:
            await desk.close()

    return run(talk())
