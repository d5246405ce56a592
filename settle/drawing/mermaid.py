"""A definition as a Mermaid state diagram."""

import json
from collections.abc import Collection, Iterator
from typing import Final

from settle.core.definition import Definition
from settle.core.spec import REJECTED, NodeKind
from settle.drawing.active_nodes import find_active
from settle.drawing.mermaid_nodes import draw_boxes
from settle.drawing.mermaid_plan import Plan, make_plan
from settle.drawing.parts import waits

_CONFIG: Final = ("config:", "  flowchart:", "    curve: monotoneY")
"""A curve that goes through its points: with others Mermaid moves labels away from where it made room for them."""
_CLASSES: Final = {
    "waits": "fill:#e3f2fd,stroke:#1565c0,color:#0d2b45",
    "end": "fill:#455a64,stroke:#263238,color:#ffffff",
    "refuses": "fill:#ffebee,stroke:#c62828,color:#4a0d0d",
    "about": "fill:#fffde7,stroke:#9e9d24,stroke-dasharray:4 3,color:#33330a",
    "signpost": "fill:#ffffff,stroke:#757575,stroke-dasharray:4 3,color:#424242",
    "around": "stroke:#ef6c00,stroke-width:3px",
    "active": "fill:#ffe0b2,stroke:#ef6c00,stroke-width:3px,color:#4a2500",
}


def mermaid(definition: Definition, configuration: Collection[str] = ()) -> str:
    """Draw a machine as the text of a Mermaid diagram, `stateDiagram-v2`.

    Args:
        definition: the machine.
        configuration: paths of the active nodes, as a snapshot has them; they and the nodes around them are marked.

    Raises:
        UnknownNodeError: the configuration names a node that the machine does not have.
    """
    active = find_active(definition, configuration)
    plan = make_plan(definition)
    lines = [
        "---",
        f"title: {json.dumps(f'{definition.machine}, version {definition.version}')}",
        *_CONFIG,
        "---",
        "stateDiagram-v2",
        *(f"  {line}" for line in (*draw_boxes(plan), *_draw_classes(plan, active))),
    ]
    return "\n".join(lines) + "\n"


def _draw_classes(plan: Plan, active: Collection[int]) -> Iterator[str]:
    definition = plan.definition
    members = {
        "waits": [plan.ids[node.index] for node in definition.nodes if waits(definition, node)],
        "end": [plan.ids[node.index] for node in definition.nodes if node.kind is NodeKind.FINAL],
        "refuses": [plan.ids[node.index] for node in definition.nodes if REJECTED in node.tags],
        "about": [plan.about_id(index) for index in sorted(plan.about)],
        "signpost": [post for row in plan.signposts.values() for post in row.values()],
        "around": [plan.ids[index] for index in sorted(active) if definition.nodes[index].within],
        "active": [plan.ids[index] for index in sorted(active) if not definition.nodes[index].within],
    }
    for name, style in _CLASSES.items():
        if members[name]:
            yield f"classDef {name} {style}"
            yield f"class {','.join(members[name])} {name}"
