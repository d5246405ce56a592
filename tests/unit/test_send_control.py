"""Sending control messages."""

import pytest

from settle.core.permission import Principal
from settle.runtime.create_instance import put_instance
from settle.runtime.envelope import ControlAction, ControlEnvelope
from settle.runtime.instance import InstanceKey
from settle.runtime.outgoing import Caller
from settle.runtime.send_control import send_control
from tests.support.api_gateway import ApiGateway
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))
KEY = InstanceKey("lamp", "l1")


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(LAMP)


@pytest.mark.parametrize("action", [ControlAction.PAUSE, ControlAction.RESUME])
def test_control_goes_through_the_group(api: ApiGateway, action: ControlAction) -> None:
    put_instance(api.ports, KEY, Caller(), {})
    send_control(api.ports, KEY, Caller(principal=Principal(name="ana")), action)
    ((deduplication_id, envelope),) = api.sent()
    assert isinstance(envelope, ControlEnvelope)
    assert (envelope.action, envelope.id, envelope.principal) == (action, deduplication_id, "ana")
