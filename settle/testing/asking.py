"""Asking the rules of a machine while it is explored: who may create it, and who may send what where it stands."""

from collections.abc import Iterable

from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.permission import NOBODY, Principal, SnapshotView
from settle.core.snapshot import Snapshot
from settle.runtime.incoming import CREATE_TYPE
from settle.runtime.permissions import Rules
from settle.testing.cast import make_loud
from settle.testing.errors import HIDDEN, AbortedError
from settle.testing.moves import Send, Start
from settle.testing.samples import Sample

__tracebackhide__ = HIDDEN


class Law:
    """The rules of a machine.

    Args:
        definition: of the machine.
        rules: of its file.
        samples: events to try; who sends one may be who creates the instance.
    """

    def __init__(self, definition: Definition, rules: Rules, samples: Iterable[Sample]) -> None:
        self._definition, self._rules = definition, make_loud(rules)
        senders = [Principal(name=each.principal, claims=each.claims) for each in samples]
        self._people = [NOBODY, *(each for number, each in enumerate(senders) if each not in senders[:number])]

    def find_creator(self, start: Start) -> Start:
        """Return a start by the first who may: nobody in particular, or somebody who sends one of the events."""
        event = Event(type=CREATE_TYPE, data=dict(start.input))
        who = next((each for each in self._people if not self._judge(each, event, None)), NOBODY)
        return Start(input=start.input, principal=who.name, claims=who.claims)

    def judge(self, move: Start | Send, snapshot: Snapshot, version: int) -> str:
        """Return the code of the rule that denies a move; empty when none does.

        Raises:
            RuleFailedError: a rule raised.
        """
        if isinstance(move, Start):
            who = Principal(name=move.principal, claims=move.claims)
            return self._judge(who, Event(type=CREATE_TYPE, data=dict(move.input)), None)
        sample = move.sample
        who = Principal(name=sample.principal, claims=sample.claims)
        view = SnapshotView(self._definition, snapshot, version)
        return self._judge(who, Event(type=sample.type, data=sample.data), view)

    def _judge(self, who: Principal, event: Event, view: SnapshotView | None) -> str:
        try:
            return self._rules.judge(who, event, self._definition, view)
        except AbortedError as aborted:
            raise aborted.error from aborted.error.__cause__
