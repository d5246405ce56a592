"""Messages between instances: where they go, who is known to have sent them, and what becomes of those that cannot."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.spec import InvokeMode
from settle.runtime.envelope import EnvelopeEvent, EventsEnvelope
from settle.runtime.errors import EnvelopeInvalidError, QueueUnavailableError
from settle.runtime.promises import MAX_HOPS
from settle.runtime.receipt import Outcome
from tests.support.charts import action, guard, invoke, machine, node, on, settled
from tests.support.ports import Broken
from tests.support.system import System


class Number(BaseModel):
    """What the data has to be."""

    n: int


def sends(target: str | None, event_type: str = "HELLO", data: Any = None) -> Any:
    return action("send", lambda _context, _event, do: do.send(target, event_type, data or {}))


def sender(target: str | None, event_type: str = "HELLO", data: Any = None, name: str = "a") -> Definition:
    return machine(
        name,
        settled(
            "idle",
            on("GO", actions=(sends(target, event_type, data),)),
            on("error.communication", actions=(action("note", note_error),)),
        ),
    )


def note_error(context: dict[str, Any], event: Any, _do: object) -> None:
    context["error"] = {"code": event["code"], "target": event.data.get("target")}


def receiver(name: str = "b", **options: Any) -> Definition:
    def note(context: dict[str, Any], event: Any, _do: object) -> None:
        context.setdefault("seen", []).append([event.type, event.origin, event.data])

    return machine(name, settled("idle", on("HELLO", actions=(action("note", note),))), **options)


def test_a_message_reaches_another_instance_and_says_who_sent_it() -> None:
    system = System(sender("b/2", data={"n": 1}), receiver())
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("b/2") == {"seen": [["HELLO", "a/1", {"n": 1}]]}
    assert system.instance("a/1").outbox == ()


def test_a_message_without_a_target_comes_back_to_its_sender() -> None:
    def note(context: dict[str, Any], event: Any, _do: object) -> None:
        context["origin"] = event.origin

    system = System(
        machine("a", settled("idle", on("GO", actions=(sends(None),)), on("HELLO", actions=(action("note", note),))))
    )
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1") == {"origin": "a/1"}


def test_a_message_that_is_relayed_twice_is_applied_once() -> None:
    system = System(sender("b/2"), receiver())
    system.post("a/1", "GO")
    system.pump_once()
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    system.polled.send(group="b/2", deduplication_id="another", body=message.body)
    system.run_all()
    system.clock.sleep(4000)
    system.polled.send(group="b/2", deduplication_id="third", body=message.body)
    system.run_all()
    assert len(system.context("b/2")["seen"]) == 1


def test_nobody_else_can_speak_in_the_name_of_an_instance() -> None:
    system = System(receiver())
    envelope = EventsEnvelope(
        schema_version=2, machine="b", instance="2", events=[EnvelopeEvent(type="HELLO")], origin="a/1", hops=7
    )
    system.send(envelope, stranger=True)
    system.run_all()
    assert system.context("b/2") == {"seen": [["HELLO", "", {}]]}


def test_a_guard_sees_who_sent_a_message() -> None:
    from_a = guard("from_a", lambda _context, event: event.origin == "a/1")
    target = machine(
        "b", settled("idle", on("HELLO", "greeted", guards=(from_a,))), settled("greeted", on("BYE", "idle"))
    )
    system = System(sender("b/2"), target)
    system.post("b/2", "HELLO")
    system.run_all()
    assert system.state("b/2") == ("idle",)
    system.post("a/1", "GO")
    system.run_all()
    assert system.state("b/2") == ("greeted",)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("nobody/1", "unknown_machine"),
        ("#_parent", "unknown_instance"),
        ("#_child", "unknown_instance"),
    ],
)
def test_a_message_to_nobody_becomes_an_error_event_of_its_sender(target: str, code: str) -> None:
    system = System(sender(target), receiver())
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1") == {"error": {"code": code, "target": target}}
    assert system.instance("a/1").outbox == ()


def test_a_message_that_no_queue_takes_becomes_an_error_event() -> None:
    system = System(sender("b/2", data={"text": "x" * 300_000}), receiver())
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1")["error"]["code"] == "message_too_large"


def test_an_error_event_that_no_transition_takes_is_passed_over() -> None:
    system = System(
        machine("a", settled("idle", on("GO", "sent", actions=(sends("nobody/1"),))), settled("sent", on("GO")))
    )
    system.post("a/1", "GO")
    system.run_all()
    assert system.state("a/1") == ("sent",)


def test_a_message_that_is_refused_after_the_commit_becomes_an_error_event() -> None:
    system = System(sender("b/2"), receiver())
    system.queue = Broken(system.polled, EnvelopeInvalidError("never"))
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1")["error"]["code"] == "envelope_invalid"
    assert system.instance("a/1").outbox == ()


def test_a_message_that_cannot_be_sent_now_waits_in_the_outbox() -> None:
    system = System(sender("b/2"), receiver())
    system.queue = Broken(system.polled, QueueUnavailableError("down"))
    system.post("a/1", "GO")
    system.pump_once()
    assert len(system.instance("a/1").outbox) == 1
    system.advance(120)
    assert system.instance("a/1").outbox == ()
    assert len(system.context("b/2")["seen"]) == 1


def test_a_message_waits_like_any_other_event_until_its_receiver_is_settled() -> None:
    def serve(_call: object) -> None:
        return None

    busy = machine(
        "b",
        settled("idle", on("WORK", "busy"), on("HELLO", "greeted")),
        node("busy", invoke("slow", serve, mode=InvokeMode.BACKGROUND), on("done.invoke.slow", "idle")),
        settled("greeted", on("WORK", "busy")),
    )
    system = System(sender("b/2"), busy)
    system.post("b/2", "WORK")
    system.pump()
    system.post("a/1", "GO")
    system.pump()
    assert system.state("b/2") == ("busy",)
    assert system.instance("b/2").held is not None
    system.run_all()
    assert system.state("b/2") == ("greeted",)


def test_a_circle_of_messages_ends_in_a_clear_error_on_the_instance() -> None:
    def ping(name: str, target: str) -> Definition:
        return machine(name, settled("idle", on("HELLO", actions=(sends(target),))))

    system = System(ping("a", "b/1"), ping("b", "a/1"))
    system.post("a/1", "HELLO")
    system.run_all(rounds=2 * MAX_HOPS)
    blocked = [found for name in ("a/1", "b/1") if (found := system.instance(name).blocked)]
    assert [each.code for each in blocked] == ["too_many_hops"]
    assert "256" in blocked[0].message


def test_a_message_to_an_instance_that_only_put_creates_comes_back_as_an_error() -> None:
    system = System(sender("b/2"), receiver(create_on_event=False))
    system.post("a/1", "GO")
    system.run_all()
    assert not system.exists("b/2")
    assert system.context("a/1")["error"] == {"code": "not_created", "target": "b/2"}


def test_a_message_whose_data_does_not_fit_comes_back_as_an_error() -> None:
    system = System(sender("b/2", data={"n": "many"}), receiver(events={"HELLO": Number}))
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1")["error"] == {"code": "event_invalid", "target": "b/2"}


def test_a_message_that_a_guard_refuses_does_not_come_back() -> None:
    never = guard("never", lambda *_: False)
    system = System(sender("b/2"), machine("b", settled("idle", on("HELLO", guards=(never,)))))
    system.post("a/1", "GO")
    system.run_all()
    assert system.context("a/1") == {}


def test_the_ids_of_messages_do_not_depend_on_how_batches_are_cut() -> None:
    def ids(size: int) -> list[str]:
        system = System(sender("b/2"), receiver())
        for _ in range(4):
            system.post("a/1", "GO")
        sent: list[str] = []
        system.queue = _Recorder(system.polled, sent)
        system.pump(size=size)
        return sent

    assert ids(1) == ids(3) == ids(10)
    assert len(ids(1)) == 4


class _Recorder:
    def __init__(self, port: Any, sent: list[str]) -> None:
        self._port, self._sent = port, sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def send(self, *, group: str, deduplication_id: str, body: str) -> Any:
        self._sent.append(deduplication_id)
        return self._port.send(group=group, deduplication_id=deduplication_id, body=body)


def test_a_message_to_a_deleted_instance_is_gone() -> None:
    system = System(sender("b/2"), receiver())
    system.post("b/2", "HELLO")
    system.control("b/2", "delete")
    system.run_all()
    system.post("a/1", "GO")
    system.run_all()
    assert system.instance("b/2").deleted
    assert system.instance("b/2").ring[-1].outcome is Outcome.GONE
    assert system.context("a/1")["error"] == {"code": "gone", "target": "b/2"}


def test_an_outbox_larger_than_an_item_takes_blocks_the_instance_and_sends_nothing() -> None:
    def flood(_context: object, _event: object, do: Any) -> None:
        for _ in range(4):
            do.send("b/2", "HELLO", {"text": "x" * 120_000})

    system = System(
        machine("a", settled("idle", on("GO", actions=(action("flood", flood),)), on("PING", "idle"))), receiver()
    )
    system.post("a/1", "PING")
    system.post("a/1", "GO")
    system.post("a/1", "PING")
    system.settle_down()
    instance = system.instance("a/1")
    assert instance.blocked is not None
    assert instance.blocked.code == "instance_too_large"
    assert instance.outbox == ()
    assert instance.held is not None
    assert len(instance.held) == 2
    assert not system.exists("b/2")
