import ast
from dataclasses import replace
from pathlib import Path

import pytest

from functions.consumer.settings import ConsumerSettings
from functions.ingress.settings import IngressSettings
from functions.settings import RuntimeSettings
from functions.worker.settings import WorkerSettings
from infra.stage import STAGES
from settle.runtime.limits import WORKER_TIMEOUT_SECONDS
from tests.infra.synthesized import ROOT, Synthesized, synthesize_variant

# What an HTTP API waits for an integration at most.
API_TIMEOUT_SECONDS = 30
FUNCTIONS = ("ingress", "consumer", "worker")
MAPPINGS = {
    "consumer": ("-events.fifo", "-timers"),
    "worker": ("-tasks", "-tasks-dead-letters"),
}


def test_functions_differ_only_where_they_are_meant_to(stack: Synthesized) -> None:
    functions = [function["Properties"] for function in stack.of_type("AWS::Lambda::Function").values()]
    assert len(functions) == len(FUNCTIONS)
    for function in functions:
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["Code"] == functions[0]["Code"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_handler_string_names_a_function_of_event_and_context(dev: Synthesized, name: str) -> None:
    module, _, attribute = dev.function(name)["Properties"]["Handler"].rpartition(".")
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text()
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == attribute]
    assert [[argument.arg.lstrip("_") for argument in node.args.args] for node in found] == [["event", "context"]]


def test_ingress_answers_before_the_api_gives_up(stack: Synthesized) -> None:
    assert stack.function("ingress")["Properties"]["Timeout"] < API_TIMEOUT_SECONDS


def test_the_functions_that_feed_each_other_may_and_the_ingress_may_not(stack: Synthesized) -> None:
    settings = {name: stack.function(name)["Properties"]["RecursiveLoop"] for name in FUNCTIONS}
    assert settings == {"ingress": "Terminate", "consumer": "Allow", "worker": "Allow"}


@pytest.mark.parametrize(("name", "queues"), MAPPINGS.items())
def test_each_function_is_fed_by_its_queues(stack: Synthesized, name: str, queues: tuple[str, ...]) -> None:
    assert set(stack.mappings(name)) == {stack.arn(queue) for queue in queues}


def test_nothing_else_is_fed_and_every_mapping_reports_items_without_waiting_for_more(stack: Synthesized) -> None:
    mappings = [mapping["Properties"] for mapping in stack.of_type("AWS::Lambda::EventSourceMapping").values()]
    assert len(mappings) == sum(map(len, MAPPINGS.values()))
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "MaximumBatchingWindowInSeconds" not in mapping


def test_batches_are_full_but_those_of_calls_which_would_wait_for_each_other(stack: Synthesized) -> None:
    mappings = {**stack.mappings("consumer"), **stack.mappings("worker")}
    assert {arn: mapping["BatchSize"] for arn, mapping in mappings.items()} == {
        stack.arn("-events.fifo"): 10,
        stack.arn("-timers"): 10,
        stack.arn("-tasks"): 1,
        stack.arn("-tasks-dead-letters"): 10,
    }


@pytest.mark.parametrize(("stage", "consumer", "worker"), [("dev", 5, 5), ("staging", 10, 5), ("prod", 100, 50)])
def test_a_backlog_leaves_concurrency_to_the_ingress(
    request: pytest.FixtureRequest, stage: str, consumer: int, worker: int
) -> None:
    stack: Synthesized = request.getfixturevalue(stage)
    mappings = {**stack.mappings("consumer"), **stack.mappings("worker")}
    assert {arn: mapping["ScalingConfig"]["MaximumConcurrency"] for arn, mapping in mappings.items()} == {
        stack.arn("-events.fifo"): consumer,
        stack.arn("-timers"): consumer,
        stack.arn("-tasks"): worker,
        stack.arn("-tasks-dead-letters"): 2,
    }


