"""What a service is given, and how it says that trying again is pointless."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from settle.core.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """One call of a service.

    A service runs at least once, unless its invoke asks for `at_most_once`. Whatever it does to the world it should do
    under `key`, which is the same in every repetition of this call and in no other.

    Attributes:
        key: idempotency key, 32 hexadecimal digits.
        context: the instance's context, loaded anew for this call; changes to it are lost. A service in the background
            sees it as it is when the attempt begins, which another event may have changed since; what must not change
            belongs into `input`. A service answers by returning JSON data, which its `done.invoke` event carries.
        machine: id of the machine.
        instance: id of the instance.
        invoke: id of the invoke.
        input: what the invoke gives it, as JSON data, worked out when it was begun; None when it gives nothing.
        event: the external event whose run began the service.
        attempt: 1 for the first call.
        now: in seconds since the epoch: the time of the run, which is the same in every repetition once the run was
            journalled; for a service in the background, when the attempt began.
        token: of a service in the background: whoever has it may complete the invoke from outside, once, by
            `POST /callbacks/{token}`, while it is live. Empty for an inline service.
    """

    key: str
    context: Any
    machine: str
    instance: str
    invoke: str
    event: Event
    input: Any = None
    attempt: int = 1
    now: float = 0.0
    token: str = field(default="", repr=False)


class _Pending(Enum):
    PENDING = "pending"


WAIT_FOR_CALLBACK: Final = _Pending.PENDING
"""What a service in the background returns when it has handed out `call.token` and its result comes from outside.

The invoke stays live until then, or until its `deadline`. An inline service that returns it has answered with what is
no JSON data, which is its error event.
"""


@dataclass
class ServiceError(Exception):
    """Raised by a service that failed for good: no further attempt, its `error.invoke` event carries `code` and `data`.

    Any other exception counts as a passing fault and is tried again, unless the `final_errors` of the invoke name it.
    """

    code: str
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code
