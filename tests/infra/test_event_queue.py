import pytest

from infra.event_queue import MAX_MESSAGE_BYTES
from tests.infra.synthesized import Synthesized

QUEUES = ("-events.fifo", "-dead-letters.fifo")


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_high_throughput_fifo(stack: Synthesized, name: str) -> None:
    properties = stack.queue(name)["Properties"]
    assert properties["FifoQueue"] is True
    # One of the two alone passes every validator and leaves the queue at 300 calls a second.
    assert properties["DeduplicationScope"] == "messageGroup"
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"


@pytest.mark.parametrize("name", QUEUES)
def test_a_message_without_deduplication_id_is_an_error(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["ContentBasedDeduplication"] is False


@pytest.mark.parametrize("name", QUEUES)
def test_messages_are_kept_for_fourteen_days(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_encrypted_at_rest_and_on_the_way(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["SqsManagedSseEnabled"] is True
    policies = [policy["Properties"] for policy in stack.of_type("AWS::SQS::QueuePolicy").values()]
    queue_url = stack.resolve({"Ref": logical_id(stack, name)})
    statements = [
        statement
        for policy in policies
        if queue_url in [stack.resolve(queue) for queue in policy["Queues"]]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (deny,) = (s for s in statements if s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}})
    assert deny["Effect"] == "Deny"


def test_queue_names_carry_the_stage(dev: Synthesized, prod: Synthesized) -> None:
    for stage, stack in (("dev", dev), ("prod", prod)):
        names = {queue["Properties"]["QueueName"] for queue in stack.of_type("AWS::SQS::Queue").values()}
        assert names == {f"settle-{stage}{name}" for name in QUEUES}


def test_an_outage_does_not_redrive(stack: Synthesized) -> None:
    redrive = stack.queue("-events.fifo")["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 1000
    target = stack.template["Resources"][redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]
    assert target == stack.queue("-dead-letters.fifo")


def test_every_queue_has_a_dead_letter_queue_or_is_one(stack: Synthesized) -> None:
    without = [q for q in stack.of_type("AWS::SQS::Queue").values() if "RedrivePolicy" not in q["Properties"]]
    assert without == [stack.queue("-dead-letters.fifo")]


def test_visibility_timeout_is_six_times_the_consumer_timeout(stack: Synthesized) -> None:
    visibility = stack.queue("-events.fifo")["Properties"]["VisibilityTimeout"]
    assert visibility >= 6 * stack.function("consumer")["Properties"]["Timeout"]


def test_an_event_too_large_to_be_held_is_refused_and_a_buried_one_fits_with_its_reason(stack: Synthesized) -> None:
    assert stack.queue("-events.fifo")["Properties"]["MaximumMessageSize"] == MAX_MESSAGE_BYTES == 262144
    assert "MaximumMessageSize" not in stack.queue("-dead-letters.fifo")["Properties"]


@pytest.mark.parametrize("name", QUEUES)
def test_accepted_events_outlive_the_production_stack_only(dev: Synthesized, prod: Synthesized, name: str) -> None:
    assert dev.queue(name)["DeletionPolicy"] == "Delete"
    # Except on create: a kept queue would hold its explicit name against the next attempt.
    assert prod.queue(name)["DeletionPolicy"] == "RetainExceptOnCreate"
    assert prod.queue(name)["UpdateReplacePolicy"] == "Retain"


def logical_id(stack: Synthesized, name: str) -> str:
    queue = stack.queue(name)
    return next(found for found, resource in stack.of_type("AWS::SQS::Queue").items() if resource == queue)
