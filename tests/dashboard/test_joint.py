"""The joint between the dashboard and the controller: what the fake answers to, the real one answers to."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from godkaiser import Desk
from godkaiser.io.annunciator import Annunciator
from godkaiser.io.blocklist import Blocklist
from godkaiser.io.clerk import Clerk
from godkaiser.io.curves import Curves
from godkaiser.io.doorman import Doorman
from godkaiser.io.editor import Editor
from godkaiser.io.historian import Historian
from godkaiser.io.inspector import Inspector
from godkaiser.io.ledger import Ledger
from godkaiser.io.registrar import Registrar
from godkaiser.io.switchboard import Switchboard
from godkaiser.io.tracer import Tracer
from godkaiser.io.usher import Usher
from godkaiser.io.warden import Warden
from godkaiser.io.workshop import Workshop
from godkaiser.kaiser.trying import Trying
from tests.dashboard.fake_desk import FakeDesk

REAL: dict[str, Any] = {
    "snapshot": Clerk._snapshot,
    "login": Doorman._login,
    "verify": Doorman._verify,
    "logout": Doorman._logout,
    "stop": Switchboard._stop,
    "clear": Switchboard._clear,
    "check": Switchboard._check,
    "set": Switchboard._set,
    "why": Clerk._why,
    "history": Curves._history,
    "history_buckets": Historian._buckets,
    "notices": Historian._notices,
    "actuators_statistics": Ledger._statistics,
    "actuators_release": Workshop._release,
    "nodes_approve": Registrar._approve,
    "rules_enable": Editor._enable,
    "rules_disable": Editor._disable,
    "rules_trace": Tracer._trace,
    "rules_try": Trying._try,
    "rules_tried": Trying._tried,
    "alarms_ack": Annunciator._ack,
    "alarms_shelve": Annunciator._shelve,
    "me": Usher._me,
    "may": Usher._may,
    "users_seen": Usher._seen,
    "users_list": Warden._list,
    "tokens_list": Warden._tokens,
    "blocks_list": Blocklist._list,
    "audit_page": Inspector._page,
}


@pytest.mark.parametrize("method", REAL)
def test_the_fake_takes_nothing_the_controller_does_not(method: str) -> None:
    fake = inspect.signature(getattr(FakeDesk, f"_{method}")).parameters
    real = inspect.signature(REAL[method]).parameters
    assert set(fake) <= set(real)
    needed = {name for name, p in real.items() if p.default is p.empty}
    assert needed <= set(fake)


def test_the_fake_has_no_method_of_its_own() -> None:
    own = {n[1:] for n, v in vars(FakeDesk).items() if inspect.iscoroutinefunction(v) and n.startswith("_")}
    assert own == set(REAL)


@pytest.mark.parametrize("name", ["call", "changes", "close"])
def test_the_real_line_has_what_the_dashboard_uses(name: str) -> None:
    assert set(inspect.signature(getattr(FakeDesk, name)).parameters) == set(
        inspect.signature(getattr(Desk, name)).parameters
    )
