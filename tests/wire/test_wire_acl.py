"""The access list is made from the table of topics: all of a node's own, nothing of another's."""

from godkaiser.io.wire.acl import access_list
from godkaiser.io.wire.topic import TOPICS, Way, build
from godkaiser.model.ids import KaiserId, NodeId

A, B = NodeId.parse("ESP_AB12CD"), NodeId.parse("ESP_D4E5F6")
GOD = KaiserId.parse("god")


def blocks(text: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["user"]:
            found[words[1]] = mine = []
        elif words[:1] == ["topic"]:
            mine.append((words[1], words[2]))
    return found


def fits(pattern: str, topic: str) -> bool:
    parts, names = pattern.split("/"), topic.split("/")
    return len(parts) == len(names) and all(
        one in ("+", other) for one, other in zip(parts, names, strict=True)
    )


def allows(rows: list[tuple[str, str]], verb: str, topic: str) -> bool:
    return any(verb == word and fits(pattern, topic) for word, pattern in rows)


def test_a_node_may_say_and_hear_all_of_the_contract_and_nothing_else() -> None:
    mine = blocks(access_list("brain", [B, A]))[A]
    for row in TOPICS:
        verb, other = ("write", "read") if row.way is Way.FROM_NODE else ("read", "write")
        topic = build(row.kind, GOD, A, 34 if "#" in row.pattern else None)
        assert allows(mine, verb, topic) == (row.kind != "discovery")
        assert not allows(mine, other, topic)
        if row.pattern.startswith("~"):
            stranger = build(row.kind, GOD, B, 34 if "#" in row.pattern else None)
            assert not allows(mine, verb, stranger)


def test_under_another_kaiser_id_as_well() -> None:
    """It changes with the zone, and some topics stay under the first one."""
    mine = blocks(access_list("brain", [A]))[A]
    assert allows(mine, "write", build("sensor_data", KaiserId.parse("north"), A, 34))
    assert allows(mine, "read", build("server_status", KaiserId.parse("north")))


def test_the_controller_may_do_everything_below_kaiser_and_no_one_else_is_named() -> None:
    found = blocks(access_list("brain", [A, B]))
    assert found["brain"] == [("readwrite", "kaiser/#")]
    assert list(found) == ["brain", A, B]
    assert list(blocks(access_list("brain", []))) == ["brain"]
