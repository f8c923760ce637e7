import pytest

from godkaiser.io.sim.link import InProcessBroker, in_process, matches
from godkaiser.io.sim.node import Publish


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("+/+", "/a", True),
        ("a/b", "a/c", False),
    ],
)
def test_topic_filters(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected


class Ear:
    def __init__(
        self, broker: InProcessBroker, name: str, *patterns: str, will: Publish | None = None
    ) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.dropped = False
        broker.attach(name, lambda *message: self.heard.append(message), self.drop, will)
        for pattern in patterns:
            broker.subscribe(name, pattern)

    def drop(self) -> None:
        self.dropped = True


def test_retained_messages_meet_new_subscribers_until_cleared() -> None:
    broker = InProcessBroker()
    broker.publish(Publish("s", b"1", 1, retain=True))
    broker.publish(Publish("t", b"2", 1))
    assert Ear(broker, "a", "#").heard == [("s", b"1", True)]
    broker.publish(Publish("s", b"", 1, retain=True))
    assert Ear(broker, "b", "#").heard == []


def test_overlapping_filters_deliver_once() -> None:
    broker = InProcessBroker()
    ear = Ear(broker, "a", "x/#", "x/+")
    broker.publish(Publish("x/1", b"", 0))
    assert ear.heard == [("x/1", b"", False)]


def test_an_answer_given_while_delivering_comes_after() -> None:
    broker = InProcessBroker()
    broker.attach("first", lambda topic, *_: answer(topic), lambda: None)
    broker.subscribe("first", "#")
    last = Ear(broker, "last", "#")

    def answer(topic: str) -> None:
        if topic == "question":
            broker.publish(Publish("answer", b"", 0))

    broker.publish(Publish("question", b"", 0))
    assert [topic for topic, _, _ in last.heard] == ["question", "answer"]


def test_wills_come_with_a_break_only() -> None:
    broker = InProcessBroker()
    ear = Ear(broker, "ear", "will/#")
    for name in ("leaves", "breaks"):
        Ear(broker, name, will=Publish(f"will/{name}", b"", 1))
    broker.detach("leaves")
    broker.drop("breaks")
    broker.drop("nobody")
    assert [topic for topic, _, _ in ear.heard] == ["will/breaks"]


def test_a_second_client_of_the_same_name_throws_the_first_out() -> None:
    broker = InProcessBroker()
    first = Ear(broker, "same", "#")
    second = Ear(broker, "same", "#")
    broker.publish(Publish("x", b"", 0))
    assert (first.dropped, first.heard) == (True, [])
    assert second.heard


async def test_a_wire_of_a_dead_broker_cannot_publish() -> None:
    broker = InProcessBroker()
    wire = in_process(broker)("a", lambda *_: None)
    await wire.open(Publish("w", b"", 0), [])
    broker.stop()
    await wire.lost()
    with pytest.raises(ConnectionError):
        await wire.publish(Publish("x", b"", 0))
    with pytest.raises(ConnectionError):
        await wire.open(Publish("w", b"", 0), [])
