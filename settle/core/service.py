"""What a service is given, and how it says that trying again is pointless."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from settle.core.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """One call of a service.

    A service runs at least once. Whatever it does to the world it should do under `key`, which is the same in every
    repetition of this call and in no other.

    Attributes:
        key: idempotency key, 32 hexadecimal digits.
        context: the instance's context, loaded anew for this call; changes to it are lost. A service answers by
            returning JSON data, which its `done.invoke` event carries.
        machine: id of the machine.
        instance: id of the instance.
        invoke: id of the invoke.
        input: what the invoke gives it, as JSON data; None when it gives nothing.
        event: the external event whose run called the service.
        attempt: 1 for the first call.
        now: the time of the run, in seconds since the epoch; the same in every repetition once the run was journalled.
        token: of a background service: whoever has it may complete the invoke from outside, once, by
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
"""What a background service returns when it has handed out `call.token` and its result comes from outside."""


@dataclass
class ServiceError(Exception):
    """Raised by a service that failed for good: no further attempt, its `error.invoke` event carries `code` and `data`.

    Any other exception counts as a passing fault and is tried again.
    """

    code: str
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code
