"""The page `docs/reference/findings.md`, made from the table of findings.

As a command: `python -m godkaiser.safety.reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from godkaiser.model.outcome import Severity
from godkaiser.safety.aim import CONTROL
from godkaiser.safety.finding import FINDINGS, Row

_WORDS: Final = {Severity.REFUSE: "refuses", Severity.WARN: "warns"}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Findings of the safety gate\n"
    yield "Made from `godkaiser/safety/finding.py` by `python -m godkaiser.safety.reference`. A test compares them.\n"
    names = ", ".join(f"`{code}`" for code in sorted(CONTROL))
    yield "The gate asks every check and returns every finding; one that refuses is enough. For a move"
    yield "to the safe value every finding only warns. The one exception is a rule's ordinary OFF, a control wish:"
    yield f"{names} make it wait. An OFF by a person, a stop, the end of a lease, an"
    yield "interlock, a lost permissive and a rule whose readings are unknown are protective and never wait.\n"
    yield "| finding | | sentence | what helps |"
    yield "|---|---|---|---|"
    yield from (_row(code, row) for code, row in FINDINGS.items())


def _row(code: str, row: Row) -> str:
    return f"| `{code}` | {_WORDS[row.severity]} | {_plain(row.sentence)} | {row.remedy} |"


def _plain(sentence: str) -> str:
    """Places as words: `{value:g}` → *value*."""
    parts = sentence.replace("}", "{").split("{")
    return "".join(f"*{part.partition(':')[0]}*" if n % 2 else part for n, part in enumerate(parts))


if __name__ == "__main__":
    print(page(), end="")
