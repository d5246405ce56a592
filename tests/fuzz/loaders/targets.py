"""What is fuzzed, one loader each: what it may answer, and what must be true of what it lets in.

A loader takes text. It returns what it read, or raises one of its own errors; any other exception is a bug, and so is
something that it lets in but cannot write, or read again as the same.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from settle import DefinitionError, Event, Statechart, start, step
from settle.adapters.blocked_index import read_cursor, write_cursor
from settle.authoring.binding import Binder
from settle.authoring.compiled import COLLECTOR, BuiltChart, load_chart, parse_stored, store_chart
from settle.authoring.findings import Findings
from settle.core.delay import parse_duration
from settle.core.errors import ContextInvalidError, SettleError, SnapshotInvalidError, SnapshotTooNewError
from settle.core.event import EventKind
from settle.core.json_text import MALFORMED, from_json, to_json
from settle.core.snapshot import Snapshot
from settle.core.snapshot_codec import decode_snapshot, encode_snapshot
from settle.runtime.dead_letter import DeadLetter, LetterStaysError, revive_event, revive_timer
from settle.runtime.envelope import dump_envelope, parse_envelope, parse_task, parse_timer
from settle.runtime.errors import (
    CursorInvalidError,
    EnvelopeInvalidError,
    EnvelopeTooNewError,
    InstanceTooNewError,
    TokenInvalidError,
)
from settle.runtime.ids import parse_receipt_id
from settle.runtime.incoming import Incoming, IncomingEvent
from settle.runtime.instance_codec import decode_instance, encode_instance
from settle.runtime.item_codec import decode_held, decode_receipt, encode_held, encode_receipt, unpack_entry
from settle.runtime.message import Message
from settle.runtime.open_envelope import open_message
from settle.runtime.tokens import parse_token
from tests.fuzz.loaders import seeds
from tests.fuzz.loaders.mutations import mutate, mutate_data
from tests.fuzz.loaders.world import DEFINITION, REGISTRY, STRANGER

Errors = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A loader under test.

    Attributes:
        name: of the target.
        draw: makes an input from a source of choices.
        load: reads it.
        errors: that it may raise.
        check: what must be true of what it returns.
    """

    name: str
    draw: Callable[[Random], Any]
    load: Callable[[Any], Any]
    errors: Errors
    check: Callable[[Any], None] = lambda _: None

    def run(self, given: Any) -> str:
        """Try one input; return the name of the error that it met, or `read`.

        Raises:
            Exception: whatever the loader should not have let out.
        """
        try:
            found = self.load(given)
        except self.errors as error:
            str(error)  # which must not fail either
            return type(error).__name__
        self.check(found)
        return "read"


def from_seeds(documents: Callable[[], tuple[str, ...]]) -> Callable[[Random], str]:
    """Return what draws mutations of some documents."""
    return lambda choices: mutate(choices, documents())


# Envelopes -----------------------------------------------------------------------------------------------------------

ENVELOPE_ERRORS: Final = (EnvelopeInvalidError, EnvelopeTooNewError)


def check_envelope(envelope: Any) -> None:
    """An envelope comes back as it was written, through the loader of its kind."""
    read = {"task": parse_task}.get(envelope.kind, parse_envelope)
    assert read(dump_envelope(envelope)) == envelope


def open_as(sender: str) -> Callable[[str], list[Incoming]]:
    """Return what opens a body as the consumer does, in the group that it claims to be of."""

    def load(body: str) -> list[Incoming]:
        group = "witness/1"
        try:
            claimed = json.loads(body)
            group = f"{claimed['machine']}/{claimed['instance']}"
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        trusted = sender != STRANGER
        fields: dict[str, Any] = {"message_id": "m", "receipt_handle": "h", "queue": "arn", "group": group}
        return open_message(Message(**fields, sequence=7, receives=1, sender=sender, trusted=trusted, body=body))

    return load


def check_strangers(incoming: list[Incoming]) -> None:
    """Nothing is believed of what a stranger says about itself: only type, data and the condition of an event count."""
    assert incoming
    for place, each in enumerate(incoming):
        assert isinstance(each, IncomingEvent), each
        envelope = each.envelope
        assert envelope.kind == "events"
        assert (each.principal, envelope.principal, dict(envelope.claims)) == (STRANGER, STRANGER, {})
        assert (each.origin, envelope.origin, each.incarnation, each.body_hash, each.input_hash) == (
            "",
            None,
            None,
            "",
            "",
        )
        assert (each.trusted, each.live, each.parent, each.hops, envelope.hops) == (False, None, None, 0, None)
        assert (each.is_creation, each.came_with_creation, envelope.redriven or False) == (False, False, False)
        assert (envelope.accepted_at, each.position.sequence, each.position.index) == (0.0, 7, place)
        assert len(each.id) == 32, "an id of ours, which follows from the place in the queue"
        assert each.id == open_message_id(place)


