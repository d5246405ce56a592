"""Which instances there are, to their clients."""

from dataclasses import replace

import pytest

from settle.core.snapshot import Snapshot
from settle.runtime.errors import UnknownInstanceError
from settle.runtime.instance import HeldRange, Instance, InstanceKey
from settle.runtime.ports import ABSENT
from settle.runtime.read_instance import read_instance
from settle.runtime.receipt import Position
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))


def test_what_only_a_refused_creation_left_is_no_instance() -> None:
    api = ApiGateway(LAMP)
    snapshot = Snapshot(machine="lamp", machine_version=1, definition=LAMP.hash, configuration=(), context={})
    left = Instance(
        key=InstanceKey("lamp", "l1"),
        incarnation="i",
        revision=1,
        version=0,
        snapshot=snapshot,
        created_at=0.0,
        updated_at=0.0,
    )
    api.system.store.commit(left, ABSENT)
    with pytest.raises(UnknownInstanceError):
        read_instance(api.ports, left.key)
    held = HeldRange(first=1, next=2, floor=Position(90))
    other = replace(left, key=InstanceKey("lamp", "l2"), held=held)
    api.system.store.commit(other, ABSENT)
    assert read_instance(api.ports, other.key) == other
