"""A whole system in memory, and the words in which tests speak to it."""

from collections.abc import Iterable
from typing import Any

from settle.adapters.polled_queue import ReceivedMessage
from settle.adapters.sqlite_queue import SqliteQueue
from settle.core.definition import Definition
from settle.core.errors import UnknownVersionError
from settle.core.snapshot import Snapshot
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    Envelope,
    EnvelopeEvent,
    EventEdit,
    EventsEnvelope,
    dump_envelope,
)
from settle.runtime.errors import UnknownMachineError
from settle.runtime.ids import digest_event
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.permissions import NO_RULES, Rules
from settle.runtime.receipt import Outcome, ShortReceipt
from settle.runtime.tally import Taken
from settle.testing.clock import ManualClock
from settle.testing.system import VISIBILITY_SECONDS, MemorySystem, standard_messages

__all__ = ["VISIBILITY_SECONDS", "Definitions", "ManualClock", "System", "standard_messages"]


class Definitions:
    """Registered machines, by version."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.current = {definition.machine: definition for definition in definitions}
        self.versions = {(d.machine, d.version): d for d in self.current.values()}
        self.rules: dict[str, Rules] = {}

    def get(self, machine: str) -> Definition:
        try:
            return self.current[machine]
        except KeyError as error:
            raise UnknownMachineError(f"no machine {machine!r}") from error

    def definition_for(self, snapshot: Snapshot) -> Definition:
        found = self.versions.get((snapshot.machine, snapshot.machine_version))
        if found is None or found.hash != snapshot.definition:
            raise UnknownVersionError(f"{snapshot.machine} has no version {snapshot.machine_version} like this")
        return found

    def rules_of(self, machine: str) -> Rules:
        return self.rules.get(machine, NO_RULES)


class System(MemorySystem):
    """Post, pump, look."""

    definitions: Definitions

    def __init__(self, *definitions: Definition) -> None:
        super().__init__(Definitions(definitions))
        self.stranger = SqliteQueue(self.database, self.clock, sender="stranger")

    # Sending ---------------------------------------------------------------------------------------------------------

    def post(self, group: str, *events: str | tuple[str, Any], key: str = "", **fields: Any) -> int:
        """Send external events as one message and return its sequence number."""
        pairs = [event if isinstance(event, tuple) else (event, {}) for event in events]
        items = [
            EnvelopeEvent(id=f"{key}-{index}" if key else self.new_id(), type=type_, data=data)
            for index, (type_, data) in enumerate(pairs)
        ]
        machine, instance = group.split("/")
        body_hash = "same" if key else ""
        envelope = EventsEnvelope(machine=machine, instance=instance, events=items, body_hash=body_hash, **fields)
        return self.send(envelope)

    def create(self, group: str, input_hash: str = "h", **fields: Any) -> int:
        machine, instance = group.split("/")
        envelope = CreateEnvelope(machine=machine, instance=instance, id=self.new_id(), input_hash=input_hash, **fields)
        return self.send(envelope)

    def control(self, group: str, action: str, **fields: Any) -> int:
        machine, instance = group.split("/")
        common: dict[str, Any] = {"machine": machine, "instance": instance, "id": self.new_id()}
        return self.send(ControlEnvelope(**common, action=ControlAction(action), **fields))

    def edit(self, group: str, event_id: str, was: tuple[str, Any], event: tuple[str, Any], **fields: Any) -> int:
        """Ask for another type and other data in the event that blocks an instance."""
        machine, instance = group.split("/")
        change = EventEdit(digest=digest_event(*was), event=EnvelopeEvent(id=event_id, type=event[0], data=event[1]))
        envelope = ControlEnvelope(
            machine=machine,
            instance=instance,
            id=self.new_id(),
            action=ControlAction.EDIT,
            edit=change,
            schema_version=3,
            **fields,
        )
        return self.send(envelope)

    def send(self, envelope: Envelope, *, stranger: bool = False) -> int:
        queue = self.stranger if stranger else self.polled
        group = f"{envelope.machine}/{envelope.instance}"
        sent = queue.send(group=group, deduplication_id=self.new_id(), body=dump_envelope(envelope))
        return int(sent.sequence_number)

    def taken(self) -> list[Taken]:
        """Look at everything that observers were told of."""
        return [taken for tally in self.tallies for taken in tally.taken]

    # Looking ---------------------------------------------------------------------------------------------------------

    def instance(self, group: str) -> Instance:
        found = self.inner_store.load(InstanceKey.parse(group))
        assert found is not None, f"{group} was never created"
        return found

    def exists(self, group: str) -> bool:
        return self.inner_store.load(InstanceKey.parse(group)) is not None

    def state(self, group: str) -> tuple[str, ...]:
        return self.instance(group).snapshot.configuration

    def context(self, group: str) -> Any:
        return self.instance(group).snapshot.context

    def receipt(self, group: str, sequence: int, index: int = 0) -> ShortReceipt:
        for receipt in reversed(self.instance(group).ring):
            if (receipt.position.sequence, receipt.position.index) == (sequence, index):
                return receipt
        raise AssertionError(f"no receipt for {sequence}.{index} in {self.instance(group).ring}")

    def outcome(self, group: str, sequence: int, index: int = 0) -> Outcome:
        return self.receipt(group, sequence, index).outcome

    def buried(self) -> list[ReceivedMessage]:
        return self.dead_letters.queue.receive(max_messages=10, visibility_timeout=0)
