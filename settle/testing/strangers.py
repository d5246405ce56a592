"""Strangers: instances of machines that a test does not give. Messages reach them, and children answer as it says."""

from collections.abc import Sequence

from settle.adapters.polled_queue import ReceivedMessage
from settle.core.definition import Definition
from settle.core.event import Event
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.spec import InvokeSpec
from settle.runtime.envelope import ControlAction, ControlEnvelope, CreateEnvelope, ParentLink, parse_envelope
from settle.runtime.incoming import CREATE_TYPE
from settle.runtime.instance import InstanceKey, ServiceOutcome
from settle.runtime.letters import tell_parent
from settle.runtime.ports import EventQueue
from settle.testing.cast import Cast
from settle.testing.errors import HIDDEN, AbortedError, TrialError
from settle.testing.stubs import Stubs

__tracebackhide__ = HIDDEN


class Strangers:
    """Takes what is sent to machines that were not given.

    Args:
        queue: of all events.
        cast: the given machines.
        stubs: say how children end.
    """

    def __init__(self, queue: EventQueue, cast: Cast, stubs: Stubs) -> None:
        self._queue, self._cast, self._stubs = queue, cast, stubs
        self._waiting: dict[tuple[str, str], tuple[CreateEnvelope, ParentLink]] = {}

    def take(self, messages: Sequence[ReceivedMessage]) -> None:
        """Take messages: a child begins, or is stopped; everything else is heard and changes nothing.

        Raises:
            AbortedError: nothing is said about a child that begins.
        """
        for message in messages:
            match parse_envelope(message.body):
                case CreateEnvelope(parent=parent) as creation if parent is not None:
                    self._begin(creation, parent)
                case ControlEnvelope(action=ControlAction.STOP, parent=parent) if parent is not None:
                    self._waiting.pop(_place(parent), None)
                case _:
                    pass

    def end(self, parent: str, invoke: str, outcome: ServiceOutcome) -> bool:
        """Have a child end that was left waiting; False when there is none."""
        found = self._waiting.pop((parent, invoke), None)
        if found is None:
            return False
        self._tell(*found, outcome)
        return True

    def _begin(self, creation: CreateEnvelope, parent: ParentLink) -> None:
        definition, invoke = self._find(parent)
        key = InstanceKey.parse(parent.group)
        call = ServiceCall(
            key=creation.id,
            context=None,
            machine=key.machine,
            instance=key.instance,
            invoke=invoke.id,
            event=Event(type=CREATE_TYPE, data=creation.input),
            input=creation.input,
            now=creation.accepted_at,
        )
        try:
            answer = self._stubs.answer(definition, invoke, call)
        except ServiceError as error:
            outcome = ServiceOutcome(
                error=error.code, data={"code": error.code, "message": error.message, "data": error.data}
            )
        except Exception as error:
            message = f"a child ends with data or a ServiceError, and {invoke.id!r} raised {type(error).__name__}"
            raise AbortedError(TrialError(message)) from error
        else:
            if answer is WAIT_FOR_CALLBACK:
                self._waiting[_place(parent)] = creation, parent
                return
            outcome = ServiceOutcome(data=answer)
        self._tell(creation, parent, outcome)

    def _find(self, parent: ParentLink) -> tuple[Definition, InvokeSpec]:
        """Return what began a child."""
        machine, name = InstanceKey.parse(parent.group).machine, _place(parent)[1]
        definition = next(each for each in self._cast.definitions if each.machine == machine and name in each.invokes)
        return definition, definition.invokes[name]

    def _tell(self, creation: CreateEnvelope, parent: ParentLink, outcome: ServiceOutcome) -> None:
        """Tell a parent how its child ended; the queue knows a repetition by its id."""
        group = f"{creation.machine}/{creation.instance}"
        letter = tell_parent(group, parent, outcome, (creation.hops or 0) + 1)(f"{creation.id}:ended")
        self._queue.send(group=letter.group, deduplication_id=letter.id, body=letter.body)


def _place(parent: ParentLink) -> tuple[str, str]:
    """Return the instance and the id of the invoke that a child belongs to."""
    return parent.group, parent.invoke.rpartition("#")[0]
