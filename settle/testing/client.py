"""The client of an instance under test: every request goes through the use cases of the ingress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from settle.core.codec import CodecError
from settle.core.errors import InputInvalidError
from settle.core.event import Event
from settle.core.permission import Principal
from settle.runtime.check_events import ClientEvent, check_events
from settle.runtime.check_rights import filter_events, find_sight
from settle.runtime.complete_callback import CallbackOutcome, post_callback
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import ControlAction, CreateEnvelope, EnvelopeEvent, EventsEnvelope, dump_envelope
from settle.runtime.errors import DeniedError, PreconditionFailedError
from settle.runtime.find_definition import find_view
from settle.runtime.ids import PositionReceiptId, ReceiptId, hash_creation
from settle.runtime.instance import Instance, InstanceKey, ServiceOutcome
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.outgoing import Caller
from settle.runtime.read_receipt import read_receipts
from settle.runtime.receipt import Outcome, Position
from settle.runtime.send_control import send_control
from settle.runtime.send_edit import EditRequest, send_edit
from settle.runtime.submit_events import EventsRequest, post_events
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.placing import place
from settle.testing.stubs import Stubs
from settle.testing.world import World

__tracebackhide__ = HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What somebody sees of an instance, by the rules of its machine.

    Attributes:
        denied: the rule that lets them see nothing; empty when they see something.
        context: the fields that they see.
        next_events: event types that they may send now.
    """

    denied: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    next_events: tuple[str, ...] = ()


