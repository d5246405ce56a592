"""The keywords of a state that `transitions` does not know: `invoke`, `on_done`, `always`, and what stands in them."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from settle.authoring.findings import Findings
from settle.authoring.vocabulary import INVOKE, SHORTHAND
from settle.core.spec import EVENTLESS, INLINE_TIMEOUT_SECONDS, SERVICE_ATTEMPTS

STATE_DONE: Final = "\0done.state"
"""Trigger of a transition for the end of its own source, whose path is known only when the tree is complete."""
INVOKE_DONE: Final = "\0done.invoke"
"""Trigger of a transition for the result of an invoke of its source; the invoke's place follows, as `#0`."""
INVOKE_ERROR: Final = "\0error.invoke"
"""The same for the failure of an invoke."""

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInvoke:
    """An invoke as written. `src` is a name or a callable; an empty id stands for the default."""

    src: object
    id: str
    timeout: float
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTransition:
    """A transition that stands in a keyword of a state instead of in a list of transitions."""

    trigger: str
    words: Mapping[str, object]


def parse_invokes(value: object, node: str, findings: Findings) -> tuple[list[ParsedInvoke], list[KeywordTransition]]:
    """Read an `invoke` keyword: a service's name, a callable, a dict, or a list of these."""
    invokes: list[ParsedInvoke] = []
    transitions: list[KeywordTransition] = []
    for item in _listed(value):
        words = item if isinstance(item, Mapping) else {"src": item}
        INVOKE.check(findings, node, words)
        if not (isinstance(words.get("src"), str) or callable(words.get("src"))):
            findings.error(
                "bad-invoke", node, "an invoke needs a `src`: the name of a service, or a function", breaks=True
            )
            continue
        place = len(invokes)
        invokes.append(_parse_invoke(words, node, findings))
        for keyword, trigger in (("on_done", INVOKE_DONE), ("on_error", INVOKE_ERROR)):
            transitions += parse_shorthand(words.get(keyword), f"{trigger}#{place}", node, findings)
    return invokes, transitions


def parse_shorthand(value: object, trigger: str, node: str, findings: Findings) -> Iterator[KeywordTransition]:
    """Read a transition without a trigger of its own: a target, a dict, or a list of these."""
    for item in _listed(value):
        if isinstance(item, Mapping):
            SHORTHAND.check(findings, node, item)
            yield KeywordTransition(trigger=trigger, words={"dest": None, **SHORTHAND.pick(item)})
        elif isinstance(item, (str, Enum)):
            yield KeywordTransition(trigger=trigger, words={"dest": item})
        else:
            what = "an `always`" if trigger == EVENTLESS else "an `on_done` or `on_error`"
            message = f"{what} is a target, or a dict with `dest`, or a list of these; {item!r} is none"
            findings.error("bad-transition", node, message, breaks=True)


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _parse_invoke(words: Mapping[str, object], node: str, findings: Findings) -> ParsedInvoke:
    identifier, attempts = words.get("id", ""), words.get("attempts", SERVICE_ATTEMPTS)
    if not isinstance(identifier, str):
        findings.error("bad-invoke", node, f"the `id` of an invoke is text, not {identifier!r}")
        identifier = ""
    if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
        findings.error("bad-invoke", node, f"`attempts` is a whole number from 1 on, not {attempts!r}")
        attempts = SERVICE_ATTEMPTS
    timeout = _parse_seconds(words.get("timeout", INLINE_TIMEOUT_SECONDS))
    if timeout is None:
        message = f"`timeout` is a number of seconds above 0, or text like '500ms' or '2s', not {words['timeout']!r}"
        findings.error("bad-invoke", node, message)
        timeout = INLINE_TIMEOUT_SECONDS
    return ParsedInvoke(src=words["src"], id=identifier, timeout=timeout, attempts=attempts)


def _parse_seconds(value: object) -> float | None:
    """Return a duration in seconds, or None when it is not one."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        value = float(match[1]) * _UNITS[match[2]] if match else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 < value < math.inf else None
