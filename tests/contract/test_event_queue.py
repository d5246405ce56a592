"""What every event queue promises, whatever it stands on: the rules of an SQS FIFO queue."""

import threading
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from settle.adapters.polled_queue import ReceivedMessage
from settle.core.errors import SettleError
from settle.runtime.errors import EnvelopeInvalidError, MessageTooLargeError, NameInvalidError
from settle.runtime.limits import DEDUPLICATION_SECONDS, MAX_MESSAGE_BYTES, MAX_SQS_MESSAGE_BYTES
from tests.support.queues import MAX_RECEIVE_COUNT, SENDER, VISIBILITY_SECONDS, QueueUnderTest, bodies, handles

THREADS = 8
ROUNDS = 10
GROUPS = 6


def group_of(message: ReceivedMessage) -> str:
    return message.attributes["MessageGroupId"]


# ---- sending


def test_a_received_message_is_what_was_sent(queue: QueueUnderTest) -> None:
    now = queue.clock.now()
    sent = queue.send("b\u00f6dy \U0001f600", group="order/4711", deduplication_id="id-1")
    queue.clock.sleep(2)
    message = queue.receive_one()
    assert message.body == "b\u00f6dy \U0001f600"
    assert message.message_id == sent.message_id
    assert message.message_attributes == {}
    assert message.attributes == {
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(int((now + 2) * 1000)),
        "SentTimestamp": str(int(now * 1000)),
        "SenderId": SENDER,
        "SequenceNumber": sent.sequence_number,
        "MessageGroupId": "order/4711",
        "MessageDeduplicationId": "id-1",
    }


def test_both_sides_name_the_queue_alike(queue: QueueUnderTest) -> None:
    assert queue.queue.arn == queue.polled.arn
    assert queue.queue.arn.startswith("arn:aws:sqs:")