class Client:
    """Does things to one instance, and asks what became of the last event.

    Args:
        world: that the instance lives in.
        key: of the instance.
        stubs: know which services wait for a callback.
    """

    def __init__(self, world: World, key: InstanceKey, stubs: Stubs) -> None:
        self._world, self._key, self._stubs = world, key, stubs
        self._receipt: ReceiptId | None = None
        self._verdict: tuple[Outcome | None, str] = (None, "")

    def forget(self) -> None:
        """Forget the last event: something else was done since."""
        self._receipt, self._verdict = None, (None, "")

    def verdict(self) -> tuple[Outcome | None, str]:
        """Return what became of the last event, and what decided that; asked anew while it is not final."""
        if self._receipt is not None:
            (view,) = read_receipts(self._world.eyes, self._key, [self._receipt])
            self._verdict = view.outcome, view.code
            if view.is_final:
                self._receipt = None
        return self._verdict

    # Requests --------------------------------------------------------------------------------------------------------

    def create(self, given: Mapping[str, Any], who: Principal) -> None:
        """Create the instance, as `PUT` does."""
        self._world.ask(lambda: put_instance(self._world.ports, self._key, Caller(principal=who), given))

    def post(self, event: ClientEvent, who: Principal, *, key: str, if_match: int | None) -> None:
        """Send an event, as `POST` does. A no to the sender, or to the version, is an outcome; others are raised."""
        self.forget()
        caller = Caller(principal=who)
        request = EventsRequest(key=self._key, caller=caller, events=[event], idempotency_key=key, if_match=if_match)
        try:
            (self._receipt,) = self._world.ask(lambda: post_events(self._world.ports, request)).receipt_ids
        except DeniedError:
            self._verdict = Outcome.DENIED, self._find_rule(event, who)
        except PreconditionFailedError:
            found = self._find()
            self._verdict = Outcome.PRECONDITION_FAILED, f"version:{found.version if found else 0}"

    def tell(self, event: ClientEvent, origin: str) -> None:
        """Send an event as another instance does."""
        self.forget()
        check_events(self._world.ports.registry, self._key.machine, [event])
        event_id = self._world.new_client_id()
        envelope = EventsEnvelope(
            machine=self._key.machine,
            instance=self._key.instance,
            events=[EnvelopeEvent(id=event_id, type=event.type, data=event.data)],
            body_hash=LEDGER_MARK,
            origin=origin,
            accepted_at=self._world.clock.now(),
        )
        sent = self._world.polled.send(group=str(self._key), deduplication_id=event_id, body=dump_envelope(envelope))
        self._receipt = PositionReceiptId(Position(int(sent.sequence_number)))

    def control(self, action: ControlAction, who: Principal) -> None:
        """Ask for what operators ask for."""
        self._world.ask(lambda: send_control(self._world.ports, self._key, Caller(principal=who), action))

    def edit(self, changes: Mapping[str, Any], who: Principal) -> None:
        """Change the event that blocks the instance, and try it again."""
        request = EditRequest(changes=dict(changes))
        self._world.ask(lambda: send_edit(self._world.ports, self._key, Caller(principal=who), request))

    def complete(self, invoke: str, outcome: ServiceOutcome) -> None:
        """Say how a child or a background service ended that waits for it.

        Raises:
            TrialError: nothing waits under that name.
        """
        if self._world.strangers.end(str(self._key), invoke, outcome):
            return
        found = self._find()
        live = {each.id for each in found.snapshot.invokes} if found else set()
        tokens = [
            each.call.token
            for each in self._stubs.answered
            if each.waits
            and (each.call.machine, each.call.instance) == (self._key.machine, self._key.instance)
            and each.call.invoke == invoke
        ]
        if invoke not in live or not tokens:
            raise TrialError(
                f"nothing of {self._key} waits to hear how {invoke!r} ended; a stub that returns WAIT_FOR_CALLBACK does"
            )
        said = CallbackOutcome(data=outcome.data, error=outcome.error)
        self._world.ask(lambda: post_callback(self._world.ports, tokens[-1], Caller(), said))

    def sight(self, instance: Instance, who: Principal, types: Sequence[str]) -> Sighting:
        """Return what somebody sees of the instance, and which of some events they may send."""
        eyes = self._world.eyes
        sight = self._world.ask(lambda: find_sight(eyes, instance, who))
        if sight.denied:
            return Sighting(denied=sight.denied)
        return Sighting(
            context=sight.of(instance.snapshot.context), next_events=filter_events(eyes, instance, who, types)
        )

    # Placing ---------------------------------------------------------------------------------------------------------

    def place(self, states: Sequence[str], context: Mapping[str, Any]) -> None:
        """Create the instance in some states. No function dies of it, and no rule is asked.

        Raises:
            TrialError: there are no such states, they did not come about, or the instance has begun already.
            InputInvalidError: the context does not fit.
        """
        cast, machine = self._world.cast, self._key.machine
        if self._find() is not None:
            raise TrialError(f"{self._key} has begun already; put it in_state(...) before anything else")
        definition = cast.registry.get(machine)
        try:
            definition.context.load({**definition.initial_context, **context})
        except CodecError as error:
            raise InputInvalidError(f"the context of {machine}", error.fields) from error
        envelope = CreateEnvelope(
            machine=machine,
            instance=self._key.instance,
            id=self._world.new_client_id(),
            input=dict(context),
            input_hash=hash_creation(context, None),
            accepted_at=self._world.clock.now(),
        )
        with self._world.placing(place(definition, states)):
            self._world.polled.send(group=str(self._key), deduplication_id=envelope.id, body=dump_envelope(envelope))
            self._world.pump_safely()
        found = self._find()
        if found is None or not (found.snapshot.started or found.blocked):
            raise TrialError(
                f"{self._key} cannot be put in {', '.join(states)}: a service that is begun there failed, or a state"
                " that it leads to refuses events"
            )

    def _find(self) -> Instance | None:
        return self._world.find(str(self._key))

    def _find_rule(self, event: ClientEvent, who: Principal) -> str:
        """Return which rule says no."""
        eyes, found = self._world.eyes, self._find()
        view = find_view(eyes.registry, found) if found is not None else None
        rules, definition = eyes.registry.rules_of(self._key.machine), eyes.registry.get(self._key.machine)
        return rules.judge(who, Event(type=event.type, data=event.data), definition, view)
