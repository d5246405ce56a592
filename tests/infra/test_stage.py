import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from infra.stage import STAGES, FunctionSize, Stage
from infra.stage_context import read_stage
from infra.stage_error import StageError, StageInvalidError, UnknownStageError
from tests.infra.synthesized import Synthesized, synthesize

DEV = STAGES["dev"]


def read(context: Mapping[str, object]) -> Stage:
    def find(name: str) -> object:
        return context.get(name)

    return read_stage(find)


def test_the_command_line_adds_whom_to_tell_and_where_to_go() -> None:
    context = {
        "stage": "prod",
        "alarm_address": "ops@example.com",
        "account": "012345678901",
        "region": "us-gov-west-1",
    }
    stage = read(context)
    assert stage == replace(
        STAGES["prod"], alarm_address="ops@example.com", account="012345678901", region="us-gov-west-1"
    )


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_what_the_table_says_without_more(name: str) -> None:
    assert read({"stage": name}) == STAGES[name]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stage": "production"}, "unknown stage 'production'"),
        ({"stage": "dev", "alarm_address": "nobody"}, "alarm_address 'nobody' is not an e-mail address"),
        ({"stage": "dev", "alarm_address": "a@b.c, d@e.f"}, "is not an e-mail address"),
        # A variable that a script forgot to set must not take a subscription away.
        ({"stage": "dev", "alarm_address": ""}, "alarm_address '' has to be a string that is not empty"),
        # JSON read it as a number, and a leading zero is gone.
        ({"stage": "dev", "account": 12345678901}, "account 12345678901 has to be a string"),
        ({"stage": "dev", "account": "1234"}, "account '1234' is not twelve digits"),
        ({"stage": "dev", "region": "Ireland"}, "region 'Ireland' is not the name of a region"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_deployed(given: Mapping[str, object], message: str) -> None:
    with pytest.raises(StageError, match=re.escape(message)):
        read(given)


@pytest.mark.parametrize(
    "redriver", ["", "operators", "arn:aws:iam::123456789012:role/operators", "AIDAQ3EGRJ4YEXAMPLE12"]
)
def test_who_redrives_is_named_by_the_id_of_a_role(redriver: str) -> None:
    with pytest.raises(StageInvalidError, match="is not the id of a role"):
        replace(STAGES["dev"], redrivers=(redriver,))


def test_an_unknown_stage_is_told_from_an_invalid_one() -> None:
    with pytest.raises(UnknownStageError):
        read({})
    with pytest.raises(StageInvalidError):
        read({"stage": "dev", "region": "x"})


@pytest.mark.parametrize("missing", ["account", "region"])
def test_a_customer_key_needs_account_and_region(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr("infra.stage.STAGES", {"dev": replace(DEV, customer_key=True)})
    context = {"stage": "dev", "account": "123456789012", "region": "eu-west-1"}
    assert read(context).customer_key
    del context[missing]
    with pytest.raises(StageInvalidError, match=re.escape("add -c account=... -c region=...")):
        read(context)


def test_a_consumer_cannot_reserve_less_than_its_queues_may_take() -> None:
    enough = FunctionSize(memory_mb=1024, reserved_concurrency=2 * DEV.maximum_concurrency)
    assert replace(DEV, consumer=enough).consumer is enough
    with pytest.raises(StageInvalidError, match="reserves 9, but its two queues may take 10"):
        replace(DEV, consumer=replace(enough, reserved_concurrency=9))


def test_an_account_of_the_usual_size_has_room_for_production_and_everything_else() -> None:
    prod = STAGES["prod"]
    reserved = sum(each.reserved_concurrency or 0 for each in (prod.ingress, prod.consumer, prod.worker))
    # Lambda keeps 100 of the 1000 unreserved, and the worker takes its share from what is left.
    assert 1000 - reserved >= 100 + prod.worker_concurrency


def test_a_stage_of_a_place_can_be_deployed_nowhere_else(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = {"account": "123456789012", "region": "eu-west-1"}
    stack = synthesize("dev", tmp_path_factory.mktemp("place"), **place)
    assert replica_region(stack) == "eu-west-1"


def replica_region(stack: Synthesized) -> object:
    return stack.only("AWS::DynamoDB::GlobalTable")["Properties"]["Replicas"][0]["Region"]
