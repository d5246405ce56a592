"""The cast of a trial: the machines that are given, and strangers for every other name.

A message to a machine that the test does not give is accepted and goes no further: what was said to whom is what the
test asks about. A given machine runs as it is written; only its services answer as the test says.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from settle.authoring.statechart import Statechart
from settle.core.codec import PlainCodec
from settle.core.compile import compile_machine
from settle.core.definition import Definition
from settle.core.errors import SettleError
from settle.core.memo import Memo
from settle.core.permission import Principal, SnapshotView
from settle.core.snapshot import Snapshot
from settle.core.spec import SETTLED, MachineSpec, NodeKind, NodeSpec
from settle.runtime.instance import InstanceKey
from settle.runtime.machine_files import EXPORT
from settle.runtime.permissions import NO_RULES, Rules, read_rules
from settle.runtime.registry import Registry
from settle.testing.errors import HIDDEN, AbortedError, RuleFailedError, TrialError
from settle.testing.footprints import Footprints
from settle.testing.stubs import Stubs

__tracebackhide__ = HIDDEN

Machine = Statechart | Definition | ModuleType
"""What a test gives: a chart, its file as a module, or a compiled definition."""
STRANGER_STATE: Final = "somewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One machine of a cast.

    Attributes:
        name: of the machine.
        current: its definition.
        versions: every definition, by version.
        rules: of its file.
    """

    name: str
    current: Definition
    versions: Mapping[int, Definition]
    rules: Rules = NO_RULES


def read_role(machine: Machine) -> Role:
    """Return a machine and, where its file says who may do what, these rules.

    Raises:
        TrialError: it is none.
    """
    if isinstance(machine, ModuleType):
        chart = getattr(machine, EXPORT, None)
        if not isinstance(chart, Statechart):
            raise TrialError(
                f"the module {machine.__name__!r} exports no {EXPORT}; give a machine file or a Statechart"
            )
        return _role_of(chart, machine)
    if isinstance(machine, Statechart):
        return _role_of(machine, _find_module(machine))
    if isinstance(machine, Definition):
        return Role(name=machine.machine, current=machine, versions={machine.version: machine})
    raise TrialError(f"{machine!r} is no machine; give a Statechart, a machine file or a Definition")


def _role_of(chart: Statechart, module: ModuleType | None) -> Role:
    rules = NO_RULES if module is None else read_rules(module)
    return Role(name=chart.id, current=chart.definition, versions=chart.versions, rules=rules)


def _find_module(chart: Statechart) -> ModuleType | None:
    """Return the imported file that exports a chart, if one does."""
    modules = list(sys.modules.values())
    return next((each for each in modules if getattr(each, "__dict__", {}).get(EXPORT) is chart), None)


class _LoudRules(Rules):
    """Rules that fail a test when they raise. Deployed, they only deny, and the log says why."""

    def filter_events(
        self, principal: Principal, types: Iterable[str], snapshot: SnapshotView | None
    ) -> tuple[str, ...]:
        """Return the event types that a principal may send; a rule that looks at data may raise, for there is none."""
        quiet = Rules(allow_send=getattr(self.allow_send, "__wrapped__", None))
        return quiet.filter_events(principal, types, snapshot)


def make_loud(rules: Rules) -> Rules:
    """Return rules that fail a test when they raise."""
    return _LoudRules(allow_send=_loud(rules.allow_send), allow_read=_loud(rules.allow_read))


def _loud(rule: Callable[..., object] | None) -> Callable[..., object] | None:
    if rule is None:
        return None

    @wraps(rule)
    def ask(*args: object) -> object:
        try:
            return rule(*args)
        except SettleError:
            raise
        except Exception as error:
            failed = RuleFailedError(f"the rule `{rule.__name__}` raised {type(error).__name__}: {error}")
            failed.__cause__ = error
            raise AbortedError(failed) from error

    return ask


class Cast:
    """The machines of a trial, as the functions ask for them.

    Args:
        roles: the given machines.
        stubs: answer their services.
        footprints: take note of what they do.
        strangers: whether machines that are not given exist.

    Attributes:
        registry: of the given machines alone, as the ingress knows them.
        placed: the definition in whose place another initial configuration is entered; None but for a moment.
        strangers: see above.
        lawless: whether permission rules are left out, which is so for that same moment.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        stubs: Stubs,
        footprints: Callable[[Definition], Footprints],
        *,
        strangers: bool = True,
    ) -> None:
        self.placed: Definition | None = None
        self.lawless = False
        self.strangers = strangers
        versions = {
            role.name: {
                number: equip(definition, stubs, footprints(definition)) for number, definition in role.versions.items()
            }
            for role in roles
        }
        self.registry = Registry(
            machines={role.name: versions[role.name][role.current.version] for role in roles},
            versions=versions,
            files={role.name: Path(f"{role.name}.py") for role in roles},
            rules={role.name: make_loud(role.rules) for role in roles},
        )

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """Every version of every given machine."""
        return tuple(each for versions in self.registry.versions.values() for each in versions.values())

    def knows(self, group: str) -> bool:
        """Whether the machine of an instance was given."""
        return InstanceKey.parse(group).machine in self.registry.machines

    def get(self, machine: str) -> Definition:
        """Return the current version of a machine; of one that was not given, a stranger.

        Raises:
            UnknownMachineError: there are no strangers, and it is no child's.
        """
        if self.placed is not None and self.placed.machine == machine:
            return self.placed
        if self.strangers or any(machine == each.src for of in self.definitions for each in of.invokes.values()):
            return self.registry.machines.get(machine) or make_stranger(machine)
        return self.registry.get(machine)

    def definition_for(self, snapshot: Snapshot) -> Definition:
        """Return the version that a snapshot runs on. Raises `UnknownVersionError`."""
        return self.registry.definition_for(snapshot)

    def rules_of(self, machine: str) -> Rules:
        """Return the permission rules of a machine."""
        return NO_RULES if self.lawless else self.registry.rules_of(machine)


def equip(definition: Definition, stubs: Stubs, footprints: Footprints) -> Definition:
    """Return a definition whose services are stubs and whose steps are noted; it has the same hash."""
    equipped = replace(definition, invokes=stubs.bind(definition))
    watch(equipped, footprints)
    return equipped


def watch(definition: Definition, footprints: Footprints) -> None:
    """Have it noted which microsteps a definition takes: each is looked up among those worked out before."""
    memo = Memo()
    memo.plans = _Plans(footprints)
    vars(definition)["memo"] = memo


class _Plans(dict[Any, Any]):
    """Microsteps that were worked out; tells of each one that is taken, new or not."""

    def __init__(self, footprints: Footprints) -> None:
        super().__init__()
        self._footprints = footprints

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - as dict has it
        found = super().get(key, default)
        if found is not None:
            self._footprints.note(found.report)
        return found

    def __setitem__(self, key: Any, plan: Any) -> None:  # noqa: ANN401 - as dict has it
        self._footprints.note(plan.report)
        super().__setitem__(key, plan)


@lru_cache(maxsize=64)
def make_stranger(machine: str) -> Definition:
    """Return a machine of that name that takes whatever it is sent."""
    somewhere = NodeSpec(name=STRANGER_STATE, tags=frozenset({SETTLED}))
    root = NodeSpec(name="", kind=NodeKind.COMPOUND, children=(somewhere,))
    return compile_machine(MachineSpec(id=machine, version=1, root=root, context=PlainCodec()))
