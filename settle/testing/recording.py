"""What instances promised: the effects of every commit, by their ids, as they went into the outbox."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from settle.core.effects import Effect, SendEvent, SetTimer, StartChild, StartService, StopChild
from settle.core.event import DONE_INVOKE, ERROR_INVOKE
from settle.core.targets import INVOKE_PREFIX, PARENT_TARGET
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    EventsEnvelope,
    ResultEnvelope,
    TimerKind,
    parse_envelope,
    parse_task,
    parse_timer,
)
from settle.runtime.instance import (
    FinishEvent,
    HeldEvent,
    Instance,
    InstanceKey,
    OutboxEntry,
    SendMessage,
    SendTask,
    SendTimer,
)
from settle.runtime.ports import Expected, InstanceStore

VOLATILE: Final = frozenset({"token", "accepted_at", "due", "trace", "schema_version", "call"})
"""Fields of messages that follow from when something was sent, or that nobody could guess. What a service is called
with is compared where it is called."""


class RecordingStore:
    """A store that takes note of what each commit promised.

    Args:
        inner: the store.

    Attributes:
        entries: of the outboxes, in the order they were committed, each once; by instance.
        lives: whose incarnation is which.
    """

    def __init__(self, inner: InstanceStore) -> None:
        self._inner = inner
        self.lives: dict[str, InstanceKey] = {}
        self._parents: dict[InstanceKey, str] = {}
        self.entries: dict[InstanceKey, dict[str, OutboxEntry]] = {}

    def commit(
        self,
        instance: Instance,
        expected: Expected,
        *,
        hold: Sequence[HeldEvent] = (),
        release: Sequence[int] = (),
    ) -> None:
        """Store an instance; see `InstanceStore`."""
        self._inner.commit(instance, expected, hold=hold, release=release)
        self.lives[instance.incarnation] = instance.key
        if instance.parent is not None:
            self._parents[instance.key] = instance.parent.group
        known = self.entries.setdefault(instance.key, {})
        for entry in instance.outbox:
            known.setdefault(entry.id, entry)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the store
        return getattr(self._inner, name)

    def effects(self, key: InstanceKey) -> tuple[Effect, ...]:
        """Return what an instance asked of the world, in the words of the core."""
        entries = self.entries.get(key, {}).values()
        # What actions call others, by their names; children are added as they begin.
        family = {self._parents[key]: PARENT_TARGET} if key in self._parents else {}
        return tuple(effect for entry in entries if (effect := _read(entry, family)) is not None)


def _read(entry: OutboxEntry, family: dict[str, str]) -> Effect | None:
    """Return an entry as an effect; None for what the runtime does for itself."""
    match entry:
        case SendMessage(group=group, body=body):
            return _read_message(group, body, family)
        case SendTimer(body=body, due=due):
            timer = parse_timer(body)
            return SetTimer(timer=timer.key, due=due) if timer.what is TimerKind.TIMER else None
        case SendTask(body=body):
            return StartService(invoke=parse_task(body).invoke)
        case _:
            return None


def _read_message(group: str, body: str, family: dict[str, str]) -> Effect | None:
    match parse_envelope(body):
        case CreateEnvelope(parent=parent) if parent is not None:
            family[group] = INVOKE_PREFIX + parent.invoke.rpartition("#")[0]
            return StartChild(invoke=parent.invoke)
        case ControlEnvelope(action=ControlAction.STOP, parent=parent) if parent is not None:
            return StopChild(invoke=parent.invoke)
        case EventsEnvelope(events=[event]):
            return SendEvent(target=family.get(group, group), type=event.type, data=event.data)
        case ResultEnvelope(invoke=invoke, data=data, error=error):
            event_type = (ERROR_INVOKE if error else DONE_INVOKE) + invoke.rpartition("#")[0]
            return SendEvent(target=PARENT_TARGET, type=event_type, data=data)
        case _:
            return None


def is_own_control(entry: OutboxEntry, key: InstanceKey) -> bool:
    """Whether an entry is what an instance asks of itself: to go on with the events that it holds."""
    return (
        isinstance(entry, SendMessage)
        and entry.group == str(key)
        and isinstance(parse_envelope(entry.body), ControlEnvelope)
    )


def fingerprint(entry: OutboxEntry) -> str:
    """Return what an entry says, as text that is the same in two runs that went the same way."""
    kind = type(entry).__name__
    match entry:
        case FinishEvent(entry=ledger):
            receipt = ledger.receipt
            told = "" if receipt is None else f"{receipt.type} {receipt.outcome} {receipt.code} {receipt.version}"
            return f"{kind} {told}"
        case SendMessage(group=group, body=body):
            return f"{kind} to {group}: {_steady(json.loads(body))}"
        case SendTimer(body=body) | SendTask(body=body):
            return f"{kind}: {_steady(json.loads(body))}"
        case _:
            return kind


def _steady(body: Mapping[str, Any]) -> str:
    """Return a message without what may differ between two runs that went the same way."""
    kept = {name: value for name, value in body.items() if name not in VOLATILE}
    if "parent" in kept:
        kept["parent"] = _steady(kept["parent"])
    return json.dumps(kept, sort_keys=True)
