"""Whole handlers under garbage: batches of records, and tables that somebody else has written into."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from settle.core.errors import SettleError
from settle.runtime.errors import EnvelopeInvalidError
from settle.runtime.instance import InstanceKey
from settle.runtime.message import read_record
from settle.runtime.open_envelope import open_message
from tests.fuzz.loaders import seeds
from tests.fuzz.loaders.mutations import mutate
from tests.fuzz.loaders.world import STRANGER, TRUSTED, World

GROUPS: Final = (
    "witness/1",
    "witness/1",
    "witness/1",
    "witness/2",
    "other/1",
    "unknown/1",
    "a/b/c",
    "witness",
    "/",
    "~!@",
)
PATHS: Final = ("", "/receipts/s10000000000000000000-1", "/blocked", "/diagram")
NOTE: Final = '{"kind":"events","machine":"witness","instance":"1","events":[{"type":"%s"}]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to call the handlers.

    Attributes:
        name: of the scenario.
        play: plays it once in a world, and checks what must be true afterwards; returns what is to be counted.
    """

    name: str
    play: Callable[[Random, World], str]


def check_failures(records: Sequence[Mapping[str, Any]], failed: Sequence[str]) -> None:
    """Only what was given comes again, once each; and of a group a failed record and every later one."""
    ids = [record["messageId"] for record in records]
    assert len(set(failed)) == len(failed)
    assert set(failed) <= set(ids), failed
    groups: dict[str, list[bool]] = {}
    for record in records:
        group = record["attributes"].get("MessageGroupId")
        if group is not None:
            groups.setdefault(group, []).append(record["messageId"] in failed)
    for group, failures in groups.items():
        assert failures == sorted(failures), (group, failures)


def check_foreseen(world: World) -> None:
    """No exception met the last net, which is for what nobody foresaw."""
    found, world.log.unforeseen = world.log.unforeseen, []
    assert not found, found[0][-3000:]


def draw_body(choices: Random, documents: Sequence[str]) -> str:
    """Return a body that SQS would carry: mutations, and now and then a valid one."""
    body = choices.choice(documents) if choices.random() < 0.3 else mutate(choices, documents)
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, MessageBody
    allowed = (char for char in body if char in "\t\n\r" or "\x20" <= char <= "\ud7ff" or char >= "\ue000")
    return "".join(char for char in allowed if char not in "\ufffe\uffff")[:250_000] or "-"


def group_of(choices: Random, body: str) -> str:
    """Return the group that a body claims, or any other that SQS would take."""
    try:
        claimed = json.loads(body)
        group = f"{claimed['machine']}/{claimed['instance']}"
    except (ValueError, TypeError, KeyError, RecursionError):
        group = ""
    fits = 0 < len(group) <= 128 and all("!" <= char <= "~" for char in group)
    return group if fits and choices.random() < 0.8 else choices.choice(GROUPS)


def prepare(world: World) -> None:
    """Have an instance with a live service, a live timer, and nothing else."""
    world.clear()
    world.consume([world.record(NOTE % "SERVE", group="witness/1")])


def play_strangers(choices: Random, world: World) -> str:
    """A batch of a stranger's: nothing that it says of itself is believed, and what cannot be read is buried."""
    prepare(world)
    before, buried = world.instance(), world.buried()
    assert before is not None
    bodies = [draw_body(choices, seeds.envelopes()) for _ in range(choices.randrange(1, 11))]
    records = [world.record(body, group=group_of(choices, body), sender=STRANGER) for body in bodies]
    expected = sum(_is_refused(record) for record in records)
    failed = world.consume(records)
    check_failures(records, failed)
    check_foreseen(world)
    assert failed == [], "nothing that a stranger sends has to come again"
    assert world.buried() - buried == expected, "what is no event of a stranger's is buried, and nothing else"
    _check_not_believed(world, before)
    return f"buried {min(expected, 1)}"


def _is_refused(record: Mapping[str, Any]) -> bool:
    group = record["attributes"]["MessageGroupId"]
    if InstanceKey.parse(group).machine not in {"witness", "other"}:
        return True
    try:
        open_message(read_record(record, frozenset({TRUSTED})))
    except EnvelopeInvalidError:
        return True
    return False


