"""What the cards of accounts and API tokens say: what has an effect, and what became of it."""

from __future__ import annotations

from typing import Any

import panel as pn
import pytest
from godkaiser_dashboard.keys import key_facts
from godkaiser_dashboard.people import Person, person_facts
from godkaiser_dashboard.words import Words

from tests.dashboard.test_cards_stay import ANN, opened, page
from tests.dashboard.test_pages import parts


@pytest.mark.parametrize("language", ["en", "de"])
def test_zones_of_a_viewer_are_shown_and_said_to_have_no_effect(language: str) -> None:
    words, zones = Words(language), {"bench": "North bench"}
    viewer = ANN | {"role": "viewer"}
    assert f"<dt>{words('people.zones')}</dt><dd>–</dd>" in person_facts(words, viewer, zones)
    said = person_facts(words, viewer | {"zones": ["bench"]}, zones)
    assert words("people.zones.later", zones="North bench") in said
    assert "North bench</dd>" in person_facts(words, ANN | {"zones": ["bench"]}, zones)
    assert f"<dd>{words('people.everywhere')}</dd>" in person_facts(words, ANN, zones)


def test_who_sets_the_zones_of_a_viewer_is_told_what_they_do() -> None:
    def said(card: Person) -> str:
        return " ".join(str(one.object) for one in parts(card.layout, pn.pane.HTML) if one.visible)

    card = opened(page(), role="viewer")
    assert "Zones have no effect for a viewer" in said(card)
    card.update(ANN | {"role": "operator"})
    assert "Zones have no effect" not in said(card)
    assert "none ticked: everywhere" in said(card)


def test_a_token_that_was_rotated_is_told_as_replaced() -> None:
    token: dict[str, Any] = {
        "prefix": "one", "label": "logger", "owner": "ann", "state": "good", "ends_soon": False,
        "permissions": ["look"], "zones": None, "last_used": None, "expires": "2027-01-01T00:00:00+00:00",
        "replaced_by": "gk_two",
    }  # fmt: skip
    assert "replaced by gk_two" in key_facts(Words("en"), token)
    assert "ersetzt durch gk_two" in key_facts(Words("de"), token)
    assert "replaced" not in key_facts(Words("en"), token | {"state": "over"})
    assert "replaced" not in key_facts(Words("en"), token | {"replaced_by": None})
