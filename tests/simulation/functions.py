"""Beginning functions: each takes what its event source mapping would give it, and runs as a process of the world."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from settle.adapters.polled_queue import ReceivedMessage
from settle.core.errors import SettleError
from settle.local.sqs_event import to_event
from settle.runtime.errors import UnavailableError
from settle.runtime.forward_timers import forward_timers
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.journal import Deadline
from settle.runtime.message import read_record
from settle.runtime.poll import Pauses
from settle.runtime.process_group import Invocation
from settle.runtime.run_task import TaskRunner
from tests.simulation.acts import SKEWS
from tests.simulation.scheduler import Process
from tests.simulation.world import World
from tests.support.system import VISIBILITY_SECONDS, standard_messages

HURRY: Final = 0.04
"""How likely a consumer finds that its time runs out, whenever it asks."""
LOST_DELETE: Final = 0.06
"""How likely messages that were done are not deleted, so that they come again."""
PAUSES: Final = Pauses(first=1.0, longest=4.0)
NEWER: Final = '"schema_version":99'
"""What a message of a newer release says."""
OURS: Final = '"schema_version":1'


def start_consumer(world: World, skew: float) -> bool:
    """Begin a consumer with a batch; False when nothing is visible."""
    system = world.system
    size = world.random.choice((1, 2, 3, 10, 10))
    received = system.polled.receive(max_messages=size, visibility_timeout=VISIBILITY_SECONDS)
    if not received:
        return False
    process = world.process("consumer")
    invocation = Invocation(
        store=world.port("store", system.inner_store, process),
        outlets=world.outlets(process),
        dead_letters=world.port("letters", system.dead_letters, process),
        definitions=world.registry,
        clock=world.clock_of(skew),
        deadline=Deadline(remaining=lambda: _remaining(world)),
        new_token=system.new_id,
    )
    records = to_event([_as_read(each, world.release) for each in received], arn=system.polled.arn)["Records"]
    messages = [read_record(record, system.senders) for record in records]
    for message in messages:
        world.witness.arrives(message)
    places = " ".join(f"{m.group}:{m.sequence % 10**7}x{m.receives}" for m in messages)
    world.tell(f"{process} receives {places}{f', its clock is off by {skew:g} s' if skew else ''}")
    processor = world.scheduler.processor()
    _run(world, process, received, ("events", system.polled), lambda: processor.process(invocation, messages))
    return True


def start_forwarder(world: World, skew: float) -> bool:
    """Begin a forwarder with timers; False when none is visible."""
    system = world.system
    received = system.timers.receive(max_messages=10, visibility_timeout=VISIBILITY_SECONDS)
    if not received:
        return False
    process, clock = world.process("forwarder"), world.clock_of(skew)
    letters, outlets = world.port("letters", system.dead_letters, process), world.outlets(process)
    messages = standard_messages(received, system.senders)
    _run(world, process, received, ("timers", system.timers), lambda: forward_timers(outlets, letters, clock, messages))
    return True


def start_worker(world: World, skew: float) -> bool:
    """Begin a worker with a task, or with one that was given up; False when there is neither."""
    for queue in (world.system.tasks, world.system.lost_tasks):
        for each in queue.receive(max_messages=1, visibility_timeout=VISIBILITY_SECONDS):
            _work(world, each, queue, skew)
            return True
    return False


def _work(world: World, received: ReceivedMessage, queue: Any, skew: float) -> None:
    system, process = world.system, world.process("worker")
    runner = TaskRunner(
        store=world.port("store", system.inner_store, process),
        events=world.port("events", system.polled, process),
        tasks=world.port("tasks", system.tasks, process),
        dead_letters=world.port("letters", system.dead_letters, process),
        definitions=world.registry,
        clock=world.clock_of(skew),
    )
    message = standard_messages([received], system.senders)[0]

    def work() -> list[str]:
        try:
            if queue is system.lost_tasks:
                runner.give_up(message)
                return []
            return [] if runner.run(message) else [message.message_id]
        except SettleError as error:
            world.tell(f"{process}: {error!r}")
            return [message.message_id]

    _run(world, process, [received], ("tasks", queue), work)


def ask(world: World, request: Callable[[IngressPorts], Any], then: Callable[[Any], None], *, tries: int = 1) -> None:
    """Have a client ask the ingress for something, as often as is safe if it is not answered."""
    system, process = world.system, world.process("ingress")
    ports = IngressPorts(
        registry=world.registry,
        store=world.port("store", system.inner_store, process),
        queue=world.port("events", system.polled, process),
        clock=world.clock_of(world.random.choice(SKEWS)),
        pauses=PAUSES,
        new_id=system.new_id,
    )

    def run() -> None:
        for _ in range(tries):
            try:
                then(request(ports))
            except UnavailableError:
                world.scheduler.sleep_until(world.clock.now() + world.random.choice((0.1, 2.0, 40.0)))
            except SettleError as error:
                world.tell(f"{process} answers {error.code}")
                return
            else:
                return

    world.scheduler.spawn(process, run)


def _run(
    world: World,
    process: Process,
    received: Sequence[ReceivedMessage],
    source: tuple[str, Any],
    work: Callable[[], list[str]],
) -> None:
    def run() -> None:
        try:
            failed = work()
        except Exception as error:  # noqa: BLE001 - whatever nobody foresaw
            world.witness.broken.append(("foreseen", repr(error)))
            return
        world.tell(f"{process} ends, {len(failed)} failed")
        done = [each for each in received if each.message_id not in failed]
        _check_outboxes(world, process, done)
        acknowledge(world, [each.receipt_handle for each in done], source)

    world.tell(f"{process} begins")
    world.scheduler.spawn(process, run)


def _check_outboxes(world: World, process: Process, done: Sequence[ReceivedMessage]) -> None:
    """What is acknowledged has had all its effects, as far as the function knows."""
    for group in {each.attributes.get("MessageGroupId", "") for each in done}:
        instance = process.loaded.get(group)
        left = [entry.id for entry in instance.outbox] if instance else []
        if left:
            world.witness.breaks("acknowledged", f"{process} is done with {group}, whose outbox has {left}")


def acknowledge(world: World, handles: list[str], source: tuple[str, Any]) -> None:
    """Delete what is done, as the event source mapping does: some time later, and not always."""
    if not handles:
        return
    if not world.calm and world.random.random() < LOST_DELETE:
        world.faults["acknowledgement lost"] += 1
        return
    mapping = world.process("mapping")
    queue = world.port(*source, mapping)

    def delete() -> None:
        try:
            queue.delete(handles)
        except UnavailableError:
            world.tell(f"{mapping} could not delete everything")

    world.scheduler.spawn(mapping, delete)


def as_written(body: str) -> str:
    """Return the body of a message of a newer release as this one would have written it."""
    return body.replace(NEWER, OURS, 1)


def _as_read(received: ReceivedMessage, release: int) -> ReceivedMessage:
    """Return a message as a release reads it: every release but the first knows the newer schema."""
    return replace(received, body=as_written(received.body)) if release else received


def _remaining(world: World) -> float:
    return 1.5 if not world.calm and world.random.random() < HURRY else 1000.0
