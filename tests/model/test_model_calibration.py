"""The calibration as an object: what it refuses, how it is written, what is the same."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from godkaiser.model.calibration import NONE, Calibration, Point
from godkaiser.model.instant import SECOND
from godkaiser.model.site import SensorSpec

T0 = 1_800_000_000 * SECOND
PH: dict[str, Any] = {"slope": 10.6, "offset": -11.4, "method": "ph", "temperature_c": 25.0}


@pytest.mark.parametrize(
    "document",
    [
        {"slope": math.inf},
        {"offset": math.nan},
        {"residuals": [math.nan]},
        {"gain": math.inf},
        {"temperature_c": 101},
        {"version": -1},
        {"version": 1.5},
        {"method": "guess"},
        {"valid_from": "2027-01-01T00:00:00"},
        {"valid_from": 0},
        {"valid_from": "1746057600"},
        {"made_at": -1.5},
        {"points": [{"raw": math.nan}]},
        {"points": [{"raw": 1, "role": "damp"}]},
        {"slop": 1},
    ],
)
def test_what_it_refuses(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Calibration.model_validate(document)


def test_a_numbered_one_is_another_object() -> None:
    made = Calibration.model_validate(PH)
    numbered = made.numbered(2, "ann", T0, T0 + SECOND)
    assert (made.version, numbered.version, numbered.by, numbered.since) == (0, 2, "ann", T0 + SECOND)
    assert numbered.undone(T0).undone_at is not None
    assert numbered.undone(T0).bare() == made
    assert numbered.numbered(3, "", T0, None).since is None
    with pytest.raises(ValidationError):
        numbered.version = 5  # type: ignore[misc]


def test_it_is_written_with_times_people_can_read_and_comes_back() -> None:
    numbered = Calibration.model_validate(PH | {"points": [{"raw": 1, "value": 7}]}).numbered(1, "a", T0, T0)
    document = numbered.model_dump(exclude_defaults=True)
    assert document["valid_from"] == "2027-01-15T08:00:00Z"
    assert Calibration.model_validate(document) == numbered
    assert Calibration.model_validate_json(numbered.model_dump_json()) == numbered
    assert numbered.points == (Point(raw=1, value=7),)


def test_what_adds_nothing() -> None:
    made = Calibration.model_validate(PH)
    assert Calibration(slope=10.6, offset=-11.4).adds_nothing_to(made)
    assert not made.adds_nothing_to(Calibration(slope=10.6, offset=-11.4)), "it says its temperature besides"
    assert not Calibration(slope=10.6, offset=-11.4, temperature_c=20).adds_nothing_to(made)
    assert not Calibration(slope=10.6).adds_nothing_to(made)
    assert not NONE.adds_nothing_to(NONE)


def test_words() -> None:
    assert str(Calibration(dry=2800, wet=1200)) == "dry 2800, wet 1200"
    assert str(Calibration(dry=2800, wet=1200).numbered(3, "site", T0, None)) == "dry 2800, wet 1200"
    fitted = Calibration(dry=2800, wet=1200, method="moisture")
    assert str(fitted.numbered(3, "ann", T0, T0)) == "dry 2800, wet 1200 (version 3)"
    assert str(NONE) == "none"
    assert [c.fitted for c in (NONE, fitted, Calibration())] == [False, True, False]


def test_none_in_a_site_file_is_said_not_left_out() -> None:
    spec = {"node": "ESP_AB12CD", "gpio": 34, "type": "ph"}
    assert SensorSpec.model_validate(spec | {"calibration": "none"}).calibration == NONE
    assert SensorSpec.model_validate(spec).calibration is None
    for alpha in (0, 0.031, math.nan):
        with pytest.raises(ValidationError):
            SensorSpec.model_validate(spec | {"ec_alpha": alpha})