def test_sequence_numbers_have_twenty_digits_and_rise(queue: QueueUnderTest) -> None:
    numbers = [queue.send(str(i), group=f"g{i % 3}").sequence_number for i in range(12)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    assert {len(number) for number in numbers} == {20}


def test_a_message_of_the_largest_size_is_accepted_and_one_byte_more_is_not(queue: QueueUnderTest) -> None:
    with pytest.raises(MessageTooLargeError):
        queue.send("\u00f6" * (MAX_MESSAGE_BYTES // 2) + "x", deduplication_id="more")
    queue.send("\u00f6" * (MAX_MESSAGE_BYTES // 2), deduplication_id="most")
    assert [len(body) for body in queue.take()] == [MAX_MESSAGE_BYTES // 2]


@pytest.mark.parametrize("name", ["", "a b", "\u00f6", "a\n", "x" * 129])
def test_an_id_that_sqs_refuses_is_refused(queue: QueueUnderTest, name: str) -> None:
    with pytest.raises(NameInvalidError):
        queue.queue.send(group=name, deduplication_id="id", body="body")
    with pytest.raises(NameInvalidError):
        queue.queue.send(group="g", deduplication_id=name, body="body")


def test_every_character_that_sqs_takes_in_an_id_is_taken(queue: QueueUnderTest) -> None:
    name = "aZ09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".ljust(128, "x")
    queue.queue.send(group=name, deduplication_id=name, body="body")
    assert group_of(queue.receive_one()) == name


@pytest.mark.parametrize("body", ["", "\x00", "a\x1fb", "\ud800", "\ufffe"])
def test_a_body_that_sqs_refuses_is_refused(queue: QueueUnderTest, body: str) -> None:
    with pytest.raises(EnvelopeInvalidError) as refused:
        queue.send(body, deduplication_id="id")
    assert isinstance(refused.value, SettleError)


# ---- order and groups


def test_a_group_comes_in_the_order_of_sending(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    assert bodies(queue.receive()) == ["p0", "p1", "p2"]


def test_nothing_comes_from_an_empty_queue(queue: QueueUnderTest) -> None:
    assert queue.receive() == []


def test_a_group_is_locked_while_a_message_is_in_flight_and_others_are_served(queue: QueueUnderTest) -> None:
    queue.send_all("a0", "a1", group="a")
    assert bodies(queue.receive(1)) == ["a0"]
    queue.send_all("b0", group="b")
    queue.send_all("a2", group="a")
    assert bodies(queue.receive()) == ["b0"]
    assert queue.receive() == []


def test_a_group_stays_locked_until_every_received_message_is_deleted(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2", "p3")
    received = handles(queue.receive(3))
    for handle in (received[1], received[0]):
        queue.queue.acknowledge([handle])
        assert queue.receive() == []
    queue.queue.acknowledge([received[2]])
    assert bodies(queue.receive()) == ["p3"]


def test_a_batch_holds_several_groups_one_packed_after_the_other(queue: QueueUnderTest) -> None:
    for number in range(3):
        for group in "abc":
            queue.send(f"{group}{number}", group)
    assert bodies(queue.receive(8)) == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1"]
    assert queue.receive() == []


def test_a_receive_gives_no_more_than_asked_for(queue: QueueUnderTest) -> None:
    for number in range(12):
        queue.send(f"{number}", f"g{number}")
    assert [len(queue.receive(count)) for count in (1, 2, 10, 10)] == [1, 2, 9, 0]


def test_a_busy_group_does_not_starve_the_others(queue: QueueUnderTest) -> None:
    # SQS promises no order among groups; the local queues serve first what has waited longest.
    queue.send_all(*(f"a{number}" for number in range(15)), group="a")
    queue.clock.sleep(1)
    queue.send_all("b0", group="b")
    queue.clock.sleep(1)
    assert queue.take() == [f"a{number}" for number in range(10)]
    assert queue.take(3) == ["b0", "a10", "a11"]


# ---- visibility


def test_after_a_batch_expires_it_comes_again_oldest_first(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2", "p3")
    assert bodies(queue.receive(3)) == ["p0", "p1", "p2"]
    queue.expire()
    assert queue.take_one_by_one() == ["p0", "p1", "p2", "p3"]


def test_after_part_of_a_batch_expires_its_oldest_message_comes_first(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2", "p3")
    first = queue.receive(3)[0]
    queue.queue.acknowledge([first.receipt_handle])
    assert queue.receive() == []
    queue.expire()
    assert bodies(queue.receive()) == ["p1", "p2", "p3"]


def test_only_messages_before_an_extended_one_come(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    middle = queue.receive()[1]
    queue.queue.delay([middle.receipt_handle], 10 * VISIBILITY_SECONDS)
    queue.expire()
    assert bodies(queue.receive()) == ["p0"]
    assert queue.receive() == []


def test_a_message_made_visible_again_comes_again_alone(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    first = queue.receive()[0]
    queue.queue.delay([first.receipt_handle], 0)
    assert bodies(queue.receive()) == ["p0"]


def test_a_later_message_made_visible_waits_for_those_before_it(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    last = queue.receive()[2]
    queue.queue.delay([last.receipt_handle], 0)
    assert queue.receive() == []


def test_a_batch_delayed_newest_first_comes_back_whole_after_that_time(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2", "p3")
    batch = queue.receive(3)
    queue.queue.delay(handles(batch)[::-1], 5)
    queue.clock.sleep(4)
    assert queue.receive() == []
    queue.clock.sleep(2)
    assert bodies(queue.receive()) == ["p0", "p1", "p2", "p3"]


def test_a_message_is_hidden_for_the_time_the_receiver_asked_for(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    queue.receive(visibility_timeout=100)
    queue.clock.sleep(99)
    assert queue.receive() == []
    queue.clock.sleep(2)
    assert bodies(queue.receive()) == ["p0"]


def test_the_receive_count_rises_and_the_first_time_stays(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    first = queue.receive()
    queue.expire()
    second = queue.receive()
    for before, after in zip(first, second, strict=True):
        assert (before.attributes["ApproximateReceiveCount"], after.attributes["ApproximateReceiveCount"]) == ("1", "2")
        same = {"ApproximateFirstReceiveTimestamp", "SentTimestamp", "SequenceNumber", "SenderId"}
        assert {name: before.attributes[name] for name in same} == {name: after.attributes[name] for name in same}
        assert before.message_id == after.message_id
        assert before.receipt_handle != after.receipt_handle


# ---- receipt handles


def test_an_expired_handle_does_not_delete(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    message = queue.receive_one()
    queue.expire()
    queue.queue.acknowledge([message.receipt_handle])
    assert bodies(queue.receive()) == ["p0"]


def test_a_handle_of_an_earlier_delivery_touches_nothing(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    stale = handles(queue.receive())
    queue.expire()
    current = handles(queue.receive())
    queue.queue.acknowledge(stale)
    queue.queue.delay(stale[::-1], 0)
    assert queue.receive() == []
    queue.queue.acknowledge(current)
    queue.expire()
    assert queue.receive() == []


def test_a_stale_handle_does_not_keep_the_others_from_being_used(queue: QueueUnderTest) -> None:
    queue.send_all("a0", group="a")
    (stale,) = handles(queue.receive())
    queue.expire()
    queue.send_all("b0", group="b")
    queue.send_all("c0", group="c")
    by_group = {group_of(message): message.receipt_handle for message in queue.receive()}
    queue.queue.delay([stale, "nonsense", "1.1", "9" * 30 + ".1", by_group["b"]], 0)
    assert bodies(queue.receive()) == ["b0"]
    queue.queue.acknowledge([stale, "nonsense", by_group["c"]])
    queue.expire()
    assert sorted(bodies(queue.receive())) == ["a0", "b0"]


def test_deleting_twice_is_harmless(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1")
    message = queue.receive_one()
    queue.queue.acknowledge([message.receipt_handle, message.receipt_handle])
    queue.queue.acknowledge([message.receipt_handle])
    assert bodies(queue.receive()) == ["p1"]


def test_more_messages_than_one_request_takes_are_deleted(queue: QueueUnderTest) -> None:
    for number in range(25):
        queue.send(str(number), f"g{number}")
    received = [handle for _ in range(3) for handle in handles(queue.receive())]
    assert len(received) == 25
    queue.queue.acknowledge(received)
    queue.queue.acknowledge([])
    queue.queue.delay([], 1)
    queue.expire()
    assert queue.receive() == []


# ---- duplicates


def test_a_duplicate_is_not_delivered_and_answers_as_the_first(queue: QueueUnderTest) -> None:
    first = queue.send("p0", deduplication_id="id")
    assert queue.send("other body", deduplication_id="id") == first
    assert queue.take_one_by_one() == ["p0"]


def test_a_deduplication_id_is_remembered_after_its_message_was_deleted(queue: QueueUnderTest) -> None:
    first = queue.send("p0", deduplication_id="id")
    assert queue.take() == ["p0"]
    queue.clock.sleep(DEDUPLICATION_SECONDS - 1)
    assert queue.send("p0", deduplication_id="id") == first
    assert queue.receive() == []


def test_a_deduplication_id_is_forgotten_five_minutes_after_the_first(queue: QueueUnderTest) -> None:
    first = queue.send("p0", deduplication_id="id")
    queue.clock.sleep(DEDUPLICATION_SECONDS - 1)
    queue.send("p0", deduplication_id="id")
    queue.clock.sleep(2)
    again = queue.send("p1", deduplication_id="id")
    assert again.message_id != first.message_id
    assert again.sequence_number > first.sequence_number
    assert queue.take() == ["p0", "p1"]


def test_deduplication_ids_belong_to_their_group(queue: QueueUnderTest) -> None:
    queue.send("a0", group="a", deduplication_id="id")
    queue.send("b0", group="b", deduplication_id="id")
    assert queue.take() == ["a0", "b0"]


# ---- dead letters


def test_a_message_received_too_often_goes_to_the_dead_letters_and_the_next_is_served(queue: QueueUnderTest) -> None:
    sent = queue.send("poison")
    queue.send_all("p1")
    for _ in range(MAX_RECEIVE_COUNT):
        assert bodies(queue.receive(1)) == ["poison"]
        queue.expire()
    assert bodies(queue.receive(1)) == ["p1"]
    (letter,) = queue.dead_letters.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    assert (letter.body, letter.message_id) == ("poison", sent.message_id)
    assert letter.attributes["MessageDeduplicationId"] == sent.message_id
    assert group_of(letter) == "g"
    assert letter.attributes["SenderId"] == SENDER
    assert letter.attributes["SequenceNumber"] > sent.sequence_number


def test_an_expired_batch_goes_to_the_dead_letters_whole_and_in_order(queue: QueueUnderTest) -> None:
    queue.send_all("p0", "p1", "p2")
    for _ in range(MAX_RECEIVE_COUNT):
        assert bodies(queue.receive()) == ["p0", "p1", "p2"]
        queue.expire()
    queue.send_all("p3")
    queue.send_all("q0", group="other")
    assert bodies(queue.receive(2)) == ["p3", "q0"]
    letters = queue.dead_letters.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    assert bodies(letters) == ["p0", "p1", "p2"]


def test_a_buried_message_keeps_its_body_and_tells_the_reason(queue: QueueUnderTest) -> None:
    for _ in range(2):
        queue.dead_letter_queue.bury(group="g", deduplication_id="id", body="{", reason="no JSON: \x00\nline 1")
    (letter,) = queue.dead_letters.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    assert letter.body == "{"
    assert letter.message_attributes["reason"]["StringValue"] == "no JSON: \ufffd\nline 1"
    assert letter.message_attributes["reason"]["DataType"] == "String"


@pytest.mark.parametrize(("room", "reason"), [(0, None), (12, None), (14, "to"), (100, "too large")])
def test_no_message_is_too_large_to_be_buried(queue: QueueUnderTest, room: int, reason: str | None) -> None:
    body = "x" * (MAX_SQS_MESSAGE_BYTES - room)
    queue.dead_letter_queue.bury(group="g", deduplication_id="id", body=body, reason="too large")
    (letter,) = queue.dead_letters.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS)
    assert len(letter.body) == len(body)
    assert letter.message_attributes.get("reason", {}).get("StringValue") == reason


# ---- waiting, and many at once


def test_waiting_ends_at_once_when_there_is_a_message(queue: QueueUnderTest) -> None:
    queue.send_all("p0")
    began = time.monotonic()
    queue.polled.wait(10)
    assert time.monotonic() - began < 5


def test_parallel_consumers_keep_the_order_and_never_share_a_group(queue: QueueUnderTest) -> None:
    guard = threading.Lock()
    owners: set[str] = set()
    shared: list[str] = []
    delivered: dict[str, list[str]] = defaultdict(list)
    sends: list[Future[None]] = []

    def send(thread: int) -> None:
        for number in range(ROUNDS):
            queue.send(f"{thread}-{number}", group=f"g{(thread + number) % GROUPS}")

    def consume() -> None:
        while True:
            last_round = all(send.done() for send in sends)
            messages = queue.receive()
            groups = {group_of(message) for message in messages}
            with guard:
                shared.extend(groups & owners)
                owners.update(groups)
                for message in messages:
                    delivered[group_of(message)].append(message.attributes["SequenceNumber"])
            with guard:
                owners.difference_update(groups)
            queue.polled.delete(handles(messages))
            if last_round and not messages:
                return

    with ThreadPoolExecutor(2 * THREADS) as pool:
        sends.extend(pool.submit(send, number) for number in range(THREADS))
        for work in [*sends, *(pool.submit(consume) for _ in range(THREADS))]:
            work.result()
    assert shared == []
    assert sum(map(len, delivered.values())) == THREADS * ROUNDS
    for numbers in delivered.values():
        assert numbers == sorted(set(numbers))
