"""Consumers that run interleaved: one at a time, and a seed decides which goes on at every call to a port.

A consumer is a `Process` with a `Task` for each thread that it would have. Every call to the store or a queue waits for
its turn, so any two calls of any two consumers can come in either order, and the same seed always gives the same order.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NoReturn, Protocol

from settle.runtime.errors import ConflictError, QueueUnavailableError, StoreUnavailableError
from settle.runtime.process_batch import BatchProcessor
from tests.support.faults import KilledError

GRACE_CHANCE: Final = 0.1
"""How likely a consumer's patience with its slower groups ends at any moment."""
QUEUE_CALLS: Final = frozenset({"send", "acknowledge", "delay", "bury"})

Group = Callable[..., Any]


class Numbered(Future[Any]):
    """A future that can be sorted: sets of futures have no order that a seed would decide."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass(eq=False)
class Process:
    """One invocation of the consumer: it dies as a whole, and may be frozen as a whole.

    Attributes:
        loaded: the revision at which it last read or stored each instance.
    """

    number: int
    processor: BatchProcessor = field(default_factory=BatchProcessor)
    dead: bool = False
    frozen: bool = False
    loaded: dict[str, int] = field(default_factory=dict)


class Task:
    """A thread that goes on only when it is told to."""

    def __init__(self, process: Process, function: Callable[[], object], back: threading.Lock) -> None:
        self.process = process
        self.ready: Callable[[], bool] = _always
        self.done = False
        self._function, self._back = function, back
        self._go = _taken_lock()
        threading.Thread(target=self._run, name=f"consumer-{process.number}", daemon=True).start()

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
            if not self.process.dead:
                self._function()
        except KilledError:
            pass
        finally:
            self.done = True
            self._back.release()


class Scheduler:
    """Runs tasks, one at a time. It is the executor of its consumers' batch processors."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._tasks: list[Task] = []
        self._back = _taken_lock()
        self._current: Task | None = None
        self._futures = 0

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
        """Let others run, and go on when the seed says so and `ready` holds."""
        self._running.pause(ready or _always)

    def step(self) -> bool:
        """Let one task go on until its next pause; False when none can."""
        able = [task for task in self._tasks if task.process.dead or (not task.process.frozen and task.ready())]
        if not able:
            return False
        self._current = self._random.choice(able)
        self._current.resume()
        if self._current.done:
            self._tasks.remove(self._current)
        self._current = None
        return True

    def finish(self) -> None:
        """Thaw everything and let it run to its end."""
        for process in self.processes:
            process.frozen = False
        while self.step():
            pass
        assert not self._tasks, "consumers wait for each other"

    def end(self) -> None:
        """Kill everything."""
        for process in self.processes:
            process.dead = True
        self.finish()

    # What a batch processor uses -------------------------------------------------------------------------------------

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
        """Wait as `concurrent.futures.wait` does; a timeout passes when the seed says so."""
        waiting = list(futures)

        def ready() -> bool:
            done = [future.done() for future in waiting]
            late = timeout is not None and self._random.random() < GRACE_CHANCE
            return late or all(done) or (return_when == FIRST_COMPLETED and any(done))

        self.pause(ready)
        ended = sorted((future for future in waiting if future.done()), key=lambda future: future.number)
        return ended, set(waiting).difference(ended)


@dataclass
class Faults:
    """How often a call to a port fails, and how.

    Attributes:
        rate: chance of each call.
        deaths: processes that may still die.
    """

    random: Random
    rate: float = 0.0
    deaths: int = 0

    def pick(self, name: str) -> str:
        """Return what happens to a call: nothing, mostly.

        `lost` takes effect and says that the service cannot be reached. `repeated` is a commit that took effect, whose
        answer was lost, and which the client repeated: DynamoDB then answers that the condition does not hold.
        """
        if self.random.random() >= self.rate:
            return ""
        kinds = ["unavailable", "lost"]
        kinds += ["die before", "die after"] if self.deaths else []
        kinds += ["lost", "repeated"] if name == "commit" else []
        kind = self.random.choice(kinds)
        self.deaths -= kind.startswith("die")
        return kind


class Witness(Protocol):
    """Is told of every call to a port."""

    def __call__(self, process: Process, name: str, args: Any, answer: Any) -> None:
        """After a call took effect; with a name of several words, of what went wrong with it."""


class Port:
    """A port as one process sees it: every call waits for its turn, and may fail."""

    def __init__(self, port: Any, process: Process, scheduler: Scheduler, faults: Faults, witness: Witness) -> None:
        self._port, self._process, self._witness = port, process, witness
        self._scheduler, self._faults = scheduler, faults

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._call(name, attribute, args, kwargs)

    def _call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        self._scheduler.pause()
        fault = self._faults.pick(name)
        unavailable = QueueUnavailableError if name in QUEUE_CALLS else StoreUnavailableError
        if fault == "die before":
            self._die(f"before {name}")
        if fault == "unavailable":
            self._witness(self._process, f"{name} unavailable", args, None)
            raise unavailable(fault)
        try:
            answer = function(*args, **kwargs)
        except ConflictError:
            self._witness(self._process, f"{name} conflict", args, None)
            raise
        self._witness(self._process, name, args, answer)
        if fault:
            self._witness(self._process, f"{name} {fault}", args, None)
        if fault == "die after":
            self._die(f"after {name}")
        if fault == "lost":
            raise unavailable(fault)
        if fault == "repeated":
            raise ConflictError(fault)
        return answer

    def _die(self, when: str) -> NoReturn:
        """End the process: none of its tasks comes to another call."""
        self._process.dead = True
        self._witness(self._process, f"dies {when}", (), None)
        raise KilledError(when)


def _always() -> bool:
    return True


def _taken_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock
