"""Submitting: what is sent, under which ids, and what interleavings it survives."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from settle.runtime.envelope import ControlAction, ControlEnvelope, CreateEnvelope, EventsEnvelope, parse_envelope
from settle.runtime.errors import InstanceExistsError, KeyReusedError, QueueUnavailableError
from settle.runtime.ids import creation_id, hash_creation, hash_request, is_same_creation, keyed_event_ids
from settle.runtime.instance import InstanceKey
from settle.runtime.ledger import LedgerEntry
from settle.runtime.read_instance import Ports
from settle.runtime.submit_event import (
    Caller,
    ClientEvent,
    EventsRequest,
    control_instance,
    post_events,
    put_instance,
)
from tests.support.api_gateway import ApiGateway, Broken
from tests.support.charts import machine, on, settled

LAMP = machine("lamp", settled("off", on("SWITCH", "on")), settled("on", on("SWITCH", "off")))
KEY = InstanceKey("lamp", "l1")
SWITCH = ClientEvent(type="SWITCH", data={})


@pytest.fixture
def api() -> ApiGateway:
    return ApiGateway(LAMP)


def sent(api: ApiGateway) -> list[tuple[str, Any]]:
    received = api.system.polled.receive(max_messages=10, visibility_timeout=0)
    return [(message.attributes["MessageDeduplicationId"], parse_envelope(message.body)) for message in received]


def request(key: str = "", **fields: Any) -> EventsRequest:
    return EventsRequest(key=KEY, caller=Caller(), events=[SWITCH], idempotency_key=key, **fields)


def test_an_event_carries_an_id_that_is_new(api: ApiGateway) -> None:
    post_events(api.ports, request())
    post_events(api.ports, request())
    (first, envelope), (second, _) = sent(api)
    assert first != second
    assert isinstance(envelope, EventsEnvelope)
    assert envelope.events[0].id == first
    assert (envelope.body_hash, envelope.accepted_at) == ("", api.clock.now())


def test_an_event_with_a_key_carries_the_id_that_follows_from_it(api: ApiGateway) -> None:
    post_events(api.ports, replace(request("k"), events=[SWITCH, SWITCH]))
    ((deduplication_id, envelope),) = sent(api)
    ids = keyed_event_ids("", "lamp/l1", "k", 2)
    assert [event.id for event in envelope.events] == ids
    assert deduplication_id == ids[0]
    assert envelope.body_hash == hash_request([{"type": "SWITCH", "data": {}}] * 2, None)


def test_ids_of_keys_are_told_apart() -> None:
    requests = [("a", "b/c", "d"), ("a", "b/cd", ""), ("ab", "/c", "d"), ("", "ab/c", "d")]
    ids = [each for principal, group, key in requests for each in keyed_event_ids(principal, group, key, 10)]
    assert len(set(ids)) == 40
    assert all(len(each) == 32 for each in ids)


def test_the_hash_of_a_request_does_not_depend_on_the_order_of_fields() -> None:
    assert hash_request([{"a": 1, "b": 2}], None) == hash_request([{"b": 2, "a": 1}], None)
    assert hash_request([{"a": 1}], None) != hash_request([{"a": 1}], 1)


@pytest.mark.parametrize(
    ("stored", "asked", "same"),
    [
        (({}, None), ({}, None), True),
        (({"a": 1}, None), ({"a": 1}, None), True),
        (({"a": 1}, None), ({"a": 2}, None), False),
        (({"a": 1}, None), ({}, None), False),
        (({"a": 1}, {"type": "X"}), ({"a": 1}, None), True),
        (({"a": 1}, None), ({"a": 1}, {"type": "X"}), False),
        (({"a": 1}, {"type": "X"}), ({"a": 1}, {"type": "Y"}), False),
        (({}, {"type": "X"}), ({}, None), True),
    ],
)
def test_what_counts_as_the_same_creation(stored: Any, asked: Any, same: bool) -> None:
    assert is_same_creation(hash_creation(*stored), hash_creation(*asked)) is same


def test_a_key_whose_message_was_lost_is_sent_again(api: ApiGateway) -> None:
    queue = api.ports.queue
    with pytest.raises(QueueUnavailableError):
        post_events(replace(api.ports, queue=Broken(QueueUnavailableError("down"))), request("k"))
    assert sent(api) == []
    assert post_events(replace(api.ports, queue=queue), request("k")).replayed == ()
    assert len(sent(api)) == 1


def test_a_finished_request_is_not_sent_again(api: ApiGateway) -> None:
    post_events(api.ports, request("k"))
    api.system.pump()
    api.system.clock.sleep(400)
    (receipt,) = post_events(api.ports, request("k")).replayed
    assert (receipt.outcome, receipt.version) == ("applied", 2)
    assert sent(api) == []


class SlowStore:
    """A store in which somebody else accepts the key between our look and our own entry."""

    def __init__(self, ports: Ports, body_hash: str) -> None:
        self._store, self._body_hash = ports.store, body_hash

    def find_finished(self, *args: Any) -> Mapping[str, LedgerEntry]:
        return self._store.find_finished(*args)

    def accept(self, key: InstanceKey, entry: LedgerEntry, now: float) -> LedgerEntry | None:
        self._store.accept(key, replace(entry, body_hash=self._body_hash), now)
        return self._store.accept(key, entry, now)

    def load(self, key: InstanceKey) -> Any:
        return self._store.load(key)


def test_a_race_for_a_key_has_one_winner(api: ApiGateway) -> None:
    store: Any = SlowStore(api.ports, "another")
    with pytest.raises(KeyReusedError):
        post_events(replace(api.ports, store=store), request("k", look_first=True))
    assert sent(api) == []


def test_a_creation_is_the_same_message_until_the_instance_changes(api: ApiGateway) -> None:
    api.clock.while_asleep = lambda: None
    put_instance(api.ports, KEY, Caller(principal="ana"), {"a": 1}, SWITCH)
    put_instance(api.ports, KEY, Caller(principal="ana"), {"a": 1}, SWITCH)
    ((deduplication_id, envelope),) = sent(api)
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


@pytest.mark.parametrize("action", [ControlAction.PAUSE, ControlAction.RESUME])
def test_control_goes_through_the_group(api: ApiGateway, action: ControlAction) -> None:
    put_instance(api.ports, KEY, Caller(), {})
    control_instance(api.ports, KEY, Caller(principal="ana"), action)
    ((deduplication_id, envelope),) = sent(api)
    assert isinstance(envelope, ControlEnvelope)
    assert (envelope.action, envelope.id, envelope.principal) == (action, deduplication_id, "ana")
