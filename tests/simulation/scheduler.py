"""Processes that run interleaved: one at a time, and the random numbers of an act decide which goes on.

A process has a `Task` for each thread that it would have. Every request to a store, a queue or the scheduler waits for
its turn, so any two requests of any two processes can come in either order, and the same acts give the same order.
"""

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from settle.runtime.instance import Instance
from settle.runtime.process_batch import BatchProcessor
from tests.simulation.promises import BrokenError
from tests.support.faults import KilledError
from tests.support.system import ManualClock

GRACE_CHANCE: Final = 0.1
"""How likely a consumer's patience with its slower groups ends at any moment."""
STICKY: Final = 0.5
"""How likely the process that went last goes on: some orders need one to do much while another does nothing."""

Group = Callable[..., Any]


class Numbered(Future[Any]):
    """A future that can be sorted: sets of futures have no order that a seed would decide."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass(eq=False)
class Process:
    """One invocation of a function, or a client or poller: it dies as a whole, and may be frozen as a whole.

    Attributes:
        kind: `consumer`, `forwarder`, `worker`, `ingress`, or `mapping`, which is what acknowledges a batch.
        born: when it began.
        fault: what goes wrong with its next request.
        request: that it is about to make.
        loaded: each instance as it last read or stored it.
        answers: keys of inline services that have ended, by group and event.
    """

    number: int
    kind: str = "consumer"
    born: float = 0.0
    dead: bool = False
    frozen: bool = False
    fault: str = ""
    request: str = ""
    loaded: dict[str, Instance | None] = field(default_factory=dict)
    answers: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Task:
    """A thread that goes on only when it is told to."""

    def __init__(self, process: Process, function: Callable[[], object], back: threading.Lock) -> None:
        self.process = process
        self.ready: Callable[[], bool] = _always
        self.wakes_at = -math.inf
        self.done = False
        self._function, self._back = function, back
        self._go = _taken_lock()
        threading.Thread(target=self._run, name=str(process), daemon=True).start()

    def resume(self) -> None:
        """Let it run until it pauses or ends."""
        self._go.release()
        self._back.acquire()

    def pause(self, ready: Callable[[], bool]) -> None:
        """Let others run. May be called by a thread that the task waits for: a service's."""
        self.ready = ready
        self._back.release()
        self._go.acquire()
        if self.process.dead:
            raise KilledError

    def _run(self) -> None:
        self._go.acquire()
        try:
            # A promise that is broken is known to whoever runs the acts.
            with suppress(KilledError, BrokenError):
                if not self.process.dead:
                    self._function()
        finally:
            self.done = True
            self._back.release()


class Scheduler:
    """Runs tasks, one at a time. It is the executor of its consumers' batch processors."""

    def __init__(self, random: Random, clock: ManualClock) -> None:
        self._random, self._clock = random, clock
        self._tasks: list[Task] = []
        self._back = _taken_lock()
        self._current: Task | None = None
        self._last: Process | None = None
        self._futures = 0
        self.steps = 0

    @property
    def process(self) -> Process:
        """The process whose task runs now."""
        return self._running.process

    @property
    def processes(self) -> list[Process]:
        """Every process that has not ended."""
        return list(dict.fromkeys(task.process for task in self._tasks))

    @property
    def _running(self) -> Task:
        assert self._current is not None, "no task runs"
        return self._current

    def spawn(self, process: Process, function: Callable[[], object]) -> None:
        """Begin a task; it runs from the next step on."""
        self._tasks.append(Task(process, function, self._back))

    def pause(self, ready: Callable[[], bool] | None = None) -> None:
        """Let others run, and go on when it is this task's turn and `ready` holds."""
        self._running.pause(ready or _always)

    def sleep_until(self, moment: float) -> None:
        """Let others run until a moment has come."""
        task = self._running
        task.wakes_at = moment
        task.pause(_always)

    def wakes_at(self) -> float | None:
        """Return when somebody who sleeps wakes up; None when nobody sleeps."""
        return min((task.wakes_at for task in self._tasks if task.wakes_at > self._clock.now()), default=None)

    def step(self, fault: str = "") -> bool:
        """Let one task go on until its next pause; False when none can."""
        able = [task for task in self._tasks if self._is_able(task)]
        if not able:
            return False
        self.steps += 1
        task = self._current = self._choose(able)
        task.process.fault = fault
        task.resume()
        task.process.fault = ""
        if task.done:
            self._tasks.remove(task)
        self._current, self._last = None, task.process
        return True

    def _choose(self, able: list[Task]) -> Task:
        same = [task for task in able if task.process is self._last]
        return self._random.choice(same if same and self._random.random() < STICKY else able)

    def _is_able(self, task: Task) -> bool:
        if task.process.dead:
            return True
        return not task.process.frozen and task.wakes_at <= self._clock.now() and task.ready()

    def finish(self) -> None:
        """Let everything run that is not frozen, until it has ended or sleeps."""
        while self.step():
            pass
        stuck = self._tasks and self.wakes_at() is None and not any(task.process.frozen for task in self._tasks)
        assert not stuck, "processes wait for each other"

    def thaw(self) -> bool:
        """Let everything go on that was frozen; False when nothing was."""
        frozen = [process for process in self.processes if process.frozen]
        for process in frozen:
            process.frozen = False
        return bool(frozen)

    def end(self) -> None:
        """Kill everything."""
        for process in self.processes:
            process.dead = True
        while self.step():
            pass

    # What a batch processor uses -------------------------------------------------------------------------------------

    def processor(self) -> BatchProcessor:
        """Return one whose groups are tasks of the process that runs it."""
        processor = BatchProcessor()
        vars(processor)["_executor"] = self
        return processor

    def submit(self, function: Group, *args: Any) -> Numbered:
        """Run a function as another task of the same process."""
        self._futures += 1
        future = Numbered(self._futures)

        def run() -> None:
            try:
                future.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001 - as an executor does
                future.set_exception(error)

        self.spawn(self.process, run)
        return future

    def wait(
        self, futures: Iterable[Numbered], timeout: float | None = None, return_when: str = ""
    ) -> tuple[list[Numbered], set[Numbered]]:
        """Wait as `concurrent.futures.wait` does; a timeout passes when the act says so."""
        waiting = list(futures)

        def ready() -> bool:
            done = [future.done() for future in waiting]
            late = timeout is not None and self._random.random() < GRACE_CHANCE
            return late or all(done) or (return_when == FIRST_COMPLETED and any(done))

        self.pause(ready)
        ended = sorted((future for future in waiting if future.done()), key=lambda future: future.number)
        return ended, set(waiting).difference(ended)


def _always() -> bool:
    return True


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock
