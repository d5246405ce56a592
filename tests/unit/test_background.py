"""Background services: begun by the commit, called by the worker, answered through the instance's own group."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from settle.core.definition import Definition
from settle.core.service import WAIT_FOR_CALLBACK, ServiceCall, ServiceError
from settle.core.spec import Delivery, InvokeMode
from settle.runtime.call_service import PENDING
from settle.runtime.envelope import ResultEnvelope, TaskEnvelope, dump_envelope, parse_task
from settle.runtime.errors import QueueUnavailableError
from settle.runtime.instance import InstanceKey
from settle.runtime.run_task import find_pause
from tests.support.charts import action, invoke, machine, node, on, settled
from tests.support.ports import Broken
from tests.support.system import System

GROUP = "m/1"


def note(context: dict[str, Any], event: Any, _do: object) -> None:
    context["outcome"] = event.data


def chart(serve: Any, *, rests: bool = True, **options: Any) -> Definition:
    begin = settled if rests else node
    return machine(
        "m",
        settled("idle", on("GO", "busy"), on("PING", "idle")),
        begin(
            "busy",
            invoke("slow", serve, mode=InvokeMode.BACKGROUND, input=lambda _c, event: event.data, **options),
            on("done.invoke.slow", "done", actions=(action("note", note),)),
            on("error.invoke.slow", "failed", actions=(action("note", note),)),
            on("STOP", "idle"),
            on("PING", actions=(action("ping"),)),
        ),
        settled("done", on("GO", "busy")),
        settled("failed", on("GO", "busy")),
    )


class Service:
    """A service that notes its calls and fails as often as it is told."""

    def __init__(self, *failures: BaseException, answer: Any = "ok") -> None:
        self.calls: list[ServiceCall] = []
        self._failures, self._answer = list(failures), answer

    def __call__(self, call: ServiceCall) -> Any:
        self.calls.append(call)
        if self._failures:
            raise self._failures.pop(0)
        return self._answer


class SlowReader:
    """A store whose reader stalls with what it has read while something else happens."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.meanwhile: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def load(self, key: InstanceKey) -> Any:
        found, meanwhile, self.meanwhile = self._store.load(key), self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return found


def test_a_background_service_answers_by_an_event() -> None:
    service = Service(answer={"n": 1})
    system = System(chart(service))
    system.post(GROUP, ("GO", {"of": "input"}))
    system.pump()
    assert system.state(GROUP) == ("busy",)
    assert service.calls == []
    system.run_all()
    assert system.state(GROUP) == ("done",)
    assert system.context(GROUP) == {"outcome": {"n": 1}}
    (call,) = service.calls
    assert call.input == {"of": "input"}
    assert call.event.type == "GO"
    assert call.attempt == 1
    assert system.instance(GROUP).tokens == {}


def test_other_events_are_handled_meanwhile_if_its_node_is_settled() -> None:
    system = System(chart(Service()))
    system.post(GROUP, "GO", "PING")
    system.pump()
    assert system.context(GROUP) == {"log": ["ping"]}
    system.run_all()
    assert system.state(GROUP) == ("done",)


def test_other_events_are_held_in_order_if_its_node_is_not_settled() -> None:
    system = System(chart(Service(), rests=False))
    system.post(GROUP, "GO", "PING", "GO")
    system.pump()
    held = system.instance(GROUP).held
    assert held is not None
    assert len(held) == 2
    assert system.context(GROUP) == {}
    system.advance(60)
    assert system.state(GROUP) == ("done",), "PING was ignored in `done`, GO began another one"
    assert system.instance(GROUP).held is None


def test_leaving_the_node_makes_its_service_late() -> None:
    service = Service()
    system = System(chart(service))
    system.post(GROUP, "GO", "STOP")
    system.run_all()
    assert system.state(GROUP) == ("idle",)
    assert service.calls == [], "nobody waits for it any more when its turn comes"


def test_a_late_result_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    system = System(chart(service))
    system.post(GROUP, "GO")
    system.pump()
    system.work()
    system.post(GROUP, "STOP")
    late = system.polled.receive(max_messages=1, visibility_timeout=30)
    system.polled.delete([late[0].receipt_handle])
    system.pump()
    system.polled.send(group=GROUP, deduplication_id="late", body=late[0].body)
    with caplog.at_level("INFO", logger="settle"):
        system.pump()
    assert system.state(GROUP) == ("idle",)
    assert [record.message for record in caplog.records] == ["late result"]
    assert sum(tally.late for tally in system.tallies) == 1


def test_a_failing_service_is_called_again_under_its_key_after_growing_pauses() -> None:
    service = Service(OSError("down"), OSError("down"))
    system = System(chart(service, attempts=5, backoff=10.0))
    system.post(GROUP, "GO")
    system.run_all()
    begun = system.clock.now()
    assert len(service.calls) == 1
    system.advance(120)
    assert system.state(GROUP) == ("done",)
    assert [call.attempt for call in service.calls] == [1, 2, 3]
    assert len({call.key for call in service.calls}) == 1
    times = [call.now - begun for call in service.calls]
    assert 5 <= times[1] <= 11
    assert 10 <= times[2] - times[1] <= 21


