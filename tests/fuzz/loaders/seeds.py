"""Valid documents: what the system itself writes, each kind of them at least once."""

import base64
import json
from functools import cache
from typing import Any, Final

from settle.adapters.blocked_index import Place, write_cursor
from settle.core.json_text import to_json
from settle.core.snapshot import LiveInvoke, LiveTimer, Snapshot, Status
from settle.core.snapshot_codec import encode_snapshot
from settle.runtime.envelope import (
    ControlAction,
    ControlEnvelope,
    CreateEnvelope,
    EnvelopeEvent,
    EventEdit,
    EventsEnvelope,
    ParentLink,
    RefusalEnvelope,
    ResultEnvelope,
    TaskEnvelope,
    TaskEvent,
    TimerEnvelope,
    TimerKind,
    TraceContext,
    dump_envelope,
)
from settle.runtime.instance import (
    Blocked,
    CancelSchedule,
    EditedEvent,
    Failing,
    FinishEvent,
    HeldRange,
    Instance,
    InstanceKey,
    Lane,
    PurgeItems,
    Run,
    SendMessage,
    SendTask,
    SendTimer,
    ServiceOutcome,
    Watermark,
)
from settle.runtime.instance_codec import encode_instance
from settle.runtime.item_codec import encode_held, encode_receipt, pack_entry
from settle.runtime.receipt import Edit, Outcome, Position, ShortReceipt
from settle.runtime.tokens import Token
from tests.fuzz.loaders.world import DEFINITION
from tests.support.instances import make_entry, make_held, make_receipt

