"""Invokes: services, and children of other machines."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from settle.authoring.lists import listed
from settle.authoring.service_words import Notation, read_service_words
from settle.authoring.xstate.reading import Reading
from settle.authoring.xstate.report import Config
from settle.authoring.xstate.transitions import read_transitions
from settle.authoring.xstate.tree import StateNode, Tree
from settle.authoring.xstate.values import is_code, read_static, shorten
from settle.authoring.xstate.words import INVOKE
from settle.core.event import DONE_INVOKE, ERROR_INVOKE
from settle.core.spec import SEPARATOR, InvokeSpec, TransitionSpec

_TYPE: Final = "xstate.invoke"
_NOTATION: Final = Notation(
    renamed={"max_backoff": "maxBackoff"},
    duration="a duration like '10s' or 'PT10S'",
    takes_numbers=False,  # it is seconds to some and milliseconds to others
    show=shorten,
    mend="; correct it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenInvoke:
    """An invoke of the file.

    Attributes:
        id: ours: its own, or the path of its state.
        xstate_id: what XState calls it.
    """

    id: str
    xstate_id: str
    config: Config


def list_invokes(tree: Tree, node: StateNode) -> list[WrittenInvoke]:
    """Return the invokes of a state, named. What is no invoke at all is left out here and reported when read."""
    written = listed(node.config.get("invoke"))
    items: list[Config] = [{"src": item} if isinstance(item, str) else item for item in written if _is_invoke(item)]
    found: list[WrittenInvoke] = []
    for place, config in enumerate(items):
        given = config.get("id")
        default = node.path or tree.root.id
        if len(items) > 1:
            default = f"{default}{SEPARATOR}{place}"
        named = given if isinstance(given, str) and given else None
        found.append(
            WrittenInvoke(id=named or default, xstate_id=named or f"{place}{SEPARATOR}{node.id}", config=config)
        )
    return found


def name_invokes(tree: Tree) -> dict[str, str]:
    """Return our invoke ids by XState's."""
    return {written.xstate_id: written.id for node in tree.root.walk() for written in list_invokes(tree, node)}


def read_invokes(reading: Reading, node: StateNode) -> tuple[InvokeSpec, ...]:
    """Return what a state invokes."""
    for item in listed(node.config.get("invoke")):
        if not _is_invoke(item):
            message = f"an invoke is an object with a `src`, not {shorten(item)}; rewrite it"
            reading.report.error("bad-invoke", node.path, message, breaks=True)
    found = (_read(reading, node, written) for written in list_invokes(reading.tree, node))
    return tuple(spec for spec in found if spec is not None)


def read_results(reading: Reading, node: StateNode) -> Iterator[TransitionSpec]:
    """Yield what stands under `onDone` and `onError` of the invokes of a state."""
    for written in list_invokes(reading.tree, node):
        for word, prefix in (("onDone", DONE_INVOKE), ("onError", ERROR_INVOKE)):
            if written.config.get(word) is not None:
                yield from read_transitions(reading, node, f"{prefix}{written.id}", written.config[word])


def _is_invoke(item: object) -> TypeGuard[str | Config]:
    return isinstance(item, (str, Mapping))


def _read(reading: Reading, node: StateNode, written: WrittenInvoke) -> InvokeSpec | None:
    config, report = written.config, reading.report
    INVOKE.check(report, node.path, config)
    if config.get("type") not in (None, _TYPE):
        report.error("bad-invoke", node.path, f"an invoke has no `type`, here {shorten(config['type'])}; take it out")
    if config.get("id") is not None and not isinstance(config["id"], str):
        report.error("bad-invoke", node.path, f"the `id` of an invoke is text, not {shorten(config['id'])}; rewrite it")
    source = _read_source(reading, node, config)
    if source is None:
        return None
    src, fn = source
    what = f"the `input` of the invoke {written.id!r}"
    return InvokeSpec(
        id=written.id,
        src=src,
        fn=fn,
        machine=fn is None,
        input=None if config.get("input") is None else read_static(report, node.path, what, config["input"]),
        **read_service_words(
            {word: value for word, value in config.items() if value is not None and word in INVOKE.known},
            lambda message: report.error("bad-invoke", node.path, message),
            machine=fn is None,
            default=reading.services,
            notation=_NOTATION,
        ),
    )


def _read_source(reading: Reading, node: StateNode, config: Config) -> tuple[str, Callable[[Any], Any] | None] | None:
    """Return a service's name and function, or a machine's name; None, with a finding, when there is neither."""
    machine, src = config.get("machine"), config.get("src")
    if isinstance(machine, str) and machine:
        return machine, None
    if machine is not None:
        message = f"`machine` is the id of the machine whose child is started, not {shorten(machine)}; correct it"
        reading.report.error("bad-invoke", node.path, message, breaks=True)
        return None
    if is_code(src):
        message = f"the `src` of an invoke is code, {shorten(src)}; write a function in Python, and its name here"
        reading.report.error("inline-code", node.path, message, breaks=True)
        return None
    if (isinstance(src, str) and src) or callable(src):
        return reading.binder.service(src, node.path)
    message = f"the `src` of an invoke is the name of a service, not {shorten(src)}; name a function"
    if isinstance(src, Mapping) and isinstance(src.get("type"), str):
        message = f"the `src` of an invoke is text since version 5; write {src['type']!r}"
    reading.report.error("bad-invoke", node.path, message, breaks=True)
    return None
