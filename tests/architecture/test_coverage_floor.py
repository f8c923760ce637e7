"""The judge of the coverage floors judges."""

import pytest

from scripts.coverage_floor import Tally, complaints, owner, tallies

FLOORS = {"": 80.0, "pkg/safety": 100.0, "pkg/safety/easy.py": 50.0}


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("pkg/other.py", ""),
        ("pkg/safety/gate.py", "pkg/safety"),
        ("pkg/safety/easy.py", "pkg/safety/easy.py"),
        ("pkg/safety_other.py", ""),
    ],
)
def test_a_file_belongs_to_the_longest_path(path: str, part: str) -> None:
    assert owner(path, FLOORS) == part


def test_lines_and_branches_count_together() -> None:
    summary = {"covered_lines": 8, "num_statements": 10, "covered_branches": 1, "num_branches": 2}
    sums = tallies({"pkg/a.py": {"summary": summary}, "pkg/b.py": {"summary": summary}}, FLOORS)
    assert sums == {"": Tally(18, 24)}
    assert sums[""].percent == pytest.approx(75)


def test_less_than_promised_is_a_complaint_and_exactly_promised_is_none() -> None:
    floors = {"": 80.0, "pkg/safety": 100.0}
    assert complaints({"": Tally(80, 100), "pkg/safety": Tally(5, 5)}, floors) == []
    found = complaints({"": Tally(79, 100), "pkg/safety": Tally(999, 1000)}, floors)
    assert [line.split(":")[0] for line in found] == ["everything else", "pkg/safety"]


def test_a_path_that_matches_nothing_is_a_complaint() -> None:
    assert complaints({"": Tally(1, 1)}, {"": 80.0, "pkg/gone": 100.0}) == [
        "pkg/gone: no such file was measured"
    ]
