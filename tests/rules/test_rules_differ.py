"""Two files of rules compared, one checked without a controller, and the hash of a rule."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from godkaiser.cli.main import app
from godkaiser.rules.differ import differences
from godkaiser.rules.document import canonical_json, hash_of, read_document
from tests.rules.test_rules_document import BAND, CLOCK, HOT, TURN, rule


def meanings(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    sides = ([read_document(one) for one in side] for side in (old, new))
    return [one.meaning for one in differences(*sides)]


def test_every_difference_in_words() -> None:
    old = rule(BAND, conditions=[BAND, CLOCK], description="was", priority=10)
    new = rule(
        conditions=[BAND | {"activate_above": 29}, CLOCK, HOT],
        action=TURN | {"value": 0.5, "duration": 60},
        description="is",
        enabled=False,
    )
    third = json.dumps(json.loads(canonical_json(read_document(rule(HOT))))["conditions"][0])
    assert meanings([old], [new]) == [
        "Cool the house: actions[0].value 0.8 → 0.5",
        "Cool the house: actions[0].duration_seconds not stated → 60.0",
        "Cool the house: conditions[0].activate_above 28.0 → 29.0",
        f"Cool the house: conditions[2] not stated → {third}",
        'Cool the house: description "was" → "is"',
        "Cool the house: priority 10 → 50 (default)",
        "Cool the house: enabled true (default) → false",
    ]


def test_rules_come_and_go_and_are_found_again_by_their_id() -> None:
    one, other = rule(), rule(name="Heat the house")
    assert meanings([one], [other]) == ["Cool the house: gone", "Heat the house: new"]
    assert meanings([one, other], [other | {"name": "HEAT the House"}, one]) == [
        'HEAT the House: name "Heat the house" → "HEAT the House"'
    ]


def test_another_kind_of_condition_is_one_difference() -> None:
    (said,) = meanings([rule(HOT)], [rule(CLOCK)])
    assert said.startswith('Cool the house: conditions[0] {"esp_id"')
    assert '→ {"end_time": "22:00"' in said


SPELLINGS = [
    (HOT, HOT | {"type": "sensor", "sensor_type": "SHT31_Temp", "value": 28.0}),
    (CLOCK, {"type": "time", "start_hour": 6, "end_hour": 22}),
    (CLOCK | {"days_of_week": [0, 6]}, CLOCK | {"days_of_week": [6, 0, 0]}),
    (
        {"type": "compound", "logic": "AND", "conditions": [CLOCK]},
        {"logic": "AND", "conditions": [{"type": "time", "start_hour": 6, "end_time": "22:00"}]},
    ),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_spellings_of_one_rule_have_one_hash(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = read_document(rule(one)), read_document(rule(other))
    assert hash_of(first) == hash_of(second)
    assert meanings([rule(one)], [rule(other)]) == []
    assert len(hash_of(first)) == 64


def test_aliases_of_a_rule_have_one_hash_and_another_rule_another() -> None:
    old = {"rule_name": "Cool the house", "trigger_conditions": HOT, "version": 1,
           "actions": [TURN | {"duration": 5}], "priority": 50}  # fmt: skip
    new = rule(action=TURN | {"duration_seconds": 5.0})
    assert hash_of(read_document(old)) == hash_of(read_document(new))
    assert hash_of(read_document(rule())) != hash_of(read_document(rule(priority=49)))
    assert (
        hash_of(read_document(rule())) == "7ff501284750f7222a7b891b71684cfb2dbddcc06b55e4bf2c9385674df593af"
    )


# ── on the command line, with no controller ────────────────────────────────────────────────────────────
def run(*words: str | Path, data: Path) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, words)], env={"GODKAISER_DATA_DIR": str(data)})


def test_a_file_is_checked_without_a_controller(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    open_ends = {
        "type": "sensor_diff",
        "sensor_a_id": "bench",
        "sensor_b_id": "roof",
        "operator": ">",
        "value": 1,
    }
    file.write_text(json.dumps([rule(CLOCK), rule(open_ends, name="Mix the air")]))
    told = run("check", file, data=tmp_path)
    assert told.exit_code == 0
    assert "When it is 06:00–22:00 (the site's time), set ESP_A1B2C3/25 to 80 %." in told.stdout
    assert "Mix the air: can be read" in told.stdout
    assert "there is no sensor called 'bench'" in told.stdout
    clock, mixed = json.loads(run("check", file, "--json", data=tmp_path).stdout)
    assert clock["hash"] == hash_of(read_document(rule(CLOCK)))
    assert "open" not in clock
    assert "conditions[0].sensor_a_id" in mixed["open"]


def test_a_wrong_rule_is_refused_without_a_controller(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([rule(), rule(HOT | {"sensor_type": "brix"}, name="Sweet")]))
    told = run("check", file, data=tmp_path)
    assert told.exit_code != 0
    assert "rules[1].conditions[0].sensor_type" in str(told.exception)


def test_files_are_compared(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.json"
    old.write_text(json.dumps({"rules": [rule(BAND)]}))
    new.write_text(json.dumps(rule(BAND | {"activate_above": 29})))
    told = run("diff", old, new, data=tmp_path)
    assert told.exit_code == 0
    assert told.stdout.strip() == "Cool the house: conditions[0].activate_above 28.0 → 29.0"
    (row,) = json.loads(run("diff", old, new, "--json", data=tmp_path).stdout)
    assert (row["path"], row["old"], row["new"]) == (
        "cool-the-house.conditions[0].activate_above",
        28.0,
        29.0,
    )
    assert run("diff", old, old, data=tmp_path).stdout.strip() == "No difference."
    new.write_text(json.dumps(rule(BAND, priority=0)))
    refused = run("diff", old, new, data=tmp_path)
    assert refused.exit_code != 0
    assert "rules[0].priority" in str(refused.exception)
