"""`settle redrive`: dead letters go back to where they came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from settle.adapters.dead_letters import QueuedDeadLetters
from settle.runtime.errors import UnavailableError
from settle.runtime.redrive import Handled, Send, Wish, redrive, send_event, send_timer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONG_POLL_SECONDS: Final = 2
"""A short poll asks only some of SQS's servers, and may find nothing where there is something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsQueues:
    """Two queues on AWS.

    Attributes:
        source: URL of the dead-letter queue.
        target: URL of the queue that its messages go back to.
        ours: role ids whose messages are believed there.
    """

    source: str
    target: str
    ours: frozenset[str]


def redrive_events(where: Path | AwsQueues, wish: Wish, *, perhaps_applied: bool) -> int:
    """Send dead letters of the event queue again; print what became of each, and of all.

    Args:
        where: the database of the local system, or queues on AWS.
        wish: which ones.
        perhaps_applied: also those that may have been applied before.
    """
    if isinstance(where, AwsQueues):
        from settle.adapters.sqs_queue import SqsEventQueue  # noqa: PLC0415 - the local system does without botocore

        queue, letters = SqsEventQueue(_client(), queue_url=where.target, arn=""), _letters(where)
        send = send_event(queue, where.ours, perhaps_applied=perhaps_applied, dry_run=wish.dry_run)
        return _report(letters, send, wish)
    return _redrive_embedded(where, wish, perhaps_applied=perhaps_applied)


def redrive_timers(queues: AwsQueues, wish: Wish) -> int:
    """Send dead letters of the timers queue again; the local system has none, it never gives a timer up."""
    from settle.adapters.sqs_standard_queue import SqsStandardQueue  # noqa: PLC0415 - as above

    queue = SqsStandardQueue(_client(), queue_url=queues.target, arn="")
    return _report(_letters(queues), send_timer(queue, queues.ours, dry_run=wish.dry_run), wish)


def _redrive_embedded(path: Path, wish: Wish, *, perhaps_applied: bool) -> int:
    from settle.adapters.embedded_senders import EVENT_SENDERS, OPERATOR  # noqa: PLC0415
    from settle.adapters.shifted_clock import ShiftedClock  # noqa: PLC0415
    from settle.adapters.sqlite_database import SqliteDatabase  # noqa: PLC0415
    from settle.adapters.sqlite_queue import SqliteDeadLetterQueue, SqliteQueue  # noqa: PLC0415

    if not path.is_file():
        raise ValueError(f"there is no database at {path}")
    database = SqliteDatabase(path)
    try:
        clock = ShiftedClock(path.with_suffix(".clock"))
        queue = SqliteQueue(database, clock, sender=OPERATOR)
        letters = QueuedDeadLetters(SqliteDeadLetterQueue(database, clock, sender=OPERATOR).queue)
        ours = frozenset(EVENT_SENDERS)
        send = send_event(queue, ours, perhaps_applied=perhaps_applied, dry_run=wish.dry_run)
        return _report(letters, send, wish)
    finally:
        database.close()


def _client() -> "SQSClient":
    from settle.adapters.operator_session import make_operator_sqs_client  # noqa: PLC0415

    return make_operator_sqs_client(LONG_POLL_SECONDS)


def _letters(queues: AwsQueues) -> QueuedDeadLetters:
    from settle.adapters.sqs_queue import SqsPolledQueue  # noqa: PLC0415

    queue = SqsPolledQueue(_client(), queue_url=queues.source, arn="", long_poll_seconds=LONG_POLL_SECONDS)
    return QueuedDeadLetters(queue)


def _report(letters: QueuedDeadLetters, send: Send, wish: Wish) -> int:
    """Handle letters and print each; return 1 when some of those that were meant stay, else 0."""
    would = "would be " if wish.dry_run else ""
    counts = {"sent": 0, "deleted": 0, "stay": 0}
    try:
        for handled in redrive(letters, send, wish):
            done = "sent" if handled.sent else "deleted" if handled.deleted else "stay"
            counts[done] += 1
            print(f"{handled.group or '-'}  {'stays' if done == 'stay' else would + done}  {_why(handled)}")
    except UnavailableError as error:
        print(f"stopped: {error}; run it again, it goes on from here")
        return 1
    finally:
        print(f"{counts['sent']} {would}sent, {counts['deleted']} {would}deleted, {counts['stay']} stay")
    return 1 if counts["stay"] else 0


def _why(handled: Handled) -> str:
    """Say why a letter is there, and why it stays."""
    reason = handled.letter.reason or "received too often"
    return f"{handled.why} (here because: {reason})" if handled.why else reason
