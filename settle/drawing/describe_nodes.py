"""What a state is, in words."""

from collections.abc import Iterator, Sequence

from settle.core.definition import Definition, Node
from settle.core.delay import format_duration
from settle.core.spec import BACKOFF_SECONDS, MAX_BACKOFF_SECONDS, REJECTED, Delivery, InvokeSpec, NodeKind
from settle.drawing.parts import (
    action_names,
    has_own_limits,
    in_background,
    name_of,
    other_tags,
    output_text,
    path_text,
    service_name,
    waits,
)


def describe_nature(definition: Definition, node: Node) -> Iterator[str]:
    """Yield what a node is, as ends of a sentence that begins with its name."""
    match node.kind:
        case NodeKind.COMPOUND:
            yield f"begins in {listed(definition, node.initial, node)}"
        case NodeKind.PARALLEL:
            names = [name_of(definition, definition.nodes[index]) for index in node.children]
            yield f"all of these at the same time: {', '.join(names)}"
        case NodeKind.FINAL:
            yield f"the end of {name_of(definition, definition.nodes[node.parent])}"
        case NodeKind.SHALLOW_HISTORY | NodeKind.DEEP_HISTORY:
            yield from _describe_history(definition, node)
    yield from (_describe_invoke(node, invoke) for invoke in node.invokes)
    if REJECTED in node.tags:
        yield "refuses the event that led here, as if nothing had happened"
    elif waits(definition, node):
        yield "waits"


def _describe_history(definition: Definition, node: Node) -> Iterator[str]:
    owner = name_of(definition, definition.nodes[node.parent])
    depth = ", down to the innermost states" if node.kind is NodeKind.DEEP_HISTORY else ""
    yield f"remembers where {owner} was left{depth}"
    if node.history_default:
        doing = f", doing {action_names(node.history_actions)}" if node.history_actions else ""
        yield f"the first time it leads to {listed(definition, node.history_default, node)}{doing}"


def describe_notes(node: Node) -> Iterator[str]:
    """Yield what else is to be said about a node, a line each."""
    if node.output is not None:
        yield f"answers with {output_text(node.output)}"
    if other_tags(node):
        yield f"tagged {', '.join(other_tags(node))}"
    if node.entry:
        yield f"on entry: {action_names(node.entry)}"
    if node.initial_actions:
        yield f"on beginning: {action_names(node.initial_actions)}"
    if node.exit:
        yield f"on exit: {action_names(node.exit)}"


def _describe_invoke(node: Node, invoke: InvokeSpec) -> str:
    name = service_name(node, invoke)
    named = "" if name == invoke.src else f" as {name}"
    if invoke.machine:
        return f"runs the machine {invoke.src}{named}"
    where = f" {in_background(invoke)}" if invoke.background else ""
    limits = list(_describe_limits(invoke))
    return f"runs the service {invoke.src}{named}{where}" + (f" ({', '.join(limits)})" if limits else "")


def _describe_limits(invoke: InvokeSpec) -> Iterator[str]:
    """Yield how often a service is tried, and when it is not tried again, as far as an author has said so."""
    if has_own_limits(invoke):
        yield f"at most {_times(invoke.attempts)}"
        yield f"{invoke.timeout:g} seconds each"
    if invoke.background and (invoke.backoff, invoke.max_backoff) != (BACKOFF_SECONDS, MAX_BACKOFF_SECONDS):
        yield f"with {format_duration(invoke.backoff)} to {format_duration(invoke.max_backoff)} in between"
    if invoke.delivery is Delivery.AT_MOST_ONCE:
        yield "never again when its end is not known"
    if invoke.final_errors:
        yield f"never again after {' or '.join(error.__name__ for error in invoke.final_errors)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def listed(definition: Definition, indexes: Sequence[int], near: Node) -> str:
    """Return nodes as text, each by its name when it is near enough, else by its path."""
    return " and ".join(_place(definition, definition.nodes[index], near) for index in indexes)


def _place(definition: Definition, node: Node, near: Node) -> str:
    if not node.kind.is_history:
        return path_text(definition, node, near)
    owner = path_text(definition, definition.nodes[node.parent], near)
    return f"where {owner} was left ({name_of(definition, node)})"
