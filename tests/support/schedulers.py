"""Schedulers for tests: what they keep, read back from each backend."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from settle.adapters.aws_resources import create_resources
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler
from settle.adapters.sqlite_database import SqliteDatabase
from settle.adapters.sqlite_scheduler import SqliteScheduler
from settle.runtime.ports import Clock, Scheduler
from tests.support.queues import MotoClients

ROLE_ARN: Final = "arn:aws:iam::123456789012:role/settle-dev-scheduler"

Kept = Mapping[str, tuple[float, str]]
"""Time and body by name."""


@dataclass(frozen=True, kw_only=True)
class SchedulerUnderTest:
    """A scheduler, and what it keeps."""

    scheduler: Scheduler
    kept: Callable[[], Kept]


def sqlite_scheduler(database: SqliteDatabase, clock: Clock) -> SchedulerUnderTest:
    def kept() -> Kept:
        with database.reading() as connection:
            rows = connection.execute("SELECT name, at, body FROM schedule").fetchall()
        return {name: (at, body) for name, at, body in rows}

    return SchedulerUnderTest(scheduler=SqliteScheduler(database, clock), kept=kept)


def eventbridge_scheduler(clients: MotoClients, prefix: str) -> SchedulerUnderTest:
    made = create_resources(
        clients.dynamodb, clients.sqs, prefix=prefix, visibility_timeout=30, scheduler=clients.scheduler
    )
    group = made.schedule_group

    def kept() -> Kept:
        names = [each["Name"] for each in clients.scheduler.list_schedules(GroupName=group)["Schedules"]]
        found = {name: clients.scheduler.get_schedule(GroupName=group, Name=name) for name in names}
        return {
            name: (_second(schedule["ScheduleExpression"]), schedule["Target"]["Input"])
            for name, schedule in found.items()
        }

    scheduler = EventBridgeScheduler(
        clients.scheduler, group=group, role_arn=ROLE_ARN, target_arn=made.timers_queue_arn
    )
    return SchedulerUnderTest(scheduler=scheduler, kept=kept)


def _second(expression: str) -> float:
    return datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp()
