import ast

import pytest

from functions.consumer.settings import ConsumerSettings
from functions.ingress.settings import IngressSettings
from tests.infra.synthesized import ROOT, Synthesized

# What an HTTP API waits for an integration at most.
API_TIMEOUT_SECONDS = 30
FUNCTIONS = ("ingress", "consumer")


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
    assert [[argument.arg for argument in node.args.args] for node in found] == [["event", "context"]]


def test_ingress_answers_before_the_api_gives_up(stack: Synthesized) -> None:
    assert stack.function("ingress")["Properties"]["Timeout"] < API_TIMEOUT_SECONDS


def test_only_the_consumer_may_feed_its_own_queue(stack: Synthesized) -> None:
    assert stack.function("consumer")["Properties"]["RecursiveLoop"] == "Allow"
    assert stack.function("ingress")["Properties"]["RecursiveLoop"] == "Terminate"


def test_the_mapping_takes_full_batches_and_reports_items(stack: Synthesized) -> None:
    mapping = stack.only("AWS::Lambda::EventSourceMapping")["Properties"]
    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert stack.resolve(mapping["EventSourceArn"]) == stack.environment("consumer")["SETTLE_QUEUE_ARN"]
    assert stack.template["Resources"][mapping["FunctionName"]["Ref"]] == stack.function("consumer")


def test_a_backlog_leaves_concurrency_to_the_ingress(dev: Synthesized, prod: Synthesized) -> None:
    scaling = [s.only("AWS::Lambda::EventSourceMapping")["Properties"]["ScalingConfig"] for s in (dev, prod)]
    assert scaling == [{"MaximumConcurrency": 5}, {"MaximumConcurrency": 100}]


def test_the_mapping_starts_only_once_the_role_may_receive(stack: Synthesized) -> None:
    policies = stack.of_type("AWS::IAM::Policy")
    assert set(stack.function("consumer")["DependsOn"]) & set(policies)


def test_every_log_group_is_ours_and_forgets(dev: Synthesized, prod: Synthesized) -> None:
    for stack, days in ((dev, 7), (prod, 90)):
        groups = stack.of_type("AWS::Logs::LogGroup")
        assert [group["Properties"]["RetentionInDays"] for group in groups.values()] == [days, days]
        used = {stack.function(name)["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS}
        assert used == set(groups)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_and_the_logger_agree_on_format_and_level(stack: Synthesized, name: str) -> None:
    logging = stack.function(name)["Properties"]["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    assert logging["ApplicationLogLevel"] == stack.environment(name)["POWERTOOLS_LOG_LEVEL"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_a_service_name_of_its_own(stack: Synthesized, name: str) -> None:
    assert stack.environment(name)["POWERTOOLS_SERVICE_NAME"] == f"settle-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_functions_use_the_table_and_the_event_queue(stack: Synthesized, name: str) -> None:
    environment = stack.environment(name)
    queue = stack.queue("-events.fifo")["Properties"]["QueueName"]
    (table,) = stack.of_type("AWS::DynamoDB::GlobalTable")
    assert environment["SETTLE_BACKEND"] == "aws"
    assert environment["SETTLE_TABLE_NAME"] == table
    assert environment["SETTLE_QUEUE_URL"].endswith(f"/{queue}")
    assert environment["SETTLE_QUEUE_ARN"].endswith(f":{queue}")


def test_the_consumer_knows_its_timeout_and_where_to_bury(stack: Synthesized) -> None:
    environment = stack.environment("consumer")
    dead_letters = stack.queue("-dead-letters.fifo")["Properties"]["QueueName"]
    assert environment["SETTLE_DEAD_LETTER_QUEUE_URL"].endswith(f"/{dead_letters}")
    assert environment["SETTLE_FUNCTION_TIMEOUT_SECONDS"] == str(stack.function("consumer")["Properties"]["Timeout"])


def test_the_consumer_believes_the_roles_of_ingress_and_consumer_only(stack: Synthesized) -> None:
    roles = [stack.function(name)["Properties"]["Role"]["Fn::GetAtt"][0] for name in FUNCTIONS]
    assert set(roles) == set(stack.of_type("AWS::IAM::Role"))
    trusted = stack.environment("consumer")["SETTLE_TRUSTED_SENDERS"].split(",")
    assert trusted == [stack.resolve({"Fn::GetAtt": [role, "RoleId"]}) for role in roles]


def test_the_environment_satisfies_the_settings_of_the_ingress(stack: Synthesized) -> None:
    IngressSettings.from_env(stack.environment("ingress"))


def test_the_environment_satisfies_the_settings_of_the_consumer(stack: Synthesized) -> None:
    ConsumerSettings.from_env(stack.environment("consumer"))
