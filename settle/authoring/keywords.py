"""The keywords of a state that `transitions` does not know: `invoke`, `on_done`, `always`, `timeout`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from settle.authoring.findings import Findings
from settle.authoring.lists import listed
from settle.authoring.service_words import read_service_words
from settle.authoring.vocabulary import INVOKE, SHORTHAND
from settle.core.spec import EVENTLESS

STATE_DONE: Final = "\0done.state"
"""Trigger of a transition for the end of its own source, whose path is known only when the tree is complete."""
INVOKE_DONE: Final = "\0done.invoke"
"""Trigger of a transition for the result of an invoke of its source; the invoke's place follows, as `#0`."""
INVOKE_ERROR: Final = "\0error.invoke"
"""The same for the failure of an invoke."""

DELAYED: Final = "\0delayed"
"""Trigger of a transition with a delay, whose event is that of a timer."""


_SHORTHANDS: Final = {EVENTLESS: "an `always`", DELAYED: "an `on_timeout`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInvoke:
    """An invoke as written.

    Attributes:
        src: a name or a callable, or the name of a machine.
        id: empty for the default.
        options: fields of its `InvokeSpec` that say how it is run.
    """

    src: object
    id: str
    machine: bool
    input: object
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTransition:
    """A transition that stands in a keyword of a state instead of in a list of transitions."""

    trigger: str
    words: Mapping[str, object]


def parse_invokes(value: object, node: str, findings: Findings) -> tuple[list[ParsedInvoke], list[KeywordTransition]]:
    """Read an `invoke` keyword: a service's name, a callable, a dict, or a list of these."""
    invokes: list[ParsedInvoke] = []
    transitions: list[KeywordTransition] = []
    for item in listed(value):
        words = item if isinstance(item, Mapping) else {"src": item}
        INVOKE.check(findings, node, words)
        if not _names_what_it_invokes(words):
            message = "an invoke needs a `src`, the name of a service or a function, or a `machine`, the name of one"
            if "src" in words and "machine" in words:
                message = "an invoke has a `src` and a `machine`; keep the one that it is to begin"
            findings.error("bad-invoke", node, message, breaks=True)
            continue
        place = len(invokes)
        invokes.append(_parse_invoke(words, node, findings))
        for keyword, trigger in (("on_done", INVOKE_DONE), ("on_error", INVOKE_ERROR)):
            transitions += parse_shorthand(words.get(keyword), f"{trigger}#{place}", node, findings)
    return invokes, transitions


def parse_shorthand(value: object, trigger: str, node: str, findings: Findings) -> Iterator[KeywordTransition]:
    """Read a transition without a trigger of its own: a target, a dict, or a list of these."""
    for item in listed(value):
        if isinstance(item, Mapping):
            SHORTHAND.check(findings, node, item)
            yield KeywordTransition(trigger=trigger, words={"dest": None, **SHORTHAND.pick(item)})
        elif isinstance(item, (str, Enum)):
            yield KeywordTransition(trigger=trigger, words={"dest": item})
        else:
            what = _SHORTHANDS.get(trigger, "an `on_done` or `on_error`")
            message = f"{what} is a target, or a dict with `dest`, or a list of these; {item!r} is none"
            findings.error("bad-transition", node, message, breaks=True)


def parse_timeout(words: Mapping[str, object], node: str, findings: Findings) -> Iterator[KeywordTransition]:
    """Read `timeout` and `on_timeout`: what happens when a state has been active for so long."""
    present = [word for word in ("timeout", "on_timeout") if words.get(word) is not None]
    if len(present) == 1:
        other = "on_timeout" if present[0] == "timeout" else "timeout"
        findings.error("bad-timeout", node, f"it has `{present[0]}` but no `{other}`; add it", breaks=True)
    elif present:
        for item in parse_shorthand(words["on_timeout"], DELAYED, node, findings):
            yield KeywordTransition(trigger=DELAYED, words={**item.words, "delay": words["timeout"]})


def _names_what_it_invokes(words: Mapping[str, object]) -> bool:
    if "machine" in words:
        return "src" not in words and isinstance(words["machine"], str) and bool(words["machine"])
    return isinstance(words.get("src"), str) or callable(words.get("src"))


def _parse_invoke(words: Mapping[str, object], node: str, findings: Findings) -> ParsedInvoke:
    identifier, machine = words.get("id", ""), "machine" in words
    if not isinstance(identifier, str):
        findings.error("bad-invoke", node, f"the `id` of an invoke is text, not {identifier!r}")
        identifier = ""
    return ParsedInvoke(
        src=words["machine" if machine else "src"],
        id=identifier,
        machine=machine,
        input=words.get("input"),
        options=read_service_words(words, lambda message: findings.error("bad-invoke", node, message), machine=machine),
    )