def _check_not_believed(world: World, before: Any) -> None:
    for group in ("witness/1", "witness/2", "other/1"):
        instance = world.instance(group)
        if instance is None:
            continue
        found = (instance.paused, instance.deleted, instance.parent, instance.input_hash)
        assert found == (False, False, None, ""), "no control message, no creation, no child"
        assert world.store.find_entries(instance.key, ["id-NOTE", "c", "x", "r", "f"], 0.0) == {}, (
            "no ledger for strangers"
        )
        if instance.key.machine == "witness" and instance.snapshot.context:
            for event_id, principal, origin in instance.snapshot.context["events"]:
                ours = (principal, origin) == ("", "")  # of the event with which the service was begun
                assert ours or (principal, origin, len(event_id)) == (f"{STRANGER}:session", "", 32)
    after = world.instance()
    assert after is not None
    assert after.incarnation == before.incarnation
    gone = {invoke.key for invoke in before.snapshot.invokes} - {invoke.key for invoke in after.snapshot.invokes}
    blocked = after.blocked is not None
    assert not gone or blocked or after.version > before.version, "only an event can have ended the service"


def play_ours(choices: Random, world: World) -> str:
    """A batch that one of our own functions is said to have sent: whatever it says, the handler answers for it."""
    prepare(world)
    bodies = [_in_place(choices, world, draw_body(choices, seeds.envelopes())) for _ in range(choices.randrange(1, 11))]
    receives = choices.choice((1, 1, 2, 7))
    records = [world.record(body, group=group_of(choices, body), receives=receives) for body in bodies]
    failed = world.consume(records)
    check_failures(records, failed)
    check_foreseen(world)
    return f"failed {bool(failed)}"


def _in_place(choices: Random, world: World, body: str) -> str:
    """Have half of the messages name the incarnation and the token that are really live."""
    instance = world.instance()
    if instance is None or choices.random() < 0.5:
        return body
    ((key, token),) = instance.tokens.items() or (("job#1", ""),)
    return body.replace(seeds.INCARNATION, instance.incarnation).replace("t" * 32, token).replace("job#1", key)


def play_tasks(choices: Random, world: World) -> str:
    """Tasks, of ours and of strangers, as the worker gets them, and those that the queue gave up."""
    prepare(world)
    instance = world.instance()
    assert instance is not None
    buried = world.buried()
    records = []
    for _ in range(choices.randrange(1, 6)):
        body = _in_place(choices, world, draw_body(choices, seeds.tasks()))
        sender = choices.choice((TRUSTED, TRUSTED, STRANGER))
        records.append(world.record(body, sender=sender, arn=choices.choice(("arn:tasks", "arn:lost"))))
    failed = world.work(records)
    check_failures(records, failed)
    check_foreseen(world)
    strangers = sum(record["attributes"]["SenderId"].startswith(STRANGER) for record in records)
    assert world.buried() - buried >= strangers, "whatever a stranger puts there is buried"
    return f"failed {bool(failed)}"


def play_timers(choices: Random, world: World) -> str:
    """Timers, of ours and of strangers, as the consumer gets them."""
    prepare(world)
    buried = world.buried()
    records = []
    for _ in range(choices.randrange(1, 11)):
        body = _in_place(choices, world, draw_body(choices, seeds.timers()))
        records.append(world.record(body, sender=choices.choice((TRUSTED, TRUSTED, STRANGER)), arn="arn:timers"))
    failed = world.consume(records)
    check_failures(records, failed)
    check_foreseen(world)
    strangers = sum(record["attributes"]["SenderId"].startswith(STRANGER) for record in records)
    assert world.buried() - buried >= strangers, "whatever a stranger puts there is buried"
    return f"failed {bool(failed)}"


def play_forged(choices: Random, world: World) -> str:
    """A table that somebody else has written into: each function meets an error of ours, or takes what is legal."""
    world.clear()
    incarnation, revision = seeds.INCARNATION, choices.choice((4, 4, 4, 0, -1, 2**62, 2**63 - 1))
    world.put(
        mutate(choices, seeds.instances()).encode(errors="replace").decode(), incarnation=incarnation, revision=revision
    )
    if choices.random() < 0.5:
        held = mutate(choices, seeds.items()).encode(errors="replace").decode()
        with world.database.transaction() as connection:
            connection.execute("REPLACE INTO held_event VALUES ('witness/1', ?, ?)", (choices.choice((1, 2, 5)), held))
    for path in PATHS:
        world.ask("GET", f"/machines/witness/instances/1{path}")
    body = choices.choice(seeds.envelopes())
    records = [world.record(NOTE % "NOTE", group="witness/1", sender=STRANGER), world.record(body, group="witness/1")]
    check_failures(records, world.consume(records))
    world.work([world.record(choices.choice(seeds.tasks()), arn=choices.choice(("arn:tasks", "arn:lost")))])
    check_foreseen(world)
    try:
        found = world.instance()
    except SettleError as error:
        return type(error).__name__
    return "gone" if found is None else "read"


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="consumer-strangers", play=play_strangers),
        Scenario(name="consumer-ours", play=play_ours),
        Scenario(name="worker", play=play_tasks),
        Scenario(name="forwarder", play=play_timers),
        Scenario(name="forged-table", play=play_forged),
    )
}
