"""How commands speak: tables for people, one JSON document with `--json`, errors as one line with the remedy."""

from __future__ import annotations

import asyncio
import json
import sys
import unicodedata
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from godkaiser.errors import GodkaiserError, InvalidValueError

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Data folder of the controller.", envvar="GODKAISER_DATA_DIR", show_default=False
    ),
]
_UNSEEN: Final = ("C", "Zl", "Zp")  # controls, invisible marks, halves of characters, line separators


def show(document: Any, as_json: bool, tell: Callable[[Any], None]) -> None:
    """Print the document, or let `tell` say it."""
    if as_json:
        print(as_line(document))
    else:
        tell(document)


def as_line(document: Any) -> str:
    """One line of JSON; what nobody sees in it stands as an escape."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, default=str)
    return "".join(json.dumps(sign)[1:-1] if _unseen(sign) else sign for sign in text)


def plain(text: str) -> str:
    """Words of strangers must not move a terminal's cursor: what does not print stands as an escape."""
    return "".join(ascii(sign)[1:-1] if _unseen(sign) and sign not in "\n\t" else sign for sign in text)


def _unseen(sign: str) -> bool:
    return unicodedata.category(sign).startswith(_UNSEEN)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table, or a sentence when there is nothing. Columns without names have no head."""
    if not rows:
        say(empty)
        return
    grid = Table(box=None, pad_edge=False, show_header=any(columns))
    for number, column in enumerate(columns):
        grid.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        grid.add_row(*(_cell(cell) for cell in row))
    _console().print(grid)


def _cell(value: object) -> Text:
    return Text("–" if value is None else plain(str(value)).replace("\n", "\\n"))


def say(text: str) -> None:
    """A sentence for people."""
    _console().print(Text(plain(text)))


def _console() -> Console:
    """As wide as the terminal; into a file or pipe as wide as it takes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=240)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner on a terminal; into a file or pipe nothing."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield
        return
    with console.status(Text(plain(text))):
        yield


@contextmanager
def passing(text: str, span: tuple[int, int]) -> Iterator[Callable[[int], None]]:
    """A bar from one moment to another on a terminal; call it with the moment reached. Into a pipe nothing."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(text, total=100)
        shown = -1

        def reached(at: int) -> None:
            nonlocal shown
            if (percent := max(0, 100 * (at - span[0]) // max(1, span[1] - span[0]))) > shown:
                shown = percent
                progress.update(task, completed=percent)

        yield reached


def complain(error: GodkaiserError, as_json: bool) -> None:
    """One line: what is wrong and what helps."""
    if as_json:
        print(as_line({"error": error.to_wire()}))
    said = str(error).rstrip()
    stop = "" if said.endswith((".", "!", "?")) else "."
    print("godkaiser:", plain(f"{said}{stop} {error.remedy}".replace("\n", " ")), file=sys.stderr)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine from a command."""
    return asyncio.run(work)


@contextmanager
def as_typed(**names: str) -> Iterator[None]:
    """Objections name what was typed, not what the controller calls it: `permissions="--right"`."""
    try:
        yield
    except InvalidValueError as error:
        raise InvalidValueError(**error.details | {"field": names.get(error.field, error.field)}) from None


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
