"""Submitting events: what is sent, under which ids, and what interleavings it survives."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from settle.runtime.check_events import ClientEvent
from settle.runtime.envelope import EventsEnvelope
from settle.runtime.errors import KeyReusedError, QueueUnavailableError
from settle.runtime.ids import hash_request, keyed_event_ids
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.outgoing import Caller
from settle.runtime.submit_events import EventsRequest, post_events
from tests.support.api_gateway import ApiGateway, Broken
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))
KEY = InstanceKey("lamp", "l1")
SWITCH = ClientEvent(type="SWITCH", data={})


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(LAMP)


def request(key: str = "", **fields: Any) -> EventsRequest:
    return EventsRequest(key=KEY, caller=Caller(), events=[SWITCH], idempotency_key=key, **fields)


def test_an_event_carries_an_id_that_is_new(api: ApiGateway) -> None:
    post_events(api.ports, request())
    post_events(api.ports, request())
    (first, envelope), (second, _) = api.sent()
    assert first != second
    assert isinstance(envelope, EventsEnvelope)
    assert envelope.events[0].id == first
    assert (envelope.body_hash, envelope.accepted_at) == ("", api.clock.now())


def test_an_event_with_a_key_carries_the_id_that_follows_from_it(api: ApiGateway) -> None:
    post_events(api.ports, replace(request("k"), events=[SWITCH, SWITCH]))
    ((deduplication_id, envelope),) = api.sent()
    ids = keyed_event_ids("", "lamp/l1", "k", 2)
    assert [event.id for event in envelope.events] == ids
    assert deduplication_id == f"{ids[0]}-{math.ceil(api.system.clock.now()) + LEDGER_RETENTION_SECONDS}"
    assert envelope.body_hash == hash_request([{"type": "SWITCH", "data": {}}] * 2, None)


def test_a_key_whose_message_was_lost_is_sent_again(api: ApiGateway) -> None:
    queue = api.ports.queue
    with pytest.raises(QueueUnavailableError):
        post_events(replace(api.ports, queue=Broken(QueueUnavailableError("down"))), request("k"))
    assert api.sent() == []
    assert post_events(replace(api.ports, queue=queue), request("k")).replayed == ()
    assert len(api.sent()) == 1


def test_a_finished_request_is_not_sent_again(api: ApiGateway) -> None:
    post_events(api.ports, request("k"))
    api.system.pump()
    api.system.clock.sleep(400)
    (receipt,) = post_events(api.ports, request("k")).replayed
    assert (receipt.outcome, receipt.version) == ("applied", 2)
    assert api.sent() == []


class SlowStore:
    """A store in which somebody else accepts the key between our look and our own entry."""

    def __init__(self, ports: IngressPorts, body_hash: str) -> None:
        self._store, self._body_hash = ports.store, body_hash

    def find_entries(self, *args: Any) -> Mapping[str, LedgerEntry]:
        return self._store.find_entries(*args)

    def accept(self, key: InstanceKey, entry: LedgerEntry, now: float) -> LedgerEntry | None:
        self._store.accept(key, replace(entry, body_hash=self._body_hash), now)
        return self._store.accept(key, entry, now)

    def load(self, key: InstanceKey) -> Any:
        return self._store.load(key)


def test_a_race_for_a_key_has_one_winner(api: ApiGateway) -> None:
    store: Any = SlowStore(api.ports, "another")
    with pytest.raises(KeyReusedError):
        post_events(replace(api.ports, store=store), request("k", look_first=True))
    assert api.sent() == []
