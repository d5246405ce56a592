"""Lambda's event source mapping for an SQS queue: takes batches, invokes the function, deletes what succeeded.

The rules are those of AWS: at most ten messages in a batch and as many invocations at once as the maximum concurrency
allows. From a FIFO queue several groups in one batch, order kept within a group, and one batch in flight per group (the
queue's lock). Messages that are not deleted come again when their visibility timeout ends; nothing here shortens it.

Each worker thread serves one invocation at a time; one of the idle ones polls, and one more is started when none is
idle: each costs a connection to the database. While invocations compute nobody polls:
the cores are busy, messages gather, and the next batch is a full one, which costs little more than a batch of one. An
invocation that takes longer may be waiting for a service: then others poll, a few of them. One that takes much longer
is waiting, and takes nobody's place: the instances of other batches do not queue behind slow ones, until there are as
many slow batches as the function may have invocations at once.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.local import batch_response, sqs_event
from settle.local.errors import InvocationError, StartError
from settle.local.gate import Gate
from settle.runtime.errors import UnavailableError

MAX_BATCH_SIZE: Final = 10
"""Of a FIFO queue, and of a standard queue without a batching window
(https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html)."""
COMPUTING_SECONDS: Final = 0.015
"""An invocation that takes longer than this may be waiting for something. Ten events compute for less."""
WAITING_SECONDS: Final = 0.1
"""One that takes longer than this is waiting for something, also on a machine that has other work."""
WAIT_SECONDS: Final = 0.5
"""How long one wait for messages lasts: how soon a stop is noticed, and a message whose timeout has ended."""
HURRY_SECONDS: Final = 0.02
"""The same while somebody waits until nothing is left to do."""
BACK_OFF_SECONDS: Final = 1.0
"""After the queue could not be reached."""
_CORES: Final = os.cpu_count() or 1
_LOG: Final = logging.getLogger("settle.local")


class Invoke(Protocol):
    """Invokes the function and returns its answer. Raises `InvocationError`."""

    def __call__(self, event: object, *, in_flight: int) -> Any:  # noqa: ANN401 - any JSON value
        """Run one invocation with a batch of `in_flight` messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingConfig:
    """Settings of the mapping and of what it connects.

    Attributes:
        visibility_timeout: of the queue, in seconds.
        function_timeout: of the function, in seconds.
        batch_size: most messages in a batch.
        max_concurrency: most invocations at once.
        max_busy: most of them that are not known to be waiting.

    Raises:
        StartError: AWS would refuse them.
    """

    visibility_timeout: int
    function_timeout: float
    batch_size: int = MAX_BATCH_SIZE
    max_concurrency: int = 4
    max_busy: int = 2 * _CORES

    def __post_init__(self) -> None:
        if self.function_timeout > self.visibility_timeout:
            raise StartError(
                f"Queue visibility timeout: {self.visibility_timeout} seconds is less than "
                f"Function timeout: {self.function_timeout:g} seconds"
            )
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise StartError(
                f"BatchSize {self.batch_size} is not between 1 and {MAX_BATCH_SIZE}, as a queue like this needs"
            )


@dataclass(slots=True)
class MappingCounters:
    """What happened since the start."""

    batches: int = 0
    failed_batches: int = 0
    messages: int = 0
    failed_messages: int = 0


