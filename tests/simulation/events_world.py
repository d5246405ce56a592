"""A world of instances that are sent events, by clients who wait, repeat themselves and give up, and by strangers."""

from functools import cache
from typing import Any, Final

from settle.core.definition import Definition
from settle.core.service import ServiceCall, ServiceError
from settle.runtime.registry import Registry
from tests.simulation.acts import Act, Workload
from tests.simulation.events_chart import ATTEMPTS, SERVICE_SECONDS, failures, make_machine
from tests.simulation.events_clients import EventsClients
from tests.simulation.events_model import Sent
from tests.simulation.events_witness import EventsWitness
from tests.simulation.functions import start_consumer
from tests.simulation.stage import STAGE
from tests.simulation.world import World, register
from tests.support.charts import machine, on, settled

HOUR: Final = 3600.0
MACHINES: Final = ("m", "boot", "strict")
HANG_CHANCE: Final = 0.2
"""How likely a service that fails does so by not ending."""
EVENTS: Final = Workload(
    weights={
        "step": 70,
        "send": 9,
        "consumer": 8,
        "wait": 3,
        "thaw": 2,
        "stall": 1.5,
        "freeze": 1,
        "deploy": 0.6,
        "crash": 0.5,
        "mend": 0.5,
        "replace": 0.15,
    },
    length=(50, 220),
    sends=(4, 18),
    waits=(1, 1, 3, 10, 31, 31, 61, 310, HOUR),
    longest=4 * HOUR,
)


class EventsWorld(World):
    """Its instances have inline services only, so that a sequential model can say what becomes of every event."""

    witness: EventsWitness

    def __init__(self) -> None:
        super().__init__([_definitions()[name, 1] for name in MACHINES])
        self.watch(EventsWitness(self.system, self.registry.machines))
        self._clients = EventsClients(self)
        self._second = False
        self._retried: set[tuple[str, int]] = set()

    def happen(self, act: Act) -> None:
        match act.kind:
            case "send":
                self._clients.send(act.number)
            case "deploy":
                self._deploy()
            case "mend":
                known = [event.n for events in self.witness.sent.values() for event in events]
                self.mended |= {self.random.choice(known)} if known else set()
            case _:
                pass

    def start(self, kind: str, skew: float) -> bool:
        return kind == "consumer" and start_consumer(self, skew)

    # Deployments -----------------------------------------------------------------------------------------------------

    def _deploy(self) -> None:
        """Deploy a next version, the first one alone again, or one that was changed under its number."""
        self.release += 1
        (what,) = self.random.choices(("next", "back", "broken"), (3, 1, 1))
        self._second = self._second or what == "next"
        self.faults[f"deployment: {what}"] += 1
        self.tell(f"deploy {what}")
        self.registry = _release(second=self._second and what != "back")
        if what == "broken":
            name = self.random.choice(MACHINES)
            changed = {1: machine(name, settled("other", on("GO", "other")))}
            versions = {**self.registry.versions, name: {**self.registry.versions[name], **changed}}
            self.registry = Registry(machines=self.registry.machines, versions=versions, files={})

    def calm_down(self) -> None:
        """Deploy all that was ever deployed, whole."""
        self.release += 1
        self.registry = _release(second=self._second)

    def operate(self) -> bool:
        """Do what operators would: mend what can be mended, skip the rest. False when there is nothing to do."""
        acted = False
        for group, instance in list(self.witness.stored.items()):
            if instance.paused:
                self.system.control(group, "resume")
                acted = True
            if instance.blocked is not None:
                self._mend(group, instance.blocked.event_id, self.witness.oldest_held(instance))
                acted = True
        return acted

    def _mend(self, group: str, event_id: str, event: Sent) -> None:
        """Have the event that blocks an instance changed, tried again, or given up."""
        self.mended.add(event.n)
        if (group, event.n) in self._retried:
            self.system.control(group, "skip", event_id=event_id, schema_version=3)
        elif event.n % 3 or event.is_creation:
            self.system.control(group, "retry")
        else:
            self.system.edit(group, event_id, (event.type, event.data), ("GO", {**event.data, "edited": True}))
        self._retried.add((group, event.n))

    # Services --------------------------------------------------------------------------------------------------------

    def serve(self, machine_id: str, call: ServiceCall) -> dict[str, Any]:
        group, n = f"{machine_id}/{call.instance}", call.event.data.get("n", -1)
        times = sum(each.key == call.key for each in self.witness.calls[group])
        self.witness.called(self.scheduler.process, group, call)
        self.dawdle(longest=SERVICE_SECONDS - 1)
        if call.invoke in {"hard", "doom"}:
            raise ServiceError("broken", "for good")
        if call.invoke in {"flaky", "py"} and (times < failures(n) or failures(n) == ATTEMPTS):
            if not self.calm and self.random.random() < HANG_CHANCE:
                self.hang(SERVICE_SECONDS)
            raise OSError("down")
        self.witness.answered(self.scheduler.process, group, call)
        return {"n": n, "items": ["one"]}


def _release(*, second: bool) -> Registry:
    numbers = (1, 2) if second else (1,)
    return register([_definitions()[name, number] for name in MACHINES for number in numbers])


@cache
def _definitions() -> dict[tuple[str, int], Definition]:
    return {(name, version): make_machine(name, STAGE, version) for name in MACHINES for version in (1, 2)}
