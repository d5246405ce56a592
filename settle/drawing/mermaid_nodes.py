"""The boxes of a Mermaid state diagram, one inside the other."""

from collections.abc import Iterable, Iterator

from settle.core.definition import Node
from settle.core.spec import REJECTED, InvokeSpec, NodeKind
from settle.drawing.mermaid_labels import HISTORY_MARKS, into
from settle.drawing.mermaid_plan import WHOLE, Plan, Row
from settle.drawing.mermaid_text import BOX_WIDTH, BULLET, LINE_BREAK, escape, wrap
from settle.drawing.parts import (
    action_names,
    child_towards,
    in_background,
    name_of,
    other_tags,
    output_text,
    service_name,
    waits,
)


def draw_boxes(plan: Plan) -> Iterator[str]:
    """Yield the lines of all boxes, and after those of each row the arrows among them.

    Inside a box, the boxes that have some in them come first. Mermaid works from the inside out only as far as they,
    and the arrows in them, come before what is around them; on three levels in another order it fails.
    """
    root = plan.definition.nodes[0]
    if root.kind is NodeKind.PARALLEL:  # Mermaid has regions inside a box only
        yield from _draw_node(plan, root)
        yield f"[*] --> {plan.ids[0]}"
    else:
        yield _draw_initial(plan, root)
        yield from _draw_inside(plan, root)


def _draw_node(plan: Plan, node: Node) -> Iterator[str]:
    box = plan.ids[node.index]
    if node.within:
        yield f'state "{_title(plan, node)}" as {box} {{'
        yield from (f"  {line}" for line in _draw_inside(plan, node))
        yield "}"
        return
    yield f'state "{_title(plan, node)}" as {box}'
    yield from (f"{box} : {line}" for line in _lines_in(plan, node))


def _draw_inside(plan: Plan, node: Node) -> Iterator[str]:
    """Yield what stands in the box of a node with children."""
    whole = [*_draw_about(plan, node), *(line for index in node.history for line in _draw_one(plan, index))]
    if node.kind is not NodeKind.PARALLEL:
        groups = [index for index in node.children if node.index and plan.definition.nodes[index].within]
        yield from (line for index in groups for line in _draw_one(plan, index))
        yield from whole
        yield from (line for index in node.children if index not in groups for line in _draw_one(plan, index))
        if node.index:
            yield _draw_initial(plan, node)
        yield from _draw_row(plan, (node.index, WHOLE))
        return
    sections = [[*_draw_one(plan, index), *_draw_row(plan, (node.index, index))] for index in node.children]
    for place, section in enumerate([whole, *sections] if whole else sections):
        yield from [*(["--"] if place else []), *section]


def _draw_one(plan: Plan, index: int) -> Iterator[str]:
    return _draw_node(plan, plan.definition.nodes[index])


def _draw_about(plan: Plan, node: Node) -> Iterator[str]:
    if node.index in plan.about:
        box = plan.about_id(node.index)
        yield f'state "{escape("anywhere in " + name_of(plan.definition, node))}" as {box}'
        yield from (f"{box} : {line}" for line in _lines_in(plan, node))


def _draw_initial(plan: Plan, node: Node) -> str:
    end = child_towards(plan.definition, node.index, node.initial[0])
    actions = [f"/ {action_names(node.initial_actions)}"] if node.initial_actions else []
    return _arrow("[*]", plan.ids[end], map(wrap, [*actions, *into(plan.definition, end, node.initial)]))


def _draw_row(plan: Plan, row: Row) -> Iterator[str]:
    for text, box in plan.signposts.get(row, {}).items():
        yield f'state "{escape(text)}" as {box}'
    for (start, end), arrow in plan.arrows.get(row, {}).items():
        origins = [wrap(f"from {', '.join(dict.fromkeys(arrow.origins))}")] if arrow.origins else []
        bullet = f"{BULLET} " if len(arrow.labels) + len(origins) > 1 else ""
        yield _arrow(start, end, [f"{bullet}{label}" for label in (*arrow.labels, *origins)])


def _arrow(start: str, end: str, labels: Iterable[str]) -> str:
    text = LINE_BREAK.join(labels)
    return f"{start} --> {end} : {text}" if text else f"{start} --> {end}"


# Texts ---------------------------------------------------------------------------------------------------------------


def _title(plan: Plan, node: Node) -> str:
    if node.kind.is_history:
        return escape(HISTORY_MARKS[node.kind])
    return escape(" ".join([name_of(plan.definition, node), *(f"#{tag}" for tag in other_tags(node))]))


def _lines_in(plan: Plan, node: Node) -> Iterator[str]:
    """Yield what is written into the box of a node; or into the one about it, when it has children."""
    if node.kind is NodeKind.FINAL:
        yield "◉ end"
    if node.output is not None:
        yield wrap(f"gives {output_text(node.output)}", BOX_WIDTH)
    if REJECTED in node.tags:
        yield "✗ refuses the event"
    elif waits(plan.definition, node):
        yield "waits"
    yield from (wrap(f"⚙ {_service(node, invoke)}", BOX_WIDTH) for invoke in node.invokes)
    if node.entry:
        yield wrap(f"on entry / {action_names(node.entry)}", BOX_WIDTH)
    if node.exit:
        yield wrap(f"on exit / {action_names(node.exit)}", BOX_WIDTH)
    yield from plan.lines.get(node.index, ())


def _service(node: Node, invoke: InvokeSpec) -> str:
    name = service_name(node, invoke)
    what = f"machine {invoke.src}" if invoke.machine else invoke.src
    named = what if name == invoke.src else f"{what} ({name})"
    return f"{named} {in_background(invoke)}" if invoke.background else named
