"""An instance of which everything is written down that is done to it, and what comes of it."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from settle.core.errors import SettleError
from settle.runtime.instance import InstanceKey
from settle.runtime.receipt import Outcome
from settle.testing.arguments import read_who
from settle.testing.client import Client, Sighting
from settle.testing.errors import HIDDEN, BlockedError
from settle.testing.history import Doing, History, HistoryStep, record_answer, record_effect
from settle.testing.log import Log
from settle.testing.stubs import Stubs
from settle.testing.view import InstanceView
from settle.testing.world import World

__tracebackhide__ = HIDDEN


class RecordedInstance(InstanceView):
    """An instance that things are done to.

    Args:
        world: that it lives in.
        key: of the instance.
        stubs: what services answer.
        log: of everything that was done in that world.
        other: its name again, when it is not the instance that the test is about.
        route: the invokes that lead to it from that instance.
        keyed: whether each event carries an idempotency key, as that of a client who may have to repeat it does.
    """

    def __init__(  # noqa: PLR0913 - its parts
        self,
        world: World,
        key: InstanceKey,
        stubs: Stubs,
        log: Log,
        *,
        other: str = "",
        route: tuple[str, ...] = (),
        keyed: bool = False,
    ) -> None:
        super().__init__(world, key, stubs)
        self._log, self._other, self._route, self._keyed = log, other, route, keyed
        self._client = Client(world, key, stubs)
        self._began = world.clock.now()

    @property
    def outcome(self) -> Outcome | None:
        """What became of the last event: `applied`, `ignored`, `refused`, `denied`, `held`, `queued` and so on.

        None before there was one, and once what became of it is no longer kept.
        """
        return self._client.verdict()[0]

    @property
    def reason(self) -> str:
        """What decided that: `guard:<its name>`, `node:<path>` of a `rejected` state, `rule:<its name>`, or a code."""
        return self._client.verdict()[1]

    @property
    def now(self) -> float:
        """What time it is, in seconds since the epoch."""
        return self._world.clock.now()

    @property
    def history(self) -> History:
        """Everything that was done, as data to be stored and replayed."""
        definition = self._world.cast.get(self._key.machine)
        return History(
            machine=definition.machine,
            version=definition.version,
            now=self._began,
            instance=self._key.instance,
            strangers=self._world.cast.strangers,
            steps=tuple(self._log.steps),
        )

    @property
    def story(self) -> str:
        """Everything that was done and what came of it, a line each."""
        return self._log.story()

    def seen_by(self, principal: str, claims: Mapping[str, Any] | None = None) -> Sighting:
        """Return what somebody sees of the instance, and may send to it."""
        return self._client.sight(self._instance, read_who(principal, claims), self.next_events)

    def __repr__(self) -> str:
        if not self.exists:
            return f"<{self.group}, which is not there>"
        outcome, reason = self._client.verdict()
        last = self._log.steps[-1].do if self._log.steps else ""
        told = f"; {last}: {outcome}{f' by {reason}' if reason else ''}" if outcome is not None else ""
        return f"<{self.group} at {', '.join(self._snapshot.configuration)}, version {self.version}{told}>"

    # Doing -----------------------------------------------------------------------------------------------------------

    def _do(self, doing: Doing, action: Callable[[], object], given: dict[str, Any]) -> Self:
        """Do something, let everything happen that follows at once, and write both down."""
        calls, effects, before = len(self._stubs.answered), len(self.effects), self.now
        if doing in {"start", "in_state"} or given.get("action") == "delete":
            self._client.forget()
        try:
            action()
            self._world.run_all()
        except SettleError as error:  # as the API answers; where in Settle that was decided says nothing more
            raise error.with_traceback(None) from None
        except AssertionError as error:
            here = HistoryStep(do=doing, other=self._other, child=self._route, given=given, then={})
            if self._log.steps:
                error.add_note("\n".join(["The trial so far:", *self.story.splitlines(), f"now. {here}"]))
            raise
        step = HistoryStep(
            do=doing,
            other=self._other,
            child=self._route,
            given=given,
            services=tuple(record_answer(each) for each in self._stubs.answered[calls:]),
            then=self._describe(effects, before if doing != "advance" else self.now),
        )
        self._log.steps.append(step)
        self._check_blocked()
        return self

    def _describe(self, known_effects: int, now: float) -> dict[str, Any]:
        """Describe what is there after a step."""
        outcome, reason = self._client.verdict()
        if not self.exists:
            return {"exists": False, **({} if outcome is None else {"outcome": outcome.value})}
        return {
            "outcome": None if outcome is None else outcome.value,
            "reason": reason,
            "state": list(self._snapshot.configuration),
            "status": self.status.value,
            "context": self._snapshot.context,
            "output": self.output,
            "timers": dict(self.timers),
            "services": list(self.services),
            "effects": [record_effect(each, now) for each in self.effects[known_effects:]],
            "held": self.held,
        }

    def _check_blocked(self) -> None:
        """Fail when something has come to block an instance: few tests want that, and all have to hear of it."""
        for group in self._world.groups():
            found = self._world.find(group)
            blocked = found.blocked if found is not None else None
            if blocked is not None and self._log.blocks.get(group) != blocked:
                self._log.blocks[group] = blocked
                last = self._stubs.answered[-1:]
                misfit = last[0].misfit if last and f"{last[0].call.machine}/{last[0].call.instance}" == group else ""
                raise BlockedError(group, blocked, self.story, misfit)
