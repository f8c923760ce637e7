"""The page `docs/reference/errors.md`, made from the error tree: `python -m scripts.error_page` writes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from godkaiser.errors import GodkaiserError, Kind

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"
_HEAD: Final = """\
# Errors

Made from `godkaiser/errors.py` by `python -m scripts.error_page`; do not edit by hand.

Every error is a `GodkaiserError`: `except` it, one of the families below, the class itself, or the built-in exception
that it is as well. `str(error)` is the message, `error.remedy` what helps, `error.code` what a program compares, and
`error.details` its fields. The command line prints the message and the remedy, ends with the exit code, and with
`--json` prints what the socket sends:

```json
{"code": "unknown_zone", "message": "…", "hint": "…", "details": {"…": "…"}}
```

A kind decides the exit code of the command line and the status of HTTP.

| kind | HTTP | exit code |
|---|---|---|
"""


def families() -> list[type[GodkaiserError]]:
    """Those directly below the root."""
    return _below(GodkaiserError)


def members(family: type[GodkaiserError]) -> Iterator[type[GodkaiserError]]:
    """Everything of a family that can be raised; what only groups others has no sentence of its own."""
    for each in _below(family):
        if "sentence" in vars(each) or each.sentence is not GodkaiserError.sentence:
            yield each
        yield from members(each)


def _below(error: type[GodkaiserError]) -> list[type[GodkaiserError]]:
    """Without those that plug-ins and tests have made."""
    return [each for each in error.__subclasses__() if each.__module__ == GodkaiserError.__module__]


def page() -> str:
    """The whole page."""
    return (
        "\n".join([_HEAD.rstrip(), *_kinds(), *(line for each in families() for line in _family(each))])
        + "\n"
    )


def _kinds() -> Iterator[str]:
    for kind in Kind:
        yield f"| {kind.name.lower()} | {kind.http_status} | {kind.exit_code} |"


def _family(family: type[GodkaiserError]) -> Iterator[str]:
    yield f"\n## {family.__name__}\n"
    yield f"{_cause(family)}\n"
    yield "| code, class | cause | kind | message | remedy | fields |"
    yield "|---|---|---|---|---|---|"
    yield from (_row(each) for each in dict.fromkeys(members(family)))


def _row(error: type[GodkaiserError]) -> str:
    fields: Any = dataclasses.fields(error)  # type: ignore[arg-type]  # every class of the tree is a dataclass
    names = ", ".join(f"`{field.name}`" for field in fields)
    return (
        f"| `{error.code}` {error.__name__}{_builtin(error)} | {_cause(error)} | {error.kind.name.lower()} "
        f"| {_text(error.sentence)} | {_text(error.hint)} | {names or 'none'} |"
    )


def _builtin(error: type[GodkaiserError]) -> str:
    found = [
        each for each in error.__mro__ if each.__module__ == "builtins" and each not in Exception.__mro__
    ]
    return f" ({', '.join(each.__name__ for each in found)})" if found else ""


def _cause(error: type[GodkaiserError]) -> str:
    return _text(" ".join((error.__doc__ or "").split()))


def _text(text: str) -> str:
    return text.replace("!r}", "}").replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page())
