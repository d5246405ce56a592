"""Charts that are stored: everything a chart may hold comes back, and what does not fit any more is built."""

import importlib.util
import json
import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from transitions import Machine

import settle.authoring.compiled
from settle import Actions, Context, DefinitionError, Event, ServiceCall, Statechart, and_, in_state, not_
from settle.authoring.source import UnstableArgumentError
from settle.core.interpreter import start, step
from settle.core.macrostep import Macrostep
from settle.core.stored_definition import UnstorableError
from settle.runtime.registry import load_machines
from tests.support.stored_charts import collect, recall, write

ROOT = Path(__file__).parents[2]
_NOTHING_SETTLES = {"never-entered": "it is not run"}
SETTLED: dict[str, Any] = {"tags": ["settled"]}
Recall = Callable[[Callable[[], Statechart]], tuple[Statechart, Statechart]]


class Memory(Context):
    count: int = 0


class Amount(BaseModel):
    amount: int


class Light(Enum):
    RED = "red"
    GREEN = "green"


class Words:
    @staticmethod
    def big(ctx: Memory, *, limit: int) -> bool:
        return ctx.count > limit

    @staticmethod
    def count(ctx: Memory) -> None:
        ctx.count += 1

    @staticmethod
    def ask(call: ServiceCall) -> dict[str, Any]:
        return {"input": call.input}


def add(ctx: Memory, event: Event) -> None:
    ctx.count += event["amount"]


def mail(_: Memory, __: Event, do: Actions) -> None:
    do.log("mailed")


def soon(ctx: Memory) -> float:
    return 60.0 + ctx.count


@pytest.fixture
def come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recall:
    return lambda make: recall(make, tmp_path, monkeypatch)


def full_chart() -> Statechart:
    return Statechart(
        id="full",
        version=3,
        context=Memory,
        events={"ADD": Amount},
        implementation=Words,
        retention=timedelta(days=1),
        silenced={"never-entered": "on purpose", "unnamed-function": "on purpose"},
        output=lambda ctx: {"count": ctx.count},
        states=[
            {"name": "idle", **SETTLED, "on_exit": ["count", mail], "meta": {"colour": ["red"]}},
            {
                "name": "busy",
                "invoke": {
                    "src": "ask",
                    "input": lambda ctx: ctx.count,
                    "final_errors": [KeyError, ValueError],
                    "on_done": {"dest": "both", "conditions": {"type": "big", "params": {"limit": 1}}},
                    "on_error": "idle",
                },
            },
            {
                "name": "both",
                **SETTLED,
                "parallel": [{"name": "left", "children": ["a", "b"]}, {"name": "right", "children": ["c", "d"]}],
            },
            {"name": "late", **SETTLED, "timeout": datetime(2030, 1, 1, tzinfo=UTC), "on_timeout": "end"},
            {"name": "end", "final": True, "output": {"fixed": [1, 2]}},
        ],
        transitions=[
            {"trigger": "ADD", "source": "idle", "dest": "busy", "actions": [add, lambda ctx: ctx.model_dump()]},
            {"trigger": "ADD", "source": "both", "dest": None, "actions": add},
            {"delay": soon, "source": "both", "dest": "late"},
            {
                "trigger": "B",
                "source": "both.left.a",
                "dest": "both.left.b",
                "conditions": and_(in_state("both.right.c"), not_({"type": "big", "params": {"limit": 99}})),
            },
        ],
    )


def enum_chart() -> Statechart:
    return Statechart(
        id="light", states=Light, initial=Light.RED, transitions=[["GO", Light.RED, Light.GREEN], ["GO", "*", "="]]
    )


def child(action: Callable[..., Any]) -> Statechart:
    return Statechart(
        id="child",
        implementation={"helped": mail},
        events={"ADD": Amount},
        states=[
            {"name": "x", **SETTLED, "on_enter": [action, "helped"]},
            {"name": "h", "history": "deep", "default": {"dest": "x", "actions": partial(mail)}},
        ],
    )


