from typing import Any

from tests.infra.synthesized import ACCOUNT, REGION, Synthesized, as_list

SCHEDULER = "scheduler.amazonaws.com"


def test_the_schedule_group_is_named_like_the_stack(dev: Synthesized, prod: Synthesized) -> None:
    for name, stack in (("settle-dev", dev), ("settle-prod", prod)):
        assert stack.only("AWS::Scheduler::ScheduleGroup")["Properties"] == {"Name": name}
        assert stack.environment("consumer")["SETTLE_SCHEDULE_GROUP"] == name


def test_timers_outlive_the_production_stack_only(dev: Synthesized, prod: Synthesized) -> None:
    group = dev.only("AWS::Scheduler::ScheduleGroup")
    assert group["DeletionPolicy"] == group["UpdateReplacePolicy"] == "Delete"
    group = prod.only("AWS::Scheduler::ScheduleGroup")
    # Except on create: a kept group would hold its name against the next attempt.
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_role_of_timers_stays_as_long_as_they_do_with_what_it_may_do(dev: Synthesized, prod: Synthesized) -> None:
    # A schedule whose role is gone is dropped when it is due: it cannot reach its dead letters either.
    for stack in (dev, prod):
        group = stack.only("AWS::Scheduler::ScheduleGroup")
        role = scheduler_role(stack)
        (policy,) = (
            p for p in stack.of_type("AWS::IAM::Policy").values() if p["Properties"]["Roles"] == [{"Ref": role}]
        )
        for resource in (stack.of_type("AWS::IAM::Role")[role], policy):
            assert resource["DeletionPolicy"] == group["DeletionPolicy"]
            assert resource["UpdateReplacePolicy"] == group["UpdateReplacePolicy"]


def test_scheduler_takes_the_role_for_schedules_of_this_group_in_this_account_only(stack: Synthesized) -> None:
    (trust,) = stack.of_type("AWS::IAM::Role")[scheduler_role(stack)]["Properties"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert (trust["Effect"], trust["Action"], trust["Principal"]) == ("Allow", "sts:AssumeRole", {"Service": SCHEDULER})
    # Scheduler names the group as its source. With the ARN of a schedule no timer would ever be delivered.
    assert {key: stack.resolve(value) for key, value in trust["Condition"].pop("StringEquals").items()} == {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{group_name(stack)}",
    }
    assert trust["Condition"] == {}


def test_scheduler_may_send_to_the_timers_queue_and_its_dead_letters_and_nothing_else(stack: Synthesized) -> None:
    assert stack.allowed(scheduler_role(stack)) == {
        stack.arn("-timers"): {"sqs:SendMessage"},
        stack.arn("-timers-dead-letters"): {"sqs:SendMessage"},
    }


def test_the_consumer_hands_the_role_to_scheduler_only(stack: Synthesized) -> None:
    (statement,) = (s for s in all_statements(stack) if "iam:PassRole" in as_list(s["Action"]))
    assert statement in stack.statements(stack.role("consumer"))
    assert as_list(statement["Action"]) == ["iam:PassRole"]
    assert stack.resolve(statement["Resource"]) == stack.environment("consumer")["SETTLE_SCHEDULER_ROLE_ARN"]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": SCHEDULER}}


def test_the_consumer_makes_and_deletes_schedules_of_this_group_only(stack: Synthesized) -> None:
    statements = [s for s in all_statements(stack) if any(a.startswith("scheduler:") for a in as_list(s["Action"]))]
    assert [set(as_list(statement["Action"])) for statement in statements] == [
        {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"}
    ]
    assert statements[0] in stack.statements(stack.role("consumer"))
    assert stack.resolve(statements[0]["Resource"]) == (
        f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group_name(stack)}/*"
    )


def scheduler_role(stack: Synthesized) -> str:
    arn = stack.environment("consumer")["SETTLE_SCHEDULER_ROLE_ARN"]
    (role,) = (role for role in stack.of_type("AWS::IAM::Role") if arn == stack.resolve({"Fn::GetAtt": [role, "Arn"]}))
    return role


def group_name(stack: Synthesized) -> str:
    name = stack.only("AWS::Scheduler::ScheduleGroup")["Properties"]["Name"]
    assert isinstance(name, str)
    return name


def all_statements(stack: Synthesized) -> list[dict[str, Any]]:
    return [statement for role in stack.of_type("AWS::IAM::Role") for statement in stack.statements(role)]
