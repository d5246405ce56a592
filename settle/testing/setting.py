"""The setting of a trial: which machines there are, and what their services answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from settle.core.definition import Definition
from settle.runtime.instance import InstanceKey
from settle.runtime.names import check_instance_id
from settle.testing.arguments import read_moment
from settle.testing.cast import Cast, Machine, Role, read_role
from settle.testing.clock import FIRST_MOMENT
from settle.testing.deaths import Plan
from settle.testing.errors import HIDDEN, TrialError
from settle.testing.footprints import Coverage, begin_footprints
from settle.testing.log import Log
from settle.testing.stubs import Stub, Stubs, check_name
from settle.testing.trial import Trial
from settle.testing.world import World

__tracebackhide__ = HIDDEN

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
        strangers: whether machines that are not given exist.
    """

    roles: tuple[Role, ...]
    services: Mapping[str, Any]
    real_services: bool
    instance: str = INSTANCE
    now: float = FIRST_MOMENT
    strangers: bool = True

    @property
    def definition(self) -> Definition:
        """The machine that the test is about."""
        return self.roles[0].current

    def make(self, plan: Plan | None = None, *, keyed: bool = False) -> Trial:
        """Return a new trial; `plan` and `keyed` as in `World` and `Trial`."""
        plan = plan or Plan()
        stubs = Stubs(real=self.real_services, plan=plan)
        cast = Cast(self.roles, stubs, begin_footprints, strangers=self.strangers)
        for name, answer in self.services.items():
            check_name(name, cast.definitions)
            stubs.set(name, answer if isinstance(answer, Stub) else Stub(name, [answer], forever=True))
        world = World(cast, stubs, plan, self.now)
        return Trial(world, InstanceKey(self.definition.machine, self.instance), stubs, Log(), keyed=keyed)


def make_setting(  # noqa: PLR0913 - those of `given`
    machines: tuple[Machine, ...],
    *,
    services: Mapping[str, Any] | None,
    real_services: bool,
    instance: str = INSTANCE,
    now: object = FIRST_MOMENT,
    strangers: bool = True,
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
        services=_read_services(services),
        real_services=real_services,
        instance=_read_instance(instance),
        now=read_moment(now),
        strangers=strangers,
    )


def _read_services(services: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if services is not None and not isinstance(services, Mapping):
        raise TrialError(f"services= are answers by the names of services, {{'charge': {{...}}}}, and not {services!r}")
    return services or {}


def _read_instance(instance: str) -> str:
    if not isinstance(instance, str):
        raise TrialError(f"the id of an instance is text, and not {instance!r}")
    return check_instance_id(instance)


def given(  # noqa: PLR0913 - all that a world consists of
    machine: Machine,
    *others: Machine,
    services: Mapping[str, Any] | None = None,
    real_services: bool = False,
    instance: str = INSTANCE,
    now: float | datetime = FIRST_MOMENT,
    strangers: bool = True,
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
        now: when time begins: seconds since the epoch, or a `datetime` with a time zone.
        strangers: whether machines that are not given exist. If not, a message to one becomes `error.communication`, as
            it does when it is deployed.

    Raises:
        TrialError: something that is given is not what it should be.
    """
    setting = make_setting(
        (machine, *others),
        services=services,
        real_services=real_services,
        instance=instance,
        now=now,
        strangers=strangers,
    )
    return setting.make()


def coverage(machine: Machine) -> Coverage:
    """Return what collects where trials of a machine have been, while it is used in a `with`."""
    return Coverage(read_role(machine).current)
