"""The composition root: which adapters a function works with, and the only place with real time and real ids.

Adapters are imported when they are chosen, so that the embedded backend needs no botocore and the other one no SQLite.
Clients are made when they are first used: an event without effects needs no queue, and few need a schedule.
"""

import secrets
import time
from functools import cache
from typing import TYPE_CHECKING, Final

from functions.settings import RuntimeSettings
from settle.runtime.outlets import Outlets
from settle.runtime.poll import Pauses
from settle.runtime.ports import Clock, DeadLetterQueue, EventQueue, InstanceStore, StandardQueue
from settle.runtime.registry import Registry, load_machines

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

    from functions.consumer.settings import ConsumerSettings
    from functions.worker.settings import WorkerSettings
    from settle.adapters.aws_session import LazySession
    from settle.adapters.sqlite_database import SqliteDatabase

AWS_PAUSES: Final = Pauses(first=0.05, longest=1.0)
"""A look at the table costs a read, and few events are done in much less than the first pause."""
EMBEDDED_PAUSES: Final = Pauses(first=0.002, longest=0.05)
"""A look at the file costs nothing but a fraction of a millisecond, and most events are done in a few."""


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()  # noqa: TID251 - this is the clock that everything else is given

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def make_clock(settings: RuntimeSettings) -> Clock:
    """Return the time of this machine; the local system may be ahead of it."""
    if not settings.clock:
        return SystemClock()
    from settle.adapters.shifted_clock import ShiftedClock  # noqa: PLC0415

    return ShiftedClock(settings.clock)


def new_id() -> str:
    """Return 32 hexadecimal digits that nobody can guess and nobody had before."""
    return secrets.token_hex(16)


def make_registry(settings: RuntimeSettings) -> Registry:
    """Load the machines that a function serves."""
    return load_machines(settings.machines) if settings.machines else load_machines()


def make_store(settings: RuntimeSettings) -> InstanceStore:
    """Return the store of the chosen backend."""
    if settings.backend == "embedded":
        from settle.adapters.sqlite_store import SqliteInstanceStore  # noqa: PLC0415

        return SqliteInstanceStore(_database(settings.database))
    from settle.adapters.dynamodb_store import DynamoDBInstanceStore, make_dynamodb_client  # noqa: PLC0415

    client = _session().client(lambda session: make_dynamodb_client(session=session))
    return DynamoDBInstanceStore(client, settings.table_name)


def make_queue(settings: RuntimeSettings) -> EventQueue:
    """Return the event queue of the chosen backend."""
    if settings.backend == "embedded":
        from settle.adapters.sqlite_queue import SqliteQueue  # noqa: PLC0415

        return SqliteQueue(_database(settings.database), make_clock(settings), sender=settings.sender)
    from settle.adapters.sqs_queue import SqsEventQueue  # noqa: PLC0415

    return SqsEventQueue(_sqs_client(), queue_url=settings.queue_url, arn=settings.queue_arn)


def make_dead_letter_queue(settings: "ConsumerSettings | WorkerSettings") -> DeadLetterQueue:
    """Return the dead-letter queue of the chosen backend."""
    if settings.backend == "embedded":
        from settle.adapters.sqlite_queue import SqliteDeadLetterQueue  # noqa: PLC0415

        return SqliteDeadLetterQueue(_database(settings.database), make_clock(settings), sender=settings.sender)
    from settle.adapters.sqs_queue import SqsDeadLetterQueue  # noqa: PLC0415

    return SqsDeadLetterQueue(_sqs_client(), queue_url=settings.dead_letter_queue_url)


def make_outlets(settings: "ConsumerSettings") -> Outlets:
    """Return where the consumer sends to, on the chosen backend."""
    if settings.backend == "embedded":
        from settle.adapters.sqlite_scheduler import SqliteScheduler  # noqa: PLC0415
        from settle.adapters.sqlite_standard_queue import TIMERS_QUEUE, SqliteStandardQueue  # noqa: PLC0415

        database, clock = _database(settings.database), make_clock(settings)
        return Outlets(
            events=make_queue(settings),
            timers=SqliteStandardQueue(database, clock, sender=settings.sender, name=TIMERS_QUEUE),
            tasks=make_tasks(settings),
            scheduler=SqliteScheduler(database, clock),
        )
    from settle.adapters.eventbridge_scheduler import EventBridgeScheduler  # noqa: PLC0415
    from settle.adapters.sqs_standard_queue import SqsStandardQueue  # noqa: PLC0415

    return Outlets(
        events=make_queue(settings),
        timers=SqsStandardQueue(_sqs_client(), queue_url=settings.timers_queue_url, arn=settings.timers_queue_arn),
        tasks=make_tasks(settings),
        scheduler=EventBridgeScheduler(
            _scheduler_client(),
            group=settings.schedule_group,
            role_arn=settings.scheduler_role_arn,
            target_arn=settings.timers_queue_arn,
            dead_letter_arn=settings.timers_dead_letter_queue_arn,
        ),
    )


def make_tasks(settings: "ConsumerSettings | WorkerSettings") -> StandardQueue:
    """Return the tasks queue of the chosen backend."""
    if settings.backend == "embedded":
        from settle.adapters.sqlite_standard_queue import (  # noqa: PLC0415
            TASKS_DEAD_LETTER_QUEUE,
            TASKS_QUEUE,
            SqliteStandardQueue,
        )

        return SqliteStandardQueue(
            _database(settings.database),
            make_clock(settings),
            sender=settings.sender,
            name=TASKS_QUEUE,
            dead_letters=TASKS_DEAD_LETTER_QUEUE,
        )
    from settle.adapters.sqs_standard_queue import SqsStandardQueue  # noqa: PLC0415

    return SqsStandardQueue(_sqs_client(), queue_url=settings.tasks_queue_url, arn=settings.tasks_queue_arn)


def find_pauses(settings: RuntimeSettings) -> Pauses:
    """Return how often to look, while somebody waits, at the store of the chosen backend."""
    return EMBEDDED_PAUSES if settings.backend == "embedded" else AWS_PAUSES


@cache
def _database(path: str) -> "SqliteDatabase":
    """Return the one database of this process: store and queue share its connections and its lock."""
    from settle.adapters.sqlite_database import SqliteDatabase  # noqa: PLC0415

    return SqliteDatabase(path)


@cache
def _session() -> "LazySession":
    """Return the one session of this process, from which all clients are made."""
    from settle.adapters.aws_session import LazySession  # noqa: PLC0415

    return LazySession()


@cache
def _scheduler_client() -> "EventBridgeSchedulerClient":
    from settle.adapters.eventbridge_scheduler import make_scheduler_client  # noqa: PLC0415

    return _session().client(lambda session: make_scheduler_client(session=session))


@cache
def _sqs_client() -> "SQSClient":
    from settle.adapters.sqs_queue import make_sqs_client  # noqa: PLC0415

    return _session().client(lambda session: make_sqs_client(session=session))
