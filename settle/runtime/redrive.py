"""Redriving: dead letters are sent again, each deleted only after the queue has taken it.

Whoever stops in between loses nothing: the letter is found again, and sent again under the same deduplication id, which
the queue remembers for five minutes; after that the ledger knows the ids of its events, for a day.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Protocol

from settle.runtime.dead_letter import DeadLetter, LetterStaysError, revive_event, revive_timer
from settle.runtime.envelope import parse_timer
from settle.runtime.errors import EnvelopeInvalidError, EnvelopeTooNewError
from settle.runtime.instance import InstanceKey
from settle.runtime.ports import EventQueue, StandardQueue

ID_DIGITS: Final = 40

Send = Callable[[DeadLetter], None]
"""Sends a letter again. Raises `LetterStaysError`."""


class DeadLetters(Protocol):
    """A dead-letter queue, from the side of whoever empties it. Methods raise `QueueUnavailableError`."""

    def receive(self) -> Sequence[DeadLetter]:
        """Take some letters, a group's in order, and hide them for a while; none at the end."""

    def delete(self, letter: DeadLetter) -> None:
        """Delete a letter that was received."""

    def put_back(self, letters: Sequence[DeadLetter]) -> None:
        """Have letters that were received found again at once, in the order in which they came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which letters are meant, and what is to become of them.

    Attributes:
        machine: of whose instances; empty for all.
        instance: the only one; empty for all.
        reason: a part of the reason why they are there; empty for any.
        limit: most letters that are sent or deleted.
        dry_run: only say what would be done.
        discard: delete them instead.
    """

    machine: str = ""
    instance: str = ""
    reason: str = ""
    limit: int | None = None
    dry_run: bool = False
    discard: bool = False

    def means(self, letter: DeadLetter, group: str) -> bool:
        """Whether a letter for that group is among them."""
        key = InstanceKey.parse(group)
        return (
            self.machine in {"", key.machine} and self.instance in {"", key.instance} and self.reason in letter.reason
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of a letter.

    Attributes:
        letter: that was received.
        group: of the instance that it is for, as far as that can be told.
        sent: whether it was sent again; in a dry run, whether it would be.
        deleted: whether it was deleted without.
        why: it stays.
    """

    letter: DeadLetter
    group: str
    sent: bool = False
    deleted: bool = False
    why: str = ""


def send_event(queue: EventQueue, ours: AbstractSet[str], *, perhaps_applied: bool, dry_run: bool) -> Send:
    """Return what sends dead letters of the event queue again; see `revive_event`."""

    def send(letter: DeadLetter) -> None:
        group, body = revive_event(letter, ours, perhaps_applied=perhaps_applied)
        if not dry_run:
            queue.send(group=group, deduplication_id=redrive_id(letter), body=body)

    return send


def send_timer(queue: StandardQueue, ours: AbstractSet[str], *, dry_run: bool) -> Send:
    """Return what sends dead letters of the timers queue again; see `revive_timer`."""

    def send(letter: DeadLetter) -> None:
        body = revive_timer(letter, ours)
        if not dry_run:
            queue.send(body=body)

    return send


def redrive_id(letter: DeadLetter) -> str:
    """Return the deduplication id that a letter is sent again with.

    Not the one that its message had: the queue might still remember that, would send nothing, and the letter would be
    deleted. The same in every repetition, and another one when the message is among the dead letters once more.
    """
    return hashlib.sha256(f"redrive\n{letter.group}\n{letter.deduplication_id}".encode()).hexdigest()[:ID_DIGITS]


@dataclass(slots=True)
class _Run:
    done: int = 0
    seen: set[str] = field(default_factory=set)
    kept: list[DeadLetter] = field(default_factory=list)


def redrive(letters: DeadLetters, send: Send, wish: Wish) -> Iterator[Handled]:
    """Handle every letter that can be reached, in order; yield what became of each that is meant.

    What stays can be received again when this ends, however it ends. In a FIFO queue nothing behind a group's first
    messages in flight can be reached, so of a group more than ten letters of which stay, the rest is not looked at.

    Raises:
        QueueUnavailableError: letters were not reached, not sent, or sent and not deleted; the next run goes on.
    """
    run = _Run()
    try:
        while batch := letters.receive():
            run.kept += batch
            # What stays is found again once the queue has hidden it for long enough: then all the others were seen.
            new = [letter for letter in batch if letter.id not in run.seen]
            run.seen.update(letter.id for letter in new)
            if not new:
                break
            for letter in new:
                group = find_group(letter)
                if wish.means(letter, group):
                    yield _handle(run, letters, send, wish, Handled(letter=letter, group=group))
                if run.done == wish.limit:
                    return
    finally:
        letters.put_back(run.kept)


def _handle(run: _Run, letters: DeadLetters, send: Send, wish: Wish, handled: Handled) -> Handled:
    letter = handled.letter
    why = ""
    if not wish.discard:
        try:
            send(letter)
        except LetterStaysError as error:
            why = str(error)
    if not why:
        run.done += 1
        if not wish.dry_run:
            letters.delete(letter)
            run.kept.remove(letter)
    return Handled(letter=letter, group=handled.group, sent=not wish.discard and not why, deleted=wish.discard, why=why)


def find_group(letter: DeadLetter) -> str:
    """Return the instance that a letter is for, as `machine/instance`; a timer's stands in its body."""
    if letter.group:
        return letter.group
    try:
        timer = parse_timer(letter.body)
    except (EnvelopeInvalidError, EnvelopeTooNewError):
        return ""
    return str(InstanceKey(timer.machine, timer.instance))
