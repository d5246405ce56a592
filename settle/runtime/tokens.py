"""Completion tokens: what a background service hands out, so that somebody outside can say how it ended.

A token names the live invoke that it completes and carries a secret that only the instance and the service know, so
whoever has it needs no other right. It never stands in a log line.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Final

from pydantic import ConfigDict, TypeAdapter

from settle.core.errors import SettleError
from settle.runtime.errors import TokenInvalidError
from settle.runtime.instance import InstanceKey
from settle.runtime.names import check_instance_id, check_machine_name

MAX_TOKEN: Final = 2048
"""Characters of a token; keeps a URL within what proxies take."""
_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_TOKEN}}}")
_PARTS: Final = TypeAdapter(tuple[str, str, str, str, str], config=ConfigDict(defer_build=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A completion token; `str()` writes it for a URL.

    Attributes:
        key: of the instance.
        incarnation: of the instance.
        invoke: key of the live invoke.
        secret: that the instance keeps with it.
    """

    key: InstanceKey
    incarnation: str
    invoke: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        parts = [self.key.machine, self.key.instance, self.incarnation, self.invoke, self.secret]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def parse_token(text: str) -> Token:
    """Read a token back. Raises `TokenInvalidError`, which does not repeat it."""
    if not _TOKEN.fullmatch(text):
        raise TokenInvalidError("this is no completion token")
    try:
        parts = _PARTS.validate_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        machine, instance, incarnation, invoke, secret = parts
        key = InstanceKey(check_machine_name(machine), check_instance_id(instance))
    except (ValueError, SettleError) as error:
        raise TokenInvalidError("this is no completion token") from error
    return Token(key=key, incarnation=incarnation, invoke=invoke, secret=secret)
