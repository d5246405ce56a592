"""Conditions as they are written: names, functions, and what combines them."""

from collections.abc import Callable, Mapping
from typing import Any

from settle.authoring.binding import Binder
from settle.authoring.findings import Findings
from settle.core.conditions import AllOf, AnyOf, Condition, InState, Not

Written = Any
"""A name, a function, `{"type": name, "params": {...}}`, or what `and_`, `or_`, `not_` and `in_state` return."""
FindState = Callable[[object], str | None]
"""Finds the path of the state that a condition names; None when there is none, which is then a finding."""


def and_(*conditions: Written) -> dict[str, Any]:
    """All of these must hold."""
    return {"and": list(conditions)}


def or_(*conditions: Written) -> dict[str, Any]:
    """One of these must hold."""
    return {"or": list(conditions)}


def not_(condition: Written) -> dict[str, Any]:
    """This must not hold."""
    return {"not": condition}


def in_state(state: object) -> dict[str, Any]:
    """A state must be active; named like a target, from the states beside the transition's source or from the root."""
    return {"in": state}


class ConditionReader:
    """Turns written conditions into bound ones.

    Args:
        binder: binds the functions.
        findings: where mistakes go.
    """

    def __init__(self, binder: Binder, findings: Findings) -> None:
        self._binder, self._findings = binder, findings

    def read(self, written: Written, node: str, find: FindState) -> Condition:  # noqa: PLR0911 - one for each form
        """Read one condition of a transition of `node`."""
        if not isinstance(written, Mapping):
            return self._binder.guard(written, node)
        match dict(written):
            case {"type": str(name), **rest} if rest.keys() <= {"params"}:
                return self._binder.guard(name, node, read_params(rest.get("params"), node, self._findings))
            case {"and": list(inner)} if inner and len(written) == 1:
                return AllOf(tuple(self.read(each, node, find) for each in inner))
            case {"or": list(inner)} if inner and len(written) == 1:
                return AnyOf(tuple(self.read(each, node, find) for each in inner))
            case {"not": inner} if len(written) == 1:
                return Not(self.read(inner, node, find))
            case {"in": state} if len(written) == 1:
                return InState(find(state) or "")
        message = (
            "a condition is a name, a function, `{'type': name, 'params': {...}}`, or made by `and_`, `or_`, `not_` or"
            f" `in_state`; {written!r} is none of these"
        )
        self._findings.error("bad-condition", node, message)
        return AllOf(())


def read_params(params: object, node: str, findings: Findings) -> Mapping[str, Any]:
    """Return the parameters of a guard or an action; they are JSON data, so that the definition's hash covers them."""
    if params is None:
        return {}
    if not isinstance(params, Mapping) or not all(isinstance(name, str) and name.isidentifier() for name in params):
        message = f"`params` is a dict whose keys can be names of arguments, not {params!r}"
        findings.error("bad-params", node, message)
        return {}
    return findings.json(node, "params", dict(params)) or {}
