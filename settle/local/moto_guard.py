"""Makes moto trustworthy enough to test against: atomic under threads, and with the FIFO rules of SQS.

What moto 5.2.5 does by itself, all of it seen in tests that use threads or time: loses updates and breaks transactions,
gives one group to two consumers, delivers an expired batch in the wrong order, forgets a deduplication id when its
message is deleted, numbers messages at random, slows down with the square of the backlog, and deletes messages of an
event source mapping without running the function. `tests/unit/test_moto_guard.py` tells when that changes.
"""

import functools
import re
import threading
from collections.abc import Callable
from types import FunctionType, TracebackType
from typing import Any, Final, Self

import moto
import moto.core.responses
import moto.sqs.models
from moto.core.utils import method_names_from_class, unix_time
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.sqs.models import Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from settle.local.moto_sqs import GuardedSqs, LazyAttributes, add_message

MOTO_VERSION: Final = "5.2.5"
"""The only version whose inner parts are known here."""
UNKNOWN_SENDER: Final = "unknown"
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)")


class MotoVersionError(RuntimeError):
    """The installed moto is not the one that the guard was written for."""


class MotoGuard:
    """Guards every mock and server of moto in this process, from `install` to `uninstall`; also a context manager.

    `SenderId` of a message becomes the access key id of the request (on AWS it is `<role id>:<session>`), so that
    trusted senders can be told from strangers.

    Args:
        now: seconds since the epoch, as SQS sees them; tests move it.
    """

    _installed: "MotoGuard | None" = None

    def __init__(self, now: Callable[[], float] = unix_time) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._request = threading.local()
        self._originals: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Put the guard in place.

        Raises:
            MotoVersionError: another moto is installed.
            RuntimeError: a guard is in place already.
        """
        if moto.__version__ != MOTO_VERSION:
            raise MotoVersionError(
                f"the guard knows moto {MOTO_VERSION} and this is {moto.__version__}: install that one, or hold the"
                " guard against the new one and run its tests"
            )
        if MotoGuard._installed is not None:
            raise RuntimeError("a guard is installed already")
        MotoGuard._installed = self
        self._install_sqs()
        for backend in (SQSBackend, DynamoDBBackend, EventBridgeSchedulerBackend):
            for name, function in list(vars(backend).items()):
                # A receive takes the lock itself, so as to wait without it.
                if isinstance(function, FunctionType) and not name.startswith("_") and name != "receive_message":
                    self._replace(backend, name, self._locked(function))
        # Not only the calls to the backend: a response reads items while it is written, and may make several calls.
        self._replace(DynamoHandler, "call_action", self._locked(DynamoHandler.call_action))
        # Looked up by reflection for every request, a tenth of its cost.
        self._replace(moto.core.responses, "method_names_from_class", functools.cache(method_names_from_class))

    def uninstall(self) -> None:
        """Leave moto as it was."""
        while self._originals:
            owner, name, original = self._originals.pop()
            setattr(owner, name, original)
        MotoGuard._installed = None

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstall()

    def _install_sqs(self) -> None:
        sqs = GuardedSqs(
            threading.Condition(self._lock), self._now, lambda: getattr(self._request, "sender", UNKNOWN_SENDER)
        )
        for method in (
            sqs.send_message,
            sqs.receive_message,
            sqs.delete_message,
            sqs.delete_message_batch,
            sqs.change_message_visibility,
            sqs.change_message_visibility_batch,
            sqs.purge_queue,
            sqs.get_queue_attributes,
        ):
            self._replace(SQSBackend, method.__name__, _as_function(method))
        for name in ("send_message", "send_message_batch"):
            self._replace(SQSResponse, name, self._with_sender(vars(SQSResponse)[name]))
        self._replace(Queue, "attributes", property(LazyAttributes))
        self._replace(Queue, "add_message", add_message)
        self._replace(moto.sqs.models, "unix_time", self._now)
        self._replace(moto.sqs.models, "unix_time_millis", lambda: self._now() * 1000)

    def _replace(self, owner: Any, name: str, value: Any) -> None:  # noqa: ANN401 - a class or module, and its part
        self._originals.append((owner, name, vars(owner)[name]))
        setattr(owner, name, value)

    def _locked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any method
            with self._lock:
                return function(*args, **kwargs)

        return call

    def _with_sender(self, function: Callable[[SQSResponse], Any]) -> Callable[[SQSResponse], Any]:
        @functools.wraps(function)
        def call(response: SQSResponse) -> Any:  # noqa: ANN401 - what the method returns
            credential = _CREDENTIAL.search(response.headers.get("Authorization", ""))
            self._request.sender = credential[1] if credential else UNKNOWN_SENDER
            try:
                return function(response)
            finally:
                self._request.sender = UNKNOWN_SENDER

        return call


def _as_function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that a class binds, so that its instance becomes the first argument of the method."""

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any method
        return method(*args, **kwargs)

    return call