def open_message_id(place: int) -> str:
    """Return the id that an event of a stranger has at a place of message 7."""
    body = json.dumps({"kind": "events", "machine": "a", "instance": "b", "events": [{"type": "X"}] * (place + 1)})
    found = open_as(STRANGER)(body)[place]
    assert isinstance(found, IncomingEvent)
    return found.id


def revive(body: str) -> Any:
    """Send a stranger's letter again."""
    fields = {"id": "1", "handle": "h", "group": "witness/1", "deduplication_id": "d", "body": body, "sender": STRANGER}
    group, again = revive_event(DeadLetter(**fields), frozenset({"ingress"}), perhaps_applied=True)
    return group, parse_envelope(again)


def check_revived(found: Any) -> None:
    """What a stranger had sent is theirs still."""
    group, envelope = found
    assert (group, envelope.kind, envelope.principal, envelope.origin) == ("witness/1", "events", STRANGER, None)
    assert envelope.redriven


def revive_ours(body: str) -> Any:
    """Send a letter again that a function of ours had sent, and another had buried."""
    fields = {
        "id": "1",
        "handle": "h",
        "group": "witness/1",
        "deduplication_id": "d",
        "body": body,
        "sender": "ingress:x",
    }
    letter = DeadLetter(**fields, reason="why", first_sender="ingress:y")
    return parse_envelope(revive_event(letter, frozenset({"ingress"}))[1])


def check_revived_ours(envelope: Any) -> None:
    """Events are entered in the ledger, and no control message that was meant for a moment is sent again."""
    if envelope.kind == "events":
        assert envelope.redriven
        assert envelope.body_hash
    assert envelope.kind != "control" or envelope.action in {"drain", "stop", "delete"}


def revive_a_timer(body: str) -> str:
    """Send a timer of ours again."""
    letter = DeadLetter(id="1", handle="h", group="", deduplication_id="", body=body, sender="ingress:x")
    return revive_timer(letter, frozenset({"ingress"}))


# Stored documents ----------------------------------------------------------------------------------------------------

STORED_ERRORS: Final = (SnapshotInvalidError, SnapshotTooNewError, InstanceTooNewError)


def check_snapshot(snapshot: Snapshot) -> None:
    """A snapshot is what it was once it is written and read; a number that no JSON has cannot be written."""
    try:
        written = encode_snapshot(snapshot)
    except ContextInvalidError:
        return
    assert decode_snapshot(written) == snapshot


def step_on(document: str) -> None:
    """Give a stored snapshot all kinds of events."""
    snapshot = decode_snapshot(document)
    REGISTRY.definition_for(snapshot)
    live = [invoke.key for invoke in snapshot.invokes[:2]], [timer.key for timer in snapshot.timers[:2]]
    events = [Event(type=each) for each in ("NOTE", "SERVE", "BACK", "REACH", "UNKNOWN")]
    events += [Event(type=f"done.invoke.{key.partition('#')[0]}", kind=EventKind.RESULT, key=key) for key in live[0]]
    events += [Event(kind=EventKind.TIMER, key=key) for key in live[1]]
    refused: SettleError | None = None
    for event in events:
        try:
            after = step(DEFINITION, snapshot, event, 1.7e9).snapshot
        except SettleError as error:
            refused = error
        else:
            assert decode_snapshot(encode_snapshot(after)) == after
    if refused is not None:
        raise refused


def read_instance(document: str) -> Any:
    """Read a stored instance; its revision is a number of its own."""
    return decode_instance(seeds.KEY, seeds.INCARNATION, 4, document)


def check_instance(instance: Any) -> None:
    """An instance is what it was once it is written and read, and its counts can be counted."""
    assert instance.held_count >= 0
    try:
        written = encode_instance(instance)
    except ContextInvalidError:
        return
    assert read_instance(written) == instance


def read_item(document: str) -> Any:
    """Read what stands beside an instance: as a held event, a receipt and a ledger entry."""
    errors: list[BaseException] = []
    found: list[Any] = []
    readers: tuple[Callable[[str], Any], ...] = (
        lambda text: decode_held(3, text),
        lambda text: decode_receipt("e", text),
        lambda text: unpack_entry(from_json(text)),
    )
    for read in readers:
        try:
            found.append(read(document))
        except (*STORED_ERRORS, *MALFORMED) as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found[0]


