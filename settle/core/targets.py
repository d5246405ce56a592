"""Whom `do.send` may name: anybody by machine and instance, and relatives by the words of SCXML (6.2.4 and C.1)."""

import re
from typing import Final

PARENT_TARGET: Final = "#_parent"
"""Whoever began this instance as its child."""
INVOKE_PREFIX: Final = "#_"
"""A live child is this and the id of its invoke."""

_INSTANCE: Final = re.compile(r"[a-z0-9-]{1,31}/[A-Za-z0-9._:@-]{1,96}")
"""The rules for names of machines and ids of instances (`settle.runtime.names`), which share a message group."""


def check_target(target: str) -> None:
    """Check that a target could be somebody. Whether it is there is known only when the message leaves.

    Args:
        target: empty for the sender itself.

    Raises:
        ValueError: it is nobody's name.
    """
    is_relative = target.startswith(INVOKE_PREFIX) and target != INVOKE_PREFIX
    if target and not is_relative and not _INSTANCE.fullmatch(target):
        raise ValueError(
            f"a target is `machine/instance`, `{PARENT_TARGET}`, `{INVOKE_PREFIX}<invoke id>` of a child, or None for"
            f" the instance itself, not {target!r}"
        )
