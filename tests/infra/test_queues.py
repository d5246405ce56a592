"""What holds for each queue, of either kind."""

import pytest

from infra.queues import MAX_MESSAGE_BYTES
from tests.infra.synthesized import Synthesized

QUEUES = {
    "-events.fifo": "-dead-letters.fifo",
    "-timers": "-timers-dead-letters",
    "-tasks": "-tasks-dead-letters",
}
ALL = (*QUEUES, *QUEUES.values())
FUNCTIONS = ("consumer", "worker")


def test_queue_names_carry_the_stage(dev: Synthesized, staging: Synthesized, prod: Synthesized) -> None:
    for stage, stack in (("dev", dev), ("staging", staging), ("prod", prod)):
        names = {queue["Properties"]["QueueName"] for queue in stack.of_type("AWS::SQS::Queue").values()}
        assert names == {f"settle-{stage}{name}" for name in ALL}


@pytest.mark.parametrize("name", ALL)
def test_messages_are_kept_for_fourteen_days(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize("name", ALL)
def test_queues_are_encrypted_at_rest_and_on_the_way(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["SqsManagedSseEnabled"] is True
    policies = [policy["Properties"] for policy in stack.of_type("AWS::SQS::QueuePolicy").values()]
    statements = [
        statement
        for policy in policies
        if stack.url(name) in [stack.resolve(queue) for queue in policy["Queues"]]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (deny,) = (s for s in statements if s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}})
    assert deny["Effect"] == "Deny"


@pytest.mark.parametrize(("name", "dead_letters"), QUEUES.items())
def test_dead_letters_go_to_a_queue_of_the_same_kind(stack: Synthesized, name: str, dead_letters: str) -> None:
    queue, target = stack.queue(name)["Properties"], stack.queue(dead_letters)["Properties"]
    assert stack.resolve(queue["RedrivePolicy"]["deadLetterTargetArn"]) == stack.arn(dead_letters)
    assert queue.get("FifoQueue") == target.get("FifoQueue")


@pytest.mark.parametrize("name", QUEUES)
def test_the_runtime_gives_up_long_before_the_queue_does(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 1000


@pytest.mark.parametrize("name", QUEUES.values())
def test_no_dead_letter_is_redriven_further(stack: Synthesized, name: str) -> None:
    assert "RedrivePolicy" not in stack.queue(name)["Properties"]


@pytest.mark.parametrize("name", [name for name in ALL if name != "-dead-letters.fifo"])
def test_what_cannot_become_an_event_is_refused(stack: Synthesized, name: str) -> None:
    assert stack.queue(name)["Properties"]["MaximumMessageSize"] == MAX_MESSAGE_BYTES == 262144


def test_a_buried_message_fits_with_its_reason(stack: Synthesized) -> None:
    assert "MaximumMessageSize" not in stack.queue("-dead-letters.fifo")["Properties"]


@pytest.mark.parametrize("name", ["-timers", "-tasks"])
def test_a_message_waits_by_a_delay_of_its_own_only(stack: Synthesized, name: str) -> None:
    properties = stack.queue(name)["Properties"]
    assert "FifoQueue" not in properties
    assert "DelaySeconds" not in properties


@pytest.mark.parametrize("function", FUNCTIONS)
def test_visibility_timeouts_are_six_times_the_timeout_of_the_function(stack: Synthesized, function: str) -> None:
    least = 6 * stack.function(function)["Properties"]["Timeout"]
    fed = [name for name in ALL if stack.arn(name) in stack.mappings(function)]
    assert len(fed) == len(stack.mappings(function))
    for name in fed:
        assert least <= stack.queue(name)["Properties"]["VisibilityTimeout"] <= 12 * 60 * 60


@pytest.mark.parametrize("name", ALL)
def test_accepted_work_outlives_the_production_stack_only(dev: Synthesized, prod: Synthesized, name: str) -> None:
    assert dev.queue(name)["DeletionPolicy"] == "Delete"
    # Except on create: a kept queue would hold its explicit name against the next attempt.
    assert prod.queue(name)["DeletionPolicy"] == "RetainExceptOnCreate"
    assert prod.queue(name)["UpdateReplacePolicy"] == "Retain"
