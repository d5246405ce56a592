import pytest

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
