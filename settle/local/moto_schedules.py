"""Schedules inside moto, which keeps them and never fires any."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from settle.adapters.aws_errors import error_code
from settle.adapters.scheduler_errors import ABSENT, translated
from settle.runtime.ports import Clock, Scheduler, StandardQueue

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

PAGE: Final = 100
"""The most that ListSchedules gives at once."""
_AT: Final = re.compile(r"at\((.+)\)")


class MotoSchedules:
    """A `ScheduleSource`: the schedules of one group, all of them one-time ones in UTC.

    What a schedule is for does not change while there is one of its name, so each is read once.

    Args:
        client: of the scheduler of moto.
        scheduler: over the same group; forgets what has been fired.
        timers: the queue that the schedules send to.
        group: schedule group.
        clock: says what is due.
    """

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        scheduler: Scheduler,
        timers: StandardQueue,
        *,
        group: str,
        clock: Clock,
    ) -> None:
        self._client, self._scheduler, self._timers = client, scheduler, timers
        self._group, self._clock = group, clock
        self._known: dict[str, tuple[float, str]] = {}

    def next_at(self) -> float | None:
        """Read the schedules; return when the next one is due. Raises `UnavailableError`."""
        with translated():
            self._known = dict(self._read())
        return min((at for at, _ in self._known.values()), default=None)

    def fire_due(self) -> int:
        """Send what is due by the last look, oldest first, and delete it. Raises `UnavailableError`.

        What was sent and could not be deleted is sent again, which the runtime takes for one timer.
        """
        now = self._clock.now()
        due = sorted((at, name, body) for name, (at, body) in self._known.items() if at <= now)
        for _, name, body in due:
            self._timers.send(body=body)
            self._scheduler.cancel(name)
            del self._known[name]
        return len(due)

    def _read(self) -> Iterator[tuple[str, tuple[float, str]]]:
        pages = self._client.get_paginator("list_schedules").paginate(
            GroupName=self._group, PaginationConfig={"PageSize": PAGE}
        )
        for page in pages:
            for summary in page["Schedules"]:
                name = summary["Name"]
                found = self._known.get(name) or self._read_one(name)
                if found is not None:
                    yield name, found

    def _read_one(self, name: str) -> tuple[float, str] | None:
        try:
            answer = self._client.get_schedule(GroupName=self._group, Name=name)
        except ClientError as error:
            if error_code(error) == ABSENT:
                return None
            raise
        expression = _AT.fullmatch(answer["ScheduleExpression"])
        if expression is None:
            raise ValueError(f"schedule {name} is no one-time schedule: {answer['ScheduleExpression']}")
        return datetime.fromisoformat(expression[1]).replace(tzinfo=UTC).timestamp(), answer["Target"]["Input"]
