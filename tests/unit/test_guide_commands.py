"""Every `aws` command of the operator's pages is one that its service understands, as far as that is written down."""

from pathlib import Path

import pytest

from tests.support.aws_commands import AwsCommand, find_commands, find_mistake

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("deploy.md", "operations.md", "quarantine.md")


def commands() -> list[tuple[str, AwsCommand]]:
    return [(page, command) for page in PAGES for command in find_commands((DOCS / page).read_text())]


@pytest.mark.parametrize("command", sorted({command for _, command in commands()}, key=repr), ids=repr)
def test_a_command_is_one_that_its_service_knows(command: AwsCommand) -> None:
    assert find_mistake(command) == ""


def test_the_commands_of_both_pages_are_found() -> None:
    found = [(page, command.service, command.operation) for page, command in commands()]
    assert {("deploy.md", "sqs", "start-message-move-task"), ("deploy.md", "dynamodb", "table-exists")} <= {*found}
    assert len(found) > 40


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("aws sqz list-queues", "no such service"),
        ("aws sqs list-kues", "no such operation"),
        ("aws sqs delete-queue", "missing: ['queue-url']"),
        ("aws sqs delete-queue --queue-url U --force", "unknown: ['force']"),
        ("aws sqs delete-queue --no-queue-url --queue-url U", "unknown: ['no-queue-url']"),
        ("aws dynamodb wait table-gone --table-name T", "nothing of the kind can be waited for"),
        ("aws dynamodb wait table-exists --name T", "unknown: ['name']; missing: ['table-name']"),
        ("aws logs tail G --until 1h", "unknown: ['until']"),
        ("aws sts get-caller-identity --query Account", ""),
        ("aws lambda update-event-source-mapping --uuid U --no-enabled", ""),
    ],
)
def test_a_mistake_is_named(line: str, mistake: str) -> None:
    (command,) = find_commands(f"```sh\n{line}\n```\n")
    assert find_mistake(command) == mistake


def test_commands_are_found_in_loops_in_substitutions_and_in_text() -> None:
    page = (
        "See `aws sts get-caller-identity`.\n\n```sh\n# aws is not a command here\n"
        "for url in $(aws sqs list-queues --query 'QueueUrls[]'); do aws sqs delete-queue \\\n"
        '  --queue-url "$url"; done\n```\n'
    )
    assert [(command.operation, command.flags) for command in find_commands(page)] == [
        ("get-caller-identity", ()),
        ("list-queues", ("query",)),
        ("delete-queue", ("queue-url",)),
    ]
