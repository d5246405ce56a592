"""Clients, operators, and whoever answers callbacks: some ask the ingress, some write to the queue themselves."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from settle.core.permission import Principal
from settle.runtime.check_events import ClientEvent
from settle.runtime.complete_callback import CallbackOutcome, post_callback
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import ControlAction, CreateEnvelope, EnvelopeEvent, EventsEnvelope, ResultEnvelope
from settle.runtime.ids import hash_callback, token_event_id
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller
from settle.runtime.send_control import send_control
from settle.runtime.submit_events import EventsRequest, post_events
from settle.runtime.tokens import parse_token
from tests.simulation.functions import ask
from tests.simulation.long_work_charts import KINDS

if TYPE_CHECKING:
    from tests.simulation.long_work_world import LongWorkWorld

GROUPS: Final = ("m/1", "m/2", "s/1")
GOES: Final = (
    *("PLAIN", "FLAKY", "LAZY", "ONCE", "ASK", "ASK", "SIDE", "BOTH", "SOON", "LATER", "KID", "KID", "INLINE"),
    *("BPLAIN", "BFLAKY", "BLAZY", "BONCE", "BASK", "BASK", "BSOON", "BKID", "IDLE", "IDLE"),
)
NOTES: Final = ("NOTE", "NOTE", "TELL", "TELL", "SELF", "SELF", "REMIND", "REMIND", "FORGET", "ASKKID", "BAD", "GATE")
ENDS: Final = ("END",)
NAMES: Final = ("red", "blue")
CALLER: Final = Caller(principal=Principal(name="client"))
TRIES: Final = 3
"""How often a client sends a request that it may send again, and that was not answered."""
LIST: Final = 10
"""More than a client sends at once; the numbers of its events follow from that of its act."""

Event = tuple[str, dict[str, Any]]


class LongWorkClients:
    """Who send something whenever they are asked to."""

    def __init__(self, world: "LongWorkWorld") -> None:
        self._world, self._random, self._system = world, world.random, world.system
        self._next = 0
        self._groups: list[str] = []
        self._keyed: dict[tuple[str, str], list[Event]] = {}

    def send(self, number: int) -> None:
        """Send something to somebody."""
        self._next = number * LIST
        # Some clients all want the same.
        self._groups = self._groups or self._random.sample(GROUPS, self._random.choice((1, 2, 3)))
        ways: dict[Callable[[str], None], float] = {
            self._write: 6,
            self._post: 3,
            self._write_list: 2,
            self._write_keyed: 1.5,
            self._post_keyed: 1.5,
            self._create: 1.5,
            self._control: 2,
            self._post_kid: 1.5,
            self._delete: 1.4,
            self._callback: 5,
            self._stranger: 0.4,
        }
        (way,) = self._random.choices([*ways], [*ways.values()])
        way(self._random.choice(self._groups))

    def begin(self, number: int) -> None:
        """Create every instance."""
        self._next = number * LIST
        for group in GROUPS:
            self._create(group)

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _event(self, group: str) -> Event:
        random, n = self._random, self._number()
        (kinds,) = random.choices((GOES, NOTES, ENDS), (6, 5, 0.4))
        others = [each for each in GROUPS if each != group]
        data = {
            "n": n,
            "delay": random.choice((0, 5, 30, 100, 100, 850, 1000, 4000)),
            "sour_later": n if random.random() < 0.05 else 0,
            "kind": random.choice(KINDS),
            "to": random.choice(("", *others)) if kinds is NOTES else "",
            "name": random.choice(NAMES),
        }
        event_type = random.choice(kinds)
        if event_type == "TELL" and not data["to"]:
            data["to"] = random.choice(others)
        return event_type, data

    def _keyed_event(self, group: str, whose: str) -> tuple[str, list[Event]]:
        """Return one of somebody's keys, and what always comes under it."""
        key = f"{whose}{self._random.randint(1, 2)}"
        return key, self._keyed.setdefault((group, key), [self._event(group)])

    # Through the ingress ---------------------------------------------------------------------------------------------

    def _post(self, group: str) -> None:
        self._ask_to_post(group, [self._event(group)], "")

    def _post_keyed(self, group: str) -> None:
        key, events = self._keyed_event(group, "asked")
        self._ask_to_post(group, events, key)

    def _ask_to_post(self, group: str, events: Sequence[Event], idempotency_key: str) -> None:
        request = EventsRequest(
            key=InstanceKey.parse(group),
            caller=CALLER,
            events=[ClientEvent(type=type_, data=data) for type_, data in events],
            idempotency_key=idempotency_key,
        )
        tries = TRIES if idempotency_key else 1
        ask(self._world, lambda ports: post_events(ports, request), lambda _posted: None, tries=tries)

    # Past the ingress, or either way ---------------------------------------------------------------------------------

    def _control(self, group: str) -> None:
        group = self._random.choice([*self._world.witness.stored] or [group])
        action, key = ControlAction(self._random.choice(("pause", "resume", "retry", "skip"))), InstanceKey.parse(group)
        if self._random.random() < 0.5:
            ask(self._world, lambda ports: send_control(ports, key, CALLER, action), lambda _receipt: None)
        else:
            self._system.control(group, action.value)

    def _delete(self, group: str) -> None:
        """Delete an instance; more often than not it is soon created again, and what was done is done once more."""
        group = self._random.choice([group, *self._world.witness.stored])
        again = group in GROUPS and self._random.random() < 0.7
        if again:
            self._write_keyed(group)
        self._system.control(group, "delete")
        if again:
            self._create(group)
            self._write_keyed(group)

    def _write(self, group: str) -> None:
        self._system.post(group, self._event(group))

    def _stranger(self, group: str) -> None:
        """Send as somebody who is none of our functions."""
        machine_id, _, name = group.partition("/")
        event_type, data = self._event(group)
        events = [EnvelopeEvent(type=event_type, data=data)]
        envelope = EventsEnvelope(machine=machine_id, instance=name, events=events, origin="m/1")
        self._system.send(envelope, stranger=True)

    def _write_list(self, group: str) -> None:
        self._system.post(group, *[self._event(group) for _ in range(self._random.randint(2, 3))])

    def _write_keyed(self, group: str) -> None:
        """Send something under a key, some at once again, as a client does who is in a hurry."""
        key, events = self._keyed_event(group, "written")
        for _ in range(self._random.choice((1, 1, 2))):
            self._system.post(group, *events, key=key)

    def _post_kid(self, group: str) -> None:
        kids = [each for each in self._world.witness.stored if each.startswith("kid/")]
        if kids:
            group = self._random.choice(kids)
            _, data = self._event(group)
            self._system.post(group, (self._random.choice(("NOTE", "NOTE", "BAD", "END")), data))

    def _create(self, group: str) -> None:
        life, key = self._number(), InstanceKey.parse(group)
        if self._random.random() < 0.3:
            given = {"life": life}
            ask(self._world, lambda ports: put_instance(ports, key, CALLER, given), lambda _made: None, tries=TRIES)
            return
        envelope = CreateEnvelope(
            machine=key.machine,
            instance=key.instance,
            id=f"creation-{life}",
            input={"life": life},
            input_hash=f"h{life}",
        )
        self._system.send(envelope)

    # Callbacks -------------------------------------------------------------------------------------------------------

    def _callback(self, group: str) -> None:
        """Answer for a service that waits for a callback: once, twice, or as somebody who only guesses."""
        if not self._world.tokens:
            self._write(group)
            return
        # Mostly for a service that may still wait: of all that ever waited, few do.
        tokens = self._world.tokens[-2:] if self._random.random() < 0.8 else self._world.tokens
        text, n = self._random.choice(tokens)
        if self._random.random() < 0.15:
            self._send_result(text, {"forged": True}, "", forged=True)
            return
        data, error = {"life": self._life(text)}, "no" if n % 3 == 0 else ""
        if self._random.random() < 0.5:
            self._send_result(text, data, error, forged=False)
            return
        outcome = CallbackOutcome(data=data, error=error)
        ask(
            self._world,
            lambda ports: post_callback(ports, text, CALLER, outcome),
            lambda _accepted: None,
            tries=TRIES,
        )

    def _send_result(self, text: str, data: dict[str, Any], error: str, *, forged: bool) -> None:
        token = parse_token(text)
        envelope = ResultEnvelope(
            machine=token.key.machine,
            instance=token.key.instance,
            id=self._system.new_id() if forged else token_event_id(token),
            incarnation=token.incarnation,
            invoke=token.invoke,
            token="guessed" if forged else token.secret,
            data=data,
            error=error,
            body_hash=hash_callback(data, error),
        )
        self._system.send(envelope)

    def _life(self, text: str) -> int:
        token = parse_token(text)
        calls = self._world.witness.calls[token.incarnation, token.invoke]
        return int(calls[0].input["life"])
