"""What the AWS adapters ask for, held against the models of the services that botocore carries.

The adapters run against moto, which takes more than AWS does. The models tell names, types, sizes, patterns and
enumerations; what they do not tell stands in the notes of the adapters. A changed interface shows here first, when
botocore is updated.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ServiceModel, Shape

from settle.adapters.aws_resources import Resources, create_resources
from settle.adapters.dynamodb_store import DynamoDBInstanceStore
from settle.adapters.eventbridge_scheduler import EventBridgeScheduler
from settle.adapters.sqs_queue import SqsDeadLetterQueue, SqsEventQueue, SqsPolledQueue
from settle.adapters.sqs_standard_queue import SqsStandardQueue
from settle.runtime.limits import MAX_DELAY_SECONDS, MAX_GROUP_LENGTH, MAX_MESSAGE_BYTES, MAX_SCHEDULE_NAME
from settle.runtime.ports import ABSENT, Expected
from tests.support.aws_requests import Recorder, Request
from tests.support.instances import KEY, NOW, make_entry, make_held, make_instance
from tests.support.queues import START, MotoClients, moto_clients
from tests.support.schedulers import ROLE_ARN

ADAPTERS = Path(__file__).parents[2] / "settle" / "adapters"
PREFIX = "settle-dev"
LONGEST_NAME = "aZ09-_.".ljust(MAX_SCHEDULE_NAME, "x")
LONGEST_ID = "aZ09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".ljust(MAX_GROUP_LENGTH, "x")
LARGEST_BODY = "\u00f6" * (MAX_MESSAGE_BYTES // 2)
SERVICES = ("dynamodb", "scheduler", "sqs")


def model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


# ---- everything that the adapters ask for, at the limits of what they take


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with moto_clients() as clients:
        for client in (clients.sqs, clients.dynamodb, clients.scheduler):
            recorder.watch(client)
        made = create_resources(
            clients.dynamodb, clients.sqs, prefix=PREFIX, visibility_timeout=180, scheduler=clients.scheduler
        )
        use_event_queue(clients, made)
        use_standard_queues(clients, made)
        use_scheduler(clients, made)
        use_store(clients, made)
        yield recorder


def use_event_queue(clients: MotoClients, made: Resources) -> None:
    queue = SqsEventQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn)
    polled = SqsPolledQueue(clients.sqs, queue_url=made.queue_url, arn=made.queue_arn, long_poll_seconds=0)
    queue.send(group="g", deduplication_id="id", body="b")
    queue.send(group=LONGEST_ID, deduplication_id=LONGEST_ID, body=LARGEST_BODY)
    received = polled.receive(max_messages=10, visibility_timeout=60.5)
    queue.delay([received[0].receipt_handle], 0.5)
    queue.acknowledge([message.receipt_handle for message in received])
    SqsDeadLetterQueue(clients.sqs, queue_url=made.dead_letter_queue_url).bury(
        group=LONGEST_ID, deduplication_id=LONGEST_ID, body=LARGEST_BODY, reason="no \u00f6dd reason"
    )


def use_standard_queues(clients: MotoClients, made: Resources) -> None:
    timers = SqsStandardQueue(clients.sqs, queue_url=made.timers_queue_url, arn=made.timers_queue_arn)
    tasks = SqsStandardQueue(clients.sqs, queue_url=made.tasks_queue_url, arn=made.tasks_queue_arn)
    polled = SqsPolledQueue(clients.sqs, queue_url=made.tasks_queue_url, arn=tasks.arn, long_poll_seconds=0)
    for delay in (0, 1, MAX_DELAY_SECONDS):
        timers.send(body=LARGEST_BODY, delay=delay)
    tasks.send(body="b")
    (received,) = polled.receive(max_messages=1, visibility_timeout=60)
    tasks.postpone(received.receipt_handle, 30)
    polled.delete([received.receipt_handle])


def use_scheduler(clients: MotoClients, made: Resources) -> None:
    for dead_letter_arn in ("", made.tasks_dead_letter_queue_arn):
        scheduler = EventBridgeScheduler(
            clients.scheduler,
            group=made.schedule_group,
            role_arn=ROLE_ARN,
            target_arn=made.timers_queue_arn,
            dead_letter_arn=dead_letter_arn,
        )
        for name in ("t", LONGEST_NAME):
            scheduler.schedule(name=name, at=START + 0.5, body=LARGEST_BODY)
            scheduler.cancel(name)


def use_store(clients: MotoClients, made: Resources) -> None:
    store = DynamoDBInstanceStore(clients.dynamodb, made.table_name)
    first = make_instance()
    expected = Expected(incarnation=first.incarnation, revision=first.revision)
    store.commit(first, ABSENT)
    store.commit(replace(first, revision=2), expected, hold=[make_held(1)])
    store.commit(replace(first, revision=3), replace(expected, revision=2), release=[1])
    store.load(KEY)
    store.load_held(KEY, 1, 10)
    store.accept(KEY, make_entry("a"), NOW)
    store.finish(KEY, make_entry("b", finished=True))
    store.find_entries(KEY, ["a"], NOW)
    store.find_entries(KEY, ["a", "b"], NOW)
    store.purge(KEY, until=NOW + 10**9, version=10**9)


def test_every_request_is_what_the_model_of_its_service_takes(recorder: Recorder) -> None:
    assert [breach for request in recorder.requests for breach in request.breaches()] == []


def test_no_operation_that_an_adapter_calls_was_left_out(recorder: Recorder) -> None:
    source = "".join(path.read_text() for path in ADAPTERS.glob("*.py"))
    known = {xform_name(name) for service in SERVICES for name in model(service).operation_names}
    assert known & set(re.findall(r"\.([a-z_]+)\(", source)) == {xform_name(each.name) for each in recorder.requests}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"Name": "a/b"}, "CreateSchedule.Name is 'a/b'"),
        ({"Name": "x" * 65}, "CreateSchedule.Name has 65"),
        ({"ActionAfterCompletion": "REMOVE"}, "CreateSchedule.ActionAfterCompletion is 'REMOVE'"),
        ({"FlexibleTimeWindow": {"Mode": "MAYBE"}}, "CreateSchedule.FlexibleTimeWindow.Mode is 'MAYBE'"),
        ({"Target": {"Arn": "a"}}, 'Missing required parameter in Target: "RoleArn"'),
        ({"Unknown": 1}, 'Unknown parameter in input: "Unknown"'),
    ],
)
def test_the_check_would_find_a_mistake(recorder: Recorder, wrong: dict[str, Any], told: str) -> None:
    good = recorder.named("CreateSchedule")[0]
    (breach,) = replace(good, parameters=good.parameters | wrong).breaches()
    assert told in breach


# ---- EventBridge Scheduler


@pytest.fixture(scope="module")
def scheduler_model() -> ServiceModel:
    return model("scheduler")


@pytest.fixture(scope="module")
def create_schedule(scheduler_model: ServiceModel) -> Shape:
    return scheduler_model.operation_model("CreateSchedule").input_shape


def test_a_schedule_needs_nothing_that_we_do_not_give(recorder: Recorder, create_schedule: Shape) -> None:
    needed = {"Name", "ScheduleExpression", "FlexibleTimeWindow", "Target"}
    assert set(create_schedule.required_members) == needed
    assert create_schedule.members["Target"].required_members == ["Arn", "RoleArn"]
    for request in recorder.named("CreateSchedule"):
        assert needed <= set(request.parameters)


def test_our_limit_of_a_schedule_name_is_that_of_the_model(create_schedule: Shape) -> None:
    name = create_schedule.members["Name"].metadata
    assert (name["min"], name["max"], name["pattern"]) == (1, MAX_SCHEDULE_NAME, "[0-9a-zA-Z-_.]+")


def test_a_group_takes_the_same_names(create_schedule: Shape) -> None:
    group = create_schedule.members["GroupName"].metadata
    assert (group["min"], group["max"], group["pattern"]) == (1, MAX_SCHEDULE_NAME, "[0-9a-zA-Z-_.]+")


def test_a_schedule_fires_once_at_a_second_in_utc_and_is_deleted(recorder: Recorder, create_schedule: Shape) -> None:
    expression = create_schedule.members["ScheduleExpression"]
    assert "at(yyyy-mm-ddThh:mm:ss)" in expression.documentation
    assert len("at(yyyy-mm-ddThh:mm:ss)") <= expression.metadata["max"]
    assert create_schedule.members["ScheduleExpressionTimezone"].metadata["max"] >= len("UTC")
    assert "OFF" in create_schedule.members["FlexibleTimeWindow"].members["Mode"].enum
    assert "DELETE" in create_schedule.members["ActionAfterCompletion"].enum
    for request in recorder.named("CreateSchedule"):
        parameters = request.parameters
        assert re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", parameters["ScheduleExpression"])
        assert parameters["ScheduleExpressionTimezone"] == "UTC"
        assert parameters["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert parameters["ActionAfterCompletion"] == "DELETE"
        assert not {"StartDate", "EndDate", "State"} & set(parameters)


def test_a_schedule_is_tried_as_long_and_as_often_as_the_model_allows(
    recorder: Recorder, scheduler_model: ServiceModel
) -> None:
    policy = scheduler_model.shape_for("RetryPolicy").members
    most = {name: shape.metadata["max"] for name, shape in policy.items()}
    for request in recorder.named("CreateSchedule"):
        assert request.parameters["Target"]["RetryPolicy"] == most


def test_the_target_of_a_schedule_is_a_standard_queue(recorder: Recorder, create_schedule: Shape) -> None:
    # All that can be said of a FIFO queue is one group for all its messages: no deduplication id, so that the queue
    # would have to take equal bodies for one message.
    target = create_schedule.members["Target"]
    assert set(target.members["SqsParameters"].members) == {"MessageGroupId"}
    for request in recorder.named("CreateSchedule"):
        ours = request.parameters["Target"]
        assert "SqsParameters" not in ours
        assert not ours["Arn"].endswith(".fifo")
        assert not ours.get("DeadLetterConfig", {"Arn": ""})["Arn"].endswith(".fifo")


def test_the_largest_body_fits_a_schedule(create_schedule: Shape) -> None:
    told = create_schedule.members["Target"].members["Input"]
    assert "256 KB" in told.documentation
    assert told.metadata.get("max", MAX_MESSAGE_BYTES) >= MAX_MESSAGE_BYTES


def test_a_schedule_has_a_token_that_follows_from_its_name(recorder: Recorder, create_schedule: Shape) -> None:
    assert create_schedule.members["ClientToken"].metadata["idempotencyToken"]
    pairs = [
        (request.parameters["Name"], request.parameters["ClientToken"]) for request in recorder.named("CreateSchedule")
    ]
    # Each of two names was used twice.
    assert len(pairs) == 2 * len(set(pairs)) == 2 * len({token for _, token in pairs}) == 4


def test_the_errors_that_are_told_apart_are_in_the_model(scheduler_model: ServiceModel) -> None:
    def names(operation: str) -> set[str]:
        return {shape.name for shape in scheduler_model.operation_model(operation).error_shapes}

    assert {"ConflictException", "ResourceNotFoundException", "ValidationException"} <= names("CreateSchedule")
    assert {"ResourceNotFoundException", "ValidationException"} <= names("DeleteSchedule")


# ---- SQS


@pytest.fixture(scope="module")
def send_message() -> Shape:
    return model("sqs").operation_model("SendMessage").input_shape


def sends(recorder: Recorder, *, fifo: bool) -> list[Request]:
    found = [
        request for request in recorder.named("SendMessage") if request.parameters["QueueUrl"].endswith(".fifo") is fifo
    ]
    assert found
    return found


def test_a_message_can_have_a_delay_a_group_and_a_deduplication_id(send_message: Shape) -> None:
    assert {"DelaySeconds", "MessageGroupId", "MessageDeduplicationId"} <= set(send_message.members)
    assert send_message.required_members == ["QueueUrl", "MessageBody"]
    assert send_message.members["DelaySeconds"].type_name == "integer"


def test_our_limit_of_a_delay_is_that_of_the_service(send_message: Shape) -> None:
    told = send_message.members["DelaySeconds"].documentation
    assert f"Valid values: 0 to {MAX_DELAY_SECONDS}." in told
    assert "can't set <code>DelaySeconds</code> per message" in told  # of FIFO queues


def test_every_message_of_a_fifo_queue_has_a_group_and_a_deduplication_id_and_no_delay(recorder: Recorder) -> None:
    for request in sends(recorder, fifo=True):
        assert {"MessageGroupId", "MessageDeduplicationId"} <= set(request.parameters)
        assert "DelaySeconds" not in request.parameters


def test_every_message_of_a_standard_queue_has_a_delay_and_neither_group_nor_deduplication_id(
    recorder: Recorder,
) -> None:
    delays = {request.parameters["DelaySeconds"] for request in sends(recorder, fifo=False)}
    assert delays == {0, 1, MAX_DELAY_SECONDS}
    for request in sends(recorder, fifo=False):
        assert not {"MessageGroupId", "MessageDeduplicationId"} & set(request.parameters)


def test_only_fifo_queues_have_attributes_of_fifo_queues(recorder: Recorder) -> None:
    for request in recorder.named("CreateQueue"):
        fifo = request.parameters["QueueName"].endswith(".fifo")
        attributes = set(request.parameters["Attributes"])
        of_fifo = {"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}
        assert of_fifo & attributes == (of_fifo if fifo else set())