def check_item(item: Any) -> None:
    """A held event and a receipt come back."""
    if type(item).__name__ == "HeldEvent":
        assert decode_held(item.number, encode_held(item)) == item
    elif type(item).__name__ == "Receipt":
        assert decode_receipt(item.event_id, encode_receipt(item)) == item


def check_text(data: Any) -> None:
    """JSON data is what it was once it is written and read."""
    try:
        written = to_json(data)
    except ContextInvalidError:
        return
    assert from_json(written) == data


# What clients pass on -------------------------------------------------------------------------------------------------


def draw_urls(documents: Callable[[], tuple[str, ...]]) -> Callable[[Random], str]:
    """Return what draws texts for a URL: base64 of mutations, and some that is none."""

    def draw(choices: Random) -> str:
        text = mutate(choices, documents()).encode(errors="surrogatepass")
        written = base64.urlsafe_b64encode(text).decode()
        return choices.choice((written, written.rstrip("="), written + "=", text.decode("latin-1"), written[1:]))

    return draw


def check_token(token: Any) -> None:
    """A token comes back, and does not show its secret."""
    assert parse_token(str(token)) == token
    shown = repr(token)
    for part in (token.key.machine, token.key.instance, token.incarnation, token.invoke):
        shown = shown.replace(repr(part), "")
    assert len(token.secret) < len("invoke=") or token.secret not in shown


def check_cursor(place: Any) -> None:
    """A cursor comes back, and is of the list that it was given for."""
    assert place.group.startswith("witness/")
    assert read_cursor(write_cursor(place), "witness") == place


# Definitions ---------------------------------------------------------------------------------------------------------


class Functions:
    """What a file may name; `_kept` is not among it, nor what every class has."""

    _kept = staticmethod(lambda *_, **__: None)

    def __getattr__(self, name: str) -> Any:
        """Have every name but those that Python asks for itself."""
        if name.startswith("__"):
            raise AttributeError(name)

        def function(*_: object, **__: object) -> None: ...

        function.__name__ = name
        self.__dict__[name] = function
        return function


def import_chart(config: Any) -> Statechart:
    """Read a machine of XState."""
    return Statechart.from_xstate(config, implementation=Functions())


def build_chart(parts: Any) -> Statechart:
    """Read a machine as the front end for Python takes it."""
    states, transitions = parts
    return Statechart(id="m", states=states, transitions=transitions, implementation=Functions())


def check_chart(chart: Statechart) -> None:
    """A chart runs, or says why it does not; it can be drawn and told; nothing of Python's own was reached."""
    for binding in chart._bindings:
        assert not (
            isinstance(binding.reference, str) and binding.role != "instant" and binding.reference.startswith("__")
        )
    try:
        macrostep = start(chart.definition)
        step(chart.definition, macrostep.snapshot, Event(type="GO"))
    except SettleError:
        pass
    chart.describe()
    chart.diagram()


def check_imported(chart: Statechart) -> None:
    """What is true of every chart, and no private name was reached."""
    check_chart(chart)
    assert not any(isinstance(each.reference, str) and each.reference.startswith("_") for each in chart._bindings)


def _built() -> tuple[BuiltChart, str]:
    with COLLECTOR.collect() as charts:
        import_chart(seeds.charts()[0])
    return charts[0], json.dumps(store_chart(charts[0]))


BUILT: Final = _built()


def load_stored(text: str) -> Any:
    """Load a compiled table, as a function does at its start."""
    chart = BUILT[0]
    stored = parse_stored(text)
    binder = Binder(chart.source.implementations, Findings(), document=True)
    return load_chart(stored, chart.source, binder, context=chart.definition.context, events=chart.definition.events)


def draw_hostile(choices: Random) -> Any:
    """Return a configuration as Python data: keys that are no text, tuples, itself inside itself, a part many times."""
    config = mutate_data(choices, json.loads(choices.choice(seeds.charts())))
    return _spoil(choices, config)


def draw_parts(choices: Random) -> Any:
    """Return states and transitions for the front end for Python."""
    parts = mutate_data(choices, json.loads(json.dumps([seeds.STATES, seeds.TRANSITIONS])))
    if not (isinstance(parts, list) and len(parts) == 2):
        return [parts, []]
    return parts


def _spoil(choices: Random, config: Any) -> Any:
    how = choices.randrange(6)
    states = config.get("states") if isinstance(config, dict) else None
    if not isinstance(states, dict):
        return config
    if how == 0:
        states[choices.choice((1, 2.5, None, ("a",), b"a"))] = {}
    elif how == 1:
        states["loop"] = config
    elif how == 2:
        part: dict[str, Any] = {}
        for _ in range(choices.choice((5, 20, 60, 99))):
            part = {"initial": "a", "states": {"a": part, "b": part}}
        states["many"] = part
    elif how == 3:
        states["odd"] = {"on": {"E": {("a",): object()}}, "tags": {1, 2}, "meta": {1: {2}}}
    return config