KEY: Final = InstanceKey("witness", "1")
INCARNATION: Final = "i" * 32
LINK: Final = ParentLink(group="witness/1", incarnation=INCARNATION, invoke="kid#1", token="t" * 32)
TRACE: Final = TraceContext(correlation_id="case-7", parent="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
WHERE: Final[dict[str, Any]] = {"machine": "witness", "instance": "1", "principal": "ada", "claims": {"sub": "ada"}}
WHOSE: Final[dict[str, Any]] = {**WHERE, "incarnation": INCARNATION, "accepted_at": 1.7e9, "hops": 1, "trace": TRACE}


def _event(name: str, data: Any = None) -> EnvelopeEvent:
    return EnvelopeEvent(id=f"id-{name}", type=name, data={} if data is None else data)


@cache
def envelopes() -> tuple[str, ...]:
    """Bodies of the event queue: every kind, every control action."""
    note = _event("NOTE", {"text": "a", "amount": 1.5, "more": [1, {"a": None}]})
    found: list[Any] = [
        EventsEnvelope(**WHERE, events=[note]),
        EventsEnvelope(
            **WHOSE, events=[note, _event("SERVE")], body_hash="h", if_match=3, origin="other/1", redriven=None
        ),
        *(
            EventsEnvelope(**WHERE, events=[_event(each)])
            for each in ("SERVE", "PARENT", "QUICK", "REACH", "FAIL", "BACK")
        ),
        EventsEnvelope(**WHOSE, events=[note], redriven=True),
        CreateEnvelope(**WHERE, id="c", input={"last": 1}, input_hash="h"),
        CreateEnvelope(**WHERE, id="c", input_hash="h", event=note, parent=LINK),
        *(ControlEnvelope(**WHERE, id="x", action=action) for action in ControlAction),
        ControlEnvelope(**WHERE, id="x", action=ControlAction.STOP, parent=LINK),
        ControlEnvelope(
            **WHERE, id="x", action=ControlAction.EDIT, edit=EventEdit(digest="d", event=note), schema_version=3
        ),
        ResultEnvelope(**WHOSE, id="r", invoke="job#1", token="t" * 32, data={"n": 1}, body_hash="h"),
        ResultEnvelope(**WHOSE, id="r", invoke="kid#1", token="t" * 32, data={"code": "e"}, error="e"),
        RefusalEnvelope(**WHOSE, id="f", data={"message": "no"}, body_hash="h"),
    ]
    return (*map(dump_envelope, found), *timers())


@cache
def timers() -> tuple[str, ...]:
    """Bodies of the timers queue."""
    return tuple(dump_envelope(TimerEnvelope(**WHOSE, what=what, key="job#1", due=1.7e9)) for what in TimerKind)


@cache
def tasks() -> tuple[str, ...]:
    """Bodies of the tasks queue."""
    event = TaskEvent(id="e", type="SERVE", data={"a": 1})
    task = TaskEnvelope(**WHOSE, invoke="job#1", token="t" * 32, call="k", event=event, origin="other/1")
    return (dump_envelope(task), dump_envelope(task.model_copy(update={"origin": None, "trace": None})))


def _snapshot(**fields: Any) -> Snapshot:
    given: dict[str, Any] = {
        "machine": "witness",
        "machine_version": 1,
        "definition": DEFINITION.hash,
        "configuration": ("idle",),
        "context": {"events": [["a", "b", "c"]], "last": {"text": "x"}},
        "entries": 3,
    }
    return Snapshot(**(given | fields))


@cache
def snapshot_values() -> tuple[Snapshot, ...]:
    """Snapshots of the witness: at rest, with services, children and timers, and over."""
    job = LiveInvoke(id="job", entry=1, node="serving", src="serve", input={"a": 1})
    kid = LiveInvoke(id="kid", entry=2, node="parent", src="other")
    late = LiveTimer(id="serving@1h", entry=3, due=1.8e9, type="settle.after.serving@1h", node="serving")
    sent = LiveTimer(id="later", entry=4, due=1.8e9, type="NOTE", target="other/1", data={"text": "a"})
    return (
        _snapshot(),
        _snapshot(configuration=("serving",), invokes=(job,), timers=(late, sent), entries=4),
        _snapshot(configuration=("parent",), invokes=(kid,)),
        _snapshot(history={"h": ("idle",)}),
        _snapshot(status=Status.STOPPED, output=[1]),
    )


@cache
def snapshots() -> tuple[str, ...]:
    """Stored snapshots."""
    return tuple(map(encode_snapshot, snapshot_values()))


@cache
def instances() -> tuple[str, ...]:
    """Stored instances, with every part that may be there."""
    place = Position(10**19, 1)
    plain: dict[str, Any] = {
        "key": KEY,
        "incarnation": INCARNATION,
        "revision": 4,
        "version": 3,
        "created_at": 1.7e9,
        "updated_at": 1.7e9,
        "watermark": Watermark(queue="arn", position=place),
    }
    ring = tuple(
        ShortReceipt(position=Position(10**19 - n), outcome=each, version=3) for n, each in enumerate(Outcome)
    )[::-1]
    body = envelopes()[0]
    outbox = (
        FinishEvent(id="f", entry=make_entry("e", finished=True)),
        SendMessage(id="m", group="other/1", body=body.replace('"witness"', '"other"')),
        SendTimer(id="t", body=timers()[0], name="n", due=1.8e9),
        CancelSchedule(id="c", name="n"),
        SendTask(id="b", body=tasks()[0]),
        PurgeItems(id="p", until=1.8e9),
    )
    resting, serving, parent, _, stopped = snapshot_values()
    blocked = Blocked(event_id="e", type="NOTE", code="user_code", message="m", traceback="t", at=1.7e9)
    urgent = Blocked(event_id="e", type="x", code="c", message="m", traceback="t", at=1.7e9, lane=Lane.URGENT)
    edited = EditedEvent(event_id="e", position=place, edit=Edit(by="ada", at=1.7e9, type="NOTE", digest="d"))
    run = Run(
        event_id="e",
        now=1.7e9,
        definition=DEFINITION.hash,
        results={"k": ServiceOutcome(data=1), "l": ServiceOutcome(data=2, error="e")},
        attempts={"k": 2},
    )
    return tuple(
        encode_instance(Instance(**plain, **fields))
        for fields in (
            {"snapshot": resting, "input_hash": "h", "origin": "a1", "ring": ring},
            {
                "snapshot": serving,
                "tokens": {"job#1": "t" * 32},
                "outbox": outbox,
                "failing": Failing(sequence=1, count=2),
            },
            {"snapshot": parent, "tokens": {"kid#2": "u" * 32}, "run": run, "parent": LINK},
            {
                "snapshot": resting,
                "blocked": blocked,
                "held": HeldRange(first=1, next=3, floor=place),
                "edits": (edited,),
            },
            {"snapshot": resting, "blocked": urgent, "urgent": HeldRange(first=5, next=6, floor=place), "paused": True},
            {"snapshot": stopped, "deleted_at": 1.7e9},
        )
    )


@cache
def items() -> tuple[str, ...]:
    """Stored held events, receipts and ledger entries."""
    held = make_held(3, envelopes()[1])
    entries = (make_entry("e"), make_entry("e", finished=True))
    return (
        encode_held(held),
        encode_receipt(make_receipt("e")),
        *(to_json(pack_entry(entry)) for entry in entries),
    )


@cache
def tokens() -> tuple[str, ...]:
    """Completion tokens, before they are written for a URL."""
    token = str(Token(key=KEY, incarnation=INCARNATION, invoke="job#1", secret="s" * 32))
    return (base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode(),)


@cache
def cursors() -> tuple[str, ...]:
    """Cursors, before they are written for a URL."""
    cursor = write_cursor(Place(1.7e9, "witness/1"))
    return (base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(),)


@cache
def charts() -> tuple[str, ...]:
    """Machines of XState, with everything that such a file may have."""
    return (json.dumps(_LARGE), json.dumps(_LARGE), json.dumps(_SMALL), json.dumps(_INTERNAL))


_SMALL: Final[dict[str, Any]] = {
    "id": "m",
    "initial": "a",
    "states": {"a": {"on": {"GO": "b"}}, "b": {"type": "final"}},
}
_INTERNAL: Final[dict[str, Any]] = {
    "id": "m",
    "initial": "a",
    "states": {
        "a": {
            "initial": "x",
            "invoke": {"id": "load", "src": "serve", "onDone": {"target": "b"}, "onError": "b"},
            "on": {
                "xstate.done.actor.load": "b",
                "xstate.error.actor.load": "b",
                "done.invoke.load": "b",
                "xstate.done.state.m.a": "b",
                "done.state.m.a": {"actions": "note"},
                "error.execution": "b",
            },
            "states": {"x": {"on": {"GO": "y"}}, "y": {"type": "final"}},
        },
        "b": {
            "tags": "t",
            "entry": [{"type": "xstate.raise", "params": {"event": {"type": "GO", "n": 1}, "delay": 50, "id": "r"}}],
            "on": {
                "GO": {
                    "target": "a",
                    "guard": {"type": "or", "guards": ["yes", {"type": "stateIn", "stateValue": "b"}]},
                }
            },
            "after": {"wait": [{"target": "a", "guard": "yes"}, "b"], "1h": "a"},
            "invoke": [
                {"src": "serve", "onDone": "a"},
                {"machine": "other", "id": "kid", "onDone": "a", "onError": "a"},
            ],
        },
    },
}
_LARGE: Final[dict[str, Any]] = {
    "id": "m",
    "initial": "a",
    "context": {"n": 0},
    "on": {"*": {"actions": {"type": "xstate.log", "params": {"label": "x"}}}},
    "states": {
        "a": {
            "entry": ["note", {"type": "note", "params": {"n": 1}}, {"type": "xstate.cancel", "params": {"id": "x"}}],
            "on": {
                "GO": {"target": "#m.p.q", "guard": {"type": "not", "guard": "yes"}},
                "X.*": ["b"],
                "Y": {},
                "Z": [
                    {"target": "b", "guard": {"type": "and", "guards": ["yes", "no"]}},
                    {"target": ".", "reenter": True},
                ],
            },
            "invoke": {"id": "load", "src": "serve", "input": {"x": 1}, "onDone": "b", "onError": "f"},
            "after": {"1000": "b", "soon": {"target": "b", "reenter": True}},
            "meta": {"a": 1},
            "description": "text",
        },
        "b": {
            "initial": "c",
            "onDone": "f",
            "states": {"c": {"type": "final"}, "h": {"type": "history", "history": "deep", "target": "c"}},
        },
        "p": {
            "type": "parallel",
            "states": {
                "q": {"tags": ["x"]},
                "r": {"always": {"target": "#m.b.h", "guard": {"type": "stateIn", "stateValue": "#m.a"}}},
            },
        },
        "f": {
            "type": "final",
            "output": {"ok": True},
            "exit": {"type": "xstate.raise", "params": {"event": {"type": "X"}}},
        },
    },
}

STATES: Final[list[Any]] = [
    {"name": "idle", "tags": ["settled"], "on_enter": "note", "meta": {"a": 1}},
    {
        "name": "a",
        "tags": "settled",
        "children": ["b", {"name": "c", "final": True, "output": {"x": 1}}],
        "initial": "b",
    },
    {
        "name": "p",
        "tags": ["settled"],
        "parallel": ["q", {"name": "r", "initial": "s", "children": ["s", {"name": "h", "history": "deep"}]}],
    },
    {
        "name": "i",
        "invoke": {"src": "serve", "on_done": "idle", "on_error": "idle"},
        "timeout": "1h",
        "on_timeout": "a",
    },
]
TRANSITIONS: Final[list[Any]] = [
    {"trigger": "GO", "source": "idle", "dest": "a", "conditions": ["yes"], "unless": "no", "before": "note"},
    ["ON", "idle", "p"],
    ["IN", ["idle", "a"], "i"],
    {"trigger": "BACK", "source": ["a", "p"], "dest": "idle", "actions": [{"type": "note", "params": {"n": 1}}]},
    ["END", "a.b", "a.c"],
    ["PAST", "idle", "p.r.h"],
]
