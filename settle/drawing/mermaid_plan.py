"""What is drawn where, decided before any line is written.

Mermaid draws well what stays within one box: it lays out each box on its own, with its labels where they can be read.
An arrow that crosses the border of a box spoils that, and one between a box and something inside it is not drawn at
all. So every arrow stays among the children of one node:

- What leads out of a box ends inside it at a *signpost*, `→ declined`, and goes on outside, from the border.
- What leads into a box ends at its border, and says where inside it goes on.
- What leads from anywhere in a box to a place in it begins at a box *about* it, which stands among its children.
- What stays, begins again, or leads back to a node around its source is a line in the box of the source.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from settle.core.definition import Definition, Node, Transition
from settle.core.spec import REJECTED, NodeKind
from settle.drawing.mermaid_labels import into, label_of, place, places
from settle.drawing.mermaid_text import BULLET, LINE_BREAK, make_ids, wrap
from settle.drawing.parts import action_names, child_towards, find_restarted

WHOLE: Final = -1
Row = tuple[int, int]
"""Boxes that may have arrows among them: index of their parent, and of the region when the parent is parallel."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What stands at an arrow.

    Attributes:
        labels: of the transitions that it stands for.
        origins: where inside its start those begin that only pass the border there.
    """

    labels: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a definition is drawn. Texts are escaped, ids are Mermaid's.

    Attributes:
        ids: the id of each node.
        arrows: by the ids of start and end, by row; transitions between the same two share an arrow.
        lines: what is written into the box of a node with this index; or into the one about it, when it has children.
        about: indexes of the nodes with children that have a box about them.
        signposts: ids by text, by the row in which they stand.
    """

    definition: Definition
    ids: list[str]
    arrows: dict[Row, dict[tuple[str, str], Arrow]] = field(default_factory=dict)
    lines: dict[int, list[str]] = field(default_factory=dict)
    about: set[int] = field(default_factory=set)
    signposts: dict[Row, dict[str, str]] = field(default_factory=dict)

    def about_id(self, index: int) -> str:
        """Return the id of the box about a node with children."""
        return f"{self.ids[index]}about"

    def arrow(self, row: Row, start: str, end: str) -> Arrow:
        """Return the arrow between two boxes of a row."""
        return self.arrows.setdefault(row, {}).setdefault((start, end), Arrow())


def make_plan(definition: Definition) -> Plan:
    """Decide how a definition is drawn."""
    plan = Plan(definition=definition, ids=make_ids(definition))
    for transition in definition.transitions:
        _plan_transition(plan, transition)
    for node in definition.nodes:
        if node.kind.is_history and node.history_default:
            _plan_history_default(plan, node)
        if node.within and (node.index in plan.lines or _has_notes(node)):
            plan.about.add(node.index)
    return plan


def _has_notes(node: Node) -> bool:
    return bool(node.invokes or node.entry or node.exit or node.output is not None or REJECTED in node.tags)


def row_of(definition: Definition, node: Node) -> Row:
    """Return the row of boxes in which a node stands."""
    in_parallel = definition.nodes[node.parent].kind is NodeKind.PARALLEL
    return (node.parent, node.index if in_parallel else WHOLE)


def _plan_transition(plan: Plan, transition: Transition) -> None:
    definition, targets = plan.definition, transition.targets
    source, label = definition.nodes[transition.source], label_of(definition, transition)
    if not targets or any(target == source.index or target in source.ancestors for target in targets):
        _add_line(plan, source.index, f"{label}{_whither(plan, source, transition)}")
    elif all(source.within >> target & 1 for target in targets):
        _plan_inside(plan, source, targets, label)
    else:
        _plan_outside(plan, source, targets, label)


def _whither(plan: Plan, source: Node, transition: Transition) -> str:
    """Return where a transition leads that leaves its source to no other node, when its label does not say so."""
    restarted = find_restarted(plan.definition, transition)
    if restarted in transition.targets:
        return ""
    is_self = transition.targets == (source.index,)
    if not transition.targets or (is_self and source.is_leaf and restarted is None):
        return ", stays"
    return _whereto(plan, transition.targets, 0)


def _plan_inside(plan: Plan, source: Node, targets: Sequence[int], label: str) -> None:
    """Plan what leads from anywhere in a node to a place in it."""
    if source.kind is NodeKind.PARALLEL:
        _add_line(plan, source.index, f"{label}{_whereto(plan, targets, source.index)}")
        return
    plan.about.add(source.index)
    _add_arrow(plan, (source.index, WHOLE), plan.about_id(source.index), targets, label)


def _plan_outside(plan: Plan, source: Node, targets: Sequence[int], label: str) -> None:
    """Plan what leads from a node to others."""
    definition, start = plan.definition, plan.ids[source.index]
    around = next(i for i in source.ancestors if all(definition.nodes[i].within >> target & 1 for target in targets))
    in_one_row = definition.nodes[around].kind is not NodeKind.PARALLEL
    if in_one_row and source.parent == around:
        _add_arrow(plan, (around, WHOLE), start, targets, label)
        return
    post = _add_signpost(plan, source, f"→ {places(definition, targets, around)}")
    plan.arrow(row_of(definition, source), start, post).labels.append(label)
    if in_one_row:
        border, end = (child_towards(definition, around, index) for index in (source.index, targets[0]))
        origin = " ".join([place(definition, source.index, border), *into(definition, end, targets)])
        plan.arrow((around, WHOLE), plan.ids[border], plan.ids[end]).origins.append(origin)


def _plan_history_default(plan: Plan, node: Node) -> None:
    actions = f" / {action_names(node.history_actions)}" if node.history_actions else ""
    label = wrap(f"the first time{actions}")
    if plan.definition.nodes[node.parent].kind is NodeKind.PARALLEL:
        _add_line(plan, node.index, f"{label}{_whereto(plan, node.history_default, node.parent)}")
    else:
        _add_arrow(plan, (node.parent, WHOLE), plan.ids[node.index], node.history_default, label)


def _whereto(plan: Plan, targets: Sequence[int], around: int) -> str:
    return f"{LINE_BREAK}{wrap(f'→ {places(plan.definition, targets, around)}')}"


def _add_line(plan: Plan, index: int, text: str) -> None:
    plan.lines.setdefault(index, []).append(f"{BULLET} {text}")


def _add_arrow(plan: Plan, row: Row, start: str, targets: Sequence[int], label: str) -> None:
    """Add an arrow to the box of a row in which the targets are, or which they are."""
    end = child_towards(plan.definition, row[0], targets[0])
    text = LINE_BREAK.join([label, *map(wrap, into(plan.definition, end, targets))])
    plan.arrow(row, start, plan.ids[end]).labels.append(text)


def _add_signpost(plan: Plan, source: Node, text: str) -> str:
    posts = plan.signposts.setdefault(row_of(plan.definition, source), {})
    if text not in posts:
        there = sum(len(found) for (parent, _), found in plan.signposts.items() if parent == source.parent)
        posts[text] = f"{plan.ids[source.parent]}to{there + 1}"
    return posts[text]
