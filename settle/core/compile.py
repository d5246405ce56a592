"""From a spec to a Definition: number the nodes, resolve the targets, work out what each transition leaves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from settle.core.conditions import Condition, InState, guards_of
from settle.core.definition import Definition, Invokes, Node, TimerSpec, Transition
from settle.core.domain import find_domain
from settle.core.errors import DefinitionError, Finding
from settle.core.event import TIMEOUT_PREFIX
from settle.core.shape import check_defaults, check_shape, check_size, check_together
from settle.core.spec import (
    SEPARATOR,
    SETTLED,
    MachineSpec,
    NodeKind,
    NodeSpec,
    TransitionKind,
)
from settle.core.suggestion import find_closest
from settle.core.table import hash_table, make_table
from settle.core.validation import heed_silences, validate_definition


def compile_machine(spec: MachineSpec, earlier: Sequence[Finding] = ()) -> Definition:
    """Compile and validate a machine.

    Args:
        spec: the machine.
        earlier: what a front end found, to be silenced and reported with the rest.

    Raises:
        DefinitionError: with every finding that stops the build.
    """
    findings: list[Finding] = []
    check_size(spec.id, spec.root)
    placed = list(_place(spec.root, "", -1))
    numbers = _number(placed, findings)
    nodes = _build_nodes(placed, numbers, findings)
    check_defaults(nodes, findings)
    transitions = _build_transitions(placed, nodes, numbers, findings)
    invokes = _collect_invokes(placed, findings)
    if findings:
        raise DefinitionError(spec.id, heed_silences([*earlier, *findings], spec.silenced))
    nodes = _link(nodes, transitions)
    table = make_table(spec)
    definition = Definition(
        machine=spec.id,
        version=spec.version,
        hash=hash_table(table),
        table=table,
        nodes=nodes,
        transitions=transitions,
        numbers=numbers,
        invokes=invokes,
        context=spec.context,
        initial_context=spec.initial_context,
        events=spec.events,
        create_on_event=spec.create_on_event,
        selection=spec.selection,
        errors=spec.errors,
        uses_settled=any(SETTLED in node.tags for node in nodes),
        retention=spec.retention,
    )
    found = heed_silences([*earlier, *validate_definition(definition)], spec.silenced)
    if any(finding.severity == "error" for finding in found):
        raise DefinitionError(spec.id, found)
    return replace(definition, warnings=found)


# Numbering -----------------------------------------------------------------------------------------------------------


def _place(
    spec: NodeSpec, path: str, parent: int, counter: list[int] | None = None
) -> Iterator[tuple[NodeSpec, str, int]]:
    """Yield every node with its path and its parent's index, in document order."""
    counter = counter if counter is not None else [0]
    index = counter[0]
    counter[0] += 1
    yield spec, path, parent
    for child in spec.children:
        yield from _place(child, f"{path}{SEPARATOR}{child.name}" if path else child.name, index, counter)


