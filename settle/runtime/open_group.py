"""Opening the messages of a group: each becomes its events, or goes to the dead-letter queue."""

import logging
from collections.abc import Sequence

from settle.core.errors import SettleError
from settle.runtime.errors import (
    EnvelopeInvalidError,
    EnvelopeTooNewError,
    MachineNotDeployedError,
    UnknownMachineError,
)
from settle.runtime.incoming import Incoming, IncomingEvent
from settle.runtime.letters import refusal_of
from settle.runtime.log_keys import group_log_keys
from settle.runtime.message import Message
from settle.runtime.open_envelope import open_message
from settle.runtime.ports import DeadLetterQueue, Definitions, EventQueue
from settle.runtime.turn import Turn

DEPLOYMENT_RECEIVES = 20
"""How often an event for a machine that nobody knows comes again, about a quarter of an hour, before it is buried."""

_logger = logging.getLogger("settle")


def open_group(
    turn: Turn,
    messages: Sequence[Message],
    definitions: Definitions,
    dead_letters: DeadLetterQueue,
    events: EventQueue,
) -> tuple[list[list[Incoming]], SettleError | None]:
    """Take messages apart, up to the first that has to wait for a deployment; return its error too.

    What no instance can take is buried and opens to nothing. An event for an instance whose machine is no longer
    registered stays with the instance, which blocks.
    """
    opened: list[list[Incoming]] = []
    for message in messages:
        try:
            opened.append(_open(turn, message, definitions))
        except (EnvelopeTooNewError, MachineNotDeployedError) as error:
            return opened, error
        except (EnvelopeInvalidError, UnknownMachineError) as error:
            _bury(message, error, dead_letters, events)
            turn.tally.buried += 1
            opened.append([])
    return opened, None


def keyed_ids(turn: Turn, opened: Sequence[Sequence[Incoming]], definitions: Definitions) -> list[str]:
    """Return the ids of the events to ask the ledger about: those with an idempotency key that were not taken yet."""
    if not any(opened):
        return []
    if turn.instance is None and definitions.get(turn.key.machine).create_on_event:
        return []
    events = (item for incoming in opened for item in incoming if isinstance(item, IncomingEvent))
    return [event.id for event in events if event.body_hash and not turn.has_taken(event.position)]


def _open(turn: Turn, message: Message, definitions: Definitions) -> list[Incoming]:
    incoming = open_message(message)
    if turn.instance is None:
        _check_machine(turn, message, definitions)
    return incoming


def _bury(message: Message, error: SettleError, dead_letters: DeadLetterQueue, events: EventQueue) -> None:
    """Put a message among the dead letters; a parent whose child it was to create hears of it first."""
    _logger.warning("message buried: %s", error.summary, extra={**group_log_keys(message.group), "code": error.code})
    if message.trusted and isinstance(error, UnknownMachineError):
        for event in open_message(message):
            if isinstance(event, IncomingEvent) and event.parent is not None:
                entry = refusal_of(message.group, event, error.code)
                events.send(group=entry.group, deduplication_id=entry.id, body=entry.body)
    dead_letters.bury(
        group=message.group,
        deduplication_id=message.message_id,
        body=message.body,
        reason=str(error),
        sender=message.sender,
    )


def _check_machine(turn: Turn, message: Message, definitions: Definitions) -> None:
    """A machine that our ingress knows and we do not is part of a deployment under way, for a while."""
    try:
        definitions.get(turn.key.machine)
    except UnknownMachineError as error:
        if message.trusted and message.receives <= DEPLOYMENT_RECEIVES:
            raise MachineNotDeployedError(f"{error}; wait for the deployment") from error
        raise
