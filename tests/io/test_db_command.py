"""`godkaiser db`: what a person sees of a database's version."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.errors import DatabaseBrokenError
from godkaiser.io.sql.migrations import HEAD

FIXTURE = Path(__file__).parent / "fixtures" / "before-versions.db.gz"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "godkaiser.db").write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    return tmp_path


def told(data: Path, *words: str) -> str:
    result = CliRunner().invoke(app, ["db", *words, "--data", str(data)], env={"DATABASE_URL": ""})
    if result.exception is not None:
        raise result.exception
    return result.stdout


def document(data: Path, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(told(data, *words, "--json"))
    return answer


def test_status_dry_run_upgrade_status(data: Path) -> None:
    before = document(data, "status")
    file = str(data / "godkaiser.db")
    assert before == {"database": file, "version": "before 0001", "needed": HEAD, "current": False}
    sql = told(data, "upgrade", "--dry-run")
    assert "ALTER TABLE reading ADD COLUMN calibration" in sql
    assert document(data, "upgrade", "--dry-run")["sql"] == sql
    assert document(data, "status") == before
    copy = str(data / f"godkaiser.db.before-{HEAD}")
    assert document(data, "upgrade") == {
        "database": file, "from": "before 0001", "version": HEAD, "upgraded": True, "copy": copy,
    }  # fmt: skip
    assert document(data, "status") == before | {"version": HEAD, "current": True}
    assert told(data, "upgrade", "--dry-run") == "-- Nothing to do.\n"
    assert document(data, "upgrade")["upgraded"] is False


def test_people_read_sentences(data: Path) -> None:
    assert "`godkaiser db upgrade` brings it there." in told(data, "status")
    said = told(data, "upgrade")
    assert f"was brought from version before 0001 to {HEAD}." in said
    assert f"godkaiser.db.before-{HEAD}" in said
    assert f"has version {HEAD} already" in told(data, "upgrade")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    for words in (["status"], ["upgrade", "--dry-run"]):
        with pytest.raises(DatabaseBrokenError, match="is not there"):
            told(tmp_path, *words)
    assert not (tmp_path / "godkaiser.db").exists()
