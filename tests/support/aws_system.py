"""The same system over boto3, against a guarded moto in this process: every request of the functions can be the last.

Only requests of the functions count, and can be deaths: what Lambda's pollers and Scheduler ask for is not ours.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from settle.adapters.aws_resources import create_resources
from settle.adapters.dynamodb_store import DynamoDBInstanceStore
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler
from settle.adapters.polled_queue import PolledQueue, ReceivedMessage
from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue, SqsPolledQueue
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.core.definition import Definition
from settle.local.moto_schedules import MotoSchedules
from settle.runtime.standard_message import StandardMessage
from tests.support.faults import KilledError
from tests.support.queues import SENDER, MotoClients
from tests.support.schedulers import ROLE_ARN
from tests.support.system import VISIBILITY_SECONDS, System

PREFIX: Final = "crash"
SECOND: Final = 1.0


class Requests:
    """Counts the requests of the functions, and dies at one of them: before it is sent, or after it was answered."""

    def __init__(self, clients: MotoClients, at: int = -1, *, after: bool = False) -> None:
        self.names: list[str] = []
        self._at, self._after = at, after
        self._counting = False
        for client in (clients.dynamodb, clients.sqs, clients.scheduler):
            events: Any = client.meta.events
            events.register_first("before-call.*.*", self._before)
            events.register_last("after-call.*.*", self._answered)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what is asked for meanwhile."""
        self._counting = True
        try:
            yield
        finally:
            self._counting = False

    def _before(self, model: Any, **_: Any) -> None:
        if not self._counting:
            return
        self.names.append(model.name)
        if len(self.names) - 1 == self._at and not self._after:
            self._counting = False
            raise KilledError(f"before {model.name}")

    def _answered(self, model: Any, **_: Any) -> None:
        if self._counting and len(self.names) - 1 == self._at and self._after:
            self._counting = False
            raise KilledError(f"after {model.name}")


class AwsSystem(System):
    """Post, advance, look.

    Args:
        definitions: the machines.
        clients: of an empty moto.
        requests: counts those of the functions.
    """

    def __init__(self, *definitions: Definition, clients: MotoClients, requests: Requests) -> None:
        super().__init__(*definitions)
        made = create_resources(
            clients.dynamodb,
            clients.sqs,
            prefix=PREFIX,
            visibility_timeout=VISIBILITY_SECONDS,
            scheduler=clients.scheduler,
        )
        self.senders = frozenset({SENDER})
        self._requests, self._moto_clock = requests, clients.clock
        self.clock: Any = clients.clock
        self.inner_store: Any = DynamoDBInstanceStore(clients.dynamodb, made.table_name)
        self.store = self.inner_store
        events = SqsEventQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn)
        self.polled: Any = _both(clients, events, made.queue_url)
        self.queue = self.polled
        self.dead_letter_queue = SqsDeadLetterQueue(clients.sqs, queue_url=made.dead_letter_queue_url)
        self.timers: Any = _standard(clients, made.timers_queue_url, made.timers_queue_arn)
        self.tasks: Any = _standard(clients, made.tasks_queue_url, made.tasks_queue_arn)
        self.lost_tasks: Any = _standard(clients, made.tasks_dead_letter_queue_url, made.tasks_dead_letter_queue_arn)
        self.timers_queue, self.tasks_queue = self.timers, self.tasks
        self.scheduler = EventBridgeScheduler(
            clients.scheduler, group=made.schedule_group, role_arn=ROLE_ARN, target_arn=made.timers_queue_arn
        )
        self.schedules: Any = MotoSchedules(
            clients.scheduler, self.scheduler, self.timers, group=made.schedule_group, clock=clients.clock
        )

    def fire(self) -> int:
        self.schedules.next_at()
        fired: int = self.schedules.fire_due()
        return fired

    def process(self, received: Sequence[ReceivedMessage]) -> list[str]:
        with self._requests.counted():
            return super().process(received)

    def run_forwarder(self, messages: Sequence[StandardMessage]) -> list[str]:
        with self._requests.counted():
            return super().run_forwarder(messages)

    def run_task(self, received: ReceivedMessage, *, lost: bool = False) -> bool:
        with self._requests.counted():
            return super().run_task(received, lost=lost)

    def _wakes(self) -> list[float | None]:
        """Return the next moment at which anything may be visible; SQS tells nobody, so the queues note it."""
        now = self.clock.now()
        times = [at for queue in (self.polled, self.timers, self.tasks, self.lost_tasks) for at in queue.times]
        return [*(at for at in times if at > now), self.schedules.next_at()]


def _standard(clients: MotoClients, url: str, arn: str) -> "_Both":
    return _both(clients, SqsStandardQueue(clients.sqs, queue_url=url, arn=arn), url, arn)


def _both(clients: MotoClients, queue: Any, url: str, arn: str = "") -> "_Both":
    polled = SqsPolledQueue(clients.sqs, queue_url=url, arn=arn, long_poll_seconds=0)
    return _Both(queue, polled, clients.clock)


class _Both:
    """Both sides of a queue of SQS, and the moments at which something of it becomes visible."""

    def __init__(self, queue: Any, polled: PolledQueue, clock: Any) -> None:
        self._queue, self._polled, self._clock = queue, polled, clock
        self.times: set[float] = set()

    @property
    def arn(self) -> str:
        arn: str = self._queue.arn
        return arn

    def send(self, *, delay: int = 0, **message: Any) -> Any:
        self._note(delay)
        return self._queue.send(**message, **({"delay": delay} if delay else {}))

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        self._note(seconds)
        self._queue.postpone(receipt_handle, seconds)

    def delay(self, receipt_handles: Sequence[str], seconds: float) -> None:
        self._note(seconds)
        self._queue.delay(receipt_handles, seconds)

    def acknowledge(self, receipt_handles: Sequence[str]) -> None:
        self._queue.acknowledge(receipt_handles)

    def receive(self, *, max_messages: int, visibility_timeout: float) -> list[ReceivedMessage]:
        received = self._polled.receive(max_messages=max_messages, visibility_timeout=visibility_timeout)
        if received:
            self._note(visibility_timeout)
        return received

    def delete(self, receipt_handles: Sequence[str]) -> None:
        self._polled.delete(receipt_handles)

    def _note(self, seconds: float) -> None:
        self.times.add(self._clock.now() + seconds + SECOND)
