"""Redriving dead letters: each is applied at most once, in order, and in nobody else's name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from settle.adapters.dead_letters import QueuedDeadLetters
from settle.adapters.sqlite_queue import SqliteDeadLetterQueue
from settle.adapters.sqlite_standard_queue import SqliteStandardQueue
from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.runtime.dead_letter import DeadLetter
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    EnvelopeEvent,
    EventsEnvelope,
    ParentLink,
    RefusalEnvelope,
    ResultEnvelope,
    TimerEnvelope,
    dump_envelope,
)
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS
from settle.runtime.open_group import DEPLOYMENT_RECEIVES
from settle.runtime.receipt import Outcome
from settle.runtime.redrive import Handled, Wish, redrive, send_event, send_timer
from tests.support.charts import action, machine, on, settled
from tests.support.faults import KilledError, Mortal, Plan
from tests.support.ports import Broken
from tests.support.system import System

OURS = frozenset({"ours", "operator"})
TIMERS_DEAD_LETTERS = "timers-dead-letters"


def add(context: dict[str, Any], event: Any, _do: object) -> None:
    context.setdefault("seen", []).append([event.type, event.data.get("n"), event.principal])


def lamp() -> Definition:
    note = action("add", add)
    return machine(
        "lamp",
        settled("off", on("SWITCH", "on", actions=(note,)), on("NOTE", "off", actions=(note,))),
        settled(
            "on",
            on("SWITCH", "off", actions=(note,)),
            on("NOTE", "on", actions=(note,)),
            on("", "off", delay=Delay(name="1h", seconds=3600.0)),
        ),
    )


def seen(system: System, group: str = "lamp/1") -> list[int]:
    return [number for _, number, _ in system.context(group)["seen"]] if system.exists(group) else []


def bury(system: System, *events: tuple[str, str, dict[str, Any]], stranger: bool = False, **fields: Any) -> None:
    """Have messages buried by a consumer that does not know their machine yet; then the machine is deployed."""
    known = system.definitions.current.pop("lamp")
    for group, event_type, data in events:
        name, instance = group.split("/")
        items = [EnvelopeEvent(id=system.new_id(), type=event_type, data=data)]
        system.send(EventsEnvelope(machine=name, instance=instance, events=items, **fields), stranger=stranger)
    for _ in range(DEPLOYMENT_RECEIVES + 1):
        system.pump()
        system.clock.sleep(61)
    system.definitions.current["lamp"] = known


def notes(*numbers: int, group: str = "lamp/1") -> list[tuple[str, str, dict[str, Any]]]:
    return [(group, "NOTE", {"n": number}) for number in numbers]


def letters(system: System) -> QueuedDeadLetters:
    return QueuedDeadLetters(system.dead_letters.queue)


def run(system: System, wish: Wish | None = None, *, perhaps_applied: bool = False, queue: Any = None) -> list[Handled]:
    wish = wish or Wish()
    send = send_event(queue or system.polled, OURS, perhaps_applied=perhaps_applied, dry_run=wish.dry_run)
    return list(redrive(letters(system), send, wish))


def left(system: System) -> list[str]:
    return [each.body for each in system.buried()]


@pytest.fixture
def system() -> System:
    return System(lamp())


# ---- what is sent


def test_what_was_buried_is_applied_in_order_under_its_own_ids_and_in_its_senders_name(system: System) -> None:
    bury(system, *notes(1, 2, 3), principal="ana", claims={"role": "clerk"})
    ids = [each.body.partition('"id":"')[2].partition('"')[0] for each in system.buried()]
    handled = run(system)
    assert [(each.group, each.sent, each.why) for each in handled] == [("lamp/1", True, "")] * 3
    assert left(system) == []
    system.pump()
    assert system.context("lamp/1")["seen"] == [["NOTE", number, "ana"] for number in (1, 2, 3)]
    entries = system.inner_store.find_entries(system.instance("lamp/1").key, ids, system.clock.now())
    assert {each.event_id: each.receipt and each.receipt.outcome for each in entries.values()} == dict.fromkeys(
        ids, Outcome.APPLIED
    )


def test_an_event_with_a_key_keeps_its_key(system: System) -> None:
    bury(system, *notes(1), body_hash="hash of the request")
    run(system)
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    assert '"body_hash":"hash of the request"' in message.body


def test_letters_that_were_sent_twice_are_applied_once(system: System) -> None:
    bury(system, *notes(1, 2))
    copies = system.dead_letters.queue.receive(max_messages=10, visibility_timeout=0)
    run(system)
    system.pump()
    # What a run leaves that is killed after it has sent, found after the queue has forgotten what was sent.
    system.clock.sleep(LEDGER_RETENTION_SECONDS - 60)
    for copy in copies:
        system.dead_letters.queue.send(
            group="lamp/1",
            deduplication_id=copy.attributes["MessageDeduplicationId"],
            body=copy.body,
            attributes=copy.message_attributes,
        )
    assert [each.sent for each in run(system)] == [True, True]
    system.pump()
    assert seen(system) == [1, 2]
    assert [receipt.outcome for receipt in system.instance("lamp/1").ring][-2:] == [Outcome.DUPLICATE] * 2


def test_what_is_buried_again_can_be_redriven_again(system: System) -> None:
    bury(system, *notes(1))
    known = system.definitions.current.pop("lamp")
    run(system)
    for _ in range(DEPLOYMENT_RECEIVES + 1):
        system.pump()
        system.clock.sleep(61)
    system.definitions.current["lamp"] = known
    assert [each.sent for each in run(system)] == [True]
    system.pump()
    assert seen(system) == [1]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("pause", [0, 400], ids=["at once", "after the queue has forgotten"])
def test_whenever_a_run_dies_the_next_one_ends_what_it_began(after: bool, pause: float) -> None:
    calm = System(lamp())
    bury(calm, *notes(1, 2, 3), *notes(4, 5, group="lamp/2"))
    plan = Plan()
    run_mortal(calm, plan)
    assert plan.calls[:3] == ["receive", "send", "delete"]
    for at in range(len(plan.calls)):
        system = System(lamp())
        bury(system, *notes(1, 2, 3), *notes(4, 5, group="lamp/2"))
        with pytest.raises(KilledError):
            run_mortal(system, Plan(at, after=after))
        system.pump()
        system.clock.sleep(121 + pause)
        run(system)
        system.settle_down(patience=2)
        assert (seen(system), seen(system, "lamp/2")) == ([1, 2, 3], [4, 5]), f"died at {at}"
        assert left(system) == []


def run_mortal(system: System, plan: Plan) -> None:
    queued, queue = Mortal(letters(system), plan), Mortal(system.polled, plan)
    list(redrive(queued, send_event(queue, OURS, perhaps_applied=False, dry_run=False), Wish()))


def test_a_queue_that_takes_nothing_loses_nothing(system: System) -> None:
    bury(system, *notes(1, 2))
    with pytest.raises(QueueUnavailableError):
        run(system, queue=Broken(system.polled, QueueUnavailableError("throttled")))
    assert len(left(system)) == 2
    run(system)
    system.pump()
    assert seen(system) == [1, 2]


# ---- what stays


def move(system: System, body: str, group: str = "lamp/1", sender: str = "ours") -> None:
    """Put a message among the dead letters as the queue itself does, which keeps its sender and its attributes."""
    moved = SqliteDeadLetterQueue(system.database, system.clock, sender=sender)
    moved.queue.send(group=group, deduplication_id=system.new_id(), body=body)


def events_body(instance: str = "1", **fields: Any) -> str:
    items = [EnvelopeEvent(id="e", type="NOTE", data={"n": 1})]
    return dump_envelope(EventsEnvelope(machine="lamp", instance=instance, events=items, **fields))


def test_what_was_received_too_often_may_have_been_applied_and_stays_unless_somebody_decides(system: System) -> None:
    move(system, events_body())
    (handled,) = run(system)
    assert (handled.sent, "may have been applied" in handled.why) == (False, True)
    assert len(left(system)) == 1
    assert run(system, perhaps_applied=True)[0].sent
    system.pump()
    assert seen(system) == [1]


WHATEVER = "t"
LINK = ParentLink(group="a/b", incarnation="i", invoke="x", token=WHATEVER)
NAMES: dict[str, Any] = {"machine": "lamp", "instance": "1"}
LIVE = [
    TimerEnvelope(**NAMES, incarnation="i", due=1.0),
    ResultEnvelope(**NAMES, id="r", incarnation="i", invoke="x", token=WHATEVER),
    ControlEnvelope(**NAMES, id="c", action=ControlAction.DRAIN),
    ControlEnvelope(**NAMES, id="c", action=ControlAction.STOP, parent=LINK),
    ControlEnvelope(**NAMES, id="c", action=ControlAction.DELETE, incarnation="i"),
]
NOT_LIVE = [
    RefusalEnvelope(**NAMES, id="r", incarnation="i", data={}),
    CreateEnvelope(**NAMES, id="c", input_hash="h"),
    ControlEnvelope(**NAMES, id="c", action=ControlAction.SKIP),
    ControlEnvelope(**NAMES, id="c", action=ControlAction.DELETE),
]


def name_of(envelope: Any) -> str:
    return str(getattr(envelope, "action", envelope.kind))


@pytest.mark.parametrize("envelope", LIVE, ids=name_of)
def test_what_counts_only_while_it_is_waited_for_is_sent_although_it_may_have_been_applied(envelope: Any) -> None:
    system = System(lamp())
    move(system, dump_envelope(envelope))
    assert run(system)[0].sent
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    assert message.body == dump_envelope(envelope)


@pytest.mark.parametrize("envelope", NOT_LIVE, ids=name_of)
def test_everything_else_stays(envelope: Any) -> None:
    system = System(lamp())
    move(system, dump_envelope(envelope))
    assert not run(system)[0].sent


@pytest.mark.parametrize("envelope", NOT_LIVE[2:], ids=name_of)
def test_what_an_operator_once_asked_for_is_never_sent_again(envelope: Any) -> None:
    system = System(lamp())
    move(system, dump_envelope(envelope))
    (handled,) = run(system, perhaps_applied=True)
    assert "ask again" in handled.why


@pytest.mark.parametrize(
    ("body", "group", "why"),
    [
        ("garbage", "lamp/1", "not an envelope"),
        ('{"kind": "events", "schema_version": 99}', "lamp/1", "newer than"),
        (events_body("2"), "lamp/1", "it is for lamp/2"),
        (events_body() + " " * 262_200, "lamp/1", ""),
    ],
)
def test_what_would_be_buried_again_stays(system: System, body: str, group: str, why: str) -> None:
    system.dead_letters.bury(group=group, deduplication_id="x", body=body, reason="r", sender="ours")
    (handled,) = run(system)
    assert why in handled.why
    assert handled.sent is (why == "")


def test_what_does_not_fit_a_message_any_more_stays(system: System) -> None:
    items = [EnvelopeEvent(id="e", type="NOTE", data="x" * 261_950)]
    body = dump_envelope(EventsEnvelope(machine="lamp", instance="1", events=items))
    system.dead_letters.bury(group="lamp/1", deduplication_id="x", body=body, reason="r", sender="ours")
    (handled,) = run(system)
    assert "262144 are allowed" in handled.why


# ---- in whose name


def test_a_strangers_event_is_sent_as_theirs(system: System) -> None:
    bury(system, *notes(1), stranger=True, principal="ana", claims={"role": "boss"}, body_hash="x")
    assert run(system)[0].sent
    system.pump()
    assert system.context("lamp/1")["seen"] == [["NOTE", 1, "stranger"]]


@pytest.mark.parametrize(
    "envelope",
    [
        *LIVE,
        *NOT_LIVE,
        EventsEnvelope(**NAMES, schema_version=3, events=[EnvelopeEvent(type="NOTE")], redriven=True),
    ],
    ids=name_of,
)
def test_what_a_stranger_made_up_never_becomes_ours(envelope: Any) -> None:
    system = System(lamp())
    system.send(envelope, stranger=True)
    system.pump()
    (buried,) = system.buried()
    assert buried.message_attributes["sender"]["StringValue"] == "stranger"
    for perhaps_applied in (False, True):
        (handled,) = run(system, perhaps_applied=perhaps_applied)
        assert not handled.sent
        assert "only our own functions" in handled.why


def test_attributes_that_a_stranger_brought_along_are_not_believed(system: System) -> None:
    forged = {
        name: {"DataType": "String", "StringValue": value} for name, value in (("reason", "r"), ("sender", "ours"))
    }
    moved = SqliteDeadLetterQueue(system.database, system.clock, sender="stranger")
    body = dump_envelope(CreateEnvelope(machine="lamp", instance="1", id="c", input_hash="h"))
    moved.queue.send(group="lamp/1", deduplication_id="x", body=body, attributes=forged)
    (handled,) = run(system, perhaps_applied=True)
    assert "only our own functions" in handled.why


def test_a_letter_of_which_nobody_knows_who_sent_it_stays(system: System) -> None:
    system.dead_letters.bury(group="lamp/1", deduplication_id="x", body=events_body(), reason="r")
    assert run(system)[0].why == "nobody knows who sent it"


def test_who_may_not_redrive_changes_nothing(system: System) -> None:
    bury(system, *notes(1), principal="ana")
    assert run(system, queue=system.stranger)[0].sent
    system.pump()
    assert not system.exists("lamp/1")
    (buried,) = system.buried()
    assert "only who may redrive" in buried.message_attributes["reason"]["StringValue"]


# ---- which


def test_a_dry_run_says_what_would_be_done_and_does_nothing(system: System) -> None:
    bury(system, *notes(1, 2))
    move(system, events_body("2"), group="lamp/2")
    handled = run(system, Wish(dry_run=True))
    assert [(each.group, each.sent) for each in handled] == [("lamp/1", True), ("lamp/1", True), ("lamp/2", False)]
    assert "no machine 'lamp'" in handled[0].letter.reason
    assert len(left(system)) == 3
    assert system.polled.receive(max_messages=10, visibility_timeout=0) == []


@pytest.mark.parametrize(
    ("wish", "sent"),
    [
        (Wish(machine="lamp"), ["lamp/1", "lamp/1", "lamp/2"]),
        (Wish(machine="door"), []),
        (Wish(instance="2"), ["lamp/2"]),
        (Wish(machine="lamp", instance="1"), ["lamp/1", "lamp/1"]),
        (Wish(reason="no machine"), ["lamp/1", "lamp/1", "lamp/2"]),
        (Wish(reason="another"), []),
        (Wish(limit=1), ["lamp/1"]),
    ],
)
def test_only_what_is_meant_is_sent_and_the_rest_stays(system: System, wish: Wish, sent: list[str]) -> None:
    bury(system, *notes(1, 2), *notes(3, group="lamp/2"))
    assert [each.group for each in run(system, wish)] == sent
    assert len(left(system)) == 3 - len(sent)
    run(system)
    system.pump()
    assert (seen(system), seen(system, "lamp/2")) == ([1, 2], [3])


def test_more_than_a_batch_of_letters_is_redriven_in_order_past_others_that_stay(system: System) -> None:
    numbers = list(range(25))
    for number in numbers:
        items = [EnvelopeEvent(id=f"e{number}", type="NOTE", data={"n": number})]
        body = dump_envelope(EventsEnvelope(machine="lamp", instance="1", events=items))
        system.dead_letters.bury(group="lamp/1", deduplication_id=f"d{number}", body=body, reason="r", sender="ours")
    for number in range(12):
        move(system, events_body(f"other{number}"), group=f"lamp/other{number}")
    handled = run(system)
    assert len(handled) == 37
    system.pump()
    assert seen(system) == numbers
    assert len(left(system)) == 10


def test_letters_may_be_discarded(system: System) -> None:
    bury(system, *notes(1))
    system.dead_letters.bury(group="lamp/2", deduplication_id="x", body="garbage", reason="r", sender="ours")
    assert [(each.group, each.deleted) for each in run(system, Wish(instance="2", discard=True, dry_run=True))] == [
        ("lamp/2", True)
    ]
    assert len(left(system)) == 2
    assert [(each.group, each.deleted, each.sent) for each in run(system, Wish(instance="2", discard=True))] == [
        ("lamp/2", True, False)
    ]
    assert len(left(system)) == 1


@dataclass
class Endless:
    """Letters that come again although they are hidden: a run takes longer than they stay so."""

    letter: DeadLetter
    returned: Sequence[DeadLetter] = ()

    def receive(self) -> Sequence[DeadLetter]:
        return [replace(self.letter, handle="another")]

    def delete(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)

    def put_back(self, letters: Sequence[DeadLetter]) -> None:
        self.returned = letters


def test_letters_that_stay_are_looked_at_once(system: System) -> None:
    endless = Endless(DeadLetter(id="1", handle="h", group="lamp/1", deduplication_id="d", body="{", sender="ours"))
    send = send_event(system.polled, OURS, perhaps_applied=True, dry_run=False)
    assert len(list(redrive(endless, send, Wish()))) == 1
    assert endless.returned[-1].handle == "another"


# ---- timers


def dead_timers(system: System, sender: str = "ours") -> SqliteStandardQueue:
    return SqliteStandardQueue(system.database, system.clock, sender=sender, name=TIMERS_DEAD_LETTERS)


def lose_timer(system: System) -> None:
    """Switch a lamp on, and put the timer that it waits for among the dead letters."""
    system.post("lamp/1", ("SWITCH", {"n": 1}))
    system.pump()
    system.clock.sleep(3601)
    system.fire()
    (received,) = system.timers.receive(max_messages=10, visibility_timeout=30)
    system.timers.delete([received.receipt_handle])
    dead_timers(system).send(body=received.body)


def run_timers(system: System, wish: Wish | None = None, *, plan: Plan | None = None) -> list[Handled]:
    wish, queue, source = wish or Wish(), system.timers, QueuedDeadLetters(dead_timers(system))
    if plan is not None:
        return list(redrive(Mortal(source, plan), send_timer(Mortal(queue, plan), OURS, dry_run=False), wish))
    return list(redrive(source, send_timer(queue, OURS, dry_run=wish.dry_run), wish))


def test_a_lost_timer_fires_when_it_is_redriven(system: System) -> None:
    lose_timer(system)
    system.run_all()
    assert system.state("lamp/1") == ("on",)
    assert [(each.group, each.sent) for each in run_timers(system, Wish(machine="lamp"))] == [("lamp/1", True)]
    system.run_all()
    assert system.state("lamp/1") == ("off",)
    assert run_timers(system) == []


def test_a_timer_that_is_sent_twice_fires_once(system: System) -> None:
    lose_timer(system)
    with pytest.raises(KilledError):
        run_timers(system, plan=Plan(1, after=True))
    system.run_all()
    assert system.state("lamp/1") == ("off",)
    version = system.instance("lamp/1").version
    system.clock.sleep(400)
    assert [each.sent for each in run_timers(system)] == [True]
    system.run_all()
    assert system.instance("lamp/1").version == version


def test_a_timer_that_nobody_may_set_or_read_stays(system: System) -> None:
    lose_timer(system)
    (lost,) = dead_timers(system).receive(max_messages=1, visibility_timeout=0)
    dead_timers(system, "stranger").send(body=lost.body)
    dead_timers(system).send(body="garbage")
    whys = {each.group: each.why for each in run_timers(system, Wish()) if not each.sent}
    assert whys["lamp/1"] == "'stranger' may not set timers"
    assert "not an envelope" in whys[""]
