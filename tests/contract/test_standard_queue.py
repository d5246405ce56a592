"""What every standard queue promises, whatever it stands on: at least once, and no sooner than its delay."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from settle.runtime.errors import EnvelopeInvalidError, MessageTooLargeError
from settle.runtime.limits import MAX_DELAY_SECONDS, MAX_MESSAGE_BYTES
from tests.support.queues import (
    MAX_RECEIVE_COUNT,
    SENDER,
    VISIBILITY_SECONDS,
    StandardQueueUnderTest,
    bodies,
    handles,
)

THREADS = 4
ROUNDS = 10


@pytest.fixture
def queue(standard_queue: StandardQueueUnderTest) -> StandardQueueUnderTest:
    return standard_queue


# ---- sending


def test_a_received_message_is_what_was_sent_and_has_no_attribute_of_a_fifo_queue(
    queue: StandardQueueUnderTest,
) -> None:
    now = queue.clock.now()
    queue.queue.send(body="b\u00f6dy \U0001f600")
    queue.clock.sleep(2)
    message = queue.receive_one()
    assert message.body == "b\u00f6dy \U0001f600"
    assert message.message_id
    assert message.message_attributes == {}
    assert message.attributes == {
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(int((now + 2) * 1000)),
        "SentTimestamp": str(int(now * 1000)),
        "SenderId": SENDER,
    }


def test_both_sides_name_the_queue_alike(queue: StandardQueueUnderTest) -> None:
    assert queue.queue.arn == queue.polled.arn
    assert queue.queue.arn.startswith("arn:aws:sqs:")
    assert not queue.queue.arn.endswith(".fifo")


def test_a_message_of_the_largest_size_is_accepted_and_one_byte_more_is_not(queue: StandardQueueUnderTest) -> None:
    with pytest.raises(MessageTooLargeError):
        queue.queue.send(body="\u00f6" * (MAX_MESSAGE_BYTES // 2) + "x")
    queue.queue.send(body="\u00f6" * (MAX_MESSAGE_BYTES // 2))
    assert [len(body) for body in queue.take()] == [MAX_MESSAGE_BYTES // 2]


@pytest.mark.parametrize("body", ["", "\x00", "a\x1fb", "\ud800", "\ufffe"])
def test_a_body_that_sqs_refuses_is_refused(queue: StandardQueueUnderTest, body: str) -> None:
    with pytest.raises(EnvelopeInvalidError):
        queue.queue.send(body=body)


def test_equal_bodies_are_two_messages(queue: StandardQueueUnderTest) -> None:
    queue.send_all("same", "same")
    messages = queue.receive()
    assert bodies(messages) == ["same", "same"]
    assert len({message.message_id for message in messages}) == 2


# ---- delays


@pytest.mark.parametrize("delay", [-1, MAX_DELAY_SECONDS + 1])
def test_a_delay_that_sqs_refuses_is_a_mistake_and_sends_nothing(queue: StandardQueueUnderTest, delay: int) -> None:
    with pytest.raises(ValueError, match="0 to 900 s"):
        queue.queue.send(body="p0", delay=delay)
    queue.clock.sleep(MAX_DELAY_SECONDS + 2)
    assert queue.receive() == []


@pytest.mark.parametrize("delay", [1, 60, MAX_DELAY_SECONDS])
def test_a_delayed_message_comes_when_its_time_has_come_and_not_before(
    queue: StandardQueueUnderTest, delay: int
) -> None:
    queue.send_all("p0", delay=delay)
    queue.clock.sleep(delay - 0.5)
    assert queue.receive() == []
    queue.clock.sleep(1)
    assert queue.take() == ["p0"]


def test_nothing_waits_behind_a_delayed_message(queue: StandardQueueUnderTest) -> None:
    queue.send_all("slow", delay=600)
    queue.send_all("now")
    queue.send_all("soon", delay=5)
    assert queue.take() == ["now"]
    queue.clock.sleep(6)
    assert queue.take() == ["soon"]
    queue.clock.sleep(600)
    assert queue.take() == ["slow"]


# ---- receiving


def test_nothing_comes_from_an_empty_queue(queue: StandardQueueUnderTest) -> None:
    assert queue.receive() == []


def test_nothing_waits_behind_a_message_in_flight(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    taken = [queue.receive_one().body for _ in range(3)]
    assert sorted(taken) == ["p0", "p1", "p2"]
    assert queue.receive() == []


def test_a_receive_gives_no_more_than_asked_for(queue: StandardQueueUnderTest) -> None:
    queue.send_all(*map(str, range(12)))
    assert [len(queue.receive(count)) for count in (1, 2, 10, 10)] == [1, 2, 9, 0]


def test_a_message_that_nobody_deletes_comes_again_with_a_new_handle(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    first = queue.receive_one()
    queue.clock.sleep(VISIBILITY_SECONDS - 1)
    assert queue.receive() == []
    queue.clock.sleep(2)
    second = queue.receive_one()
    counts = [message.attributes["ApproximateReceiveCount"] for message in (first, second)]
    assert counts == ["1", "2"]
    for name in ("ApproximateFirstReceiveTimestamp", "SentTimestamp", "SenderId"):
        assert first.attributes[name] == second.attributes[name]
    assert first.message_id == second.message_id
    assert first.receipt_handle != second.receipt_handle


def test_a_deleted_message_does_not_come_again(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    message = queue.receive_one()
    queue.polled.delete([message.receipt_handle, "nonsense"])
    queue.expire()
    assert sorted([message.body, *queue.take()]) == ["p0", "p1"]


def test_a_handle_of_an_earlier_delivery_deletes_nothing(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    stale = handles(queue.receive())
    queue.expire()
    assert bodies(queue.receive()) == ["p0"]
    queue.polled.delete(stale)
    queue.expire()
    assert queue.take() == ["p0"]


# ---- postponing


def test_a_message_postponed_by_nothing_comes_again_at_once(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    queue.queue.postpone(queue.receive_one().receipt_handle, 0)
    assert queue.take() == ["p0"]


@pytest.mark.parametrize("seconds", [5, 3600])
def test_a_postponed_message_comes_again_in_so_many_seconds(queue: StandardQueueUnderTest, seconds: int) -> None:
    queue.send_all("p0")
    queue.queue.postpone(queue.receive_one().receipt_handle, seconds)
    queue.clock.sleep(seconds - 1)
    assert queue.receive() == []
    queue.clock.sleep(2)
    assert queue.take() == ["p0"]


def test_a_message_can_be_postponed_long_after_it_was_sent(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    queue.clock.sleep(3 * 86_400)
    queue.queue.postpone(queue.receive_one().receipt_handle, 600)
    queue.clock.sleep(599)
    assert queue.receive() == []
    queue.clock.sleep(2)
    assert queue.take() == ["p0"]


def test_a_stale_handle_postpones_nothing(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    earlier = queue.receive_one().receipt_handle
    queue.expire()
    queue.queue.postpone(earlier, 600)
    (current,) = handles(queue.receive())
    for stale in (earlier, "nonsense", "1.1"):
        queue.queue.postpone(stale, 0)
    assert queue.receive() == []
    queue.polled.delete([current])
    queue.queue.postpone(current, 0)
    assert queue.receive() == []


# ---- dead letters


def test_a_message_received_too_often_goes_to_the_dead_letters(queue: StandardQueueUnderTest) -> None:
    queue.send_all("poison")
    for _ in range(MAX_RECEIVE_COUNT):
        message = queue.receive_one()
        queue.expire()
    queue.send_all("p1")
    assert queue.take() == ["p1"]
    (letter,) = queue.dead_letters.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    assert (letter.body, letter.message_id) == ("poison", message.message_id)
    assert letter.attributes["SenderId"] == SENDER
    assert not {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} & set(letter.attributes)
    queue.dead_letters.delete([letter.receipt_handle])
    queue.expire()
    assert queue.dead_letters.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS) == []


def test_a_delay_is_no_delivery(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0", delay=MAX_DELAY_SECONDS)
    for _ in range(2 * MAX_RECEIVE_COUNT):
        assert queue.receive() == []
        queue.clock.sleep(1)
    queue.clock.sleep(MAX_DELAY_SECONDS)
    assert queue.take() == ["p0"]


# ---- waiting, and many at once


def test_waiting_ends_at_once_when_there_is_a_message(queue: StandardQueueUnderTest) -> None:
    queue.send_all("p0")
    began = time.monotonic()
    queue.polled.wait(10)
    assert time.monotonic() - began < 5


def test_parallel_consumers_take_every_message_once(queue: StandardQueueUnderTest) -> None:
    guard = threading.Lock()
    taken: Counter[str] = Counter()

    def send(thread: int) -> None:
        queue.send_all(*(f"{thread}-{number}" for number in range(ROUNDS)))

    def consume() -> None:
        while messages := queue.receive(3):
            queue.polled.delete(handles(messages))
            with guard:
                taken.update(bodies(messages))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, range(THREADS)))
        for work in [pool.submit(consume) for _ in range(THREADS)]:
            work.result()
    assert taken == {f"{thread}-{number}": 1 for thread in range(THREADS) for number in range(ROUNDS)}