def nested_chart() -> Statechart:
    inner = child(lambda ctx: ctx.model_dump())
    return Statechart(
        id="outer",
        context=Memory,
        implementation=Words,
        states=[{"name": "first", "children": inner, "on_exit": "count"}, {"name": "second", **SETTLED}],
        transitions=[["GO", "first", "second"], ["BACK", "second", "first.h"]],
    )


def xstate_chart() -> Statechart:
    config = {
        "id": "file",
        "context": {"count": 0},
        "initial": "a",
        "on": {"LOG": {"actions": {"type": "xstate.log", "params": {"value": "hello"}}}},
        "states": {
            "a": {
                **SETTLED,
                "entry": [
                    {
                        "type": "xstate.raise",
                        "params": {"event": {"type": "SOON", "n": 1}, "delay": "pause", "id": "t"},
                    },
                    {"type": "xstate.raise", "params": {"event": {"type": "NOW"}}},
                ],
                "on": {
                    "NOW": {"actions": "note"},
                    "STOP": {"actions": {"type": "xstate.cancel", "params": {"sendId": "t"}}},
                },
                "after": {"1000": "b"},
            },
            "b": {"type": "final"},
        },
    }

    def note(ctx: dict[str, int]) -> None:
        ctx["count"] += 1

    def pause(ctx: dict[str, int]) -> float:
        return 5.0 + ctx["count"]

    return Statechart.from_xstate(json.dumps(config), implementation={"note": note, "pause": pause}, version=2)


def walk(chart: Statechart, *events: Event) -> list[str]:
    """Everything that happens, as text."""
    steps: list[Macrostep] = [start(chart.definition, now=1.0)]
    for event in events:
        steps.append(step(chart.definition, steps[-1].snapshot, event, 2.0))
    return [repr(each) for each in steps]


EVENTS = (
    *(Event(type="ADD", data={"amount": 5}), Event(type="GO"), Event(type="BACK"), Event(type="B"), Event(type="LOG")),
    *(Event(type="STOP"), Event(type="ADD", data={"amount": 2})),
)


@pytest.mark.parametrize("make", [full_chart, enum_chart, nested_chart, xstate_chart])
def test_a_stored_chart_is_the_one_that_was_built(come_back: Recall, make: Callable[[], Statechart]) -> None:
    built, stored = come_back(make)
    assert (stored.id, stored.version, repr(stored)) == (built.id, built.version, repr(built))
    for name in ("hash", "table", "numbers", "warnings", "retention", "initial_context", "event_types"):
        assert getattr(stored.definition, name) == getattr(built.definition, name)
    assert stored.events.keys() == built.events.keys()
    assert walk(stored, *EVENTS) == walk(built, *EVENTS)
    assert stored.diagram() == built.diagram()


def test_delays_services_and_outputs_are_those_of_the_machine_file(come_back: Recall) -> None:
    _, stored = come_back(full_chart)
    invoke = stored.definition.invokes["busy"]
    assert invoke.final_errors == (KeyError, ValueError)
    assert invoke.input(Memory(count=7), Event()) == 7
    assert stored.definition.nodes[0].output(Memory(count=7), Event()) == {"count": 7}
    delays = {each.delay.name: each.delay for each in stored.definition.transitions if each.delay is not None}
    soon_delay, instant = delays["soon"].fn, delays["2030-01-01T00:00:00+00:00"].fn
    assert soon_delay is not None
    assert soon_delay(Memory(count=1), Event()) == 61.0
    assert instant is not None
    assert instant(None, None) == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_stored_chart_can_stand_inside_one_that_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    charts = collect(nested_chart)
    write([chart for chart in charts if chart.definition.machine == "child"], tmp_path)
    built = nested_chart()
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    mixed = nested_chart()
    assert mixed.definition.hash == built.definition.hash
    assert walk(mixed, *EVENTS) == walk(built, *EVENTS)
    (record,) = caplog.records
    assert (record.levelno, "slow start" in record.message) == (logging.WARNING, True)


