import json
from dataclasses import replace
from typing import Any

import pytest

from functions import metrics
from infra.stage import STAGES
from tests.infra.synthesized import Synthesized, synthesize_variant

ADDRESS = "ops@example.com"
DEAD_LETTERS = ("-dead-letters.fifo", "-timers-dead-letters", "-tasks-dead-letters")
FUNCTIONS = ("ingress", "consumer", "worker")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    stage = replace(STAGES["staging"], alarm_address=ADDRESS)
    return synthesize_variant(stage, tmp_path_factory.mktemp("told"))


def alarms(stack: Synthesized) -> dict[str, dict[str, Any]]:
    """Return the properties of the alarms by name, without the name of the stack."""
    found = [alarm["Properties"] for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()]
    stage = stack.environment("consumer")["SETTLE_STAGE"]
    return {alarm["AlarmName"].removeprefix(f"settle-{stage}-"): alarm for alarm in found}


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm looks at: itself, or the terms of its expression."""
    return [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each] or [alarm]


def dimensions(stack: Synthesized, metric: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: stack.resolve(each["Value"]) for each in metric["Dimensions"]}


# Alarms ---------------------------------------------------------------------------------------------------------------


def test_every_alarm_says_what_happened_and_how_soon_to_act_and_fits(stack: Synthesized) -> None:
    for name, alarm in alarms(stack).items():
        description = alarm["AlarmDescription"]
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert len(description) <= 1024, name
        urgent = alarm["AlarmActions"] == [{"Ref": "ObservabilityUrgentTopic1E51DC77"}]
        assert ("Act now." in description, "Act within the day." in description) == (urgent, not urgent), name
        assert " First: " in description, name


def test_nothing_is_wrong_where_nothing_happens(stack: Synthesized) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms(stack).values()} == {"notBreaching"}
    assert {alarm["ComparisonOperator"] for alarm in alarms(stack).values()} == {"GreaterThanOrEqualToThreshold"}


def test_whoever_is_told_of_an_alarm_is_told_of_its_end_unless_the_end_means_nothing(stack: Synthesized) -> None:
    for name, alarm in alarms(stack).items():
        # A blocked instance stays blocked when no other one follows.
        ends = None if name == "instances-blocked" else alarm["AlarmActions"]
        assert alarm.get("OKActions") == ends, name


def test_urgent_is_what_callers_or_instances_wait_for(stack: Synthesized) -> None:
    urgent = {name for name, alarm in alarms(stack).items() if "Act now." in alarm["AlarmDescription"]}
    assert urgent == {
        "calls-fail",
        "events-wait",
        "instances-blocked",
        "timers-late",
        "timers-wait",
        "timers-dead-letters",
        "ingress-fails",
        "ingress-throttled",
        "consumer-fails",
        "consumer-throttled",
        "table-throttled",
    }


@pytest.mark.parametrize("suffix", DEAD_LETTERS)
def test_each_dead_letter_queue_has_an_alarm_at_the_first_message(stack: Synthesized, suffix: str) -> None:
    queue = stack.queue(suffix)["Properties"]["QueueName"]
    (alarm,) = (
        alarm
        for alarm in alarms(stack).values()
        if {dimensions(stack, metric).get("QueueName") for metric in metrics_of(alarm)} == {queue}
    )
    assert alarm["Threshold"] == 1
    # Messages that SQS moves itself are counted among those that wait and not among those that were sent.
    assert "ApproximateNumberOfMessagesVisible" in {metric["MetricName"] for metric in metrics_of(alarm)}


@pytest.mark.parametrize(
    ("name", "suffix", "seconds"),
    [("events-wait", "-events.fifo", 60), ("timers-wait", "-timers", 1200), ("background-calls-wait", "-tasks", 600)],
)
def test_messages_grow_old_for_three_minutes(stack: Synthesized, name: str, suffix: str, seconds: int) -> None:
    alarm = alarms(stack)[name]
    assert alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert dimensions(stack, alarm) == {"QueueName": stack.queue(suffix)["Properties"]["QueueName"]}
    assert (alarm["Threshold"], alarm["Period"]) == (seconds, 60)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 3)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("name", "metric"), [("fails", "Errors"), ("throttled", "Throttles")])
def test_each_function_may_fail_or_be_refused_in_two_minutes_of_five(
    stack: Synthesized, function: str, name: str, metric: str
) -> None:
    alarm = alarms(stack)[f"{function}-{name}"]
    (found,) = dimensions(stack, alarm).values()
    assert stack.template["Resources"][found] == stack.function(function)
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == (metric, "Sum", 1)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["Period"]) == (3, 5, 60)


@pytest.mark.parametrize(("function", "seconds"), [("ingress", 27), ("consumer", 24), ("worker", 240)])
def test_each_function_has_room_before_its_timeout(stack: Synthesized, function: str, seconds: int) -> None:
    alarm = alarms(stack)[f"{function}-slow"]
    assert (alarm["MetricName"], alarm["ExtendedStatistic"]) == ("Duration", "p99")
    assert alarm["Threshold"] == seconds * 1000
    assert seconds < stack.function(function)["Properties"]["Timeout"]


def test_clients_that_wait_as_long_as_they_may_set_off_no_alarm(stack: Synthesized) -> None:
    longest_wait_ms = 25_000
    assert alarms(stack)["ingress-slow"]["Threshold"] > longest_wait_ms


def test_a_timer_is_late_after_two_minutes_however_the_functions_measure_it(stack: Synthesized) -> None:
    alarm = alarms(stack)["timers-late"]
    assert (alarm["MetricName"], alarm["Statistic"]) == (metrics.TIMER_LATENESS, "Maximum")
    assert alarm["Threshold"] == 120 * metrics.MILLISECONDS


def test_what_the_functions_count_is_what_alarms_and_dashboard_read(stack: Synthesized) -> None:
    stage = stack.environment("consumer")["SETTLE_STAGE"]
    own = [m for alarm in alarms(stack).values() for m in metrics_of(alarm) if m["Namespace"] == metrics.NAMESPACE]
    assert {metric["MetricName"] for metric in own} == {"Quarantined", "TimerLateness", "Conflicts"}
    for metric in own:
        assert dimensions(stack, metric) == {metrics.STAGE_DIMENSION: stage}
    shown = [line for graph in graphs(stack) for line in graph["metrics"] if line[0] == metrics.NAMESPACE]
    assert {tuple(line[2:4]) for line in shown} == {(metrics.STAGE_DIMENSION, stage)}
    assert {line[1] for line in shown} == {
        *metrics.OUTCOME_METRICS.values(),
        *("Buried", "Conflicts", "Services", "ServiceErrors", "ServicesAbandoned", "LateResults"),
        *(metrics.LAG, metrics.SETTLE_TIME, metrics.TIMER_LATENESS),
    }


def test_a_table_that_refuses_either_reads_or_writes_sets_off_its_alarm(stack: Synthesized) -> None:
    alarm = alarms(stack)["table-throttled"]
    assert {metric["MetricName"] for metric in metrics_of(alarm)} == {"ReadThrottleEvents", "WriteThrottleEvents"}
    # Either is missing while there is nothing to count, and a sum with something missing is missing.
    (expression,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    assert expression == "FILL(reads, 0) + FILL(writes, 0)"


def test_no_alarm_depends_on_another(stack: Synthesized) -> None:
    assert stack.of_type("AWS::CloudWatch::CompositeAlarm") == {}


def test_a_stage_can_do_without_alarms(tmp_path_factory: pytest.TempPathFactory) -> None:
    stack = synthesize_variant(replace(STAGES["dev"], alarms=False), tmp_path_factory.mktemp("quiet"))
    assert stack.of_type("AWS::CloudWatch::Alarm") == {}
    assert "This stage has no alarms." in json.dumps(stack.only("AWS::CloudWatch::Dashboard"))


# Topics ---------------------------------------------------------------------------------------------------------------


def test_nobody_is_told_without_an_address(stack: Synthesized) -> None:
    assert stack.of_type("AWS::SNS::Subscription") == {}


def test_the_address_is_told_what_is_urgent_and_what_is_not(told: Synthesized) -> None:
    subscriptions = [each["Properties"] for each in told.of_type("AWS::SNS::Subscription").values()]
    assert {(each["Protocol"], each["Endpoint"]) for each in subscriptions} == {("email", ADDRESS)}
    assert {told.resolve(each["TopicArn"]) for each in subscriptions} == set(told.of_type("AWS::SNS::Topic"))


def test_only_alarms_of_this_stack_may_publish_and_only_encrypted(stack: Synthesized) -> None:
    policies = stack.of_type("AWS::SNS::TopicPolicy").values()
    assert len(policies) == len(stack.of_type("AWS::SNS::Topic")) == 2
    stage = stack.environment("consumer")["SETTLE_STAGE"]
    for policy in policies:
        deny, allow = policy["Properties"]["PolicyDocument"]["Statement"]
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert (allow["Action"], allow["Principal"]) == ("sns:Publish", {"Service": "cloudwatch.amazonaws.com"})
        assert stack.resolve(allow["Condition"]["StringEquals"]["aws:SourceAccount"]) == "123456789012"
        source = stack.resolve(allow["Condition"]["ArnLike"]["aws:SourceArn"])
        assert source == f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:settle-{stage}-*"


# Dashboard ------------------------------------------------------------------------------------------------------------


def widgets(stack: Synthesized) -> list[dict[str, Any]]:
    body = stack.resolve(stack.only("AWS::CloudWatch::Dashboard")["Properties"]["DashboardBody"])
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def graphs(stack: Synthesized) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in widgets(stack) if widget["type"] == "metric"]


def test_the_dashboard_begins_with_every_alarm(stack: Synthesized) -> None:
    first = widgets(stack)[0]
    assert first["type"] == "alarm"
    assert (first["x"], first["y"]) == (0, 0)
    ids = {arn.rpartition(":")[2] for arn in first["properties"]["alarms"]}
    assert ids == set(stack.of_type("AWS::CloudWatch::Alarm"))


def test_the_dashboard_is_read_top_down_and_every_graph_has_a_title_of_its_own(stack: Synthesized) -> None:
    titles = [graph["title"] for graph in graphs(stack)]
    assert len(titles) == len(set(titles)) == 18
    assert titles[:2] == ["Calls to the API", "What became of events"]
    assert titles[-3:-1] == ["Units of the table", "Calls that the table refused"]


def test_every_line_of_a_graph_says_in_words_what_it_is(stack: Synthesized) -> None:
    for graph in graphs(stack):
        labels = [line[-1].get("label") for line in graph["metrics"]]
        assert all(labels), graph["title"]
        assert len(labels) == len(set(labels)), graph["title"]


@pytest.mark.parametrize("title", ["From accepted to applied (ms)", "Answer of the API (ms)"])
def test_times_are_shown_for_most_and_for_the_slowest(stack: Synthesized, title: str) -> None:
    (graph,) = (graph for graph in graphs(stack) if graph["title"] == title)
    assert [line[-1]["stat"] for line in graph["metrics"]] == ["p50", "p99"]
