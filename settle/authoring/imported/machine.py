"""From a machine object of `transitions` to the tree that the compiler takes."""

from typing import cast

from settle.authoring.findings import Findings
from settle.authoring.imported.callbacks import Callbacks
from settle.authoring.imported.losses import check_losses
from settle.authoring.imported.nodes import NodeReader
from settle.authoring.imported.outline import read_outline
from settle.authoring.imported.subset import check_subset
from settle.authoring.imported.upstream import UpstreamMachine, families
from settle.core.spec import NodeKind, NodeSpec


def read_machine(
    machine: object, *, findings: Findings, implementation: object = None, context: object = None
) -> NodeSpec:
    """Read a machine object, which stays as it is.

    Args:
        machine: a `Machine` or a `HierarchicalMachine`, or of a class derived from one.
        findings: where mistakes go, and what is different here.
        implementation: where the names of callbacks are looked up: a class, a module or an object.
        context: the context class; its methods, properties and fields are looked up after that.
    """
    kinds = families(machine)
    if "Machine" not in kinds:
        what = "the class" if isinstance(machine, type) else "an object of"
        name = machine.__name__ if isinstance(machine, type) else type(machine).__name__
        message = f"a machine of `transitions` is an object of `Machine` or a class derived from it, not {what} {name}"
        findings.error("not-a-machine", "", f"{message}; pass such an object", breaks=True)
    elif "AsyncMachine" in kinds:
        message = (
            "it is an asynchronous machine, whose callbacks are waited for; build it as a `HierarchicalMachine`, and"
            " write the machine as a Statechart where something waits: that is an `invoke`"
        )
        findings.error("async-machine", "", message, breaks=True)
    else:
        return _read(cast("UpstreamMachine", machine), findings, implementation, context)
    return NodeSpec(name="", kind=NodeKind.COMPOUND)


def find_name(machine: object) -> str:
    """Return the name that a machine object was given; empty for none."""
    return str(getattr(machine, "name", "")).removesuffix(": ") if "Machine" in families(machine) else ""


def _read(machine: UpstreamMachine, findings: Findings, implementation: object, context: object) -> NodeSpec:
    outline = read_outline(machine, findings)
    callbacks = Callbacks(machine, outline, implementation=implementation, context=context, findings=findings)
    root = NodeReader(machine, outline, callbacks, findings).root()
    if not findings.broken:
        check_losses(machine, outline, findings)
        check_subset(outline, findings)
    return root
