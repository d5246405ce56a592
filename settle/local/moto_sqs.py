"""The calls of moto's SQS that the guard takes over: all on FIFO queues, waiting and receipt handles on every queue."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from threading import Condition
from typing import Any, Final
from weakref import WeakKeyDictionary

from moto.core.utils import camelcase_to_underscores
from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import Message, Queue, SQSBackend

from settle.local import moto_standard
from settle.local.moto_fifo import FifoQueue, Submission

FIRST_SEQUENCE: Final = 10**19
LOOK_SECONDS: Final = 0.05
"""How often a waiting receive looks for messages whose visibility timeout has passed."""

Failure = dict[str, Any]


class GuardedSqs:
    """Takes the place of methods of `SQSBackend`, which call these with themselves as first argument.

    Args:
        changed: condition over the lock of the guard, held by every caller but `receive_message`.
        now: seconds since the epoch.
        sender: gives the access key id of the current request.
    """

    def __init__(self, changed: Condition, now: Callable[[], float], sender: Callable[[], str]) -> None:
        self._changed, self._now, self._sender = changed, now, sender
        self._sequence = count(FIRST_SEQUENCE)
        self._fifo_queues: WeakKeyDictionary[Queue, FifoQueue] = WeakKeyDictionary()
        self._send_original = SQSBackend.send_message
        self._receive_original = SQSBackend.receive_message
        self._delete_original = SQSBackend.delete_message
        self._purge_original = SQSBackend.purge_queue
        self._attributes_original = SQSBackend.get_queue_attributes

    def send_message(  # noqa: PLR0913, PLR0917 - as in moto
        self,
        backend: SQSBackend,
        queue_name: str,
        message_body: str,
        message_attributes: Mapping[str, Any] | None = None,
        delay_seconds: int | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        system_attributes: Mapping[str, Any] | None = None,
    ) -> Message:
        """Send to either kind of queue, stamped with the sender."""
        fifo = self._fifo(backend.get_queue(queue_name))
        self._changed.notify_all()
        if fifo is None:
            message = self._send_original(
                backend,
                queue_name,
                message_body,
                dict(message_attributes or {}),
                delay_seconds,
                deduplication_id,
                group_id,
                dict(system_attributes or {}),
            )
            message.sender_id = self._sender()
            return message
        if delay_seconds:
            raise InvalidParameterValue(f"Value {delay_seconds} for parameter DelaySeconds is invalid on a FIFO queue.")
        return fifo.send(
            Submission(
                body=message_body,
                group=group_id,
                deduplication_id=deduplication_id,
                sender=self._sender(),
                attributes=message_attributes or {},
                system_attributes=system_attributes or {},
            )
        )

    def receive_message(  # noqa: PLR0913, PLR0917 - as in moto
        self,
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: Sequence[str] | None = None,
    ) -> list[Message]:
        """Receive from either kind of queue; others get the lock while this one waits."""
        deadline = time.monotonic() + wait_seconds_timeout
        with self._changed:
            while True:
                queue, names = backend.get_queue(queue_name), list(message_attribute_names or ())
                fifo = self._fifo(queue)
                if fifo is None:
                    found = self._receive_original(backend, queue_name, count, 0, visibility_timeout, names)
                else:
                    dead_letters = self._fifo(queue.dead_letter_queue) if queue.dead_letter_queue else None
                    found = fifo.receive(count, visibility_timeout, dead_letters)
                    for message in found:
                        message.message_attributes = _selected(message.message_attributes, names)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                self._changed.wait(min(left, LOOK_SECONDS))

    def delete_message(self, backend: SQSBackend, queue_name: str, receipt_handle: str) -> None:
        """Delete; from a FIFO queue only while the message is in flight under this handle."""
        queue = backend.get_queue(queue_name)
        fifo = self._fifo(queue)
        if fifo is None:
            if not moto_standard.is_outdated(queue, receipt_handle):
                self._delete_original(backend, queue_name, receipt_handle)
        else:
            fifo.delete(receipt_handle)
            self._changed.notify_all()

    def delete_message_batch(
        self, backend: SQSBackend, queue_name: str, receipts: Sequence[Mapping[str, str]]
    ) -> tuple[list[str], list[Failure]]:
        """Delete each for itself."""
        return _each(receipts, lambda entry: self.delete_message(backend, queue_name, entry["ReceiptHandle"]))

    def change_message_visibility(
        self, backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        """Change it, while the message is in flight under this handle."""
        queue = backend.get_queue(queue_name)
        fifo = self._fifo(queue)
        if fifo is None:
            moto_standard.change_visibility(queue, receipt_handle, int(visibility_timeout))
        else:
            fifo.change_visibility(receipt_handle, visibility_timeout)
        self._changed.notify_all()

    def change_message_visibility_batch(
        self, backend: SQSBackend, queue_name: str, entries: Sequence[Mapping[str, Any]]
    ) -> tuple[list[str], list[Failure]]:
        """Change each for itself."""
        return _each(
            entries,
            lambda entry: self.change_message_visibility(
                backend, queue_name, entry["ReceiptHandle"], int(entry["VisibilityTimeout"])
            ),
        )

    def purge_queue(self, backend: SQSBackend, queue_name: str) -> None:
        """Drop every message."""
        self._purge_original(backend, queue_name)
        fifo = self._fifo(backend.get_queue(queue_name))
        if fifo is not None:
            fifo.purge()

    def get_queue_attributes(self, backend: SQSBackend, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        """Return the attributes as they are now, not when the response is written."""
        attributes = dict(self._attributes_original(backend, queue_name, attribute_names))
        fifo = self._fifo(backend.get_queue(queue_name))
        if fifo is not None:
            counts = dict(
                zip(("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"), fifo.count(), strict=True)
            )
            attributes.update({name: number for name, number in counts.items() if name in attributes})
        return attributes

    def _fifo(self, queue: Queue) -> FifoQueue | None:
        if not queue.fifo_queue:
            return None
        if queue not in self._fifo_queues:
            self._fifo_queues[queue] = FifoQueue(queue, self._now, lambda: next(self._sequence))
        return self._fifo_queues[queue]


class LazyAttributes(Mapping[str, Any]):
    """Attributes of a queue, each made when asked for: moto counts all messages several times for every one sent."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._names = queue.BASE_ATTRIBUTES + (queue.FIFO_ATTRIBUTES if queue.fifo_queue else [])

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - text, number or nothing
        if name not in self._names:
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def add_message(queue: Queue, message: Message) -> None:
    """Keep a message of a standard queue; moto would call the functions of its event source mappings, too."""
    queue._messages.append(message)  # noqa: SLF001


def _selected(attributes: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    prefixes = tuple(name.removesuffix("*").removesuffix(".") for name in names if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if "All" in names or name in names or (prefixes and name.startswith(prefixes))
    }


def _each(
    entries: Sequence[Mapping[str, Any]], call: Callable[[Mapping[str, Any]], None]
) -> tuple[list[str], list[Failure]]:
    done: list[str] = []
    failed: list[Failure] = []
    for entry in entries:
        try:
            call(entry)
        except SQSException as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
        else:
            done.append(entry["Id"])
    return done, failed