def durations(choices: Random) -> str:
    """Return what may be a duration."""
    parts = (
        "1",
        "9" * 30,
        "h",
        "m",
        "s",
        "ms",
        "d",
        "P",
        "T",
        "D",
        ".",
        "-",
        " ",
        "1e5",
        "\u0661",
        "inf",
        "nan",
        "PT1H",
        "w",
    )
    if choices.random() < 0.1:
        return choices.choice(("1h", "90s", "2d", "1h 30m", "250ms"))
    return "".join(choices.choice(parts) for _ in range(choices.randrange(1, 8))) * choices.choice((1, 1, 1, 500))


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target(
            name="envelope",
            draw=from_seeds(lambda: (*seeds.envelopes(), *seeds.tasks())),
            load=parse_envelope,
            errors=ENVELOPE_ERRORS,
            check=check_envelope,
        ),
        Target(
            name="timer", draw=from_seeds(seeds.timers), load=parse_timer, errors=ENVELOPE_ERRORS, check=check_envelope
        ),
        Target(
            name="task", draw=from_seeds(seeds.tasks), load=parse_task, errors=ENVELOPE_ERRORS, check=check_envelope
        ),
        Target(name="message", draw=from_seeds(seeds.envelopes), load=open_as("ingress"), errors=ENVELOPE_ERRORS),
        Target(
            name="message-of-a-stranger",
            draw=from_seeds(seeds.envelopes),
            load=open_as(STRANGER),
            errors=(EnvelopeInvalidError,),
            check=check_strangers,
        ),
        Target(
            name="dead-letter-of-a-stranger",
            draw=from_seeds(seeds.envelopes),
            load=revive,
            errors=(LetterStaysError,),
            check=check_revived,
        ),
        Target(
            name="dead-letter-of-ours",
            draw=from_seeds(seeds.envelopes),
            load=revive_ours,
            errors=(LetterStaysError,),
            check=check_revived_ours,
        ),
        Target(name="dead-timer", draw=from_seeds(seeds.timers), load=revive_a_timer, errors=(LetterStaysError,)),
        Target(
            name="snapshot",
            draw=from_seeds(seeds.snapshots),
            load=decode_snapshot,
            errors=STORED_ERRORS,
            check=check_snapshot,
        ),
        Target(name="step", draw=from_seeds(seeds.snapshots), load=step_on, errors=(SettleError,)),
        Target(
            name="instance",
            draw=from_seeds(seeds.instances),
            load=read_instance,
            errors=STORED_ERRORS,
            check=check_instance,
        ),
        Target(
            name="item",
            draw=from_seeds(seeds.items),
            load=read_item,
            errors=(*STORED_ERRORS, *MALFORMED),
            check=check_item,
        ),
        Target(name="json", draw=from_seeds(seeds.instances), load=from_json, errors=MALFORMED, check=check_text),
        Target(
            name="token", draw=draw_urls(seeds.tokens), load=parse_token, errors=(TokenInvalidError,), check=check_token
        ),
        Target(
            name="cursor",
            draw=draw_urls(seeds.cursors),
            load=lambda text: read_cursor(text, "witness"),
            errors=(CursorInvalidError,),
            check=check_cursor,
        ),
        Target(
            name="receipt-id",
            draw=from_seeds(lambda: ("s10000000000000000000-3", "k" + "a" * 32, f"k{'a' * 32}-{'b' * 32}")),
            load=parse_receipt_id,
            errors=(),
            check=lambda found: None if found is None else _same(str(parse_receipt_id(str(found))), str(found)),
        ),
        Target(
            name="xstate",
            draw=from_seeds(seeds.charts),
            load=import_chart,
            errors=(DefinitionError,),
            check=check_imported,
        ),
        Target(
            name="xstate-object", draw=draw_hostile, load=import_chart, errors=(DefinitionError,), check=check_imported
        ),
        Target(name="statechart", draw=draw_parts, load=build_chart, errors=(DefinitionError,), check=check_chart),
        Target(
            name="compiled", draw=from_seeds(lambda: (BUILT[1],)), load=load_stored, errors=(ValueError, RecursionError)
        ),
        Target(name="duration", draw=durations, load=parse_duration, errors=(ValueError,)),
    )
}


def _same(one: str, other: str) -> None:
    assert one == other
