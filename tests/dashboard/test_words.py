"""Both languages say everything, and numbers read as people expect."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from godkaiser_dashboard.account import CELLS, WINDOWS
from godkaiser_dashboard.keys import LASTING
from godkaiser_dashboard.people import DEEDS
from godkaiser_dashboard.rolled import RANGES
from godkaiser_dashboard.ruling import STATES
from godkaiser_dashboard.shell import ROUTES
from godkaiser_dashboard.trail import GROUPS, MORE, SINCE
from godkaiser_dashboard.trouble import POLICY
from godkaiser_dashboard.words import LANGUAGES, Words, catalogue, pick_language

from godkaiser.alarms.alarm import State
from godkaiser.alarms.kind import KINDS, Priority
from godkaiser.auth.policy import Permission
from godkaiser.engine.note import SEVERITY
from godkaiser.errors import (
    ControllerGoneError,
    DuplicateAccountError,
    ForbiddenError,
    LastAdminError,
    LogoutUnstoredError,
    StoreAwayError,
    TokenLimitError,
    UnknownAddressError,
    UnknownSensorTypeError,
    UnknownTokenError,
    UnknownUserError,
)

EN, DE = Words("en"), Words("de")
SOURCES = [p for p in Path(str(files("godkaiser_dashboard"))).rglob("*") if p.suffix in (".py", ".html")]
# Keys that are put together from a word of the controller's.
FAMILIES = {
    "link.": ["up", "down", "connecting", "gone"],
    "stop.title.": ["NORMAL", "ACTIVE", "CLEARING", "RESUMING"],
    "well.stop.": ["ACTIVE", "CLEARING", "RESUMING"],
    "well.": ["good", "note", "warn", "bad"],
    "well.sensor.": ["stale", "offline", "never", "error", "suspect"],
    "well.actuator.": ["unknown", "emergency", "rejected", "failed", "expired"],
    "sensor.": ["stale", "offline", "never", "error", "suspect", "uncalibrated", "late", "good"],
    "actuator.": ["rejected", "failed", "expired"],
    "rule.": ["true", "false", "unknown", "acting", "degraded", "refused", "counted"],
    "rules.state.": list(STATES),
    "rules.tree.": ["all", "any", "not"],
    "rules.quality.": ["good", "uncalibrated", "suspect", "error"],
    "rules.try.": ["active", "blind"],
    "rule.state.": ["refused", "off", "degraded", "active", "waiting"],
    "rule.outcome.": ["done", "open", "missed"],
    "node.": ["online", "offline", "unheard", "rejected", "pending"],
    "node.status.": ["approved", "pending", "rejected"],
    "node.generation.": ["2026", "seed"],
    "node.note.": [*SEVERITY, "alert", "queue", "outcome", "config", "handover"],
    "node.config.": ["converged", "pushing", "problem", "unknown"],
    "node.fact.": [
        "board", "config",
        "status", "link", "contact", "state", "kaiser", "generation", "rssi", "heap", "uptime", "zone",
    ],
    "unreadable.": [
        "bad_json", "missing_field", "wrong_type", "bad_value", "id_pattern", "too_large", "unknown_topic",
        UnknownSensorTypeError.code,
    ],
    "account.": [*WINDOWS, *CELLS],
    "account.timed.": ["node", "controller_only"],
    "role.": ["admin", "operator", "viewer"],
    "alarm.state.": [state.value for state in State if state is not State.NORM],
    "alarm.priority.": [priority.word for priority in Priority],
    "alarm.kind.": list(KINDS),
    "alarm.remedy.": list(KINDS),
    "alarm.do.": ["ack", "reset", "shelve", "unshelve"],
    "alarm.done.": ["ack", "reset", "shelve", "unshelve"],
    "command.": ["sent", "acked", "confirmed", "rejected", "failed", "expired"],
    "why.": ["payload", "reading", "decision", "intent", "verdict", "command", "outcome"],
    "set.outcome.": ["confirmed", "acked", "other"],
    "nav.": [name for name, _ in ROUTES],
    "right.": [right.value for right in Permission],
    "audit.since.": list(SINCE),
    "audit.group.": list(GROUPS),
    "audit.": list(MORE),
    "audit.key_file.": ["missing", "other", "unreadable"],
    "policy.": [key.removeprefix("policy.") for key in POLICY.values()],
    "keys.lasting.": list(LASTING),
    "keys.state.": ["good", "soon", "over", "revoked"],
    "people.": list(DEEDS),
    **{f"people.{deed}.": ["ask", "yes", "done"] for deed in (*DEEDS, "role", "zones")},
    "error.": [LastAdminError.code, UnknownUserError.code, UnknownTokenError.code, TokenLimitError.code,
        DuplicateAccountError.code, UnknownAddressError.code, ForbiddenError.code, LogoutUnstoredError.code,
        StoreAwayError.code, ControllerGoneError.code],
    "history.range.": list(RANGES),
    "kind.": ["fan", "heater", "humidifier", "lamp", "pump", "relay"],
    "counter.": ["readings_received", "readings_stored", "decisions", "commands_sent", "commands_confirmed"],
}  # fmt: skip


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_language_has_the_same_keys_with_the_same_words() -> None:
    english = catalogue("en")
    for language in LANGUAGES:
        other = catalogue(language)
        assert set(other) == set(english)
        assert [k for k in english if _fields(other[k]) != _fields(english[k])] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_word_of_the_controller_has_a_sentence(family: str) -> None:
    missing = [family + word for word in FAMILIES[family] if family + word not in catalogue("en")]
    assert missing == []


def test_every_key_in_the_code_exists() -> None:
    pattern = re.compile(r"""(?:words|said|Remark|findings\(words,)\(?\s*["']([a-z_]+\.[A-Za-z_.]+)["']""")
    used = {key for path in SOURCES for key in pattern.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 60
    assert sorted(used - set(catalogue("en"))) == []


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (23.44, "°C", "23.4", "23,4"),
        (-0.26, "°C", "-0.3", "-0,3"),
        (6.123, "pH", "6.12", "6,12"),
        (1840.4, "µS/cm", "1840", "1840"),
        (1.2671, "kPa", "1.27", "1,27"),
        (5.0, "furlong", "5.00", "5,00"),
    ],
)
def test_numbers(value: float, unit: str, english: str, german: str) -> None:
    assert (EN.number(value, unit), DE.number(value, unit)) == (english, german)


def test_quantities() -> None:
    assert EN.quantity(23.4, "°C") == "23.4 °C"
    assert EN.quantity(None, "°C") == "–"
    assert EN.quantity(1.0, "bool") == "1"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "pwm", "unknown"),
        (0.0, "pwm", "off"),
        (0.8, "pwm", "80 %"),
        (1.0, "relay", "on"),
        (0.0, "relay", "off"),
    ],
)
def test_levels(value: float | None, kind: str, text: str) -> None:
    assert EN.level(value, kind) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "never"), (0.0, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (3600.0, "1 h"), (200_000.0, "2 d")],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert EN.age(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5.0, "5 s"), (60.0, "1 min"), (125.0, "2 min 5 s"), (3600.0, "1 h"), (5400.0, "1 h 30 min")],
)
def test_spans(seconds: float, text: str) -> None:
    assert EN.span(seconds) == text


def test_clock() -> None:
    assert EN.clock(datetime(2026, 5, 1, 6, 7, 8, tzinfo=UTC)) == "06:07:08 UTC"
    assert EN.clock(None) == "–"


def test_stamps_carry_the_day() -> None:
    assert EN.stamp(datetime(2026, 5, 1, 6, 7, 8, tzinfo=UTC)) == "2026-05-01 06:07:08 UTC"
    assert EN.stamp(None) == "–"


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("de", "en", "de"),
        ("xx", "de-AT,de;q=0.9,en;q=0.5", "de"),
        (None, "fr,en;q=0.8", "en"),
        (None, "fr", "en"),
        (None, None, "en"),
        ("../en", None, "en"),
    ],
)
def test_language(asked: str | None, accepted: str | None, language: str) -> None:
    assert pick_language(asked, accepted) == language


def test_a_word_from_a_newer_controller_is_shown_as_it_is() -> None:
    assert EN.known("kind.robot", "robot") == "robot"
    assert EN("well.sensor.tired") == "well.sensor.tired"
