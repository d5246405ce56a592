"""Requests of a process to a store, a queue or the scheduler: each waits for its turn, and may go wrong."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn, Protocol

from settle.runtime.errors import (
    ConflictError,
    QueueUnavailableError,
    SchedulerUnavailableError,
    StoreUnavailableError,
    UnavailableError,
)
from tests.simulation.scheduler import Process, Scheduler
from tests.support.faults import KilledError

UNAVAILABLE: Final[dict[str, type[UnavailableError]]] = {
    "store": StoreUnavailableError,
    "scheduler": SchedulerUnavailableError,
}
HANDLES: Final = frozenset({"acknowledge", "delay", "delete"})
"""Requests that name several messages, of which some may fail."""


class Listener(Protocol):
    """Is told of every request."""

    def saw(self, process: Process, request: str, args: Sequence[Any], answer: Any) -> None:
        """After a request took effect; named arguments are the last of `args`."""

    def tell(self, text: str) -> None:
        """What happened, in a line."""


class Port:
    """A port as one process sees it.

    Args:
        label: `store`, `events`, `timers`, `tasks`, `letters` or `scheduler`.
        port: what answers.
        process: that asks.
        scheduler: decides when it is this process's turn.
        listener: is told.
        faults: counts those that happened.
    """

    def __init__(
        self,
        label: str,
        port: Any,
        process: Process,
        *,
        scheduler: Scheduler,
        listener: Listener,
        faults: Counter[str],
    ) -> None:
        self._label, self._port, self.process = label, port, process
        self._scheduler, self._listener, self._faults = scheduler, listener, faults

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._request(name, attribute, args, kwargs)

    def _request(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        what = self.process.request = f"{self._label} {name}"
        self._scheduler.pause()
        fault = _applicable(self.process.fault, name)
        self._listener.tell(f"  {self.process} {what}{f' <{fault}>' if fault else ''}")
        self._faults.update([fault] if fault else [])
        self._fail_before(fault, what)
        if fault == "partial":
            args, kwargs = _half(name, args, kwargs)
        try:
            answer = function(*args, **kwargs)
        except ConflictError:
            self._faults["conflict"] += 1
            self._listener.tell(f"  {self.process} is in conflict")
            raise
        self._listener.saw(self.process, what, (*args, kwargs), answer)
        self._fail_after(fault, what)
        return answer

    def _fail_before(self, fault: str, what: str) -> None:
        if fault == "die before":
            self._die(f"before {what}")
        if fault == "throttled":
            raise self._unavailable(fault)

    def _fail_after(self, fault: str, what: str) -> None:
        if fault == "die after":
            self._die(f"after {what}")
        if fault in {"lost", "partial"}:
            raise self._unavailable(fault)
        if fault == "repeated":
            raise ConflictError(fault)

    def _unavailable(self, fault: str) -> UnavailableError:
        return UNAVAILABLE.get(self._label, QueueUnavailableError)(fault)

    def _die(self, when: str) -> NoReturn:
        """End the process: none of its tasks comes to another request."""
        self.process.dead = True
        raise KilledError(when)


def _applicable(fault: str, name: str) -> str:
    """Return what goes wrong with this request; what could not happen to it loses its answer instead."""
    possible = {"repeated": name == "commit", "partial": name in HANDLES or name == "purge"}
    return "lost" if not possible.get(fault, True) else fault


def _half(name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Return what is left of a request of which only a part is done."""
    if name == "purge":
        return args, {**kwargs, "version": kwargs["version"] - 1}
    handles, *rest = args
    return (handles[: len(handles) // 2], *rest), kwargs
