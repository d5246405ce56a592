"""The `aws` commands of a page, held against what botocore knows of each service."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.session import Session

_CODE: Final = re.compile(r"^```sh\n(.*?)^```|`(aws [^`]+)`", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"\baws ([a-z][a-z0-9-]*) ([a-z][a-z0-9-]*)")
_FLAG: Final = re.compile(r"(?<!\S)--([a-z][a-z0-9-]*)")
_WAIT: Final = "wait"
GLOBAL_FLAGS: Final = frozenset({"output", "query"})
"""Of the command line itself (https://docs.aws.amazon.com/cli/latest/reference/)."""
CUSTOM: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("logs", "tail"): frozenset({"filter-pattern", "follow", "format", "since"}),
}
"""Commands that the command line adds to a service; the group's name is an argument of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCommand:
    """One command.

    Attributes:
        service: as on the command line.
        operation: as on the command line; the name of what is waited for, when it is a wait.
        waits: whether it is a wait.
        flags: without dashes and values, sorted.
        whole: whether it can be typed as it stands; a command in running text may leave out what the text says.
    """

    service: str
    operation: str
    waits: bool
    flags: tuple[str, ...]
    whole: bool


def find_commands(page: str) -> Iterator[AwsCommand]:
    """Yield the commands in the shell blocks and in the inline code of a page."""
    for block, inline in _CODE.findall(page):
        lines = (block or inline.replace("\n", " ")).replace("\\\n", " ").splitlines()
        for line in lines:
            if not line.lstrip().startswith("#"):
                yield from _commands_of(line, whole=bool(block))


def _commands_of(line: str, *, whole: bool) -> Iterator[AwsCommand]:
    starts = [*_COMMAND.finditer(line)]
    for start, following in zip_longest(starts, starts[1:]):
        rest = line[start.end() : following.start() if following else None]
        service, operation = start.groups()
        waits = operation == _WAIT
        if waits:
            operation = rest.split()[0]
        flags = tuple(sorted({*_FLAG.findall(rest)}))
        yield AwsCommand(service=service, operation=operation, waits=waits, flags=flags, whole=whole)


def find_mistake(command: AwsCommand) -> str:
    """Return what the service would not understand; nothing when it would."""
    if (command.service, command.operation) in CUSTOM:
        unknown = {*command.flags} - CUSTOM[command.service, command.operation] - GLOBAL_FLAGS
        return f"unknown: {sorted(unknown)}" if unknown else ""
    session = Session()
    try:
        model = session.get_service_model(command.service)
    except DataNotFoundError:
        return "no such service"
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if command.waits:
        waiters = session.get_component("data_loader").load_service_model(command.service, "waiters-2")["waiters"]
        waited = {xform_name(name, "-"): waiter["operation"] for name, waiter in waiters.items()}
        if command.operation not in waited:
            return "nothing of the kind can be waited for"
        return _find_flag_mistake(model.operation_model(waited[command.operation]).input_shape, command)
    if command.operation not in operations:
        return "no such operation"
    return _find_flag_mistake(model.operation_model(operations[command.operation]).input_shape, command)


def _find_flag_mistake(shape: Any, command: AwsCommand) -> str:
    members = {} if shape is None else {xform_name(name, "-"): member for name, member in shape.members.items()}
    switched_off = {f"no-{name}": name for name, member in members.items() if member.type_name == "boolean"}
    given = {switched_off.get(flag, flag) for flag in command.flags}
    required = (
        {xform_name(name, "-") for name in shape.required_members} if shape is not None and command.whole else set()
    )
    found = (("unknown", given - members.keys() - GLOBAL_FLAGS), ("missing", required - given))
    return "; ".join(f"{what}: {sorted(names)}" for what, names in found if names)
