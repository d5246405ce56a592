"""What must hold when everything has come to its end, and what the whole history must say by then."""

from settle.core.configuration import is_settled
from settle.core.snapshot import Status
from settle.runtime.addresses import child_key
from settle.runtime.envelope import CreateEnvelope, EventsEnvelope, TimerEnvelope, parse_envelope
from settle.runtime.incoming import IncomingEvent
from settle.runtime.instance import CancelSchedule, Instance, Lane, SendMessage, SendTask, SendTimer
from settle.runtime.ledger import LEDGER_MARK
from settle.runtime.receipt import Outcome, Position
from tests.simulation.long_work_witness import LongWorkWitness


def audit(witness: LongWorkWitness, now: float) -> None:
    """Look at every instance and every event for the last time."""
    for group, instance in witness.stored.items():
        _check_rest(witness, group, instance, now)
        _check_child(witness, group, instance)
    for (sender, name), entry in witness.promised.items():
        if isinstance(entry, SendMessage):
            _check_message(witness, sender, name, entry)
        elif isinstance(entry, SendTask | SendTimer | CancelSchedule):
            done = entry.name if isinstance(entry, CancelSchedule) else entry.body
            if done not in witness.done:
                witness.breaks("effects", f"{sender} promised {entry}, and it was never done")
    for group, finished in witness.finishes:
        if (group, finished) not in witness.done:
            witness.breaks("ledger", f"{group} promised {finished}, and it was never entered")
    for (group, position), item in witness.arrived.items():
        _check_taken(witness, group, position, item)


def _check_rest(witness: LongWorkWitness, group: str, instance: Instance, now: float) -> None:
    """Nothing is left to do, and nothing that is live should have happened by now."""
    lanes = [instance.lane(lane) for lane in Lane]
    skipped = [item.envelope for item in witness.skipped[group] if isinstance(item, IncomingEvent)]
    given_up = {each.key for each in skipped if isinstance(each, TimerEnvelope)}
    # Without a timer or a result that an operator gave up it may stay unsettled for ever, and what waits for that too.
    stuck = bool(skipped) and not is_settled(witness.definition(instance), instance.snapshot)
    left = (instance.outbox, instance.blocked, instance.run, instance.failing)
    witness.expect(not any(left), "progress", f"{group} still has something to do: {left}")
    witness.expect(stuck or not any(lanes), "drain", f"{group} still holds {lanes}, and nothing applies it")
    for timer in instance.snapshot.timers:
        witness.expect(timer.due > now or timer.key in given_up, "timers", f"{group} still waits for {timer}")
    for live in instance.snapshot.invokes:
        spec = witness.definition(instance).invokes[live.id]
        if not spec.machine:
            witness.expect(live.key in given_up, "services", f"{group} still waits for {live}")
            continue
        child = witness.stored.get(str(child_key(instance, live)))
        waits = child is not None and child.snapshot.status is Status.ACTIVE and not child.deleted
        lost = any(getattr(each, "invoke", "") == live.key for each in skipped)
        witness.expect(waits or lost, "children", f"{group} still waits for its child {live}")


def _check_child(witness: LongWorkWitness, group: str, instance: Instance) -> None:
    """A child lives while its parent waits for it, and it lives once."""
    lives = [life for life in witness.lives if life[0] == group]
    if not group.startswith("kid/"):
        return
    link = instance.parent
    if link is None:
        return
    born = [life for life in lives if witness.lives[life].invokes or witness.lives[life].timers]
    witness.expect(len(born) <= 1, "children", f"{group} lived {len(born)} times")
    if instance.snapshot.status is not Status.ACTIVE or not instance.snapshot.started:
        return
    parent = witness.stored[link.group]
    waits = parent.incarnation == link.incarnation and parent.tokens.get(link.invoke) == link.token
    witness.expect(waits, "children", f"{group} lives, and its parent {link} does not wait for it")


def _check_message(witness: LongWorkWitness, sender: str, name: str, entry: SendMessage) -> None:
    """A promised message came, and events that it carried ended once, in order behind the creation of a child."""
    places = witness.places[entry.group, name]
    if not places:
        witness.breaks("messages", f"{entry} never came")
    if not isinstance(parse_envelope(entry.body), EventsEnvelope):
        return
    found = {place: witness.outcomes.get((entry.group, place)) for place in places}
    real = [outcome for outcome in found.values() if outcome is not None and outcome[0] is not Outcome.DUPLICATE]
    gone = any(outcome is Outcome.GONE for outcome, _ in real)
    promise = "messages of two lives" if gone or len({life for _, life in real}) > 1 else "messages"
    if len(real) > 1:
        witness.breaks(promise, f"{entry} ended more than once: {found}")
    dropped = any((entry.group, place) in witness.dropped for place in places)
    waits = entry.group not in witness.stored or bool(places & witness.held[entry.group])
    waits = waits or (entry.group, name) in witness.refused
    if not (real or dropped or waits):
        witness.breaks("messages", f"{entry} never ended: {found}")
    applied = witness.applied.get((entry.group, name), [])
    if len(applied) > 1:
        witness.breaks(promise, f"{entry} was applied in {applied}")
    if real and real[0][0] is not Outcome.APPLIED and applied:
        witness.breaks(promise, f"{entry} was applied and is {real}")
    _check_behind_creation(witness, sender, entry, min(places))


def _check_behind_creation(witness: LongWorkWitness, sender: str, entry: SendMessage, place: Position) -> None:
    """What is said to a child comes behind its creation."""
    for (group, name), other in witness.promised.items():
        if group != sender or not isinstance(other, SendMessage) or other.group != entry.group:
            continue
        creates = isinstance(parse_envelope(other.body), CreateEnvelope)
        if creates and min(witness.places[other.group, name]) > place:
            witness.breaks("children", f"{entry} came before the child was created")


def _check_taken(witness: LongWorkWitness, group: str, position: Position, item: object) -> None:
    """Whatever a consumer was given for an instance was taken; what came with a key ended as something else did."""
    instance = witness.stored.get(group)
    if instance is None:
        return
    live = isinstance(item, IncomingEvent) and item.live is not None
    taken = instance.watermark is not None and position <= instance.watermark.position
    if not (live or taken):
        witness.breaks("progress", f"{group} never took {item}")
    outcome, life = witness.outcomes.get((group, position), (None, ""))
    if isinstance(item, IncomingEvent) and item.body_hash and outcome is Outcome.DUPLICATE:
        others = [witness.outcomes.get((group, each)) for each in witness.places[group, item.id] if each != position]
        same = [each for each in others if each and each[0] is not Outcome.DUPLICATE]
        # A client's key is good for one life, or for the time between two; a message is finished for whoever comes.
        message = item.body_hash == LEDGER_MARK
        mine = {life, witness.before.get((group, position))}
        was = any(message or each[1] in mine or each[0] is Outcome.GONE for each in same)
        unknown = any((group, each) in witness.dropped for each in witness.places[group, item.id])
        unknown = unknown or (group, item.id) in witness.refused
        if not (was or unknown):
            witness.breaks("lives", f"{group}: {item} at {position} is a duplicate of nothing: {others}")
