"""Creating: a creation is one message however often it is asked for."""

import pytest

from settle.core.permission import Principal
from settle.runtime.check_events import ClientEvent
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import CreateEnvelope
from settle.runtime.errors import InstanceExistsError
from settle.runtime.ids import creation_id, hash_creation
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))
KEY = InstanceKey("lamp", "l1")
SWITCH = ClientEvent(type="SWITCH", data={})


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(LAMP)


def test_a_creation_is_the_same_message_until_the_instance_changes(api: ApiGateway) -> None:
    api.clock.while_asleep = lambda: None
    put_instance(api.ports, KEY, Caller(principal=Principal(name="ana")), {"a": 1}, SWITCH)
    put_instance(api.ports, KEY, Caller(principal=Principal(name="ana")), {"a": 1}, SWITCH)
    ((deduplication_id, envelope),) = api.sent()
    creation = hash_creation({"a": 1}, {"type": "SWITCH", "data": {}})
    assert deduplication_id == creation_id("lamp/l1", creation, 0) != creation_id("lamp/l1", creation, 1)
    assert isinstance(envelope, CreateEnvelope)
    assert (envelope.input, envelope.input_hash, envelope.principal) == ({"a": 1}, creation, "ana")
    assert envelope.event is not None
    assert envelope.event.id == f"{envelope.id}-1"


def test_a_creation_and_its_event_are_applied_once_however_often_it_is_asked_for(api: ApiGateway) -> None:
    api.clock.while_asleep = lambda: None
    for _ in range(3):
        put_instance(api.ports, KEY, Caller(), {}, SWITCH)
    api.system.pump()
    assert (api.system.state("lamp/l1"), api.system.instance("lamp/l1").version) == (("on",), 2)
    assert not put_instance(api.ports, KEY, Caller(), {}, SWITCH).is_new
    with pytest.raises(InstanceExistsError):
        put_instance(api.ports, KEY, Caller(), {"a": 1})