class EventSourceMapping:
    """Runs until stopped.

    Args:
        queue: where the messages come from.
        invoke: runs the function.
        config: settings.
        gate: closed while no message may be taken; None when it never is.
        computing: invocations that may compute before messages gather; half the cores by default, the other half
            being for the ingress.
    """

    def __init__(
        self,
        queue: PolledQueue,
        invoke: Invoke,
        config: MappingConfig,
        *,
        gate: Gate | None = None,
        computing: int | None = None,
    ) -> None:
        self.counters = MappingCounters()
        self._queue, self._invoke, self._config = queue, invoke, config
        self._gate = gate or Gate()
        self._gate.expect(queue.arn, takes=config.function_timeout)
        self._computing = computing or max(1, _CORES // 2)
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._begun: dict[int, float] = {}
        self._stopping = threading.Event()
        self._idle = 0
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to poll."""
        self._see_that_somebody_polls()

    def stop(self, timeout: float) -> None:
        """Take no more messages and let the running invocations end, for `timeout` seconds at most."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        deadline = time.monotonic() + timeout
        for worker in list(self._workers):
            worker.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                batch = self._next_batch()
                if batch:
                    self._idle_changes(-1)
                    try:
                        self._see_that_somebody_polls()
                        self.process(batch)
                    finally:
                        self._gate.leave_done(self._queue.arn)
                        self._idle_changes(+1)
            except Exception:  # noqa: BLE001 - the entry point of the thread: the mapping must outlive whatever goes wrong
                _LOG.exception("the event source mapping met an unexpected error and goes on")
                self._stopping.wait(BACK_OFF_SECONDS)
            finally:
                self._begun.pop(threading.get_ident(), None)
                with self._changed:
                    self._changed.notify()

    def _next_batch(self) -> list[ReceivedMessage]:
        """Wait for this worker's turn to poll, then for messages; empty when the mapping stops."""
        with self._turn:
            with self._changed:
                while not self._may_poll():
                    # Nobody tells when an invocation has become a long one.
                    self._changed.wait(COMPUTING_SECONDS)
            messages = self._poll()
            self._begun[threading.get_ident()] = time.monotonic()
            return messages

    def _see_that_somebody_polls(self) -> None:
        """Start another worker when none is idle, unless there are as many as there may be."""
        with self._changed:
            if self._idle or self._stopping.is_set() or len(self._workers) == self._config.max_concurrency:
                return
            self._idle += 1  # here already, else the next batch might start another one before this one runs
            worker = threading.Thread(target=self._work, name=f"mapping-{len(self._workers)}", daemon=True)
            self._workers.append(worker)
            worker.start()

    def _idle_changes(self, by: int) -> None:
        with self._changed:
            self._idle += by

    def _may_poll(self) -> bool:
        now = time.monotonic()
        ages = [now - begun for begun in list(self._begun.values())]
        computing, busy = (sum(age < seconds for age in ages) for seconds in (COMPUTING_SECONDS, WAITING_SECONDS))
        return self._stopping.is_set() or (computing < self._computing and busy < self._config.max_busy)

    def _poll(self) -> list[ReceivedMessage]:
        """Wait for messages; when some are returned, the gate has yet to be left."""
        while not self._stopping.is_set():
            try:
                turn = self._gate.enter(self._queue.arn, WAIT_SECONDS)
                if turn is None:
                    continue
                if messages := self._look(turn):
                    return messages
                self._queue.wait(HURRY_SECONDS if self._gate.is_watched else WAIT_SECONDS)
            except UnavailableError as error:
                _LOG.warning("the queue cannot be polled: %s", error)
                self._stopping.wait(BACK_OFF_SECONDS)
        return []

    def _look(self, turn: int) -> list[ReceivedMessage]:
        try:
            messages = self._queue.receive(
                max_messages=self._config.batch_size, visibility_timeout=self._config.visibility_timeout
            )
        except BaseException:
            self._gate.leave_failed(self._queue.arn)
            raise
        if messages:
            self._gate.begin()
        else:
            self._gate.leave_idle(self._queue.arn, turn)
        return messages

    def process(self, batch: Sequence[ReceivedMessage]) -> None:
        """Invoke the function with one batch, and delete what it succeeded with."""
        counters = self.counters
        done: list[ReceivedMessage] = []
        try:
            answer = self._invoke(sqs_event.to_event(batch, arn=self._queue.arn), in_flight=len(batch))
            done = batch_response.succeeded(batch, answer)
            if done:
                self._queue.delete([message.receipt_handle for message in done])
        except InvocationError:
            pass  # whoever invoked has logged it
        except batch_response.InvalidBatchResponseError as error:
            _LOG.warning("the whole batch failed: %s", error)
        except UnavailableError as error:
            _LOG.warning("finished messages could not be deleted and will come again: %s", error)
        with self._changed:
            counters.batches += 1
            counters.messages += len(batch)
            counters.failed_messages += len(batch) - len(done)
            counters.failed_batches += len(done) < len(batch)
