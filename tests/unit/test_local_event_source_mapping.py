"""The event source mapping keeps to the rules of SQS and Lambda."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_queue import SqliteQueue
from settle.adapters.sqlite_standard_queue import TASKS_DEAD_LETTER_QUEUE, TASKS_QUEUE, SqliteStandardQueue
from settle.local.errors import BusyError, FunctionError, StartError, TimedOutError
from settle.local.event_source_mapping import EventSourceMapping, MappingConfig
from settle.local.gate import Gate
from settle.runtime.errors import QueueUnavailableError

VISIBILITY = 30
PATIENCE = 10.0
"""Seconds until a test gives up; none of them is meant to pass."""


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Function:
    """Answers with what `behave` says, and remembers what it was given.

    The condition is notified with every invocation.
    """

    def __init__(self, behave: Callable[[list[str]], Any] = lambda _: None) -> None:
        self.behave = behave
        self.batches: list[list[str]] = []
        self.events: list[Any] = []
        self.changed = threading.Condition()

    def __call__(self, event: Any, *, in_flight: int) -> Any:
        bodies = [record["body"] for record in event["Records"]]
        assert in_flight == len(bodies)
        with self.changed:
            self.batches.append(bodies)
            self.events.append(event)
            self.changed.notify_all()
        return self.behave([record["messageId"] for record in event["Records"]])

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE)

    @property
    def bodies(self) -> list[str]:
        return [body for batch in self.batches for body in batch]


class Relay:
    """A queue that passes everything on; subclasses disturb it."""

    def __init__(self, queue: SqliteQueue) -> None:
        self.arn, self.wait, self.delete, self._receive = queue.arn, queue.wait, queue.delete, queue.receive

    def receive(self, **arguments: Any) -> list[ReceivedMessage]:
        return self._receive(**arguments)


@pytest.fixture(autouse=True)
def _stop_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("settle.local.event_source_mapping.WAIT_SECONDS", 0.02)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Iterator[SqliteQueue]:
    database = SqliteDatabase(":memory:")
    yield SqliteQueue(database, clock, sender="ingress")
    database.close()


def send(queue: SqliteQueue, *bodies: str) -> None:
    """Send messages to the group that each body begins with."""
    for body in bodies:
        queue.send(group=body[0], deduplication_id=body, body=body)


def make_mapping(
    queue: Any,
    function: Function,
    *,
    max_concurrency: int = 1,
    batch_size: int = 10,
    computing: int = 1,
    max_busy: int = 4,
    gate: Gate | None = None,
) -> EventSourceMapping:
    config = MappingConfig(
        visibility_timeout=VISIBILITY,
        function_timeout=5,
        max_concurrency=max_concurrency,
        batch_size=batch_size,
        max_busy=max_busy,
    )
    return EventSourceMapping(queue, function, config, gate=gate, computing=computing)


def receive(queue: SqliteQueue) -> list[ReceivedMessage]:
    return queue.receive(max_messages=10, visibility_timeout=VISIBILITY)


def left_over(queue: SqliteQueue, clock: Clock) -> list[str]:
    """Return the bodies that come again when the visibility timeout is over."""
    assert receive(queue) == []
    clock.time += VISIBILITY
    return [message.body for message in receive(queue)]


class TestAnswers:
    """Which messages are deleted, for every shape of answer."""

    @pytest.mark.parametrize(
        "answer",
        [None, "", {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"other": 1}],
        ids=str,
    )
    def test_empty_null_or_missing_failures_delete_the_batch(
        self, queue: SqliteQueue, clock: Clock, answer: Any
    ) -> None:
        send(queue, "a0", "a1", "b0")
        mapping = make_mapping(queue, Function(lambda _: answer))
        mapping.process(receive(queue))
        assert left_over(queue, clock) == []
        assert (mapping.counters.failed_batches, mapping.counters.messages) == (0, 3)

    @pytest.mark.parametrize(
        "answer",
        [
            {"batchItemFailures": [{"itemIdentifier": ""}]},
            {"batchItemFailures": [{"itemIdentifier": None}]},
            {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
            {"batchItemFailures": [{"foo": "bar"}]},
            {"batchItemFailures": ["text"]},
            {"batchItemFailures": {"itemIdentifier": "unknown"}},
            {"batchItemFailures": "text"},
            "not an object",
            ["not an object"],
        ],
        ids=str,
    )
    def test_malformed_failures_keep_the_whole_batch(self, queue: SqliteQueue, clock: Clock, answer: Any) -> None:
        send(queue, "a0", "a1", "b0")
        mapping = make_mapping(queue, Function(lambda _: answer))
        mapping.process(receive(queue))
        assert left_over(queue, clock) == ["a0", "a1", "b0"]
        assert (mapping.counters.failed_batches, mapping.counters.failed_messages) == (1, 3)

    def test_one_bad_entry_beside_a_good_one_keeps_the_whole_batch(self, queue: SqliteQueue, clock: Clock) -> None:
        send(queue, "a0", "b0")
        function = Function(lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}, {"itemIdentifier": "x"}]})
        make_mapping(queue, function).process(receive(queue))
        assert left_over(queue, clock) == ["a0", "b0"]

    def test_only_messages_that_are_not_listed_are_deleted(self, queue: SqliteQueue, clock: Clock) -> None:
        send(queue, "a0", "a1", "a2", "b0")
        function = Function(lambda ids: {"batchItemFailures": [{"itemIdentifier": id_} for id_ in ids[1:3]]})
        mapping = make_mapping(queue, function)
        mapping.process(receive(queue))
        assert left_over(queue, clock) == ["a1", "a2"]
        assert (mapping.counters.failed_batches, mapping.counters.failed_messages) == (1, 2)

    def test_order_is_not_protected_from_a_function_that_lists_only_the_failed_one(
        self, queue: SqliteQueue, clock: Clock
    ) -> None:
        send(queue, "a0", "a1", "a2")
        function = Function(lambda ids: {"batchItemFailures": [{"itemIdentifier": ids[0]}]})
        make_mapping(queue, function).process(receive(queue))
        assert left_over(queue, clock) == ["a0"]

    @pytest.mark.parametrize("error", [FunctionError("ValueError: no"), TimedOutError("Task timed out")], ids=str)
    def test_failed_invocation_keeps_the_whole_batch(self, queue: SqliteQueue, clock: Clock, error: Exception) -> None:
        def fail(_: list[str]) -> None:
            raise error

        send(queue, "a0", "b0")
        mapping = make_mapping(queue, Function(fail))
        mapping.process(receive(queue))
        assert left_over(queue, clock) == ["a0", "b0"]
        assert mapping.counters.failed_batches == 1

    def test_receive_count_rises_for_innocents_too(self, queue: SqliteQueue, clock: Clock) -> None:
        send(queue, "a0", "b0")
        function = Function(lambda ids: {"batchItemFailures": [{"itemIdentifier": id_} for id_ in ids]})
        mapping = make_mapping(queue, function)
        for _ in range(2):
            mapping.process(receive(queue))
            clock.time += VISIBILITY
        counts = [record["attributes"]["ApproximateReceiveCount"] for record in function.events[1]["Records"]]
        assert counts == ["2", "2"]


class TestRunning:
    """Threads that poll."""

    def test_groups_come_in_one_batch_and_each_in_order(self, queue: SqliteQueue) -> None:
        send(queue, "a0", "b0", "a1", "b1", "a2")
        function = Function()
        mapping = make_mapping(queue, function)
        mapping.start()
        function.wait_for(lambda: len(function.bodies) == 5)
        mapping.stop(PATIENCE)
        assert function.batches == [["a0", "a1", "a2", "b0", "b1"]]

    def test_batch_size_is_kept(self, queue: SqliteQueue) -> None:
        send(queue, *(f"a{number:02}" for number in range(25)))
        function = Function()
        mapping = make_mapping(queue, function, max_concurrency=2)
        mapping.start()
        function.wait_for(lambda: len(function.bodies) == 25)
        mapping.stop(PATIENCE)
        assert [len(batch) for batch in function.batches] == [10, 10, 5]
        assert function.bodies == sorted(function.bodies)

    def test_messages_gather_while_an_invocation_computes(
        self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue
    ) -> None:
        monkeypatch.setattr("settle.local.event_source_mapping.COMPUTING_SECONDS", PATIENCE)
        release = threading.Event()

        def wait(_: list[str]) -> None:
            assert release.wait(PATIENCE)

        function = Function(wait)
        mapping = make_mapping(queue, function, max_concurrency=2)
        mapping.start()
        send(queue, "a0")
        function.wait_for(lambda: bool(function.batches))
        send(queue, "b0", "c0", "b1")
        release.set()
        function.wait_for(lambda: len(function.bodies) == 4)
        mapping.stop(PATIENCE)
        assert function.batches == [["a0"], ["b0", "b1", "c0"]]

    def test_nobody_queues_behind_an_invocation_that_waits(self, queue: SqliteQueue) -> None:
        release = threading.Event()
        function = Function()

        def wait_for_the_last(_: list[str]) -> None:
            if "d0" in function.bodies:
                release.set()
            assert release.wait(PATIENCE)

        function.behave = wait_for_the_last
        mapping = make_mapping(queue, function, max_concurrency=4)
        mapping.start()
        for number, body in enumerate(("a0", "b0", "c0", "d0")):
            send(queue, body)
            function.wait_for(lambda: len(function.bodies) > number)  # noqa: B023 - called at once
        mapping.stop(PATIENCE)
        assert function.batches == [["a0"], ["b0"], ["c0"], ["d0"]]
        assert mapping.counters.failed_batches == 0

    def test_slow_invocations_take_nobodys_place(self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue) -> None:
        monkeypatch.setattr("settle.local.event_source_mapping.COMPUTING_SECONDS", 0.001)
        monkeypatch.setattr("settle.local.event_source_mapping.WAITING_SECONDS", 0.002)
        release = threading.Event()
        function = Function()

        def be_slow(_: list[str]) -> None:
            if function.bodies[-1] != "z0":
                assert release.wait(PATIENCE)

        function.behave = be_slow
        mapping = make_mapping(queue, function, max_concurrency=7, max_busy=1)
        mapping.start()
        for number, body in enumerate(("a0", "b0", "c0", "d0", "e0", "f0", "z0")):
            send(queue, body)
            function.wait_for(lambda: len(function.bodies) > number)  # noqa: B023 - called at once
        assert not release.is_set()
        release.set()
        mapping.stop(PATIENCE)
        assert function.batches == [["a0"], ["b0"], ["c0"], ["d0"], ["e0"], ["f0"], ["z0"]]

    def test_no_more_threads_are_started_than_were_needed_at_once(self, queue: SqliteQueue) -> None:
        function = Function()
        mapping = make_mapping(queue, function, max_concurrency=32)
        mapping.start()
        for number in range(20):
            send(queue, f"a{number:02}")
            function.wait_for(lambda: len(function.bodies) > number)  # noqa: B023 - called at once
        mapping.stop(PATIENCE)
        assert len(mapping._workers) <= 2

    def test_messages_gather_while_as_many_run_as_may_be_busy(
        self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue
    ) -> None:
        monkeypatch.setattr("settle.local.event_source_mapping.COMPUTING_SECONDS", 0.001)
        monkeypatch.setattr("settle.local.event_source_mapping.WAITING_SECONDS", PATIENCE)
        release = threading.Event()

        def wait(_: list[str]) -> None:
            assert release.wait(PATIENCE)

        function = Function(wait)
        mapping = make_mapping(queue, function, max_concurrency=4, max_busy=2)
        mapping.start()
        for number, body in enumerate(("a0", "b0")):
            send(queue, body)
            function.wait_for(lambda: len(function.bodies) > number)  # noqa: B023 - called at once
        send(queue, "c0", "d0")
        release.set()
        function.wait_for(lambda: len(function.bodies) == 4)
        mapping.stop(PATIENCE)
        assert function.batches == [["a0"], ["b0"], ["c0", "d0"]]

    def test_one_group_is_never_in_two_invocations(self, queue: SqliteQueue) -> None:
        running: set[str] = set()
        overlaps: list[str] = []
        most: list[int] = []

        class Watched(Function):
            def __call__(self, event: Any, *, in_flight: int) -> Any:
                groups = {record["attributes"]["MessageGroupId"] for record in event["Records"]}
                with self.changed:
                    overlaps.extend(running & groups)
                    running.update(groups)
                    most.append(len(running))
                answer = super().__call__(event, in_flight=in_flight)
                threading.Event().wait(0.001)
                with self.changed:
                    running.difference_update(groups)
                return answer

        function: Function = Watched()
        mapping = make_mapping(queue, function, max_concurrency=4, batch_size=3, computing=4)
        mapping.start()
        send(queue, *(f"{group}{number:02}" for number in range(20) for group in "abcd"))
        function.wait_for(lambda: len(function.bodies) == 80)
        mapping.stop(PATIENCE)
        assert overlaps == []
        assert max(most) > 1
        for group in "abcd":
            mine = [body for body in function.bodies if body.startswith(group)]
            assert mine == sorted(mine)

    def test_message_sent_while_idle_is_taken_at_once(self, queue: SqliteQueue) -> None:
        function = Function()
        mapping = make_mapping(queue, function, max_concurrency=2)
        mapping.start()
        for number in range(5):
            send(queue, f"a{number}")
            function.wait_for(lambda: len(function.bodies) == number + 1)  # noqa: B023 - called at once
        mapping.stop(PATIENCE)
        assert function.bodies == ["a0", "a1", "a2", "a3", "a4"]

    def test_stop_lets_the_running_invocation_end_and_deletes_its_batch(self, queue: SqliteQueue, clock: Clock) -> None:
        release = threading.Event()

        def wait(_: list[str]) -> None:
            assert release.wait(PATIENCE)

        send(queue, "a0")
        function = Function(wait)
        mapping = make_mapping(queue, function)
        mapping.start()
        function.wait_for(lambda: bool(function.batches))
        stopping = threading.Thread(target=mapping.stop, args=(PATIENCE,))
        stopping.start()
        release.set()
        stopping.join(PATIENCE)
        send(queue, "a1")
        clock.time += VISIBILITY
        assert [message.body for message in receive(queue)] == ["a1"]

    def test_queue_that_fails_once_is_asked_again(self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue) -> None:
        monkeypatch.setattr("settle.local.event_source_mapping.BACK_OFF_SECONDS", 0)
        errors: list[Exception] = [QueueUnavailableError("away"), RuntimeError("a bug")]
        function = Function()

        class Flaky(Relay):
            def receive(self, **arguments: Any) -> list[ReceivedMessage]:
                if errors:
                    raise errors.pop()
                return super().receive(**arguments)

        send(queue, "a0")
        mapping = make_mapping(Flaky(queue), function)
        mapping.start()
        function.wait_for(lambda: function.bodies == ["a0"])
        mapping.stop(PATIENCE)

    def test_message_that_cannot_be_deleted_comes_again(
        self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue, clock: Clock
    ) -> None:
        def fail(_: Any) -> None:
            raise QueueUnavailableError("away")

        send(queue, "a0")
        mapping = make_mapping(queue, Function())
        with monkeypatch.context() as patch:
            patch.setattr(queue, "delete", fail)
            mapping.process(receive(queue))
        assert left_over(queue, clock) == ["a0"]


class TestStandardQueue:
    """The same rules without groups: a message waits for none but itself."""

    @pytest.fixture
    def tasks(self, clock: Clock) -> Iterator[SqliteStandardQueue]:
        database = SqliteDatabase(":memory:")
        yield SqliteStandardQueue(
            database,
            clock,
            sender="consumer",
            name=TASKS_QUEUE,
            dead_letters=TASKS_DEAD_LETTER_QUEUE,
            max_receive_count=2,
        )
        database.close()

    def test_record_is_one_of_a_standard_queue(self, tasks: SqliteStandardQueue) -> None:
        tasks.send(body="t0")
        function = Function()
        mapping = make_mapping(tasks, function)
        mapping.start()
        function.wait_for(lambda: bool(function.batches))
        mapping.stop(PATIENCE)
        ((record,),) = [event["Records"] for event in function.events]
        assert (record["body"], record["eventSource"], record["eventSourceARN"]) == ("t0", "aws:sqs", tasks.arn)
        assert record["attributes"].keys() == {
            "ApproximateReceiveCount",
            "ApproximateFirstReceiveTimestamp",
            "SentTimestamp",
            "SenderId",
        }

    def test_batch_of_one_gives_every_message_an_invocation(self, tasks: SqliteStandardQueue) -> None:
        for number in range(3):
            tasks.send(body=f"t{number}")
        function = Function()
        mapping = make_mapping(tasks, function, batch_size=1, max_concurrency=2)
        mapping.start()
        function.wait_for(lambda: len(function.bodies) == 3)
        mapping.stop(PATIENCE)
        assert sorted(function.batches) == [["t0"], ["t1"], ["t2"]]

    def test_delayed_message_comes_when_its_time_has_passed(self, tasks: SqliteStandardQueue, clock: Clock) -> None:
        tasks.send(body="late", delay=900)
        tasks.send(body="now")
        function = Function()
        mapping = make_mapping(tasks, function)
        mapping.start()
        function.wait_for(lambda: function.bodies == ["now"])
        clock.time += 900
        function.wait_for(lambda: function.bodies == ["now", "late"])
        mapping.stop(PATIENCE)

    def test_only_the_failed_messages_come_again_and_end_among_the_dead_letters(
        self, tasks: SqliteStandardQueue, clock: Clock
    ) -> None:
        tasks.send(body="bad")
        tasks.send(body="good")
        function = Function()
        function.behave = lambda ids: {
            "batchItemFailures": [
                {"itemIdentifier": id_} for id_, body in zip(ids, function.batches[-1], strict=True) if body == "bad"
            ]
        }
        mapping = make_mapping(tasks, function)
        mapping.start()
        function.wait_for(lambda: len(function.batches) == 1)
        clock.time += VISIBILITY + 1
        function.wait_for(lambda: function.batches[1:] == [["bad"]])
        mapping.stop(PATIENCE)
        clock.time += VISIBILITY + 1
        assert tasks.receive(max_messages=10, visibility_timeout=VISIBILITY) == []


class TestGate:
    """Nothing is taken while the clock is advanced."""

    def test_what_is_being_worked_on_ends_before_the_gate_is_closed(self, queue: SqliteQueue) -> None:
        release = threading.Event()

        def wait(_: list[str]) -> None:
            assert release.wait(PATIENCE)

        send(queue, "a0")
        gate, function = Gate(), Function(wait)
        mapping = make_mapping(queue, function, gate=gate)
        mapping.start()
        function.wait_for(lambda: bool(function.batches))
        with pytest.raises(BusyError), gate.closed(0):
            pytest.fail("a message is being worked on")
        release.set()
        with gate.closed(PATIENCE):
            assert (mapping.counters.messages, mapping.counters.failed_messages) == (1, 0)
        mapping.stop(PATIENCE)

    def test_no_message_is_taken_behind_a_closed_gate(self, queue: SqliteQueue) -> None:
        gate, function = Gate(), Function()
        mapping = make_mapping(queue, function, gate=gate)
        mapping.start()
        with gate.closed(PATIENCE):
            send(queue, "a0")
            assert function.batches == []
        function.wait_for(lambda: function.bodies == ["a0"])
        mapping.stop(PATIENCE)

    def test_it_is_idle_once_it_has_looked_in_vain(self, queue: SqliteQueue) -> None:
        send(queue, "a0", "a1")
        gate, function = Gate(), Function()
        mapping = make_mapping(queue, function, batch_size=1, gate=gate)
        mapping.start()
        assert gate.wait_until_idle(PATIENCE)
        assert function.bodies == ["a0", "a1"]
        mapping.stop(PATIENCE)

    def test_queue_that_cannot_be_read_is_not_idle(self, monkeypatch: pytest.MonkeyPatch, queue: SqliteQueue) -> None:
        monkeypatch.setattr("settle.local.event_source_mapping.BACK_OFF_SECONDS", 0)

        asked = threading.Semaphore(0)

        class Away(Relay):
            def receive(self, **_: Any) -> list[ReceivedMessage]:
                asked.release()
                raise QueueUnavailableError("away")

        gate = Gate()
        mapping = make_mapping(Away(queue), Function(), gate=gate)
        mapping.start()
        for _ in range(3):
            assert asked.acquire(timeout=PATIENCE)
        assert not gate.wait_until_idle(0)
        with gate.closed(PATIENCE):
            pass
        mapping.stop(PATIENCE)


class TestConfig:
    """What AWS refuses is refused here."""

    def test_function_timeout_over_the_visibility_timeout(self) -> None:
        sentence = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
        with pytest.raises(StartError, match=sentence):
            MappingConfig(visibility_timeout=30, function_timeout=31)

    @pytest.mark.parametrize("batch_size", [0, 11])
    def test_batch_size_that_no_fifo_queue_has(self, batch_size: int) -> None:
        with pytest.raises(StartError, match=f"BatchSize {batch_size}"):
            MappingConfig(visibility_timeout=30, function_timeout=5, batch_size=batch_size)
