"""Child instances: begun by their parent, answering it, and stopped when it does not need them any more."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.snapshot import Status
from settle.core.spec import InvokeSpec
from settle.runtime.addresses import child_key
from settle.runtime.errors import UnknownMachineError
from settle.runtime.instance import InstanceKey
from tests.support.charts import action, final, machine, node, on, settled
from tests.support.system import System

PARENT = "order/1"


def note(context: dict[str, Any], event: Any, _do: object) -> None:
    context["outcome"] = event.data


def order(machine_name: str = "payment", given: Any = None, **extra: Any) -> Definition:
    return machine(
        "order",
        settled("idle", on("GO", "paying")),
        settled(
            "paying",
            InvokeSpec(id="pay", src=machine_name, machine=True, input=given),
            on("done.invoke.pay", "paid", actions=(action("note", note),)),
            on("error.invoke.pay", "unpaid", actions=(action("note", note),)),
            on("STOP", "idle"),
            on("ASK", actions=(action("ask", lambda _c, _e, do: do.send("#_pay", "QUESTION")),)),
            on("ANSWER", actions=(action("answer", lambda c, e, _do: c.update(answer=e.origin)),)),
        ),
        settled("paid", on("GO", "paying")),
        settled("unpaid", on("GO", "paying")),
        **extra,
    )


def payment(**options: Any) -> Definition:
    def answer(_context: object, _event: object, do: Any) -> None:
        do.send("#_parent", "ANSWER")

    return machine(
        "payment",
        settled("open", on("PAY", "paid"), on("QUESTION", actions=(action("answer", answer),)), **options),
        final("paid"),
        root={"output": lambda context, _event: {"amount": context.get("amount")}},
    )


def child_of(system: System, parent: str = PARENT) -> str:
    instance = system.instance(parent)
    (live,) = instance.snapshot.invokes
    return str(child_key(instance, live))


def test_a_child_gets_its_input_and_gives_its_output_back() -> None:
    system = System(order(given={"amount": 7}), payment())
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    assert child.startswith("payment/1.pay-")
    assert system.context(child) == {"amount": 7}
    system.post(child, "PAY")
    system.run_all()
    assert system.state(PARENT) == ("paid",)
    assert system.context(PARENT) == {"outcome": {"amount": 7}}
    assert system.instance(child).snapshot.status is Status.DONE


def test_a_child_that_ends_at_once_answers_at_once() -> None:
    system = System(order(), machine("payment", final("paid")))
    system.post(PARENT, "GO")
    system.run_all()
    assert system.state(PARENT) == ("paid",)


def test_leaving_the_node_stops_the_child() -> None:
    left: list[str] = []
    system = System(order(), payment(exit=(action("left", lambda *_: left.append("left")),)))
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.post(PARENT, "STOP")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.STOPPED
    assert left == ["left"]
    system.post(child, "PAY")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.STOPPED
    assert system.state(PARENT) == ("idle",)


def test_a_child_stops_even_if_its_exit_actions_fail(caplog: pytest.LogCaptureFixture) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("kaboom")

    system = System(order(), payment(exit=(action("x", explode),)))
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.post(PARENT, "STOP")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.STOPPED
    assert "without its exit actions" in caplog.text


def test_a_child_of_a_node_entered_and_left_in_one_event_is_never_begun() -> None:
    system = System(
        machine(
            "order",
            settled("idle", on("GO", "paying")),
            node(
                "paying",
                InvokeSpec(id="pay", src="payment", machine=True),
                on("", "idle"),
                on("done.invoke.pay", "idle"),
                on("error.invoke.pay", "idle"),
            ),
        ),
        payment(),
    )
    system.post(PARENT, "GO")
    system.run_all()
    assert system.instance(PARENT).outbox == ()
    with system.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM instance").fetchone() == (1,)


def test_a_node_entered_again_has_another_child() -> None:
    system = System(order(), payment())
    system.post(PARENT, "GO")
    system.run_all()
    first = child_of(system)
    system.post(PARENT, "STOP", "GO")
    system.run_all()
    second = child_of(system)
    assert first != second
    system.post(second, "PAY")
    system.run_all()
    assert system.state(PARENT) == ("paid",)


def test_parent_and_child_talk_to_each_other() -> None:
    system = System(order(), payment())
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.post(PARENT, "ASK")
    system.run_all()
    assert system.context(PARENT) == {"answer": child}


def test_the_answer_of_a_child_does_not_wait_for_its_parent_to_settle() -> None:
    busy = machine(
        "order",
        settled("idle", on("GO", "asking")),
        node(
            "asking",
            InvokeSpec(id="pay", src="payment", machine=True),
            on("ANSWER", "answered", actions=(action("answered"),)),
            on("done.invoke.pay", "idle", actions=(action("done"),)),
            on("error.invoke.pay", "idle", actions=(action("failed"),)),
            entry=(action("ask", lambda _c, _e, do: do.send("#_pay", "QUESTION")),),
        ),
        settled("answered", on("GO", "asking"), on("LATER", "idle")),
    )
    system = System(busy, payment())
    system.post(PARENT, "GO", "LATER")
    system.run_all()
    assert system.state(PARENT) == ("idle",), "ANSWER came first, then LATER, which had waited"
    assert system.context(PARENT) == {"log": ["answered"]}
    assert system.instance(PARENT).held is None


def test_a_child_whose_input_does_not_fit_is_an_error_of_the_invoke() -> None:
    class Amount(BaseModel):
        amount: int = 0

    strict = machine("payment", settled("open", on("PAY", "paid")), final("paid"), context=Amount)
    system = System(order(given={"amount": "much"}), strict)
    system.post(PARENT, "GO")
    system.run_all()
    assert system.state(PARENT) == ("unpaid",)
    assert system.context(PARENT)["outcome"]["code"] == "input_invalid"
    assert "amount: Input should be a valid integer" in system.context(PARENT)["outcome"]["message"]


def test_a_child_given_no_object_is_an_error_of_the_invoke() -> None:
    system = System(order(given=[1, 2]), payment())
    system.post(PARENT, "GO")
    system.run_all()
    assert system.context(PARENT)["outcome"]["code"] == "input_invalid"


def test_a_child_of_an_unknown_machine_is_an_error_of_the_invoke() -> None:
    system = System(order("paiment"), payment())
    system.post(PARENT, "GO")
    system.run_all()
    assert system.context(PARENT)["outcome"]["code"] == UnknownMachineError.code


def test_a_child_whose_id_another_instance_has_is_an_error_of_the_invoke() -> None:
    system = System(order(), payment())
    system.post(PARENT, "GO")
    system.pump_once()
    child = child_of(system)
    instance = InstanceKey.parse(child)
    waiting = system.polled.receive(max_messages=10, visibility_timeout=1)
    assert waiting
    system.polled.delete([message.receipt_handle for message in waiting])
    system.create(child, input={"amount": 1})
    for message in waiting:
        system.polled.send(group=child, deduplication_id="again", body=message.body)
    system.run_all()
    assert system.state(PARENT) == ("unpaid",)
    assert system.context(PARENT)["outcome"]["code"] == "child_exists"
    assert system.context(str(instance)) == {"amount": 1}


def test_a_creation_that_is_relayed_twice_makes_one_child() -> None:
    system = System(order(), payment())
    system.post(PARENT, "GO")
    system.pump_once()
    (message,) = system.polled.receive(max_messages=10, visibility_timeout=0)
    system.polled.send(group=child_of(system), deduplication_id="again", body=message.body)
    system.run_all()
    child = child_of(system)
    assert system.instance(child).version == 1
    system.post(child, "PAY")
    system.run_all()
    assert system.state(PARENT) == ("paid",)


def test_an_output_larger_than_the_queue_takes_is_an_error_of_the_invoke() -> None:
    wide = machine("payment", final("paid"), root={"output": lambda _context, _event: {"text": "x" * 300_000}})
    system = System(order(), wide)
    system.post(PARENT, "GO")
    system.run_all()
    assert system.state(PARENT) == ("unpaid",)
    assert system.context(PARENT)["outcome"]["code"] == "message_too_large"


def test_a_child_that_cannot_start_waits_for_an_operator_and_can_be_given_up() -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("kaboom")

    system = System(order(), payment(entry=(action("x", explode),)))
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    assert system.instance(child).blocked is not None
    system.control(child, "skip")
    system.run_all()
    assert system.state(PARENT) == ("unpaid",)
    assert system.context(PARENT)["outcome"]["code"] == "user_code"


def test_a_child_that_could_not_start_is_stopped_with_its_parents_node() -> None:
    broken = [True]

    def explode(*_: object) -> None:
        if broken:
            raise RuntimeError("kaboom")

    system = System(order(), payment(entry=(action("x", explode),)))
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.post(PARENT, "STOP")
    system.run_all()
    broken.clear()
    assert not system.instance(child).snapshot.started
    assert system.instance(child).blocked is None
    assert system.instance(child).held is None


def test_a_stranger_cannot_stop_a_child() -> None:
    system = System(order(), payment())
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.control(child, "stop")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.ACTIVE


def test_grandchildren_stop_with_their_parent() -> None:
    middle = machine(
        "middle",
        settled(
            "open",
            InvokeSpec(id="pay", src="payment", machine=True),
            on("done.invoke.pay", "open"),
            on("error.invoke.pay", "open"),
        ),
    )
    system = System(order("middle"), middle, payment())
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    grandchild = child_of(system, child)
    system.post(PARENT, "STOP")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.STOPPED
    assert system.instance(grandchild).snapshot.status is Status.STOPPED


def test_the_last_word_of_a_stopped_child_is_an_event_like_any_other() -> None:
    heard: list[str] = []
    last_word = action("last_word", lambda _c, _e, do: do.send("#_parent", "ANSWER"))
    parent = machine(
        "order",
        settled(
            "idle",
            on("GO", "paying"),
            on("ANSWER", actions=(action("hear", lambda _c, e, _d: heard.append(e.origin)),)),
        ),
        settled(
            "paying",
            InvokeSpec(id="pay", src="payment", machine=True),
            on("STOP", "idle"),
            on("done.invoke.pay", "idle"),
            on("error.invoke.pay", "idle"),
        ),
    )
    system = System(parent, payment(exit=(last_word,)))
    system.post(PARENT, "GO")
    system.run_all()
    child = child_of(system)
    system.post(PARENT, "STOP")
    system.run_all()
    assert system.instance(child).snapshot.status is Status.STOPPED
    assert heard == [child]
