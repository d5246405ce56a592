"""A trial: one instance of a machine, in memory, on the real runtime, with a clock that a test moves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

from pydantic import BaseModel

from settle.core.service import ServiceCall, ServiceError
from settle.runtime.addresses import child_key
from settle.runtime.check_events import ClientEvent
from settle.runtime.envelope import ControlAction
from settle.runtime.instance import InstanceKey, ServiceOutcome
from settle.testing.arguments import (
    read_json,
    read_object,
    read_origin,
    read_type,
    read_version,
    read_wait,
    read_who,
)
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.recorded import RecordedInstance
from settle.testing.stubs import UNSAID, Answer, check_name, make_stub

__tracebackhide__ = HIDDEN

MOST_STEPS: Final = 100_000
"""Moments at which something happens while time is advanced once."""
CLIENT_ACTIONS: Final = ("pause", "resume", "retry", "skip", "delete")


class Trial(RecordedInstance):
    """One instance of a machine: do something to it, and look at what came of it. Made by `given`.

    Methods that do something return the trial itself. When they return, everything has happened that happens now;
    timers fire, and what failed is tried again, while time is advanced.
    """

    # Doing -----------------------------------------------------------------------------------------------------------

    def start(
        self,
        input: Mapping[str, Any] | BaseModel | None = None,  # noqa: A002 - the word of machines
        *,
        principal: str = "",
        claims: Mapping[str, Any] | None = None,
    ) -> Self:
        """Create the instance, as `PUT` does. Whoever sends it an event first need not.

        Raises:
            SettleError: as the API says no: `InputInvalidError`, `InstanceExistsError`, `CreationRefusedError`.
            BlockedError: a guard or an action raised.
        """
        given, who = read_object(input, "an input"), read_who(principal, claims)
        told = {"input": given, "principal": who.name, "claims": dict(who.claims)}
        return self._do("start", lambda: self._client.create(given, who), told)

    def in_state(self, *states: str, context: Mapping[str, Any] | BaseModel | None = None) -> Self:
        """Put the new instance into a state, without the events that lead there and without its entry actions.

        Its timers begin now, its services and children are begun. The machine then goes on as far as it does by
        itself: where it would not rest it does not stay.

        Args:
            states: paths; one for each region where several are active. Those inside one that is named begin by
                default.
            context: what it remembers; fields that are left out have their defaults.

        Raises:
            TrialError: there is no such state, it did not come about, or the instance has begun already.
            InputInvalidError: the context does not fit.
        """
        given = read_object(context, "a context")
        return self._do(
            "in_state", lambda: self._client.place(states, given), {"states": list(states), "context": given}
        )

    def send(  # noqa: PLR0913 - what a request says
        self,
        event_type: str,
        data: Mapping[str, Any] | BaseModel | None = None,
        *,
        principal: str = "",
        claims: Mapping[str, Any] | None = None,
        key: str = "",
        if_match: int | str | None = None,
        origin: str = "",
    ) -> Self:
        """Send an event. What became of it is then in `outcome` and `reason`.

        Args:
            event_type: of the event.
            data: what it carries.
            principal: who sends it.
            claims: what the API's authorizer says about them.
            key: idempotency key.
            if_match: the version that the instance must have.
            origin: instance, `machine/instance`, that sends it, in place of a client.

        Raises:
            SettleError: as the API refuses it: `UnknownEventError`, `EventInvalidError`, `UnknownInstanceError` ...
            BlockedError: a guard or an action raised, or a limit was met.
        """
        body, who = read_object(data, "the data of an event"), read_who(principal, claims)
        origin, expected = read_origin(origin), read_version(if_match)
        event = ClientEvent(type=read_type(event_type), data=body)
        key_sent = key or (f"event-{len(self._log.steps) + 1}" if self._keyed else "")
        given: dict[str, Any] = {"type": event_type, "data": body, "principal": who.name, "claims": dict(who.claims)}
        given |= {"key": key, "if_match": expected, "origin": origin}

        def act() -> None:
            if origin:
                self._client.tell(event, origin)
            else:
                self._client.post(event, who, key=key_sent, if_match=expected)

        return self._do("send", act, given)

    def advance(self, duration: object) -> Self:
        """Let time pass; timers fire when they are due, and what failed for now is tried again.

        Args:
            duration: seconds, text such as `24h` or `PT24H`, a `timedelta`, or the moment until which, as a `datetime`
                with a time zone.

        Raises:
            TrialError: it is none of these, or lies behind us.
            BlockedError: a guard or an action raised meanwhile.
        """
        seconds = read_wait(duration, self.now)
        return self._do("advance", lambda: self._world.advance(seconds, steps=MOST_STEPS), {"duration": seconds})

    def advance_to_next_timer(self) -> Self:
        """Let time pass until the next timer of this instance is due.

        Raises:
            TrialError: it has none.
            BlockedError: a guard or an action raised meanwhile.
        """
        if not self.timers:
            raise TrialError(f"{self.group} at {', '.join(self._snapshot.configuration)} has no timer")
        return self.advance(min(self.timers.values()))

    def complete(self, invoke: str, result: object = None, *, error: ServiceError | None = None) -> Self:
        """Say how a service or a child ended whose stub returned `WAIT_FOR_CALLBACK`.

        Args:
            invoke: its id, or the name of the service or of the child's machine.
            result: JSON data, or a model.
            error: instead of a result.

        Raises:
            TrialError: nothing waits under that name, or it is to end in both ways.
        """
        invoke = self._find_invoke(invoke)
        if error is not None and result is not None:
            raise TrialError(f"{invoke!r} ends with a result or with an error, not with both")
        if error is not None and not isinstance(error, ServiceError):
            raise TrialError(f"{invoke!r} fails for good with a ServiceError, and not with {error!r}")
        outcome = ServiceOutcome(data={} if result is None else read_json(result, f"the result of {invoke!r}"))
        if error is not None:
            data = {"code": error.code, "message": error.message, "data": error.data}
            outcome = ServiceOutcome(data=data, error=error.code)
        given: dict[str, Any] = {"invoke": invoke, "data": outcome.data, "error": outcome.error}
        return self._do("complete", lambda: self._client.complete(invoke, outcome), given)

    def control(self, action: str, *, principal: str = "", claims: Mapping[str, Any] | None = None) -> Self:
        """Be an operator: `pause`, `resume`, `retry`, `skip` or `delete`.

        Raises:
            TrialError: operators know no such action.
            SettleError: as the API refuses it.
            BlockedError: what was retried failed again.
        """
        if action not in CLIENT_ACTIONS:
            raise TrialError(f"operators may {', '.join(CLIENT_ACTIONS)}; there is no {action!r}")
        self._log.blocks.pop(self.group, None)

        asked, who = ControlAction(action), read_who(principal, claims)
        told = {"action": action, "principal": who.name, "claims": dict(who.claims)}
        return self._do("control", lambda: self._client.control(asked, who), told)

    def edit(
        self,
        data: Mapping[str, Any] | BaseModel | None = None,
        *,
        event_type: str = "",
        principal: str = "",
        claims: Mapping[str, Any] | None = None,
    ) -> Self:
        """Be an operator who changes the event that blocks the instance, and has it tried again.

        Args:
            data: other data; what it has stays when none is given.
            event_type: another type; the one that it has stays when none is given.
            principal: who the operator is.
            claims: what the API's authorizer says about them.

        Raises:
            SettleError: as the API refuses it: `NotBlockedError`, `NotEditableError`, `EventInvalidError` ...
            BlockedError: it failed again.
        """
        who = read_who(principal, claims)
        body = None if data is None else read_object(data, "the data of an event")
        changes = {**({"type": event_type} if event_type else {}), **({} if body is None else {"data": body})}
        self._log.blocks.pop(self.group, None)
        told = {"type": event_type, "data": body, "principal": who.name, "claims": dict(who.claims)}
        return self._do("edit", lambda: self._client.edit(changes, who), told)

    def stub(
        self,
        name: str,
        function: Callable[[ServiceCall], Any] | None = None,
        *,
        returns: Answer = UNSAID,
        raises: Exception | type[Exception] | None = None,
        answers: Sequence[Answer] | None = None,
    ) -> Self:
        """Say what a service answers from now on, or how a child ends whose machine is not given.

        Args:
            name: of the service, or the id of its invoke; of the child's machine.
            function: is called with the `ServiceCall`.
            returns: is returned by every call.
            raises: is raised by every call: `ServiceError` for good, anything else for now.
            answers: one after the other. A call that is repeated under its key is answered as before.

        Raises:
            TrialError: there is no such service, or not exactly one thing is said about it.
        """
        check_name(name, self._world.cast.definitions)
        self._stubs.set(name, make_stub(name, function, returns=returns, raises=raises, answers=answers))
        return self

    def child(self, invoke: str) -> "Trial":
        """Return the child that an invoke began, of a machine that is given.

        Raises:
            TrialError: it is not live, or its machine is not given.
        """
        live = next((each for each in self._snapshot.invokes if each.id == invoke), None)
        if live is None or not self._definition.invokes[invoke].machine:
            raise TrialError(
                f"{self.group} has no live child {invoke!r}; live are {', '.join(self.services) or 'none'}"
            )
        key = child_key(self._instance, live)
        if not self._world.cast.knows(str(key)):
            raise TrialError(f"the child {invoke!r} is stubbed; give its machine {live.src!r} along, or complete() it")
        return Trial(
            self._world, key, self._stubs, self._log, other=self._other, route=(*self._route, invoke), keyed=self._keyed
        )

    def other(self, name: str) -> "Trial":
        """Return another instance in the same world, of a machine that is given.

        Args:
            name: `machine/instance`.

        Raises:
            TrialError: its machine is not given.
        """
        group = read_origin(name)
        if not group or not self._world.cast.knows(group):
            raise TrialError(f"the machine of {name!r} is not given; give it along, given(machine, other)")
        key = InstanceKey.parse(group)
        return Trial(self._world, key, self._stubs, self._log, other=group, keyed=self._keyed)

    def _find_invoke(self, name: str) -> str:
        """Return the id of the live invoke that is meant by its id, or by what it calls."""
        live = self._snapshot.invokes if self.exists else ()
        known = [each.id for each in live if each.id == name] or [each.id for each in live if each.src == name]
        return known[0] if len(known) == 1 else name
