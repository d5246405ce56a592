import copy
from dataclasses import replace
from typing import Any

import pytest

from tests.infra.stack_rules import RULES
from tests.infra.synthesized import Synthesized

# A rule, the resource that is to break it, and the property that is set or, for None, taken away.
SPOILED = [
    ("fifo_queues_are_high_throughput", "QueuesEvents3B99B77C", "Properties.FifoThroughputLimit", "perQueue"),
    ("fifo_queues_are_high_throughput", "QueuesDeadLettersF0D5D2AD", "Properties.DeduplicationScope", None),
    ("queues_have_dead_letters_of_their_kind_or_are_such", "TimersQueue10AEBBE9", "Properties.RedrivePolicy", None),
    ("queues_have_dead_letters_of_their_kind_or_are_such", "TasksQueue14B5121E", "Properties.FifoQueue", True),
    (
        "messages_stay_hidden_six_times_as_long_as_a_function_runs",
        "WorkerFunctionTasksAF5641BC",
        "Properties.EventSourceArn",
        {"Fn::GetAtt": ["TimersQueue10AEBBE9", "Arn"]},
    ),
    (
        "mappings_report_the_messages_that_failed",
        "ConsumerFunctionTimers30511FCF",
        "Properties.FunctionResponseTypes",
        None,
    ),
    (
        "functions_that_are_fed_may_feed_themselves_and_no_other",
        "WorkerFunctionAF8A26AF",
        "Properties.RecursiveLoop",
        "Terminate",
    ),
    (
        "functions_that_are_fed_may_feed_themselves_and_no_other",
        "IngressFunctionCC445980",
        "Properties.RecursiveLoop",
        None,
    ),
    ("functions_run_on_the_same", "IngressFunctionCC445980", "Properties.Runtime", "python3.14"),
    ("functions_run_on_the_same", "IngressFunctionCC445980", "Properties.Architectures", None),
    ("functions_log_to_a_group_of_the_stack", "IngressFunctionCC445980", "Properties.LoggingConfig", None),
    ("log_groups_forget", "HttpAccessLogsBA63A067", "Properties.RetentionInDays", None),
    ("handlers_import", "WorkerFunctionAF8A26AF", "Properties.Handler", "functions.worker.handler.handle"),
    ("handlers_import", "WorkerFunctionAF8A26AF", "Properties.Handler", "functions.gone.handler.handler"),
    (
        "environments_are_what_the_settings_ask_for",
        "WorkerFunctionAF8A26AF",
        "Properties.Environment.Variables.SETTLE_TASKS_QUEUE_URL",
        None,
    ),
    (
        "environments_are_what_the_settings_ask_for",
        "IngressFunctionCC445980",
        "Properties.Environment.Variables.SETTLE_BACKEND",
        "embedded",
    ),
    (
        "tables_can_be_restored_and_forget",
        "SnapshotsTableAE12316E",
        "Properties.Replicas.0.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
        False,
    ),
    (
        "tables_can_be_restored_and_forget",
        "SnapshotsTableAE12316E",
        "Properties.TimeToLiveSpecification",
        None,
    ),
    ("data_outlives_a_protected_stack_and_no_other", "TimersGroup2EF8D443", "DeletionPolicy", "Delete"),
    ("data_outlives_a_protected_stack_and_no_other", "ConsumerLogs7B9AAC61", "UpdateReplacePolicy", None),
    (
        "tables_of_a_protected_stack_refuse_deletion",
        "SnapshotsTableAE12316E",
        "Properties.Replicas.0.DeletionProtectionEnabled",
        False,
    ),
    (
        "no_action_is_allowed_by_wildcard",
        "WorkerRoleDefaultPolicyDBA0F4B7",
        "Properties.PolicyDocument.Statement.0.Action",
        ["sqs:SendMessage", "sqs:Receive*"],
    ),
    (
        "no_action_is_allowed_by_wildcard",
        "QueuesEventsPolicy95E9458B",
        "Properties.PolicyDocument.Statement.0.Effect",
        "Allow",
    ),
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_holds_in_every_stage(stack: Synthesized, rule: str) -> None:
    assert list(RULES[rule](stack)) == []


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_holds_with_every_setting(variant: Synthesized, rule: str) -> None:
    assert list(RULES[rule](variant)) == []


@pytest.mark.parametrize(("rule", "name", "path", "value"), SPOILED)
def test_what_breaks_a_rule_is_named(prod: Synthesized, rule: str, name: str, path: str, value: object) -> None:
    template = copy.deepcopy(dict(prod.template))
    *parents, last = path.split(".")
    parent: Any = template["Resources"][name]
    for key in parents:
        parent = parent[int(key) if isinstance(parent, list) else key]
    if value is None:
        del parent[last]
    else:
        parent[last] = value
    assert name in RULES[rule](replace(prod, template=template))


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, *_ in SPOILED} == set(RULES)