def test_a_fresh_account_takes_dev_and_the_others_cap_the_clients_that_wait(
    dev: Synthesized, staging: Synthesized, prod: Synthesized
) -> None:
    assert [reserved(dev, name) for name in FUNCTIONS] == [None, None, None]
    assert [reserved(staging, name) for name in FUNCTIONS] == [30, 20, None]
    assert [reserved(prod, name) for name in FUNCTIONS] == [300, 200, None]


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_the_consumer_reserves_what_its_queues_may_take_together(request: pytest.FixtureRequest, stage: str) -> None:
    stack: Synthesized = request.getfixturevalue(stage)
    taken = [mapping["ScalingConfig"]["MaximumConcurrency"] for mapping in stack.mappings("consumer").values()]
    assert sum(taken) == reserved(stack, "consumer")


def reserved(stack: Synthesized, name: str) -> int | None:
    concurrency: int | None = stack.function(name)["Properties"].get("ReservedConcurrentExecutions")
    return concurrency


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_know_their_stage_and_trace_where_it_says_so(
    dev: Synthesized, staging: Synthesized, prod: Synthesized, name: str
) -> None:
    for stage, stack, traced in (("dev", dev, False), ("staging", staging, True), ("prod", prod, True)):
        environment = stack.environment(name)
        assert environment["SETTLE_STAGE"] == stage
        assert environment.get("SETTLE_TRACING") == ("on" if traced else None)
        mode = stack.function(name)["Properties"].get("TracingConfig")
        assert mode == ({"Mode": "Active"} if traced else None)


@pytest.mark.parametrize("name", MAPPINGS)
def test_the_mappings_start_only_once_the_role_may_receive(stack: Synthesized, name: str) -> None:
    policies = stack.of_type("AWS::IAM::Policy")
    assert set(stack.function(name)["DependsOn"]) & set(policies)


