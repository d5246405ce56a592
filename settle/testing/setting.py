"""The setting of a trial: which machines there are, and what their services answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from settle.core.definition import Definition
from settle.runtime.instance import InstanceKey
from settle.runtime.names import check_instance_id
from settle.testing.cast import Cast, Machine, Role, read_role
from settle.testing.clock import FIRST_MOMENT
from settle.testing.deaths import Plan
from settle.testing.errors import TrialError
from settle.testing.footprints import Coverage, begin_footprints
from settle.testing.log import Log
from settle.testing.stubs import Stub, Stubs, check_name
from settle.testing.trial import Trial
from settle.testing.world import World

INSTANCE: Final = "1"
"""Id of the instance, unless a test says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a trial is made from, again and again if need be.

    Attributes:
        roles: the given machines, the one that the test is about first.
        services: answers, by the name of a service, an invoke or a child's machine.
        real_services: whether services without a stub are called for real.
        instance: id of the instance.
        now: when time begins.
    """

    roles: tuple[Role, ...]
    services: Mapping[str, Any]
    real_services: bool
    instance: str = INSTANCE
    now: float = FIRST_MOMENT

    @property
    def definition(self) -> Definition:
        """The machine that the test is about."""
        return self.roles[0].current

    def make(self, plan: Plan | None = None, *, keyed: bool = False) -> Trial:
        """Return a new trial; `plan` and `keyed` as in `World` and `Trial`."""
        plan = plan or Plan()
        stubs = Stubs(real=self.real_services, plan=plan)
        cast = Cast(self.roles, stubs, begin_footprints)
        for name, answer in self.services.items():
            check_name(name, cast.definitions)
            stubs.set(name, answer if isinstance(answer, Stub) else Stub(name, [answer], forever=True))
        world = World(cast, stubs, plan, self.now)
        return Trial(world, InstanceKey(self.definition.machine, self.instance), stubs, Log(), keyed=keyed)


def make_setting(
    machines: tuple[Machine, ...],
    *,
    services: Mapping[str, Any] | None,
    real_services: bool,
    instance: str = INSTANCE,
    now: float = FIRST_MOMENT,
) -> Setting:
    """Return what trials are made from.

    Raises:
        TrialError: one of the machines is none, or two have the same name.
    """
    roles = tuple(read_role(each) for each in machines)
    names = [role.name for role in roles]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TrialError(f"the machine {twice!r} is given twice; give its newest version, which brings the others")
    return Setting(
        roles=roles,
        services=services or {},
        real_services=real_services,
        instance=check_instance_id(instance),
        now=now,
    )


def given(
    machine: Machine,
    *others: Machine,
    services: Mapping[str, Any] | None = None,
    real_services: bool = False,
    instance: str = INSTANCE,
    now: float = FIRST_MOMENT,
) -> Trial:
    """Return an instance of a machine under test: in memory, on the real runtime, and not started yet.

    Args:
        machine: a Statechart, or its file as a module. Permission rules in the file count.
        others: further machines: children, and who messages are sent to. What is sent to machines that are not given is
            accepted, and found in `sent`.
        services: answers, by the name of a service, an invoke or a child's machine: JSON data to return, an exception
            to raise, or a function of the `ServiceCall`.
        real_services: whether services without a stub are called for real.
        instance: id of the instance.
        now: when time begins, in seconds since the epoch.

    Raises:
        TrialError: something that is given is not what it should be.
    """
    setting = make_setting(
        (machine, *others), services=services, real_services=real_services, instance=instance, now=now
    )
    return setting.make()


def coverage(machine: Machine) -> Coverage:
    """Return what collects where trials of a machine have been, while it is used in a `with`."""
    return Coverage(read_role(machine).current)
