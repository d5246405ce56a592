"""What has to hold for everything of a kind that is in the stack, also for what is added later, and no tool sees."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from functions.settings import RuntimeSettings, SettingsError
from infra.queues import VISIBILITY_FACTOR
from tests.infra.synthesized import Synthesized, as_list

FUNCTION: Final = "AWS::Lambda::Function"
KEY: Final = "AWS::KMS::Key"
LOG_GROUP: Final = "AWS::Logs::LogGroup"
MAPPING: Final = "AWS::Lambda::EventSourceMapping"
QUEUE: Final = "AWS::SQS::Queue"
SCHEDULES: Final = "AWS::Scheduler::ScheduleGroup"
TABLE: Final = "AWS::DynamoDB::GlobalTable"
HOLD_DATA: Final = (KEY, LOG_GROUP, QUEUE, SCHEDULES, TABLE)


def fifo_queues_are_high_throughput(stack: Synthesized) -> Iterator[str]:
    """One of the two settings alone passes every validator and leaves a queue at 300 calls a second."""
    for name, queue in stack.of_type(QUEUE).items():
        properties = queue["Properties"]
        pair = (properties.get("DeduplicationScope"), properties.get("FifoThroughputLimit"))
        if "FifoQueue" in properties and pair != ("messageGroup", "perMessageGroupId"):
            yield name


def queues_have_dead_letters_of_their_kind_or_are_such(stack: Synthesized) -> Iterator[str]:
    queues = stack.of_type(QUEUE)
    targets = {name: _target(queue) for name, queue in queues.items()}
    for name, target in targets.items():
        if target is None and name not in targets.values():
            yield name
        if target is not None and _is_fifo(queues[name]) != _is_fifo(queues[target]):
            yield name


def messages_stay_hidden_six_times_as_long_as_a_function_runs(stack: Synthesized) -> Iterator[str]:
    resources = stack.template["Resources"]
    for name, mapping in stack.of_type(MAPPING).items():
        queue = resources[mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]]
        function = resources[mapping["Properties"]["FunctionName"]["Ref"]]
        hidden = queue["Properties"].get("VisibilityTimeout", 30)
        if hidden < VISIBILITY_FACTOR * function["Properties"]["Timeout"]:
            yield name


def mappings_report_the_messages_that_failed(stack: Synthesized) -> Iterator[str]:
    for name, mapping in stack.of_type(MAPPING).items():
        if mapping["Properties"].get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield name


def functions_that_are_fed_may_feed_themselves_and_no_other(stack: Synthesized) -> Iterator[str]:
    """Lambda stops a chain of messages after about 16 hops; a function that nothing feeds cannot be in one."""
    fed = {mapping["Properties"]["FunctionName"]["Ref"] for mapping in stack.of_type(MAPPING).values()}
    for name, function in stack.of_type(FUNCTION).items():
        if function["Properties"].get("RecursiveLoop") != ("Allow" if name in fed else "Terminate"):
            yield name


def functions_run_on_the_same(stack: Synthesized) -> Iterator[str]:
    for name, function in stack.of_type(FUNCTION).items():
        properties = function["Properties"]
        if (properties.get("Runtime"), properties.get("Architectures")) != ("python3.13", ["arm64"]):
            yield name


def functions_log_to_a_group_of_the_stack(stack: Synthesized) -> Iterator[str]:
    for name, function in stack.of_type(FUNCTION).items():
        group = function["Properties"].get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
        if group not in stack.of_type(LOG_GROUP):
            yield name


def log_groups_forget(stack: Synthesized) -> Iterator[str]:
    for name, group in stack.of_type(LOG_GROUP).items():
        if "RetentionInDays" not in group["Properties"]:
            yield name


def handlers_import(stack: Synthesized) -> Iterator[str]:
    for name, function in stack.of_type(FUNCTION).items():
        module, _, handler = function["Properties"]["Handler"].rpartition(".")
        try:
            found = getattr(importlib.import_module(module), handler)
        except (ImportError, AttributeError):
            found = None
        if not callable(found):
            yield name


def environments_are_what_the_settings_ask_for(stack: Synthesized) -> Iterator[str]:
    for name, function in stack.of_type(FUNCTION).items():
        package, _, _ = function["Properties"]["Handler"].rpartition(".handler.")
        environment = stack.environment(package.removeprefix("functions."))
        try:
            backend = _settings(package).from_env(environment).backend
        except SettingsError:
            backend = "embedded"
        if backend != "aws":
            yield name


def tables_can_be_restored_and_forget(stack: Synthesized) -> Iterator[str]:
    for name, table in stack.of_type(TABLE).items():
        expiry = table["Properties"].get("TimeToLiveSpecification", {})
        replicas = table["Properties"]["Replicas"]
        restorable = [replica.get("PointInTimeRecoverySpecification", {}) for replica in replicas]
        if not expiry.get("Enabled") or not all(each.get("PointInTimeRecoveryEnabled") for each in restorable):
            yield name


def data_outlives_a_protected_stack_and_no_other(stack: Synthesized) -> Iterator[str]:
    kept = {"Retain", "RetainExceptOnCreate"} if stack.termination_protection else {"Delete"}
    for kind in HOLD_DATA:
        for name, resource in stack.of_type(kind).items():
            if not {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} <= kept:
                yield name


def tables_of_a_protected_stack_refuse_deletion(stack: Synthesized) -> Iterator[str]:
    for name, table in stack.of_type(TABLE).items():
        refuse = [replica.get("DeletionProtectionEnabled", False) for replica in table["Properties"]["Replicas"]]
        if set(refuse) != {stack.termination_protection}:
            yield name


def no_action_is_allowed_by_wildcard(stack: Synthesized) -> Iterator[str]:
    """The policy of a key is left out: without `kms:*` for the account nobody could change the key any more."""
    for name, resource in stack.template["Resources"].items():
        allowed = [s for s in _statements(resource.get("Properties", {})) if s["Effect"] == "Allow"]
        actions = [action for statement in allowed for action in as_list(statement["Action"])]
        if resource["Type"] != KEY and any("*" in action for action in actions):
            yield name


Rule = Callable[[Synthesized], Iterator[str]]
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            fifo_queues_are_high_throughput,
            queues_have_dead_letters_of_their_kind_or_are_such,
            messages_stay_hidden_six_times_as_long_as_a_function_runs,
            mappings_report_the_messages_that_failed,
            functions_that_are_fed_may_feed_themselves_and_no_other,
            functions_run_on_the_same,
            functions_log_to_a_group_of_the_stack,
            log_groups_forget,
            handlers_import,
            environments_are_what_the_settings_ask_for,
            tables_can_be_restored_and_forget,
            data_outlives_a_protected_stack_and_no_other,
            tables_of_a_protected_stack_refuse_deletion,
            no_action_is_allowed_by_wildcard,
        )
    }
)


def _target(queue: Mapping[str, Any]) -> str | None:
    policy = queue["Properties"].get("RedrivePolicy")
    return None if policy is None else str(policy["deadLetterTargetArn"]["Fn::GetAtt"][0])


def _is_fifo(queue: Mapping[str, Any]) -> bool:
    return bool(queue["Properties"].get("FifoQueue", False))


def _settings(package: str) -> type[RuntimeSettings]:
    """Return the one model that a function's package defines."""
    module = importlib.import_module(f"{package}.settings")
    (model,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, RuntimeSettings) and value.__module__ == module.__name__
    )
    return model


def _statements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the statements of all policies in the properties of a resource."""
    match value:
        case {"Effect": _, "Action": _}:
            yield value
        case dict():
            for part in value.values():
                yield from _statements(part)
        case list():
            for part in value:
                yield from _statements(part)
