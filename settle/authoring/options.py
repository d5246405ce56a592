"""The options of a chart, beside its states and transitions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeGuard, TypeVar

from pydantic import BaseModel

from settle.authoring.findings import Findings
from settle.authoring.lost_fields import find_lost_fields
from settle.core.codec import Codec, ModelCodec, PlainCodec
from settle.core.definition import Definition
from settle.core.delay import parse_duration
from settle.core.errors import DefinitionError, Finding
from settle.core.spec import MAX_DEPTH, ErrorPolicy, InvokeMode, Selection

Choice = TypeVar("Choice", Selection, ErrorPolicy, InvokeMode)


class Versioned(Protocol):
    """A chart, as far as its identity goes."""

    id: str
    version: int
    definition: Definition


def choose(choices: type[Choice], word: str, value: str, findings: Findings) -> Choice:
    """Return the choice that an option names."""
    try:
        return choices(value)
    except ValueError:
        known = " or ".join(repr(choice.value) for choice in choices)
        findings.error(f"bad-{word}", "", f"`{word}` is {known}, not {value!r}")
        return next(iter(choices))


def read_create_on_event(value: object, findings: Findings) -> bool:
    """Return whether the first event of an unknown instance creates it."""
    if not isinstance(value, bool):
        findings.error("bad-create-on-event", "", f"`create_on_event` is True or False, not {value!r}")
    return bool(value)


def read_retention(value: object, findings: Findings) -> float | None:
    """Return how long an instance is kept after it has ended, in seconds; None until somebody deletes it."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError:
        message = (
            "`retention` is how long an instance is kept after its end: seconds, a timedelta, text like '30d' or"
            f" 'P30D', at most a hundred years, or None until somebody deletes it; not {value!r}"
        )
        findings.error("bad-retention", "", message)
        return None


def read_initial_context(context: object, findings: Findings) -> Mapping[str, Any]:
    """Return what the context of a new instance begins with."""
    return (findings.json("", "context", dict(context)) or {}) if isinstance(context, Mapping) else {}


def read_context(context: object, findings: Findings) -> Codec:
    """Return how the context is loaded and dumped."""
    if context is None or isinstance(context, Mapping):
        return PlainCodec()
    if _is_model(context):
        for path, reason in find_lost_fields(context):
            findings.error(
                "lossy-context", "", f"the context's field {path!r} {reason}; the next event would not find it"
            )
        return ModelCodec(context)
    message = f"`context` is a pydantic model class, a dict to begin with, or None for an empty one; not {context!r}"
    findings.error("bad-context", "", message)
    return PlainCodec()


def find_codec(context: object) -> Codec:
    """Return how a context is loaded and dumped that was read before."""
    return ModelCodec(context) if _is_model(context) else PlainCodec()


def read_events(events: object, findings: Findings) -> dict[str, Codec]:
    """Return how the data of events is loaded."""
    codecs: dict[str, Codec] = {}
    if not isinstance(events, Mapping):
        findings.error("bad-event", "", f"`events` is a dict from event types to pydantic models, not {events!r}")
        return codecs
    for name, model in events.items():
        if _is_model(model):
            codecs[name] = ModelCodec(model)
        else:
            findings.error(
                "bad-event", "", f"`events` gives {name!r} no pydantic model class but {model!r}; give it one"
            )
    return codecs


def _is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)


def read_reasons(silenced: object, findings: Findings) -> Mapping[str, str]:
    """Check that each silenced finding has a reason."""
    if not isinstance(silenced, Mapping):
        message = f"`silenced` is a dict from the codes of findings to reasons, not {silenced!r}"
        findings.error("bad-silenced", "", message)
        return {}
    for code, reason in silenced.items():
        if not isinstance(reason, str) or not reason.strip():
            findings.error("bad-silenced", "", f"`silenced` gives no reason for {code!r}; write it down")
    return silenced


def check_identity(identifier: object, version: object, older: Sequence[Versioned], findings: Findings) -> None:
    """Check the name and the versions of a machine."""
    if not isinstance(identifier, str) or not identifier:
        findings.error("bad-id", "", f"`id` is the machine's name, as text; not {identifier!r}; pass one", breaks=True)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        findings.error("bad-version", "", f"`version` is a whole number from 1 on, not {version!r}", breaks=True)
        return
    if not isinstance(older, (list, tuple)) or not all(hasattr(chart, "definition") for chart in older):
        findings.error("bad-version", "", f"`versions` is a list of older Statecharts, not {older!r}", breaks=True)
        return
    seen = {version}
    for chart in older:
        if chart.id != identifier:
            message = f"`versions` holds {chart.id!r}, another machine; give it a file of its own"
            findings.error("bad-version", "", message)
        if chart.version in seen:
            message = f"version {chart.version} is there twice; raise the number of the newer one"
            findings.error("duplicate-version", "", message)
        seen.add(chart.version)


@contextmanager
def too_deep_is_a_finding(machine: str) -> Iterator[None]:
    """Turn what no recursion can read into a finding. Raises `DefinitionError`."""
    try:
        yield
    except RecursionError:
        message = f"states lie far more than {MAX_DEPTH} levels inside one another; make the inner ones a machine"
        raise DefinitionError(machine, [Finding(code="too-deep", message=message)]) from None
