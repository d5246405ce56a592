"""Processing a batch: its groups in parallel, and an answer that keeps their order.

The event source mapping deletes every record that the answer does not list, so the answer lists, for a group that
failed, the failing record and every later one.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from settle.runtime.errors import UnavailableError
from settle.runtime.log_keys import group_log_keys
from settle.runtime.message import Message
from settle.runtime.process_group import GroupResult, Invocation, process_group

MAX_GROUPS: Final = 10
"""Groups in a batch, at most one per record (Lambda: 10 records of a FIFO queue)."""
GRACE_SECONDS: Final = 1.0
"""How long a group that is done waits for the others of its batch before it is acknowledged by itself."""

RECEIVES_IN_COMPANY: Final = 3
"""A message that was received more often runs with no other group beside it: one that kills the process then cannot
make the others look as if they had done it."""

UNEXPECTED_DELAY_SECONDS: Final = 10
"""How long a group waits after an error that nobody foresaw."""

_logger = logging.getLogger("settle")


class BatchProcessor:
    """Processes batches, one at a time, with threads that are kept between them."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=MAX_GROUPS, thread_name_prefix="group")

    def process(self, invocation: Invocation, messages: Sequence[Message]) -> list[str]:
        """Process a batch.

        Args:
            invocation: what this invocation works with.
            messages: of the batch, in the order received.

        Returns:
            ids of the messages that failed, for the partial batch response.
        """
        groups = _by_group(messages)
        together = [group for group in groups if group[0].receives <= RECEIVES_IN_COMPANY]
        alone = [group for group in groups if group[0].receives > RECEIVES_IN_COMPANY]
        latest = results = self._process_together(invocation, together)
        for group in alone:
            _acknowledge(invocation, latest)
            latest = [_process(invocation, group)]
            results = results + latest
        return [message.message_id for result in results for message in result.failed]

    def _process_together(self, invocation: Invocation, groups: Sequence[Sequence[Message]]) -> list[GroupResult]:
        """Return a result per group; a group that is done much earlier than others is acknowledged at once."""
        if len(groups) <= 1:
            return [_process(invocation, group) for group in groups]
        waiting: set[Future[GroupResult]] = {self._executor.submit(_process, invocation, group) for group in groups}
        done, waiting = wait(waiting, timeout=GRACE_SECONDS)
        results = [future.result() for future in done]
        early = list(results)
        while waiting:
            _acknowledge(invocation, early)
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            early = [future.result() for future in done]
            results += early
        return results


def _by_group(messages: Sequence[Message]) -> list[list[Message]]:
    groups: dict[str, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.group, []).append(message)
    return list(groups.values())


def _process(invocation: Invocation, group: Sequence[Message]) -> GroupResult:
    """Process one group and set when its failed messages come again; whatever goes wrong in it stays in it.

    An error that nobody foresaw fails the group. Its message comes again, its begin is then counted, and in the end its
    event is quarantined like one that kills the process.
    """
    try:
        result = process_group(invocation, group)
    except Exception:
        _logger.exception("unexpected error", extra=group_log_keys(group[0].group))
        result = GroupResult(done=(), failed=tuple(group), delay=UNEXPECTED_DELAY_SECONDS)
    _delay(invocation, result)
    return result


def _acknowledge(invocation: Invocation, results: Iterable[GroupResult]) -> None:
    """Delete messages that are done, so that the next of their group can come. Failing to only costs a repetition."""
    for result in results:
        if not result.done:
            continue
        try:
            invocation.outlets.events.acknowledge([message.receipt_handle for message in result.done])
        except UnavailableError as error:
            _logger.warning("cannot acknowledge early: %s", error.summary)


def _delay(invocation: Invocation, result: GroupResult) -> None:
    """Let failed messages come again sooner than their visibility timeout says.

    The newest goes first: when the oldest is visible again, so is everything behind it, and the group comes whole.
    """
    if not result.failed:
        return
    handles = [message.receipt_handle for message in reversed(result.failed)]
    try:
        invocation.outlets.events.delay(handles, result.delay)
    except UnavailableError as error:
        _logger.warning("cannot shorten the wait: %s", error.summary)
