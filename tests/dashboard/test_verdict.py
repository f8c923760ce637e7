"""What the page says about a check of the audit."""

from __future__ import annotations

from typing import Any

import pytest
from godkaiser_dashboard.trail import verdict
from godkaiser_dashboard.words import Words

WHOLE: dict[str, Any] = {
    "rows": 12, "unsealed": 0, "erased": 0, "broken": 0, "other_key": 0, "breaks": [], "last": "9f1c",
    "same_key": True, "intact": True, "key_file": "same",
}  # fmt: skip
CHANGED = {"place": 4, "problem": "is not what was sealed", "row": {"who": "bob"}}


def told(**values: Any) -> tuple[str, str]:
    tone, lines = verdict(Words("en"), WHOLE | values)
    return tone, " ".join(lines)


def test_a_whole_audit_is_good() -> None:
    tone, text = told()
    assert (tone, "All is as it was sealed" in text, "audit.key" in text) == ("good", True, False)


@pytest.mark.parametrize(
    ("file", "word"), [("missing", "missing"), ("other", "another"), ("unreadable", "cannot")]
)
def test_it_is_told_when_the_file_of_the_key_is_not_that_of_the_controller(file: str, word: str) -> None:
    tone, text = told(key_file=file)
    assert (tone, "All is as it was sealed" in text, word in text) == ("bad", True, True)
    assert word in told(intact=False, broken=1, breaks=[CHANGED], key_file=file)[1]


def test_with_a_wrong_key_no_row_is_called_changed() -> None:
    tone, text = told(intact=False, same_key=False, other_key=12)
    assert (tone, "not the key the newest rows" in text, "--key" in text) == ("bad", True, True)
    assert "not as they were sealed" not in text


def test_rows_that_were_changed_are_named() -> None:
    tone, text = told(intact=False, broken=1, breaks=[CHANGED])
    assert (tone, "not as they were sealed: 1" in text, "Row 4" in text) == ("bad", True, True)
