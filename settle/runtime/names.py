"""The rules for names that come from outside.

A message group is `<machine>/<instance>` and has at most 128 characters (`settle.runtime.limits.MAX_GROUP_LENGTH`),
which the two share: 31 for the machine, 96 for the instance, 1 for the slash.
"""

import re
from typing import Final

from settle.core.event import INTERNAL_PREFIXES, is_internal
from settle.runtime.errors import InternalEventError, NameInvalidError

MAX_MACHINE_NAME: Final = 31
MAX_INSTANCE_ID: Final = 96
MAX_EVENT_TYPE: Final = 128
MAX_IDEMPOTENCY_KEY: Final = 255

_MACHINE = re.compile(rf"[a-z0-9-]{{1,{MAX_MACHINE_NAME}}}")
_INSTANCE = re.compile(rf"[A-Za-z0-9._:@-]{{1,{MAX_INSTANCE_ID}}}")
_EVENT = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_EVENT_TYPE}}}")
_KEY = re.compile(rf"[ -~]{{1,{MAX_IDEMPOTENCY_KEY}}}")


def check_machine_name(name: str) -> str:
    """Return the name of a machine. Raises `NameInvalidError`."""
    rule = f"1 to {MAX_MACHINE_NAME} characters of a-z, 0-9 and -"
    return _check(_MACHINE, name, f"a machine's name has {rule}")


def check_instance_id(instance_id: str) -> str:
    """Return the id of an instance. Raises `NameInvalidError`."""
    rule = f"1 to {MAX_INSTANCE_ID} characters of A-Z, a-z, 0-9 and . _ : @ -"
    return _check(_INSTANCE, instance_id, f"an instance id has {rule}")


def check_event_type(event_type: str) -> str:
    """Return an event type that a client may send.

    Raises:
        NameInvalidError: it breaks the rule.
        InternalEventError: only the runtime makes events of this type.
    """
    rule = f"1 to {MAX_EVENT_TYPE} characters of A-Z, a-z, 0-9 and . _ : -"
    _check(_EVENT, event_type, f"an event type has {rule}")
    if is_internal(event_type):
        prefixes = ", ".join(f"`{prefix}`" for prefix in INTERNAL_PREFIXES)
        raise InternalEventError(
            f"{event_type!r} is for the runtime alone, as is every type that begins with {prefixes}"
        )
    return event_type


def check_idempotency_key(key: str) -> str:
    """Return an idempotency key. Raises `NameInvalidError`."""
    return _check(_KEY, key, f"an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters")


def _check(pattern: re.Pattern[str], name: str, rule: str) -> str:
    if not pattern.fullmatch(name):
        shown = repr(name) if len(name) <= MAX_IDEMPOTENCY_KEY else f"one of {len(name)} characters"
        raise NameInvalidError(f"{rule}; this is {shown}")
    return name