def test_every_log_group_is_ours_and_forgets(dev: Synthesized, staging: Synthesized, prod: Synthesized) -> None:
    for stack, days in ((dev, 7), (staging, 30), (prod, 90)):
        groups = stack.of_type("AWS::Logs::LogGroup")
        assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}
        used = {stack.function(name)["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS}
        # The one besides is that of the API.
        assert len(used) == len(FUNCTIONS)
        assert [group for group in groups if group not in used] == ["HttpAccessLogsBA63A067"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_and_the_logger_agree_on_format_and_level(stack: Synthesized, name: str) -> None:
    logging = stack.function(name)["Properties"]["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    assert logging["ApplicationLogLevel"] == stack.environment(name)["POWERTOOLS_LOG_LEVEL"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_a_service_name_of_its_own(stack: Synthesized, name: str) -> None:
    assert stack.environment(name)["POWERTOOLS_SERVICE_NAME"] == f"settle-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_functions_use_the_table_and_the_event_queue(stack: Synthesized, name: str) -> None:
    environment = stack.environment(name)
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    assert environment["SETTLE_BACKEND"] == "aws"
    assert environment["SETTLE_TABLE_NAME"] == table
    assert environment["SETTLE_QUEUE_URL"] == stack.url("-events.fifo")
    assert environment["SETTLE_QUEUE_ARN"] == stack.arn("-events.fifo")


@pytest.mark.parametrize("name", ["consumer", "worker"])
def test_consumer_and_worker_know_their_timeout_where_to_bury_and_the_tasks(stack: Synthesized, name: str) -> None:
    environment = stack.environment(name)
    assert environment["SETTLE_FUNCTION_TIMEOUT_SECONDS"] == str(stack.function(name)["Properties"]["Timeout"])
    assert environment["SETTLE_DEAD_LETTER_QUEUE_URL"] == stack.url("-dead-letters.fifo")
    assert environment["SETTLE_TASKS_QUEUE_URL"] == stack.url("-tasks")
    assert environment["SETTLE_TASKS_QUEUE_ARN"] == stack.arn("-tasks")


def test_the_consumer_tells_timers_from_events_and_the_worker_dead_letters_from_tasks(stack: Synthesized) -> None:
    consumer, worker = stack.environment("consumer"), stack.environment("worker")
    assert consumer["SETTLE_TIMERS_QUEUE_URL"] == stack.url("-timers")
    assert consumer["SETTLE_TIMERS_QUEUE_ARN"] == stack.arn("-timers")
    assert worker["SETTLE_TASKS_DEAD_LETTER_QUEUE_ARN"] == stack.arn("-tasks-dead-letters")


def test_the_consumer_believes_the_roles_of_the_functions_and_the_worker_the_consumer(stack: Synthesized) -> None:
    ids = {name: stack.resolve({"Fn::GetAtt": [stack.role(name), "RoleId"]}) for name in FUNCTIONS}
    assert len(set(ids.values())) == len(FUNCTIONS)
    assert set(stack.environment("consumer")["SETTLE_TRUSTED_SENDERS"].split(",")) == set(ids.values())
    assert stack.environment("worker")["SETTLE_TRUSTED_SENDERS"] == ids["consumer"]


def test_operators_are_believed_as_far_as_the_stage_names_them(tmp_path: Path) -> None:
    redriver = "AROAQ3EGRJ4YEXAMPLE12"
    plain, named = (
        synthesize_variant(replace(STAGES["dev"], redrivers=redrivers), tmp_path / str(len(redrivers)))
        for redrivers in ((), (redriver,))
    )
    for variable in ("SETTLE_TRUSTED_SENDERS", "SETTLE_TIMER_SENDERS"):
        before, after = (set(stack.environment("consumer")[variable].split(",")) for stack in (plain, named))
        assert after - before == {redriver}
    assert named.environment("worker") == plain.environment("worker")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_roles_that_are_believed_stay_as_long_as_the_messages(
    dev: Synthesized, prod: Synthesized, name: str
) -> None:
    # A new role of the same name has another id, and what the old one sent would be taken for a stranger's.
    for stack in (dev, prod):
        role, queue = stack.of_type("AWS::IAM::Role")[stack.role(name)], stack.queue("-events.fifo")
        assert role["DeletionPolicy"] == queue["DeletionPolicy"]
        assert role["UpdateReplacePolicy"] == queue["UpdateReplacePolicy"]


def test_whoever_may_send_internal_messages_is_believed_and_nobody_else(stack: Synthesized) -> None:
    events = stack.arn("-events.fifo")
    roles = stack.of_type("AWS::IAM::Role")
    senders = {role for role in roles if "sqs:SendMessage" in stack.allowed(role).get(events, set())}
    trusted = stack.environment("consumer")["SETTLE_TRUSTED_SENDERS"].split(",")
    assert {stack.resolve({"Fn::GetAtt": [role, "RoleId"]}) for role in senders} == set(trusted)


@pytest.mark.parametrize(
    ("name", "settings"), [("ingress", IngressSettings), ("consumer", ConsumerSettings), ("worker", WorkerSettings)]
)
def test_the_environment_satisfies_the_settings(stack: Synthesized, name: str, settings: type[RuntimeSettings]) -> None:
    assert settings.from_env(stack.environment(name)).backend == "aws"


@pytest.mark.parametrize(("name", "settings"), [("consumer", ConsumerSettings), ("worker", WorkerSettings)])
def test_every_variable_is_one_that_the_settings_know(
    stack: Synthesized, name: str, settings: type[RuntimeSettings]
) -> None:
    known = {field.alias for field in settings.model_fields.values()}
    assert {variable for variable in stack.environment(name) if variable.startswith("SETTLE_")} <= known


def test_the_worker_may_take_as_long_as_the_check_of_machine_files_says(stack: Synthesized) -> None:
    assert stack.environment("worker")["SETTLE_FUNCTION_TIMEOUT_SECONDS"] == f"{WORKER_TIMEOUT_SECONDS:g}"
