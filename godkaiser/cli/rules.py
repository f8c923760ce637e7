"""`godkaiser rules …`: check, import, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import DocumentError

app = typer.Typer(help="Rules: list them, check a file, import it, export what runs.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="JSON or YAML: one rule, a list, or a document with `rules`.")]


def read_rules(path: Path) -> list[Any]:
    """The rules of a file. Raises `DocumentError`."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise DocumentError(path=str(path), problem=error.strerror or str(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DocumentError(path=str(path), problem=" ".join(str(error).split())) from None
    if isinstance(data, dict):
        data = data["rules"] if set(data) == {"rules"} else [data]
    if not isinstance(data, list) or not data:
        raise DocumentError(path=str(path), problem="holds no rule")
    return data


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """Every rule: can it work, what did it decide last, what became of that, and how often nodes carried it out."""
    show(ask(data, "snapshot")["rules"], as_json, _tell_list)


def _tell_list(rules: list[dict[str, Any]]) -> None:
    rows = [
        (r["name"], r["state"], r["truth"], _last(r), r["carried_out"], r["not_carried_out"], r["degraded"])
        for r in rules
    ]
    head = ("rule", "state", "truth", "last decision", "carried out", "not", "why it cannot work")
    table(head, rows, "No rules yet. `godkaiser rules import FILE` brings some.")


def _last(rule: dict[str, Any]) -> str:
    last = rule["last_outcome"]
    if last is None:
        return "–"
    return f"{last['decided']}: {last['outcome']}" + (f" ({last['reason']})" if last["reason"] else "")


@app.command()
def check(file: File, data: Data = None, as_json: Json = False) -> None:
    """Say in plain words what each rule of a file does, or what is wrong with it. Changes nothing."""
    show(ask(data, "rules.check", documents=read_rules(file)), as_json, _tell_rules)


def _tell_rules(rules: list[dict[str, Any]]) -> None:
    for rule in rules:
        say(f"{rule['name']}: {rule['sentence']}")


@app.command("import")
def import_(file: File, data: Data = None, as_json: Json = False) -> None:
    """Import rules: all or none. A rule of the same name is replaced, the others stay."""
    show(ask(data, "rules.import", documents=read_rules(file)), as_json, _tell_import)


def _tell_import(answer: dict[str, Any]) -> None:
    say(f"Imported {', '.join(answer['imported'])}; {answer['rules']} rules run.")
    for line in answer["declared"]:
        say(f"  note: {line}")


@app.command()
def export(
    data: Data = None,
    as_json: Json = False,
    to: Annotated[Path | None, typer.Option(help="Write to this file instead of the screen.")] = None,
) -> None:
    """The rules that run, as YAML (or JSON); `rules import` takes it back unchanged."""
    rules = ask(data, "rules.export")
    text = (
        json.dumps(rules, ensure_ascii=False)
        if as_json
        else yaml.safe_dump(rules, sort_keys=False, allow_unicode=True)
    )
    if to is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        try:
            to.write_text(text)
        except OSError as error:
            raise DocumentError(path=str(to), problem=error.strerror or str(error)) from None
