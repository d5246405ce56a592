"""What dead letters are on both backends, for whoever empties the queue."""

from typing import Any

import pytest

from settle.adapters.dead_letter import letter_attributes
from settle.adapters.dead_letters import HIDE_SECONDS, QueuedDeadLetters
from settle.runtime.dead_letter import DeadLetter
from settle.runtime.limits import MAX_SQS_MESSAGE_BYTES
from settle.runtime.redrive import Wish, redrive
from tests.support.queues import MAX_RECEIVE_COUNT, SENDER, QueueUnderTest, StandardQueueUnderTest


def letters(queue: QueueUnderTest | StandardQueueUnderTest) -> QueuedDeadLetters:
    polled: Any = queue.dead_letters
    return QueuedDeadLetters(polled)


def bury(queue: QueueUnderTest, body: str, group: str = "m/1", **fields: str) -> None:
    queue.dead_letter_queue.bury(group=group, deduplication_id=f"id-{body}", body=body, reason="no reason", **fields)


def test_a_buried_letter_says_who_had_sent_it_and_why_it_is_there(queue: QueueUnderTest) -> None:
    bury(queue, "b", sender="AROASTRANGER:session")
    (letter,) = letters(queue).receive()
    assert (letter.group, letter.deduplication_id, letter.body) == ("m/1", "id-b", "b")
    assert (letter.sender, letter.reason, letter.first_sender) == (SENDER, "no reason", "AROASTRANGER:session")


def test_a_letter_that_the_queue_itself_moved_keeps_its_sender_and_has_no_reason(queue: QueueUnderTest) -> None:
    sent = queue.send("b", group="m/1")
    for _ in range(MAX_RECEIVE_COUNT):
        assert queue.receive()
        queue.expire()
    assert queue.receive() == []
    (letter,) = letters(queue).receive()
    assert (letter.group, letter.deduplication_id, letter.body) == ("m/1", sent.message_id, "b")
    assert (letter.sender, letter.reason, letter.first_sender) == (SENDER, "", "")


def test_a_letter_of_a_standard_queue_has_no_group(standard_queue: StandardQueueUnderTest) -> None:
    standard_queue.send_all("b")
    for _ in range(MAX_RECEIVE_COUNT):
        assert standard_queue.receive()
        standard_queue.expire()
    assert standard_queue.receive() == []
    (letter,) = letters(standard_queue).receive()
    assert (letter.group, letter.deduplication_id, letter.body, letter.sender) == ("", "", "b", SENDER)


def test_letters_are_hidden_until_they_are_put_back_in_order(queue: QueueUnderTest) -> None:
    for body in ("a", "b", "c"):
        bury(queue, body)
    source = letters(queue)
    received = source.receive()
    assert [letter.body for letter in received] == ["a", "b", "c"]
    assert source.receive() == []
    source.delete(received[0])
    source.put_back(received[1:])
    assert [letter.body for letter in source.receive()] == ["b", "c"]
    queue.clock.sleep(HIDE_SECONDS + 1)
    assert [letter.body for letter in source.receive()] == ["b", "c"]


def test_a_run_deletes_what_was_sent_and_leaves_the_rest_where_it_was(queue: QueueUnderTest) -> None:
    for body in ("a", "b"):
        bury(queue, body, "m/1")
        bury(queue, f"{body}2", "m/2")
    sent: list[str] = []

    def send(letter: DeadLetter) -> None:
        sent.append(letter.body)

    assert len(list(redrive(letters(queue), send, Wish(instance="2")))) == 2
    assert sent == ["a2", "b2"]
    assert [letter.body for letter in letters(queue).receive()] == ["a", "b"]


@pytest.mark.parametrize(
    ("room", "names"), [(0, set()), (14, {"reason"}), (22, {"sender"}), (60, {"sender", "reason"})]
)
def test_no_sender_makes_a_message_too_large_to_be_buried(queue: QueueUnderTest, room: int, names: set[str]) -> None:
    body = "x" * (MAX_SQS_MESSAGE_BYTES - room)
    assert set(letter_attributes(body, "too large", "0123456789")) == names
    queue.dead_letter_queue.bury(group="g", deduplication_id="id", body=body, reason="too large", sender="0123456789")
    (letter,) = letters(queue).receive()
    assert (bool(letter.reason), bool(letter.first_sender)) == ("reason" in names, "sender" in names)
