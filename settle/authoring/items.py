"""The items of a configuration, before `transitions` sees them: what they are about, and whether they are complete."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from settle.authoring.findings import Findings
from settle.authoring.keywords import DELAYED
from settle.authoring.vocabulary import TRANSITION
from settle.core.spec import EVENTLESS, SEPARATOR

ALWAYS: Final = "always"
"""How a trigger may spell that it needs no event."""
_POSITIONS: Final = ("trigger", "source", "dest", "conditions", "unless", "before", "after", "prepare")
"""What stands where in a transition that is a list, as `transitions` has it."""


def name_of(item: object) -> str:
    """Return the name that an item gives to a state, or of the first state it names; nothing when it gives none."""
    if isinstance(item, Mapping):
        item = item.get("name")
    if isinstance(item, (list, tuple)):
        item = item[0] if item else ""
    if isinstance(item, Enum):
        item = item.name
    return item if isinstance(item, str) else ""


def read_transition(item: object, scope: str, findings: Findings) -> dict[str, Any] | None:
    """Return the words of a transition; None when it cannot be one, which is then a finding."""
    if isinstance(item, (list, tuple)) and len(item) <= len(_POSITIONS):
        item = dict(zip(_POSITIONS, item, strict=False))
    if not isinstance(item, Mapping):
        message = f"a transition is a dict, or a list of trigger, source and dest; {item!r} is none"
        findings.error("bad-transition", scope, message, breaks=True)
        return None
    source = SEPARATOR.join(filter(None, (scope, name_of(item.get("source")))))
    TRANSITION.check(findings, source, item)
    needed = ("source", "dest") if "delay" in item else _POSITIONS[:3]
    missing = [f"`{word}`" for word in needed if word not in item]
    if missing:
        message = f"a transition names {', '.join(missing)} too; `dest: None` means it stays"
        findings.error("bad-transition", source, message, breaks=True)
        return None
    if not _names_states(item["source"]):
        message = f"`source` names a state, or a list of them, or is '*'; {item['source']!r} does not"
        findings.error("bad-transition", source, message, breaks=True)
        return None
    if isinstance(item.get("dest"), (list, tuple)) and not item["dest"]:
        findings.error("bad-transition", source, "`dest` is an empty list; name targets, or write None: it stays")
        return None
    trigger = _read_trigger(item, source, findings)
    return None if trigger is None else {**TRANSITION.pick(item), "trigger": trigger}


def _names_states(source: object) -> bool:
    names = source if isinstance(source, (list, tuple)) else (source,)
    return bool(names) and all(isinstance(name, (str, Enum)) and name != "" for name in names)


def _read_trigger(item: Mapping[str, Any], source: str, findings: Findings) -> str | None:
    trigger = item.get("trigger", DELAYED)
    if "delay" in item and "trigger" in item:
        message = "a transition has `trigger` and `delay`: it waits for an event or for a time; drop one, or write two"
    elif not isinstance(trigger, str):
        message = f"a trigger is text: an event type, `*`, `name.*`, or `always`; not {trigger!r}"
    else:
        text = str(trigger.value) if isinstance(trigger, Enum) else trigger
        return EVENTLESS if text == ALWAYS else text
    findings.error("bad-transition", source, message, breaks=True)
    return None
