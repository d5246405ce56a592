"""What must hold when everything has come to its end: each instance is where the model says, and so is each receipt."""

from collections import Counter
from typing import TYPE_CHECKING

from settle.core.errors import SettleError
from settle.runtime.ids import KeyedReceiptId, PositionReceiptId, ReceiptId
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import MAX_HELD_EVENTS, Instance, InstanceKey
from settle.runtime.read_receipt import read_receipt
from settle.runtime.receipt import Outcome, Position
from tests.simulation.events_chart import MARKS, NEVER_APPLIED
from tests.simulation.events_clients import GROUPS
from tests.simulation.events_model import Model, Sent
from tests.simulation.functions import PAUSES
from tests.simulation.quarantine_audit import check_told

if TYPE_CHECKING:
    from tests.simulation.events_world import EventsWorld

Outcomes = dict[tuple[int, Position], Outcome | None]


def audit(world: "EventsWorld") -> None:
    """Compare every instance, every receipt and every service call with the model."""
    witness = world.witness
    buried = len(world.system.buried())
    witness.expect(buried >= min(witness.garbage, 10), "dead letters", f"{witness.garbage} sent, {buried} buried")
    for group in GROUPS:
        _check_group(world, group)


def _check_group(world: "EventsWorld", group: str) -> None:
    witness, instance = world.witness, world.witness.stored.get(group)
    mark = MARKS[instance.snapshot.machine_version] if instance and instance.snapshot.started else ""
    model = Model(group.partition("/")[0], mark)
    outcomes = _check_events(world, group, model, instance)
    witness.expect(model.exists == (instance is not None), "once", f"{group} should exist: {model.exists}")
    _check_keys(world, group, model, outcomes)
    _check_calls(world, group, model)
    if instance is not None:
        _check_instance(world, instance, model)
    _check_receipts(world, group, model, outcomes)


def _check_events(world: "EventsWorld", group: str, model: Model, instance: Instance | None) -> Outcomes:
    """Give the model every event, and compare what became of each; return what had to."""
    witness, outcomes = world.witness, Outcomes()
    rest = list(instance.ring) if instance else []
    receipts = {receipt.position: receipt for receipt in rest}
    witness.expect(len(receipts) == len(rest), "receipts", f"{group} has two receipts for one event")
    for event in sorted(witness.sent[group], key=lambda each: each.place):
        expected = outcomes[event.place] = model.take(event, witness.skipped.get((group, event.place)))
        receipt = receipts.pop(event.position, None)
        found = receipt and receipt.outcome
        if expected is None:
            silent = found in {None, Outcome.REFUSED, Outcome.DUPLICATE}
            witness.expect(silent, "once", f"{group}: {event} is {found}, and was for nobody")
            continue
        witness.expect(found is expected, "once", f"{group}: {event} is {found}, should be {expected}")
        if receipt and expected not in {Outcome.DUPLICATE, Outcome.SKIPPED}:
            says = f"{group}: {event} has version {receipt.version}, not {model.version}"
            witness.expect(receipt.version == model.version, "version", says)
        if expected is Outcome.SKIPPED:
            asked = (group, event.place) in witness.quarantined
            witness.expect(asked, "no poison", f"{group}: {event} was skipped and never quarantined")
    skips = Counter(receipt.outcome for receipt in rest)[Outcome.SKIPPED]
    controls = Counter(receipt.outcome for receipt in receipts.values())[Outcome.APPLIED]
    witness.expect(skips <= controls, "no poison", f"{group}: more events were skipped than operators asked for")
    return outcomes


def _check_instance(world: "EventsWorld", instance: Instance, model: Model) -> None:
    """Compare what was ever visible of an instance with the model; nothing may be left to do."""
    witness, group = world.witness, str(instance.key)
    witness.expect(instance.version == model.version, "once", f"{group} is at {instance.version}, not {model.version}")
    for version, place, seen in witness.versions[group]:
        should = model.trajectory.get(version)
        if (place, seen) != should:
            witness.breaks("atomic", f"{group} at version {version} was {place} {seen}, not {should}")
    lost = world.system.inner_store.load_held(instance.key, 0, MAX_HELD_EVENTS)
    witness.expect(not lost, "held", f"{group} does not know of what it holds: {[str(each.position) for each in lost]}")
    left = (instance.outbox, instance.held, instance.blocked, instance.run, instance.failing)
    witness.expect(left == ((), None, None, None, None), "progress", f"{group} still has something to do: {left}")