def test_a_service_whose_attempts_are_used_up_becomes_its_error_event() -> None:
    service = Service(*[OSError("down")] * 9)
    system = System(chart(service, attempts=3))
    system.post(GROUP, "GO")
    system.advance(300)
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "service_failed"
    assert len(service.calls) == 3


@pytest.mark.parametrize("error", [ServiceError("declined", "no", {"why": "x"}), KeyError("final")])
def test_an_error_that_is_final_is_not_tried_again(error: Exception) -> None:
    service = Service(error)
    system = System(chart(service, attempts=3, final_errors=(KeyError,)))
    system.post(GROUP, "GO")
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == ("declined" if isinstance(error, ServiceError) else "KeyError")
    assert len(service.calls) == 1


class Killed(BaseException):
    """The process is gone."""


def kill(system: System) -> None:
    """Have the worker die in the middle of its task."""
    (received,) = system.tasks.receive(max_messages=1, visibility_timeout=30)
    with pytest.raises(Killed):
        system.run_task(received)


def test_a_call_that_kills_the_process_is_begun_again_and_counted() -> None:
    service = Service(Killed(), Killed(), Killed())
    system = System(chart(service, attempts=3, timeout=1.0))
    system.post(GROUP, "GO")
    system.pump()
    for _ in range(3):
        kill(system)
        system.clock.sleep(31)
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert len(service.calls) == 3


def test_a_call_that_may_be_begun_once_is_lost_when_the_process_dies() -> None:
    service = Service(Killed())
    system = System(chart(service, attempts=3, delivery=Delivery.AT_MOST_ONCE))
    system.post(GROUP, "GO")
    system.pump()
    kill(system)
    system.advance(120)
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "lost"
    assert len(service.calls) == 1


def test_a_task_that_comes_twice_does_not_lose_the_call_that_is_running() -> None:
    system: System

    def serve(_call: ServiceCall) -> Any:
        assert not system.run_task(again), "it comes again when the call must have ended"
        return "ok"

    system = System(chart(serve, delivery=Delivery.AT_MOST_ONCE))
    system.post(GROUP, "GO")
    system.pump()
    (first,) = system.tasks.receive(max_messages=1, visibility_timeout=30)
    system.tasks.send(body=first.body)
    (again,) = system.tasks.receive(max_messages=1, visibility_timeout=30)
    assert system.run_task(first)
    system.tasks.delete([first.receipt_handle])
    system.advance(200)
    assert system.state(GROUP) == ("done",)


def test_a_call_that_may_be_begun_once_is_not_tried_again_when_it_fails() -> None:
    service = Service(OSError("down"))
    system = System(chart(service, attempts=3, delivery=Delivery.AT_MOST_ONCE))
    system.post(GROUP, "GO")
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert len(service.calls) == 1


@pytest.mark.parametrize("deadline", [600.0, 7200.0])
def test_a_service_that_never_answers_fails_at_its_deadline(deadline: float) -> None:
    system = System(chart(Service(answer=WAIT_FOR_CALLBACK), deadline=deadline))
    system.post(GROUP, "GO")
    system.advance(deadline - 1)
    assert system.state(GROUP) == ("busy",)
    system.advance(3)
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "deadline_exceeded"


def test_the_schedule_of_a_deadline_is_deleted_when_the_service_has_answered() -> None:
    system = System(chart(Service(), deadline=7200.0))
    system.post(GROUP, "GO")
    system.pump()
    assert system.schedules.next_at() is not None
    system.run_all()
    assert system.schedules.next_at() is None


def test_what_the_queue_gives_up_becomes_the_error_event() -> None:
    service = Service()
    system = System(chart(service))
    system.post(GROUP, "GO")
    system.pump()
    (received,) = system.tasks.receive(max_messages=1, visibility_timeout=30)
    system.run_task(received, lost=True)
    system.tasks.delete([received.receipt_handle])
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "lost"
    assert service.calls == []


def test_a_failure_that_no_transition_takes_blocks_the_instance() -> None:
    system = System(
        machine(
            "m",
            settled("idle", on("GO", "busy")),
            settled(
                "busy",
                invoke("slow", Service(ServiceError("no")), mode=InvokeMode.BACKGROUND),
                on("done.invoke.slow", "idle"),
            ),
        )
    )
    system.post(GROUP, "GO")
    system.run_all()
    blocked = system.instance(GROUP).blocked
    assert blocked is not None
    assert blocked.code == "service_failed"


def test_a_result_larger_than_the_queue_takes_becomes_the_error_event() -> None:
    system = System(chart(Service(answer={"text": "x" * 300_000})))
    system.post(GROUP, "GO")
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "message_too_large"