def test_older_versions_are_those_of_the_file_and_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*, twice: bool = False) -> Statechart:
        older = Statechart(id="m", states=[{"name": "a", **SETTLED}])
        versions = [older, older] if twice else [older]
        return Statechart(id="m", version=2, states=[{"name": "b", **SETTLED}], versions=versions)

    built, stored = recall(make, tmp_path, monkeypatch)
    assert {version: each.hash for version, each in stored.versions.items()} == {
        version: each.hash for version, each in built.versions.items()
    }
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    with pytest.raises(DefinitionError, match="version 1 is there twice"):
        make(twice=True)


# What is not taken ---------------------------------------------------------------------------------------------------


def door(action: object, implementation: object = None) -> Statechart:
    return Statechart(
        id="door", implementation=implementation, states=[{"name": "open", **SETTLED, "on_enter": action}]
    )


def test_other_arguments_are_built_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(collect(lambda: door(mail)), tmp_path)
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    assert door(add).definition.nodes[1].entry[0].name == "add"
    assert "its arguments are others than they were at bundling" in caplog.text


def test_a_name_that_means_a_function_of_other_arguments_is_fitted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    write(collect(lambda: door("note", {"note": mail})), tmp_path)
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    chart = door("note", {"note": lambda _ctx: seen.append("noted")})
    start(chart.definition)
    assert seen == ["noted"]


def test_a_name_that_is_gone_is_the_error_that_building_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(collect(lambda: door("note", {"note": mail})), tmp_path)
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    with pytest.raises(DefinitionError, match="defines no action 'note'"):
        door("note", {"other": mail})
    assert "a function in it is another than it was at bundling" in caplog.text


def test_a_function_that_has_another_name_now_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def make(name: str) -> Statechart:
        def note(ctx: Any) -> None: ...

        note.__name__ = name  # and not its qualified name, by which arguments are told apart
        return door(note)

    write(collect(lambda: make("one")), tmp_path)
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    assert make("two").definition.nodes[1].entry[0].name == "two"
    assert "a function in it is another than it was at bundling" in caplog.text


def test_an_argument_without_a_text_is_built_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(settle.authoring.compiled, "_PLACE", tmp_path)
    with pytest.raises(DefinitionError, match="is no function"):
        door(object())
    assert "holds 'object', which is neither data nor a function" in caplog.text


def test_nothing_is_said_where_nothing_is_stored(caplog: pytest.LogCaptureFixture) -> None:
    door(mail)
    assert not caplog.records


def test_a_machine_object_of_transitions_cannot_be_stored() -> None:
    machine = Machine(model=None, states=["a", "b"], initial="a", auto_transitions=False)
    machine.add_transition("GO", "a", "b")
    (chart,) = collect(lambda: Statechart.from_transitions(machine, id="m", silenced=_NOTHING_SETTLES))
    with pytest.raises(UnstableArgumentError, match="holds 'Machine'"):
        _ = chart.source.digest


def test_a_function_that_stands_nowhere_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    (chart,) = collect(lambda: door(mail))
    monkeypatch.setattr(type(chart.source), "outsiders", [])
    with pytest.raises(UnstorableError, match="'mail' does not stand in the arguments of the chart"):
        write([chart], Path())


# Every chart there is ------------------------------------------------------------------------------------------------

FOLDERS = ("machines", "tests/machines_lib/working", "tests/machines_lib/family", "benchmarks/machines")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_machine_of_this_repository_can_be_stored(folder: str, tmp_path: Path) -> None:
    # A copy, so that the files are read again.
    copy = shutil.copytree(ROOT / folder, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    charts = collect(lambda: load_machines(copy))
    assert charts
    write(charts, tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == len({chart.source.digest for chart in charts})


@pytest.mark.parametrize("path", sorted((ROOT / "tests/semantics").glob("test_*.py")), ids=lambda path: path.stem)
def test_every_chart_of_the_semantics_can_be_stored(path: Path, tmp_path: Path) -> None:
    def load() -> None:
        spec = importlib.util.spec_from_file_location(f"stored_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))

    charts = collect(load)
    write(charts, tmp_path)
    assert len(list(tmp_path.iterdir())) == len({chart.source.digest for chart in charts})