def _number(placed: list[tuple[NodeSpec, str, int]], findings: list[Finding]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for index, (spec, path, _) in enumerate(placed):
        if path in numbers:
            findings.append(Finding(code="duplicate-node", node=path, message="two nodes have this path; rename one"))
        if index and (not spec.name or SEPARATOR in spec.name):
            message = f"a node's name is not empty and holds no {SEPARATOR!r}; rename it"
            findings.append(Finding(code="bad-node-name", node=path, message=message))
        numbers[path] = index
    return numbers


def _resolve(paths: tuple[str, ...], numbers: Mapping[str, int], node: str, findings: list[Finding]) -> tuple[int, ...]:
    resolved = []
    for path in paths:
        if path in numbers:
            resolved.append(numbers[path])
            continue
        closest = find_closest(path, numbers)
        hint = f"; did you mean {closest!r}?" if closest else ""
        message = f"there is no node {path!r}{hint}"
        findings.append(Finding(code="unknown-target", node=node, message=message))
    return tuple(resolved)


# Nodes ---------------------------------------------------------------------------------------------------------------


def _build_nodes(
    placed: list[tuple[NodeSpec, str, int]], numbers: Mapping[str, int], findings: list[Finding]
) -> tuple[Node, ...]:
    children: list[list[int]] = [[] for _ in placed]
    within = [0] * len(placed)
    ancestors: list[tuple[int, ...]] = []
    for index, (_, _, parent) in enumerate(placed):
        ancestors.append((parent, *ancestors[parent]) if parent >= 0 else ())
        if parent >= 0:
            children[parent].append(index)
        for ancestor in ancestors[index]:
            within[ancestor] |= 1 << index
    nodes: list[Node] = []
    for index, (spec, path, parent) in enumerate(placed):
        real = [child for child in children[index] if not placed[child][0].kind.is_history]
        check_shape(spec, path, real, findings)
        if not index and spec.kind not in {NodeKind.COMPOUND, NodeKind.PARALLEL}:
            findings.append(
                Finding(code="bad-root", message="the machine itself is compound or parallel; give it nodes")
            )
        initial = _resolve(spec.initial, numbers, path, findings) or tuple(real[:1])
        if any(not within[index] >> target & 1 for target in initial):
            message = "its initial node does not lie inside it; name one of its own"
            findings.append(Finding(code="bad-initial", node=path, message=message))
        nodes.append(
            Node(
                index=index,
                path=path,
                kind=spec.kind,
                parent=parent,
                children=tuple(real),
                initial=initial if spec.kind is NodeKind.COMPOUND else (),
                initial_actions=spec.initial_actions,
                ancestors=ancestors[index],
                bit=1 << index,
                within=within[index],
                up=sum(1 << ancestor for ancestor in ancestors[index]),
                transitions=(),
                history=tuple(child for child in children[index] if placed[child][0].kind.is_history),
                history_default=_resolve(spec.history_default, numbers, path, findings),
                history_actions=spec.history_actions,
                entry=spec.entry,
                exit=spec.exit,
                invokes=spec.invokes,
                timers=_build_timers(spec, path),
                tags=spec.tags,
                effective_tags=spec.tags.union(*(placed[ancestor][0].tags for ancestor in ancestors[index])),
                output=spec.output,
                description=spec.description,
                meta=spec.meta,
            )
        )
    return tuple(nodes)


def _build_timers(spec: NodeSpec, path: str) -> tuple[TimerSpec, ...]:
    """Return a timer for each delay that its transitions wait for, in the order written."""
    delays = {item.delay.name: item.delay for item in spec.transitions if item.delay is not None}
    return tuple(
        TimerSpec(id=f"{path}@{name}", event=_timer_event(path, name), delay=delay) for name, delay in delays.items()
    )


def _timer_event(path: str, delay: str) -> str:
    return f"{TIMEOUT_PREFIX}{path}@{delay}"


def _link(nodes: tuple[Node, ...], transitions: tuple[Transition, ...]) -> tuple[Node, ...]:
    by_source: list[list[int]] = [[] for _ in nodes]
    for transition in transitions:
        by_source[transition.source].append(transition.index)
    return tuple(replace(node, transitions=tuple(by_source[node.index])) for node in nodes)


# Transitions ---------------------------------------------------------------------------------------------------------


def _build_transitions(
    placed: list[tuple[NodeSpec, str, int]],
    nodes: tuple[Node, ...],
    numbers: Mapping[str, int],
    findings: list[Finding],
) -> tuple[Transition, ...]:
    transitions: list[Transition] = []
    for source, (spec, path, _) in enumerate(placed):
        for item in spec.transitions:
            targets = _resolve(item.targets, numbers, path, findings)
            check_together(nodes, targets, path, "targets", findings)
            _check_conditions(item.guards, numbers, path, findings)
            transitions.append(
                Transition(
                    index=len(transitions),
                    source=source,
                    event=item.event if item.delay is None else _timer_event(path, item.delay.name),
                    targets=targets,
                    domain=_find_static_domain(nodes, source, targets, item.kind),
                    kind=item.kind,
                    guards=item.guards,
                    before=item.before,
                    actions=item.actions,
                    after=item.after,
                    delay=item.delay,
                    description=item.description,
                    meta=item.meta,
                )
            )
    return tuple(transitions)


def _check_conditions(
    conditions: tuple[Condition, ...], numbers: Mapping[str, int], path: str, findings: list[Finding]
) -> None:
    for condition in conditions:
        for leaf in guards_of(condition):
            if isinstance(leaf, InState):
                _resolve((leaf.path,), numbers, path, findings)


def _find_static_domain(nodes: tuple[Node, ...], source: int, targets: tuple[int, ...], kind: TransitionKind) -> int:
    if not targets or any(nodes[target].kind.is_history for target in targets):
        return -1
    return find_domain(nodes, source, targets, kind)


def _collect_invokes(placed: list[tuple[NodeSpec, str, int]], findings: list[Finding]) -> Invokes:
    invokes = Invokes()
    for spec, path, _ in placed:
        for invoke in spec.invokes:
            if invoke.id in invokes:
                message = f"two invokes have the id {invoke.id!r}; give one an `id` of its own"
                findings.append(Finding(code="duplicate-invoke", node=path, message=message))
            invokes[invoke.id] = invoke
    return invokes