def test_a_task_that_no_queue_takes_becomes_the_error_event_at_once() -> None:
    system = System(chart(Service()))
    wide = {"text": "x" * 261_900}
    envelope_room = 262_144 - len(wide["text"])
    assert envelope_room < 600, "the event fits a message, and a task says a little more than an event does"
    system.post(GROUP, ("GO", wide))
    system.run_all()
    assert system.state(GROUP) == ("failed",)
    assert system.context(GROUP)["outcome"]["code"] == "message_too_large"


def test_an_answer_that_cannot_be_sent_is_sent_when_the_task_comes_again() -> None:
    service = Service()
    system = System(chart(service))
    system.post(GROUP, "GO")
    system.pump()
    system.queue = Broken(system.polled, QueueUnavailableError("down"))
    system.advance(120)
    assert system.state(GROUP) == ("done",)
    assert [call.attempt for call in service.calls] == [1, 2]
    assert len({call.key for call in service.calls}) == 1


def test_only_the_consumer_may_have_services_called() -> None:
    service = Service()
    system = System(chart(service))
    system.post(GROUP, "GO")
    system.pump()
    (received,) = system.tasks.receive(max_messages=1, visibility_timeout=30)
    stranger = type(received)(**{**vars_of(received), "attributes": {**received.attributes, "SenderId": "stranger"}})
    assert system.run_task(stranger)
    assert service.calls == []
    assert [message.body for message in system.buried()] == [received.body]


def vars_of(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__dataclass_fields__}


def test_a_task_that_cannot_be_read_is_buried() -> None:
    system = System(chart(Service()))
    system.tasks.send(body="garbage")
    system.run_all()
    assert [message.body for message in system.buried()] == ["garbage"]


def test_a_result_with_another_token_is_dropped() -> None:
    system = System(chart(Service()))
    system.post(GROUP, "GO")
    system.pump()
    instance = system.instance(GROUP)
    forgery = "f" * 32
    forged = ResultEnvelope(
        machine="m", instance="1", id="x", incarnation=instance.incarnation, invoke="slow#1", token=forgery
    )
    system.send(forged)
    system.pump()
    assert system.state(GROUP) == ("busy",)


def test_a_token_never_stands_in_a_representation() -> None:
    system = System(chart(Service()))
    system.post(GROUP, "GO")
    system.pump()
    (token,) = system.instance(GROUP).tokens.values()
    (received,) = system.tasks.receive(max_messages=1, visibility_timeout=0)
    task = parse_task(received.body)
    assert isinstance(task, TaskEnvelope)
    assert token == task.token
    assert token not in repr(task)
    assert token in dump_envelope(task)


def test_pauses_grow_differ_from_task_to_task_and_have_a_limit() -> None:
    (spec,) = chart(Service(), backoff=4.0, max_backoff=60.0).invokes.values()
    pauses = [find_pause(spec, "token", attempt) for attempt in range(1, 9)]
    assert pauses[:4] == sorted(pauses[:4])
    assert all(30 <= pause <= 60 for pause in pauses[4:])
    assert len({find_pause(spec, f"token{n}", 4) for n in range(20)}) > 5
    assert PENDING.data == "pending"


def test_services_keep_their_keys_however_batches_are_cut() -> None:
    def keys(size: int) -> list[str]:
        service = Service()
        system = System(chart(service))
        system.post(GROUP, "PING")
        system.post(GROUP, "GO")
        system.post(GROUP, "PING")
        system.pump(size=size)
        system.run_all()
        return [call.key for call in service.calls]

    assert keys(1) == keys(2) == keys(10)


class Amount(BaseModel):
    """What a result has to be."""

    n: int


def test_a_result_that_does_not_fit_its_model_blocks_the_instance_and_is_not_lost() -> None:
    system = System(
        machine(
            "m",
            settled("idle", on("GO", "busy")),
            settled(
                "busy",
                invoke("slow", Service(answer={"n": "many"}), mode=InvokeMode.BACKGROUND),
                on("done.invoke.slow", "idle"),
                on("error.invoke.slow", "idle"),
            ),
            events={"done.invoke.slow": Amount},
        )
    )
    system.post(GROUP, "GO")
    system.run_all()
    instance = system.instance(GROUP)
    assert instance.blocked is not None
    assert "n: Input should be a valid integer" in instance.blocked.message
    assert instance.urgent is not None
    system.control(GROUP, "skip")
    system.run_all()
    assert system.instance(GROUP).blocked is None
    assert system.state(GROUP) == ("busy",)
    system.advance(900)
    assert system.state(GROUP) == ("idle",), "its deadline is there all the same"


def test_a_worker_that_overslept_a_deletion_does_not_begin_once_more_what_may_be_begun_once() -> None:
    service = Service(Killed())
    system = System(chart(service, delivery=Delivery.AT_MOST_ONCE, deadline=60.0, timeout=30.0))
    system.post(GROUP, ("GO", {}))
    system.pump()
    kill(system)

    def delete() -> None:
        system.control(GROUP, "delete")
        system.pump()

    system.clock.sleep(100)  # the deadline has passed, and nobody has come to it
    reader = SlowReader(system.store)
    system.store, reader.meanwhile = reader, delete
    system.work()
    assert system.instance(GROUP).deleted
    assert len(service.calls) == 1
