"""Sandboxes are processes: they are reused, killed and replaced as Lambda's are."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from settle.local.admission import Admission
from settle.local.errors import CrashedError, FunctionError, StartError, ThrottledError, TimedOutError
from settle.local.function import Function, FunctionConfig
from settle.local.zygote_process import MachineFiles, ZygoteProcess

pytestmark = pytest.mark.functional

HANDLERS = "tests.support.local_handlers"
MakeFunction = Callable[..., Function]


@pytest.fixture(scope="module")
def zygote() -> Iterator[ZygoteProcess]:
    process = ZygoteProcess(modules=[HANDLERS])
    process.wait_until_ready()
    yield process
    process.close()


@pytest.fixture
def make_function(zygote: ZygoteProcess, tmp_path: Path) -> Iterator[MakeFunction]:
    functions: list[Function] = []

    def make(handler: str, *, timeout: float = 5, max_concurrency: int = 4) -> Function:
        config = FunctionConfig(
            name="ingress",
            handler=handler if "." in handler else f"{HANDLERS}.{handler}",
            timeout_seconds=timeout,
            max_concurrency=max_concurrency,
            environment={**os.environ, "VARIABLE": "value"},
            log=tmp_path / "ingress.log",
        )
        functions.append(Function(config, zygote))
        return functions[-1]

    yield make
    for function in functions:
        function.reap(0)


def invoke(function: Function, event: Any = None) -> Any:
    return function.invoke(event, request_id="request-1")


def pids(function: Function) -> list[int]:
    return [sandbox.pid for sandbox in function.sandboxes()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestInvocation:
    """One request at a time in each sandbox."""

    def test_handler_gets_event_context_and_environment(self, make_function: MakeFunction) -> None:
        answer = invoke(make_function("echo"), {"text": "grün"})
        assert answer["event"] == {"text": "grün"}
        assert (answer["function"], answer["request_id"], answer["variable"]) == ("ingress", "request-1", "value")
        assert 4000 < answer["remaining"] <= 5000

    def test_idle_sandbox_is_used_again(self, make_function: MakeFunction) -> None:
        function = make_function("echo")
        assert invoke(function)["pid"] == invoke(function)["pid"]
        assert len(pids(function)) == 1
        assert function.counters.invocations == 2

    def test_concurrent_invocations_have_sandboxes_of_their_own(self, make_function: MakeFunction) -> None:
        function = make_function("sleep")
        workers = [threading.Thread(target=invoke, args=(function, {"seconds": 0.2})) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(set(pids(function))) == 3

    def test_error_of_the_handler_leaves_the_sandbox_alive(self, make_function: MakeFunction, tmp_path: Path) -> None:
        function = make_function("raise_error")
        for _ in range(2):
            with pytest.raises(FunctionError, match="ValueError: no such thing"):
                invoke(function)
        assert len(pids(function)) == 1
        assert function.counters.errors == 2
        log = (tmp_path / "ingress.log").read_text()
        assert "local_handlers.py" in log
        assert '"request_id": "request-1"' in log

    def test_answer_that_is_not_json_is_an_error(self, make_function: MakeFunction) -> None:
        with pytest.raises(FunctionError, match=r"Runtime\.MarshalError"):
            invoke(make_function("not_json"))

    @pytest.mark.parametrize("handler", ["no_such_handler", "no.such.module"])
    def test_handler_that_cannot_be_imported_fails_every_invocation(
        self, make_function: MakeFunction, handler: str
    ) -> None:
        function = make_function(handler)
        with pytest.raises(FunctionError, match=r"no_such_handler|No module named 'no'"):
            invoke(function)
        assert pids(function) == []

    def test_output_goes_to_the_log(self, make_function: MakeFunction, tmp_path: Path) -> None:
        invoke(make_function("chatter"))
        assert (tmp_path / "ingress.log").read_text() == "said something\n"

    def test_large_events_and_answers_pass(self, make_function: MakeFunction) -> None:
        event = {"text": "x" * 5_000_000}
        assert invoke(make_function("echo"), event)["event"] == event


class TestEnd:
    """Whatever ends a sandbox fails at most its own invocation."""

    @pytest.mark.parametrize(
        ("handler", "reason"),
        [("crash", "exit status 3"), ("leave", "exit status 4"), ("kill_itself", "signal: SIGKILL")],
    )
    def test_crash_fails_the_invocation_with_its_reason(
        self, make_function: MakeFunction, handler: str, reason: str
    ) -> None:
        function = make_function(handler)
        with pytest.raises(CrashedError, match=reason):
            invoke(function)
        assert function.counters.crashed_in_flight == 1
        assert pids(function) == []

    def test_timeout_kills_the_sandbox(self, make_function: MakeFunction) -> None:
        function = make_function("sleep", timeout=0.2)
        invoke(function, {"seconds": 0.01})
        (pid,) = pids(function)
        with pytest.raises(TimedOutError, match=r"Task timed out after 0\.20 seconds"):
            invoke(function, {"seconds": 60})
        assert not is_running(pid)
        assert function.counters.timeouts == 1
        assert invoke(function, {"seconds": 0.01})["statusCode"] == 200

    def test_sandbox_killed_while_idle_is_replaced_and_fails_nothing(self, make_function: MakeFunction) -> None:
        function = make_function("echo")
        first = invoke(function)["pid"]
        os.kill(first, signal.SIGKILL)
        while function.sandboxes()[0].is_alive():
            time.sleep(0.001)
        assert invoke(function)["pid"] != first
        assert function.counters.crashed_in_flight == 0

    def test_idle_sandboxes_are_reaped(self, make_function: MakeFunction) -> None:
        function = make_function("echo")
        pid = invoke(function)["pid"]
        function.reap(60)
        assert pids(function) == [pid]
        function.reap(0)
        assert pids(function) == []
        assert not is_running(pid)


class TestZygote:
    """The process that the sandboxes come from."""

    def test_zygote_that_was_killed_is_replaced(self) -> None:
        zygote = ZygoteProcess(modules=[HANDLERS])
        zygote.wait_until_ready()
        config = FunctionConfig(
            name="f", handler=f"{HANDLERS}.echo", timeout_seconds=5, max_concurrency=2, environment=dict(os.environ)
        )
        function = Function(config, zygote)
        orphan = invoke(function)["pid"]
        before = zygote.pid
        os.kill(before, signal.SIGKILL)
        assert invoke(function)["pid"] == orphan
        function.give_back(function.spawn())
        assert zygote.pid != before
        assert len(pids(function)) == 2
        function.reap(0)
        assert pids(function) == []
        zygote.close()

    def test_sandboxes_end_with_the_zygote(self, tmp_path: Path) -> None:
        zygote = ZygoteProcess(modules=[HANDLERS], log=tmp_path / "zygote.log")
        zygote.wait_until_ready()
        config = FunctionConfig(
            name="f", handler=f"{HANDLERS}.hang", timeout_seconds=60, max_concurrency=2, environment=dict(os.environ)
        )
        function = Function(config, zygote)
        failures: list[Exception] = []

        def wait() -> None:
            try:
                invoke(function)
            except CrashedError as error:
                failures.append(error)

        waiting = threading.Thread(target=wait)
        waiting.start()
        while not function.sandboxes() or not function.sandboxes()[0].ready:
            time.sleep(0.001)
        zygote.close()
        waiting.join(10)
        zygote.close()
        assert len(failures) == 1

    def test_module_that_cannot_be_imported_is_one_sentence(self) -> None:
        zygote = ZygoteProcess(modules=["no.such.module"])
        with pytest.raises(StartError) as caught:
            zygote.wait_until_ready()
        assert str(caught.value) == "ModuleNotFoundError: No module named 'no'"
        zygote.close()

    def test_broken_machine_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text("1 / 0\n")
        machines = MachineFiles(directory=str(tmp_path), consumer_timeout=5, worker_timeout=90)
        zygote = ZygoteProcess(modules=[], machines=machines)
        with pytest.raises(StartError) as caught:
            zygote.wait_until_ready()
        assert "broken.py:1" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
        zygote.close()


class TestAdmission:
    """Invocations from an event loop."""

    def test_idle_sandbox_is_used_again(self, make_function: MakeFunction) -> None:
        async def scenario() -> list[Any]:
            admission = Admission(make_function("echo"))
            return [await admission.invoke({}, request_id=str(number)) for number in range(3)]

        answers = asyncio.run(scenario())
        assert len({answer["pid"] for answer in answers}) == 1
        assert [answer["request_id"] for answer in answers] == ["0", "1", "2"]

    def test_burst_does_not_start_a_sandbox_for_each_request(self, make_function: MakeFunction) -> None:
        function = make_function("echo", max_concurrency=40)

        async def scenario() -> None:
            admission = Admission(function, computing=2)
            await asyncio.gather(*(admission.invoke({}, request_id=str(number)) for number in range(100)))

        asyncio.run(scenario())
        assert len(pids(function)) <= 2
        assert function.counters.invocations == 100

    def test_those_who_wait_leave_room_for_others(self, make_function: MakeFunction) -> None:
        function = make_function("sleep", max_concurrency=6)

        async def scenario() -> bool:
            admission = Admission(function, computing=1)
            waiting = [
                asyncio.create_task(admission.invoke({"seconds": 20}, request_id=str(number))) for number in range(5)
            ]
            await asyncio.sleep(0)
            await admission.invoke({"seconds": 0.001}, request_id="quick")
            still_waiting = not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return still_waiting

        assert asyncio.run(scenario())
        assert len(pids(function)) <= 1

    def test_request_is_turned_away_when_all_stay_busy(self, make_function: MakeFunction) -> None:
        function = make_function("sleep", max_concurrency=1)

        async def scenario() -> None:
            # Making the sandbox may take longer than a request waits for one here.
            assert (await Admission(function).invoke({"seconds": 0.01}, request_id="first"))["statusCode"] == 200
            admission = Admission(function, queue_seconds=0.1)
            long = asyncio.create_task(admission.invoke({"seconds": 0.5}, request_id="long"))
            await asyncio.sleep(0)
            with pytest.raises(ThrottledError, match="all 1 sandboxes are busy"):
                await admission.invoke({"seconds": 0}, request_id="short")
            assert (await long)["statusCode"] == 200
            assert (await admission.invoke({"seconds": 0.01}, request_id="short"))["statusCode"] == 200

        asyncio.run(scenario())
        assert function.counters.throttled == 1

    @pytest.mark.parametrize(
        ("handler", "error"),
        [("crash", CrashedError), ("hang", TimedOutError), ("raise_error", FunctionError), ("missing", FunctionError)],
    )
    def test_failure_reaches_the_caller_and_the_next_request_runs(
        self, make_function: MakeFunction, handler: str, error: type[Exception]
    ) -> None:
        async def scenario() -> None:
            admission = Admission(make_function(handler, timeout=0.3, max_concurrency=1))
            for number in range(2):
                with pytest.raises(error):
                    await admission.invoke({}, request_id=str(number))

        asyncio.run(scenario())

    def test_sandbox_of_a_cancelled_request_is_not_used_again(self, make_function: MakeFunction) -> None:
        function = make_function("sleep", max_concurrency=1)

        async def scenario() -> None:
            admission = Admission(function)
            first = (await admission.invoke({"seconds": 0.001}, request_id="1"))["body"]
            task = asyncio.create_task(admission.invoke({"seconds": 0.2}, request_id="2"))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await admission.invoke({"seconds": 0.001}, request_id="3"))["body"] != first

        asyncio.run(scenario())

    def test_large_events_and_answers_pass(self, make_function: MakeFunction) -> None:
        async def scenario() -> None:
            event = {"text": "x" * 5_000_000}
            answer = await Admission(make_function("echo")).invoke(event, request_id="1")
            assert answer["event"] == event

        asyncio.run(scenario())
