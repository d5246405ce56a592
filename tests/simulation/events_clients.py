"""Clients and strangers, and through them operators: they ask the ingress, or write to the queue themselves."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from settle.core.permission import Principal
from settle.runtime.check_events import ClientEvent
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    EnvelopeEvent,
    EventsEnvelope,
    dump_envelope,
)
from settle.runtime.ids import ReceiptId
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller
from settle.runtime.read_receipt import wait_for
from settle.runtime.submit_events import Accepted as Posted
from settle.runtime.submit_events import EventsRequest, post_events
from tests.simulation.events_chart import BAD, GOOD
from tests.simulation.events_operators import EventsOperators
from tests.simulation.events_witness import Accepted
from tests.simulation.functions import NEWER, OURS, ask

if TYPE_CHECKING:
    from tests.simulation.events_world import EventsWorld

GROUPS: Final = ("m/1", "m/2", "boot/1", "strict/1")
CALLER: Final = Caller(principal=Principal(name="client"))
TRIES: Final = 3
"""How often a client sends a request that it may send again, and that was not answered."""
LIST: Final = 10
"""More than a client sends at once; the numbers of its events follow from that of its act."""
WAIT_SECONDS: Final = 10.0

Event = tuple[str, dict[str, Any]]


class EventsClients:
    """Who send something whenever they are asked to."""

    def __init__(self, world: "EventsWorld") -> None:
        self._world, self._random, self._system = world, world.random, world.system
        self._first = 0
        self._groups: list[str] = []
        self._keyed: dict[tuple[str, str], list[Event]] = {}
        self._creations: dict[str, list[CreateEnvelope]] = defaultdict(list)
        self._operators = EventsOperators(world, self._accept)

    def send(self, number: int) -> None:
        """Send something to somebody."""
        self._first = number * LIST
        # Some clients all want the same.
        self._groups = self._groups or self._random.sample(GROUPS, self._random.choice((1, 2, 4)))
        operators = self._operators
        ways: dict[Callable[[str], None], float] = {
            self._write: 6,
            self._write_list: 1.5,
            self._write_keyed: 4,
            self._write_creation: 2,
            self._write_garbage: 0.5,
            self._write_newer: 0.3,
            operators.write_control: 4,
            self._post: 4,
            self._post_keyed: 4,
            self._put: 1.5,
            operators.control: 1.5,
            lambda group: operators.edit(group, self._first): 2,
        }
        (way,) = self._random.choices([*ways], [*ways.values()])
        way(self._random.choice(self._groups))

    def _events(self, count: int, *, bad: float = 0.12) -> list[Event]:
        kinds = [BAD if self._random.random() < bad else GOOD for _ in range(count)]
        return [(self._random.choice(kind), {"n": self._first + index}) for index, kind in enumerate(kinds)]

    def _keyed_events(self, group: str, whose: str) -> tuple[str, list[Event]]:
        """Return one of somebody's keys, and what always comes under it."""
        key = f"{whose}{self._random.randint(1, 2)}"
        return key, self._keyed.setdefault((group, key), self._events(self._random.choice((1, 1, 2))))

    # Through the ingress ---------------------------------------------------------------------------------------------

    def _post(self, group: str) -> None:
        self._ask_to_post(group, self._events(self._random.choice((1, 1, 1, 2, 3))), "")

    def _post_keyed(self, group: str) -> None:
        key, events = self._keyed_events(group, "asked")
        self._ask_to_post(group, events, key)

    def _ask_to_post(self, group: str, events: Sequence[Event], idempotency_key: str) -> None:
        instance = self._world.witness.stored.get(group)
        wants = instance is not None and instance.version and not idempotency_key and self._random.random() < 0.15
        request = EventsRequest(
            key=InstanceKey.parse(group),
            caller=CALLER,
            events=[ClientEvent(type=type_, data=data) for type_, data in events],
            idempotency_key=idempotency_key,
            if_match=instance.version + self._random.randint(0, 1) if wants and instance else None,
        )
        waits = self._random.random() < 0.3

        def run(ports: IngressPorts) -> Posted:
            posted = post_events(ports, request)
            self._accept(group, posted.receipt_ids)
            if waits and not posted.replayed:
                views = wait_for(ports, request.key, posted.receipt_ids, WAIT_SECONDS)
                self._world.witness.told += [(group, view) for view in views]
            return posted

        def then(posted: Posted) -> None:
            self._world.witness.told += [(group, view) for view in posted.replayed]

        ask(self._world, run, then, tries=TRIES if idempotency_key else 1)

    def _put(self, group: str) -> None:
        event = self._events(2, bad=0)[1] if self._random.random() < 0.5 else None
        given = {"n": self._random.randint(1, 2), **({"reject": 1} if self._random.random() < 0.2 else {})}
        asked = ClientEvent(type=event[0], data=event[1]) if event else None
        key = InstanceKey.parse(group)
        ask(self._world, lambda ports: put_instance(ports, key, CALLER, given, asked), lambda _made: None, tries=TRIES)

    def _accept(self, group: str, receipt_ids: Sequence[ReceiptId]) -> None:
        accepted = Accepted(group=group, queue=self._world.queues, receipt_ids=receipt_ids)
        self._world.witness.accepted.append(accepted)

    # Past the ingress ------------------------------------------------------------------------------------------------

    def _write(self, group: str) -> None:
        (event,), stranger = self._events(1), self._random.random() < 0.1
        instance = self._world.witness.stored.get(group)
        wants = instance is not None and instance.version and self._random.random() < 0.1
        if_match = instance.version + self._random.randint(0, 2) if wants and instance else None
        self._system.send(self._envelope(group, [event], if_match=if_match, named=not stranger), stranger=stranger)

    def _envelope(self, group: str, events: Sequence[Event], *, named: bool = True, **fields: Any) -> EventsEnvelope:
        machine_id, _, name = group.partition("/")
        items = [
            EnvelopeEvent(id=self._system.new_id() if named else "", type=type_, data=data) for type_, data in events
        ]
        return EventsEnvelope(machine=machine_id, instance=name, events=items, **fields)

    def _write_list(self, group: str) -> None:
        self._system.post(group, *self._events(self._random.randint(2, 3), bad=0))

    def _write_keyed(self, group: str) -> None:
        """Send something under a key, some at once again, as a client does who is in a hurry."""
        key, events = self._keyed_events(group, "written")
        for _ in range(self._random.choice((1, 2))):
            self._system.post(group, *events, key=key)

    def _write_creation(self, group: str) -> None:
        """Send a creation; some send one again, as a client does who was told nothing."""
        earlier = self._creations[group]
        if not earlier or self._random.random() < 0.7:
            earlier.append(self._new_creation(group))
            self._system.send(earlier[-1])
        else:
            self._system.send(self._random.choice(earlier))

    def _new_creation(self, group: str) -> CreateEnvelope:
        n, (machine_id, _, name) = self._first, group.partition("/")
        rejected = {"reject": 1} if self._random.random() < 0.2 else {}
        event = EnvelopeEvent(id=f"event-{n}", type=self._random.choice(GOOD), data={"n": n + 1})
        return CreateEnvelope(
            machine=machine_id,
            instance=name,
            id=f"creation-{n}",
            input={"n": n, **rejected},
            input_hash=self._random.choice("ab") + ("r" if rejected else ""),
            event=event if self._random.random() < 0.5 else None,
        )

    def _write_garbage(self, group: str) -> None:
        machine_id, _, name = group.partition("/")
        if self._random.random() < 0.5:
            self._system.stranger.send(group=group, deduplication_id=self._system.new_id(), body="garbage")
        else:
            control = ControlEnvelope(machine=machine_id, instance=name, id="x", action=ControlAction.SKIP)
            self._system.send(control, stranger=True)

    def _write_newer(self, group: str) -> None:
        """Send what only the next release can read."""
        self._world.faults["message of a newer release"] += 1
        body = dump_envelope(self._envelope(group, self._events(1))).replace(OURS, NEWER, 1)
        self._system.polled.send(group=group, deduplication_id=self._system.new_id(), body=body)
