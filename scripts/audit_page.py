"""The table of actions in `docs/reference/audit.md`: `python -m scripts.audit_page` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from godkaiser.model.audited import ACTIONS

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "audit.md"
BEGIN: Final = "<!-- made from godkaiser/model/audited.py by python -m scripts.audit_page -->\n"
END: Final = "<!-- end -->\n"


def table() -> str:
    """One row for each action."""
    rows = (f"| `{name}` | {action.severity.value} | {action.when} |\n" for name, action in ACTIONS.items())
    return "| action | severity | when |\n|---|---|---|\n" + "".join(rows)


def page(text: str) -> str:
    """The page with the table of today."""
    head, _, rest = text.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
