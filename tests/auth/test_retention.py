"""How long rows of the audit are kept: what is critical for ever, and what a run allowed can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.retention import ERASABLE, AuditRetention, read, widest, written
from godkaiser.model.audited import ACTIONS, AuditSeverity, severity_of
from godkaiser.model.instant import DAY

PERMITS = st.dictionaries(st.sampled_from(ERASABLE), st.integers(0, 1 << 52), min_size=1)


def test_it_is_off_and_only_counts_unless_somebody_wants_it() -> None:
    retention = AuditRetention()
    assert (retention.enabled, retention.dry_run) == (False, True)
    assert retention.permit(1000 * DAY) == {
        AuditSeverity.INFO: 970 * DAY, AuditSeverity.WARNING: 910 * DAY, AuditSeverity.ERROR: 635 * DAY
    }  # fmt: skip
    assert set(retention.permit(5 * DAY).values()) == {0}, "nothing is older than 1970"


@given(st.dictionaries(st.sampled_from(list(AuditSeverity)), st.integers(1, 1000)))
def test_what_is_critical_is_never_erased(days: dict[AuditSeverity, int]) -> None:
    retention = AuditRetention(keep={severity: count * DAY for severity, count in days.items()})
    assert AuditSeverity.CRITICAL not in retention.permit(5000 * DAY)


@given(PERMITS)
def test_what_a_run_allowed_is_read_as_it_was_written(permit: dict[AuditSeverity, int]) -> None:
    assert read(written(permit)) == permit


@given(st.lists(PERMITS, max_size=4))
def test_the_latest_of_each_severity_counts(permits: list[dict[AuditSeverity, int]]) -> None:
    found = widest(permits)
    for severity in AuditSeverity:
        told = [permit[severity] for permit in permits if severity in permit]
        assert found.get(severity) == (max(told) if told else None)


@pytest.mark.parametrize(
    "text",
    [
        "", "nothing", "critical 2027-01-15T08:00:00Z", "info", "info tomorrow", "info 2027-01-15T08:00:00",
        "emergency 2027-01-15T08:00:00Z", "info 0001-01-01T00:00:00+23:59,", "info 2027-01-15T08:00:00Z;",
    ],
)  # fmt: skip
def test_what_no_run_has_written_allows_nothing(text: str) -> None:
    assert read(text) == {}


def test_every_action_has_a_severity_and_what_nobody_listed_is_a_warning() -> None:
    assert {severity_of(action) for action in ACTIONS} == set(AuditSeverity)
    assert severity_of("plug-in.did") is AuditSeverity.WARNING
