"""`godkaiser rules …`: check, import, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from godkaiser.cli.output import Data, Json, ask, say, show
from godkaiser.errors import DocumentError, NoControllerError

app = typer.Typer(help="Rules: check a file, compare, import, export what runs.", no_args_is_help=True)
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


@app.command()
def check(file: File, data: Data = None, as_json: Json = False) -> None:
    """Say in plain words what each rule of a file does, or what is wrong with it. Changes nothing.

    Without a controller the documents alone are judged; what only a site can tell is said to be open.
    """
    documents = read_rules(file)
    try:
        checked = ask(data, "rules.check", documents=documents)
    except NoControllerError:
        checked = _alone(documents)
    show(checked, as_json, _tell_rules)


def _alone(documents: list[Any]) -> list[dict[str, Any]]:
    """What can be said of rules without a site. Raises `DocumentError` for the first that is wrong."""
    from godkaiser.kaiser.alone import judge_alone

    return [judge_alone(data, f"rules[{number}]") for number, data in enumerate(documents)]


def _tell_rules(rules: list[dict[str, Any]]) -> None:
    for rule in rules:
        say(f"{rule['name']}: {rule['sentence'] or 'can be read'}")
        if rule.get("open"):
            say(f"  not judged without a controller: {rule['open']}")


@app.command()
def schema() -> None:
    """The JSON schema of a rule, for editors and other programs."""
    from godkaiser.rules.schema import rule_schema

    print(json.dumps(rule_schema(), ensure_ascii=False, indent=2))


Earlier = Annotated[Path, typer.Argument(help="JSON or YAML, as it was.")]
Later = Annotated[Path, typer.Argument(help="JSON or YAML, as it is.")]


@app.command()
def diff(old: Earlier, new: Later, as_json: Json = False) -> None:
    """What is different between the rules of two files, in plain words. Needs no controller."""
    from godkaiser.rules.differ import differences
    from godkaiser.rules.document import read_document

    sides = (
        [read_document(data, f"{path}: rules[{number}]") for number, data in enumerate(read_rules(path))]
        for path in (old, new)
    )
    found = differences(*sides)
    rows = [{"path": one.path, "old": one.old, "new": one.new, "meaning": one.meaning} for one in found]
    show(rows, as_json, _tell_differences)


def _tell_differences(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say(row["meaning"])
    if not rows:
        say("No difference.")


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