def _check_keys(world: "EventsWorld", group: str, model: Model, outcomes: Outcomes) -> None:
    """Every event with a key has one finished receipt, and it says what happened."""
    witness, store = world.witness, world.system.inner_store
    entries = store.find_entries(InstanceKey.parse(group), list(model.finished), world.clock.now())
    for event_id, expected in model.finished.items():
        entry = entries.get(event_id)
        receipt = entry.receipt if entry else None
        witness.expect(receipt, "ledger", f"{group}: {event_id} is not finished in the ledger")
        if receipt is not None and expected[0] is not Outcome.SKIPPED:
            found = (receipt.outcome, receipt.version)
            witness.expect(found == expected, "ledger", f"{group}: {event_id} is {found}, not {expected}")
    for event in witness.sent[group]:
        entry = entries.get(event.key)
        if entry and entry.receipt and outcomes[event.place] not in {None, Outcome.DUPLICATE}:
            check_told(witness, event, entry.receipt.edited)


def _check_calls(world: "EventsWorld", group: str, model: Model) -> None:
    """Every service that was due was called, and no other."""
    witness = world.witness
    called = {(call.event.data["n"], call.invoke) for call in witness.calls[group]}
    missing = model.calls - called
    witness.expect(not missing, "services", f"{group} never called {missing}")
    dropped = {event.n for event in witness.sent[group] if _is_dropped(world, group, event)}
    surplus = [place for place in called - model.calls if place[0] not in dropped]
    witness.expect(not surplus, "services", f"{group} called {surplus}, which nothing asked for")


def _is_dropped(world: "EventsWorld", group: str, event: Sent) -> bool:
    return (
        event.type in NEVER_APPLIED
        or event.rejected
        or bool(event.was)
        or (group, event.place) in world.witness.skipped
    )


def _check_receipts(world: "EventsWorld", group: str, model: Model, outcomes: Outcomes) -> None:
    """Whoever was given a receipt finds in it, in the end, what the model says; and was told nothing else before."""
    witness = world.witness
    ends: dict[str, Outcome | None] = {}
    mine = [each for each in witness.accepted if (each.group, each.queue) == (group, world.queues)]
    for receipt_id in (each for accepted in mine for each in accepted.receipt_ids):
        outcome = ends[str(receipt_id)] = _read(world, group, receipt_id)
        should = _find_outcome(receipt_id, model, outcomes, world.queues)
        final = outcome is not None and (outcome.final or witness.stored.get(group) is None)
        holds = outcome is should if should else final
        witness.expect(holds, "receipts", f"{group}: receipt {receipt_id} says {outcome}, not {should}")
    for where, view in witness.told:
        if where == group and view.is_final and view.outcome is not None:
            same = ends.get(view.id, view.outcome) is view.outcome
            witness.expect(same, "receipts", f"{group}: a client saw {view}")


def _read(world: "EventsWorld", group: str, receipt_id: ReceiptId) -> Outcome | None:
    ports = IngressPorts(
        registry=world.registry,
        store=world.system.inner_store,
        queue=world.system.polled,
        clock=world.clock,
        pauses=PAUSES,
        new_id=world.system.new_id,
    )
    try:
        return read_receipt(ports, InstanceKey.parse(group), str(receipt_id)).outcome
    except SettleError as error:
        world.witness.breaks("receipts", f"{group}: no receipt {receipt_id}: {error.code}")
        return None


def _find_outcome(receipt_id: ReceiptId, model: Model, outcomes: Outcomes, queue: int) -> Outcome | None:
    """Return what a receipt has to say; None for that of a control message, of which the model knows nothing."""
    if isinstance(receipt_id, PositionReceiptId):
        return outcomes.get((queue, receipt_id.position))
    assert isinstance(receipt_id, KeyedReceiptId)
    return model.finished[receipt_id.event_id][0]
