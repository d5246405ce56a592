"""The end of an instance: retention, deletion, tombstones, and successors that nothing of the old one touches."""

from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.delay import Delay
from settle.core.snapshot import Status
from settle.core.spec import InvokeMode, InvokeSpec
from settle.runtime.addresses import child_key
from settle.runtime.instance import TOMBSTONE_SECONDS
from settle.runtime.receipt import Outcome
from tests.support.charts import action, final, guard, invoke, machine, on, settled
from tests.support.system import System

GROUP = "m/1"
DAY = 86_400.0


def chart(retention: float | None = None) -> Definition:
    def explode(*_: object) -> bool:
        raise RuntimeError("kaboom")

    return machine(
        "m",
        settled(
            "idle",
            on("END", "over"),
            on("WAIT", "waiting"),
            on("BAD", "idle", guards=(guard("explode", explode),)),
            on("SERVE", "serving"),
        ),
        settled("waiting", on("", "late", delay=Delay(name="1h", seconds=3600.0)), on("END", "over")),
        settled("late", on("END", "over")),
        settled(
            "serving",
            invoke("slow", lambda _call: "ok", mode=InvokeMode.BACKGROUND),
            on("done.invoke.slow", "late"),
            on("error.invoke.slow", "late"),
        ),
        final("over"),
        retention=retention,
    )


def items(system: System) -> dict[str, int]:
    with system.database.reading() as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
            for table in ("instance", "held_event", "ledger_entry")
        }


def test_deleting_leaves_a_tombstone_and_nothing_else() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT", key="k")
    system.run_all()
    version = system.instance(GROUP).version
    sequence = system.control(GROUP, "delete")
    system.run_all()
    tomb = system.instance(GROUP)
    assert tomb.deleted
    assert tomb.snapshot.configuration == ()
    assert tomb.snapshot.context == {}
    assert tomb.version >= version
    assert tomb.outbox == ()
    assert items(system) == {"instance": 1, "held_event": 0, "ledger_entry": 0}
    assert system.outcome(GROUP, sequence) is Outcome.APPLIED


def test_events_for_a_deleted_instance_are_gone() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.control(GROUP, "delete")
    sequence = system.post(GROUP, "WAIT")
    system.run_all()
    assert system.outcome(GROUP, sequence) is Outcome.GONE
    assert system.instance(GROUP).deleted


def test_a_keyed_event_for_a_deleted_instance_has_its_receipt() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.control(GROUP, "delete")
    system.post(GROUP, "WAIT", key="k")
    system.run_all()
    entry = system.inner_store.find_entries(system.instance(GROUP).key, ["k-0"], system.clock.now())["k-0"]
    assert entry.receipt is not None
    assert entry.receipt.outcome is Outcome.GONE


def test_a_creation_makes_a_successor_whose_numbers_go_on() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.run_all()
    old = system.instance(GROUP)
    system.control(GROUP, "delete")
    system.create(GROUP, input={"n": 1})
    system.run_all()
    new = system.instance(GROUP)
    assert not new.deleted
    assert new.snapshot.configuration == ("idle",)
    assert new.snapshot.context == {"n": 1}
    assert new.incarnation != old.incarnation
    assert new.version > old.version
    assert new.revision > old.revision


def test_a_timer_of_the_old_one_does_not_touch_the_new_one() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.post(GROUP, "WAIT")
    system.run_all()
    system.clock.sleep(1800)
    system.post(GROUP, "END")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.post(GROUP, "WAIT")
    system.advance(1900)
    assert system.state(GROUP) == ("waiting",), "two hours' worth of old timers came and changed nothing"
    system.advance(1800)
    assert system.state(GROUP) == ("late",)


def test_a_result_of_the_old_one_does_not_touch_the_new_one() -> None:
    system = System(chart())
    system.post(GROUP, "SERVE")
    system.pump()
    system.work()
    (result,) = system.polled.receive(max_messages=1, visibility_timeout=30)
    system.polled.delete([result.receipt_handle])
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.post(GROUP, "SERVE")
    system.pump()
    system.polled.send(group=GROUP, deduplication_id="old", body=result.body)
    system.pump()
    assert system.state(GROUP) == ("serving",)


def test_an_idempotency_key_of_the_old_one_is_free_again() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT", key="k")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.post(GROUP, "WAIT", key="k")
    system.run_all()
    assert system.state(GROUP) == ("waiting",)


