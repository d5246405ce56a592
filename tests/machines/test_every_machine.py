"""What holds for every file in `machines/`, without its being told."""

import ast
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from settle.core.conditions import Guard, guards_of
from settle.core.configuration import is_settled
from settle.core.definition import Definition
from settle.core.errors import InputInvalidError
from settle.core.interpreter import start
from settle.core.reachability import find_reachable
from settle.core.spec import SETTLED
from settle.runtime.machine_files import find_machine_files, load_machine_file
from settle.runtime.registry import load_machines

FILES = find_machine_files()
IMPURE = {"time", "random", "uuid", "secrets", "datetime", "os", "socket", "requests", "boto3"}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def definition(path: Path) -> Definition:
    return load_machine_file(path).definition


def test_the_registry_holds_every_file(path: Path) -> None:
    registry = load_machines()
    assert path in registry.files.values()


def test_it_builds_without_warnings(definition: Definition) -> None:
    assert definition.warnings == ()


def test_every_settled_node_can_be_reached(definition: Definition) -> None:
    reachable = find_reachable(definition)
    assert [node.path for node in definition.nodes if SETTLED in node.tags and not reachable & node.bit] == []


def test_the_hash_is_the_same_every_time(path: Path, definition: Definition) -> None:
    assert load_machine_file(path).definition.hash == definition.hash


def test_it_starts_settled_or_with_a_service_or_says_what_input_it_needs(definition: Definition) -> None:
    with suppress(InputInvalidError):
        snapshot = start(definition).snapshot
        assert is_settled(definition, snapshot) or snapshot.invokes


def test_it_says_in_words_what_it_does(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    assert docstring.split("\n")[0].endswith(".")


def test_guards_and_actions_ask_no_clock_and_no_dice(definition: Definition) -> None:
    """A step is computed again on every retry, so what decides has to be the same each time."""
    functions: list[Callable[..., Any]] = [
        guard.fn
        for transition in definition.transitions
        for condition in transition.guards
        for guard in guards_of(condition)
        if isinstance(guard, Guard)
    ]
    slots = [(t.before, t.actions, t.after) for t in definition.transitions] + [
        (n.entry, n.exit) for n in definition.nodes
    ]
    functions += [action.fn for group in slots for actions in group for action in actions]
    for function in functions:
        assert not IMPURE & set(inspect.unwrap(function).__code__.co_names)


def test_it_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 120
