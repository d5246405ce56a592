"""SQS of the guarded moto: what the contract of the queues does not ask."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import moto.sqs.models
import pytest
from botocore.exceptions import ClientError

from settle.adapters.aws_resources import QUEUE_ATTRIBUTES
from tests.support.queues import MotoClients, moto_clients

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(scope="module")
def clients() -> Iterator[MotoClients]:
    with moto_clients() as made:
        yield made


@pytest.fixture
def fifo(clients: MotoClients, request: pytest.FixtureRequest) -> str:
    return make_queue(clients.sqs, request)


def make_queue(sqs: "SQSClient", request: pytest.FixtureRequest, suffix: str = ".fifo", **attributes: str) -> str:
    name = f"q{abs(hash(request.node.nodeid)) % 10**12}{suffix}"
    chosen: dict[Any, str] = {**(QUEUE_ATTRIBUTES if suffix else {}), **attributes}
    return sqs.create_queue(QueueName=name, Attributes=chosen)["QueueUrl"]


def send(sqs: "SQSClient", url: str, *bodies: str, group: str = "g") -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)


def receive(sqs: "SQSClient", url: str, count: int = 10, **options: Any) -> list[Any]:
    return [*sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, **options).get("Messages", [])]


def codes(answer: Any) -> dict[str, str]:
    return {entry["Id"]: entry["Code"] for entry in answer.get("Failed", ())}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


# ---- waiting


@pytest.mark.parametrize("suffix", [".fifo", ""])
def test_a_waiting_receive_holds_up_nobody_and_wakes_on_arrival(
    clients: MotoClients, request: pytest.FixtureRequest, suffix: str
) -> None:
    url = make_queue(clients.sqs, request, suffix)
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(receive, clients.sqs, url, WaitTimeSeconds=20)
        if suffix:
            send(clients.sqs, url, "p0")
        else:
            clients.sqs.send_message(QueueUrl=url, MessageBody="p0")
        assert [message["Body"] for message in waiting.result()] == ["p0"]
        assert time.monotonic() - began < 5


def test_a_receive_waits_as_long_as_it_was_told(clients: MotoClients, fifo: str) -> None:
    began = time.monotonic()
    assert receive(clients.sqs, fifo, WaitTimeSeconds=1) == []
    assert time.monotonic() - began >= 1


# ---- senders


@pytest.mark.parametrize("suffix", [".fifo", ""])
def test_the_sender_is_who_signed_the_request(
    clients: MotoClients, request: pytest.FixtureRequest, suffix: str
) -> None:
    url = make_queue(clients.sqs, request, suffix)
    names = ["consumer", "AKIAIOSFODNN7EXAMPLE"]
    for name in names:
        client: SQSClient = boto3.client(
            "sqs",
            region_name="eu-central-1",
            aws_access_key_id=name,
            aws_secret_access_key="none",  # noqa: S106 - moto asks for none
        )
        for number, call in enumerate((client.send_message, one_by_batch(client))):
            options = {"MessageGroupId": name, "MessageDeduplicationId": str(number)} if suffix else {}
            call(QueueUrl=url, MessageBody=name, **options)
    received = receive(clients.sqs, url, MessageSystemAttributeNames=["SenderId"])
    assert sorted(message["Body"] for message in received) == sorted(2 * names)
    assert all(message["Attributes"] == {"SenderId": message["Body"]} for message in received)


def one_by_batch(client: "SQSClient") -> Callable[..., object]:
    def call(QueueUrl: str, **entry: Any) -> object:  # noqa: N803 - as boto3 has it
        return client.send_message_batch(QueueUrl=QueueUrl, Entries=[{"Id": "1", **entry}])  # type: ignore[typeddict-item]

    return call


# ---- answers of SQS that the adapters do not show


def test_an_expired_handle_and_nonsense_are_refused_by_code(clients: MotoClients, fifo: str) -> None:
    sqs = clients.sqs
    send(sqs, fifo, "p0")
    stale = receive(sqs, fifo)[0]["ReceiptHandle"]
    clients.clock.sleep(31)
    for call in (
        lambda handle: sqs.delete_message(QueueUrl=fifo, ReceiptHandle=handle),
        lambda handle: sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=handle, VisibilityTimeout=1),
    ):
        assert refusal(lambda call=call: call(stale)) == "InvalidParameterValue"  # type: ignore[misc]
        assert refusal(lambda call=call: call("nonsense")) == "ReceiptHandleIsInvalid"  # type: ignore[misc]


def test_a_batch_answers_for_each_entry(clients: MotoClients, fifo: str) -> None:
    sqs = clients.sqs
    send(sqs, fifo, "p0", "p1")
    good, other = (message["ReceiptHandle"] for message in receive(sqs, fifo))
    changed = sqs.change_message_visibility_batch(
        QueueUrl=fifo,
        Entries=[
            {"Id": "a", "ReceiptHandle": other, "VisibilityTimeout": 60},
            {"Id": "b", "ReceiptHandle": "nonsense", "VisibilityTimeout": 60},
        ],
    )
    assert ([entry["Id"] for entry in changed["Successful"]], codes(changed)) == (
        ["a"],
        {"b": "ReceiptHandleIsInvalid"},
    )
    clients.clock.sleep(31)
    deleted = sqs.delete_message_batch(
        QueueUrl=fifo, Entries=[{"Id": "a", "ReceiptHandle": good}, {"Id": "b", "ReceiptHandle": other}]
    )
    assert ([entry["Id"] for entry in deleted["Successful"]], codes(deleted)) == (["b"], {"a": "InvalidParameterValue"})


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"MessageGroupId": "a b"}, "InvalidParameterValue"),
        ({"MessageDeduplicationId": "x" * 129}, "InvalidParameterValue"),
        ({"MessageBody": "\x01"}, "InvalidMessageContents"),
        ({"MessageBody": ""}, "MissingParameter"),
        ({"MessageBody": "\u00f6" * (512 * 1024) + "x"}, "InvalidParameterValue"),
        ({"DelaySeconds": 1}, "InvalidParameterValue"),
    ],
)
def test_what_sqs_refuses_is_refused(clients: MotoClients, fifo: str, wrong: dict[str, Any], code: str) -> None:
    options = {"MessageBody": "p0", "MessageGroupId": "g", "MessageDeduplicationId": "id", **wrong}
    assert refusal(lambda: clients.sqs.send_message(QueueUrl=fifo, **options)) == code


@pytest.mark.parametrize(
    ("missing", "code"), [("MessageGroupId", "MissingParameter"), ("MessageDeduplicationId", "InvalidParameterValue")]
)
def test_an_id_that_is_missing_is_refused(clients: MotoClients, fifo: str, missing: str, code: str) -> None:
    options = {"MessageBody": "p0", "MessageGroupId": "g", "MessageDeduplicationId": "id"}
    del options[missing]
    assert refusal(lambda: clients.sqs.send_message(QueueUrl=fifo, **options)) == code  # type: ignore[arg-type]


def test_a_queue_may_deduplicate_by_content_and_across_groups(
    clients: MotoClients, request: pytest.FixtureRequest
) -> None:
    url = make_queue(
        clients.sqs,
        request,
        ContentBasedDeduplication="true",
        DeduplicationScope="queue",
        FifoThroughputLimit="perQueue",
    )
    for body, group in (("same", "a"), ("same", "b"), ("other", "b")):
        clients.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    assert [message["Body"] for message in receive(clients.sqs, url)] == ["same", "other"]


def test_attributes_count_what_is_visible_and_in_flight(clients: MotoClients, fifo: str) -> None:
    send(clients.sqs, fifo, "p0", "p1", "p2")
    receive(clients.sqs, fifo, 2)
    attributes = clients.sqs.get_queue_attributes(QueueUrl=fifo, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "2"
    assert attributes["FifoQueue"] == "true"
    one = clients.sqs.get_queue_attributes(QueueUrl=fifo, AttributeNames=["ApproximateNumberOfMessages"])
    assert one["Attributes"] == {"ApproximateNumberOfMessages": "1"}


def test_deleting_again_succeeds_while_the_handle_is_remembered(
    clients: MotoClients, fifo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settle.local.moto_fifo.MAX_REMEMBERED_HANDLES", 1)
    send(clients.sqs, fifo, "p0", "p1")
    first, second = (message["ReceiptHandle"] for message in receive(clients.sqs, fifo))
    for handle in (first, first, second, second):
        clients.sqs.delete_message(QueueUrl=fifo, ReceiptHandle=handle)
    assert refusal(lambda: clients.sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first)) == "ReceiptHandleIsInvalid"


def test_creating_a_queue_again_answers_with_the_same_one(clients: MotoClients, fifo: str) -> None:
    name = fifo.rsplit("/", 1)[1]
    assert clients.sqs.create_queue(QueueName=name, Attributes=QUEUE_ATTRIBUTES)["QueueUrl"] == fifo
    other: Any = {**QUEUE_ATTRIBUTES, "MaximumMessageSize": "2048"}
    with pytest.raises(clients.sqs.exceptions.ClientError, match="already exists"):
        clients.sqs.create_queue(QueueName=name, Attributes=other)


def test_a_purged_queue_is_empty(clients: MotoClients, fifo: str) -> None:
    send(clients.sqs, fifo, "p0")
    clients.sqs.purge_queue(QueueUrl=fifo)
    send(clients.sqs, fifo, "p1")
    assert [message["Body"] for message in receive(clients.sqs, fifo)] == ["p1"]


def test_messages_end_with_the_retention_of_the_queue(clients: MotoClients, fifo: str) -> None:
    send(clients.sqs, fifo, "p0")
    clients.clock.sleep(7 * 24 * 3600)
    send(clients.sqs, fifo, "p1")
    clients.clock.sleep(7 * 24 * 3600)
    assert [message["Body"] for message in receive(clients.sqs, fifo)] == ["p1"]


def test_a_delay_of_the_queue_holds_back_every_message(clients: MotoClients, request: pytest.FixtureRequest) -> None:
    url = make_queue(clients.sqs, request, DelaySeconds="10")
    send(clients.sqs, url, "p0")
    assert receive(clients.sqs, url) == []
    clients.clock.sleep(11)
    assert [message["Body"] for message in receive(clients.sqs, url)] == ["p0"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [([], set()), (["All"], {"reason", "trace.id"}), (["reason"], {"reason"}), (["trace.*"], {"trace.id"})],
)
def test_message_attributes_come_when_asked_for(
    clients: MotoClients, fifo: str, asked: list[str], given: set[str]
) -> None:
    attribute: Any = {"DataType": "String", "StringValue": "x"}
    clients.sqs.send_message(
        QueueUrl=fifo,
        MessageBody="p0",
        MessageGroupId="g",
        MessageDeduplicationId="id",
        MessageAttributes={"reason": attribute, "trace.id": attribute},
    )
    (message,) = receive(clients.sqs, fifo, MessageAttributeNames=asked)
    assert set(message.get("MessageAttributes", {})) == given


def test_a_standard_queue_works_as_before(clients: MotoClients, request: pytest.FixtureRequest) -> None:
    sqs, url = clients.sqs, make_queue(clients.sqs, request, "")
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=5 if body == "b" else 0)
    (first,) = receive(sqs, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=600)
    clients.clock.sleep(31)
    (second,) = receive(sqs, url)
    assert (first["Body"], second["Body"]) == ("a", "b")
    for message in (first, second):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    clients.clock.sleep(600)
    assert receive(sqs, url) == []


@pytest.mark.parametrize("suffix", [".fifo", ""])
def test_no_event_source_mapping_takes_messages(
    clients: MotoClients, request: pytest.FixtureRequest, suffix: str
) -> None:
    url = make_queue(clients.sqs, request, suffix)
    queue = moto.sqs.models.sqs_backends["123456789012"]["eu-central-1"].get_queue(url.rsplit("/", 1)[1])
    queue.lambda_event_source_mappings["arn"] = None  # type: ignore[assignment]
    options: dict[str, Any] = {"MessageGroupId": "g", "MessageDeduplicationId": "id"} if suffix else {}
    clients.sqs.send_message(QueueUrl=url, MessageBody="p0", **options)
    assert [message["Body"] for message in receive(clients.sqs, url)] == ["p0"]


def test_a_backlog_does_not_slow_down_sends(clients: MotoClients, fifo: str) -> None:
    def batch(number: int) -> float:
        entries: Any = [
            {"Id": str(i), "MessageBody": "x", "MessageGroupId": f"g{i}", "MessageDeduplicationId": f"{number}-{i}"}
            for i in range(10)
        ]
        began = time.perf_counter()
        clients.sqs.send_message_batch(QueueUrl=fifo, Entries=entries)
        return time.perf_counter() - began

    times = [batch(number) for number in range(60)]
    # Unguarded, the last ones take about twenty times as long as the first ones.
    assert min(times[-10:]) < 4 * min(times[:10])