def test_a_creation_that_is_refused_leaves_the_tombstone() -> None:
    class Amount(BaseModel):
        amount: int = 0

    system = System(machine("m", settled("idle", on("GO", "idle")), context=Amount))
    system.post(GROUP, "GO")
    system.control(GROUP, "delete")
    system.create(GROUP, input={"amount": "much"})
    sequence = system.post(GROUP, "GO")
    system.run_all()
    assert system.instance(GROUP).deleted
    assert system.outcome(GROUP, sequence) is Outcome.GONE


def test_deleting_a_blocked_instance_drops_what_it_holds() -> None:
    system = System(chart())
    system.post(GROUP, "BAD")
    for _ in range(250):
        system.post(GROUP, "WAIT")
    system.run_all()
    held = system.instance(GROUP).held
    assert held is not None
    assert len(held) == 251
    system.control(GROUP, "delete")
    system.run_all()
    assert system.instance(GROUP).deleted
    assert items(system)["held_event"] == 0


def test_deleting_twice_changes_nothing_more() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.control(GROUP, "delete")
    again = system.control(GROUP, "delete")
    system.run_all()
    assert system.outcome(GROUP, again) is Outcome.GONE


def test_deleting_what_never_was_changes_nothing() -> None:
    system = System(chart())
    system.control(GROUP, "delete")
    system.run_all()
    assert not system.exists(GROUP)


def test_deleting_a_parent_stops_its_child_and_deleting_a_child_tells_its_parent() -> None:
    def note(context: dict[str, Any], event: Any, _do: object) -> None:
        context["code"] = event["code"]

    parent = machine(
        "parent",
        settled(
            "open",
            InvokeSpec(id="kid", src="m", machine=True),
            on("done.invoke.kid", "open"),
            on("error.invoke.kid", "alone", actions=(action("note", note),)),
        ),
        settled("alone", on("GO", "open")),
    )
    system = System(parent, chart())
    system.create("parent/1")
    system.create("parent/2")
    system.run_all()
    children = []
    for name in ("parent/1", "parent/2"):
        instance = system.instance(name)
        children.append(str(child_key(instance, instance.snapshot.invokes[0])))
    system.control("parent/1", "delete")
    system.control(children[1], "delete")
    system.run_all()
    assert system.instance(children[0]).snapshot.status is Status.STOPPED
    assert system.state("parent/2") == ("alone",)
    assert system.context("parent/2") == {"code": "child_deleted"}


@pytest.mark.parametrize("retention", [0.0, 60.0, 30 * DAY])
def test_an_instance_that_has_ended_is_deleted_when_its_retention_is_over(retention: float) -> None:
    system = System(chart(retention))
    system.post(GROUP, "END")
    if retention:
        system.advance(retention - 1)
        assert system.instance(GROUP).snapshot.status is Status.DONE
    system.advance(3)
    assert system.instance(GROUP).deleted


def test_without_a_retention_an_instance_is_kept() -> None:
    system = System(chart())
    system.post(GROUP, "END")
    system.advance(400 * DAY)
    assert system.instance(GROUP).snapshot.status is Status.DONE


def test_the_retention_of_the_old_one_does_not_touch_the_new_one() -> None:
    system = System(chart(3600.0))
    system.post(GROUP, "END")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.advance(7200)
    assert system.state(GROUP) == ("idle",)


def test_a_tombstone_is_forgotten_in_the_end() -> None:
    system = System(chart())
    for name in ("m/1", "m/2"):
        system.post(name, "WAIT")
    system.control("m/1", "delete")
    system.run_all()
    system.clock.sleep(TOMBSTONE_SECONDS + 1)
    system.control("m/2", "delete")
    system.run_all()
    assert not system.exists("m/1")
    assert system.instance("m/2").deleted


def test_a_successor_is_not_forgotten_with_the_tombstone() -> None:
    system = System(chart())
    system.post(GROUP, "WAIT")
    system.control(GROUP, "delete")
    system.create(GROUP)
    system.run_all()
    system.clock.sleep(TOMBSTONE_SECONDS + 1)
    system.post("m/2", "WAIT")
    system.control("m/2", "delete")
    system.run_all()
    assert system.state(GROUP) == ("idle",)
