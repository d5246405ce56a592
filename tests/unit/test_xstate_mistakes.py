"""What the door for XState says about what it cannot carry over: the state, the mistake, the mend."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from settle import DefinitionError, Statechart

IMPLEMENTATION = SimpleNamespace(yes=lambda _ctx: True, note=lambda _ctx: None, serve=lambda _call: None)
CODE = "({ context }) => context.n > 0"
SILENCED = dict.fromkeys(
    ("unreachable-node", "unhandled-service-error", "shadowed-transition", "unused-silence"), "only a test"
)


def errors(config: Any) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        Statechart.from_xstate(config, implementation=IMPLEMENTATION, silenced=SILENCED)
    return [str(finding) for finding in caught.value.findings]


def warnings(config: Any) -> list[str]:
    chart = Statechart.from_xstate(config, implementation=IMPLEMENTATION, silenced=SILENCED)
    return [str(finding) for finding in chart.definition.warnings]


def machine(states: Any = None, **rest: Any) -> dict[str, Any]:
    return {"id": "m", "initial": "a", "states": {"a": {}, "b": {}} if states is None else states, **rest}


def state(**words: Any) -> dict[str, Any]:
    return machine({"a": words, "b": {}})


def transition(**words: Any) -> dict[str, Any]:
    return state(on={"GO": words})


def guard(written: Any) -> dict[str, Any]:
    return transition(target="b", guard=written)


def action(written: Any) -> dict[str, Any]:
    return state(entry=written)


def invoke(**words: Any) -> dict[str, Any]:
    return state(invoke={"src": "serve", **words})


def target(written: Any) -> dict[str, Any]:
    return transition(target=written)


def event(name: str) -> dict[str, Any]:
    ends = {"initial": "f", "states": {"f": {"type": "final"}}}
    return machine({"a": {"on": {name: "b"}}, "b": {**ends, "invoke": {"src": "serve", "id": "load"}}})


def case(name: str, config: Any, *expected: str) -> Any:
    return pytest.param(config, list(expected), id=name)


MACHINES = [
    case("no-json", "{", "bad-json: the machine is not JSON: line 1, column 2: Expecting property name enclosed in"),
    case("nan", '{"id": NaN}', "bad-json: the machine is not JSON: NaN is not part of JSON; write a number"),
    case("twice", '{"a": 1, "a": 2}', "bad-json: the machine is not JSON: an object has the key 'a' twice; rename one"),
    case("too-deep", "[" * 100_000, "bad-json: the machine is not JSON: it is nested too deeply; flatten it"),
    case("no-object", "[1]", "bad-json: a machine is an object, or JSON text of one, not '[1]'; pass what"),
    case(
        "serialized",
        {"id": "m", "key": "m", "order": -1, "states": {}, "transitions": []},
        "serialized-machine: this is what `JSON.stringify(machine)` writes, which leaves out `always` and the",
    ),
    case("context-code", machine(context=CODE), "bad-context: `context` is an object, not '({ context }) => context.n"),
    case("context-list", machine(context=[1]), "bad-context: `context` is an object, not '[1]'; write what it begins"),
    case(
        "context-marked", machine(context={"@code": "1"}), 'bad-context: `context` is an object, not \'{"@code": "1"}'
    ),
    case(
        "context-inner",
        machine(context={"n": "{{ input.n }}"}),
        "inline-code: the `context` holds code, '{{ input.n }}'; write plain data, or compute it in Python",
    ),
    case("context-data", machine(context={"n": {1}}), "bad-data: the `context` is not JSON data: n: set is not JSON"),
    case("on-done", machine(onDone="a"), "never-done: the machine has `onDone`, which is never taken: it is done then"),
    case(
        "version-4",
        machine(predictableActionArguments=True, schema={}, services={}),
        "refused-keyword: the machine has `predictableActionArguments`: version 5 has no such option; take it out",
        "refused-keyword: the machine has `schema`: version 5 says `types`; types are checked by pydantic models here",
        "refused-keyword: the machine has `services`: they are functions of the `implementation` that is passed to",
    ),
]

STATES = [
    case("no-object", machine({"a": {}, "b": "c"}), "bad-state: the state 'b' is 'c'; write an object, which may be"),
    case("states-list", machine(["a"]), "bad-state: `states` is an object with a state under each name, not '[\"a\"]'"),
    case(
        "dotted", machine({"a": {}, "b.c": {}}), "bad-node-name: a state's name is not empty and holds no '.'; rename"
    ),
    case(
        "nameless", machine({"a": {}, "": {}}), "bad-node-name: a state's name is not empty and holds no '.'; rename ''"
    ),
    case(
        "type", state(type="state"), "bad-type at 'a': `type` is one of atomic, compound, parallel, final, history, not"
    ),
    case(
        "type-list", state(type=[]), "bad-type at 'a': `type` is one of atomic, compound, parallel, final, history, not"
    ),
    case("id", state(id=7), "bad-id at 'a': an `id` is text, not '7'; rewrite it"),
    case(
        "same-id",
        machine({"a": {"id": "x"}, "b": {"id": "x"}}),
        "duplicate-id at 'b': it has the id 'x', as a has; give it one of its own",
    ),
    case(
        "id-of-the-machine", state(id="m"), "duplicate-id at 'a': it has the id 'm', as the machine itself has; give it"
    ),
    case(
        "no-initial", {"id": "m", "states": {"a": {}}}, 'bad-initial: it does not say where it begins; add `"initial":'
    ),
    case(
        "initial", machine(initial="aa"), "bad-initial: `initial` is the name of a state inside it, which 'aa' is not"
    ),
    case(
        "initial-id",
        machine(initial="#a"),
        "bad-initial: `initial` is the name of a state inside it, which '#a' is not;",
    ),
    case(
        "initial-path", machine(initial=7), "bad-initial: `initial` is the name of a state inside it, which '7' is not;"
    ),
    case(
        "initial-guard",
        machine(initial={"target": "a", "guard": "yes"}),
        "refused-keyword: an `initial` has `guard`: an initial transition has none; write an `always` inside the",
    ),
    case(
        "initial-atomic", state(initial="x"), "bad-initial at 'a': `initial` belongs to a state of which one child is"
    ),
    case(
        "initial-parallel",
        state(type="parallel", initial={"target": "c", "actions": "note"}, states={"c": {}}),
        "bad-initial at 'a': `initial` belongs to a state of which one child is active, and this one is parallel; take",
    ),
    case(
        "tags", state(tags=["x", 1]), "bad-tags at 'a': `tags` is text or a list of texts, not '[\"x\", 1]'; rewrite it"
    ),
    case("meta", state(meta="x"), "bad-meta at 'a': `meta` is an object, not 'x'; name what it says"),
    case("meta-data", state(meta={"x": {1}}), "bad-meta at 'a': `meta` is JSON data; x: set is not JSON data"),
    case("description", state(description=1), "bad-description at 'a': a `description` is text, not '1'; rewrite it"),
    case("output", state(output=1), "bad-output at 'a': only a final state has an `output`; move it there, or take it"),
    case(
        "output-code",
        machine({"a": {"type": "final", "output": CODE}}),
        "inline-code at 'a': the `output` holds code, '({ context }) => context.n > 0'; write plain data, or let",
    ),
    case(
        "version-4",
        state(onEntry="note", activities="x", data={}, parallel=False, strict=True),
        "refused-keyword at 'a': a state has `onEntry`: version 5 says `entry`",
        "refused-keyword at 'a': a state has `activities`: version 5 has none; write `invoke`",
        "refused-keyword at 'a': a state has `data`: version 5 says `output`",
        'refused-keyword at \'a\': a state has `parallel`: write `"type": "parallel"`',
        "refused-keyword at 'a': a state has `strict`: version 5 has no such option; take it out",
    ),
    case(
        "context",
        state(context={}),
        "refused-keyword at 'a': a state has `context`: the context belongs to the machine",
    ),
    case(
        "misspelt", state(entery="note"), "unknown-keyword at 'a': a state has the unknown key `entery`; did you mean"
    ),
]

HISTORY = [
    case(
        "depth",
        machine({"a": {}, "h": {"type": "history", "history": "all"}}),
        "bad-history at 'h': `history` is 'shallow' or 'deep', not 'all'; correct it",
    ),
    case(
        "elsewhere",
        machine({"a": {"history": "deep", "initial": "c", "target": "c", "states": {"c": {}}}}),
        "refused-keyword at 'a': a state has `history`: only a state of type `history` has it; add the type, or",
        "refused-keyword at 'a': a state has `target`: only a state of type `history` has it; write it into a",
    ),
    case(
        "words",
        machine({"a": {}, "h": {"type": "history", "entry": "note"}}),
        "refused-keyword at 'h': a history state has `entry`: a history state is never active; move it to the state",
    ),
    case(
        "unknown-default",
        machine({"a": {}, "h": {"type": "history", "target": "aa"}}),
        "unknown-target at 'h': its `target` is 'aa', which is no state of 'the machine'; did you mean 'a'?",
    ),
    case(
        "relative-default",
        machine({"a": {"initial": "c", "states": {"c": {}, "h": {"type": "history", "target": ".c"}}}}),
        "unknown-target at 'a.h': its `target` is '.c', which is no state of 'a'; did you mean 'c'?",
    ),
    case(
        "default-number",
        machine({"a": {}, "h": {"type": "history", "target": 7}}),
        "unknown-target at 'h': its `target` is '7', which is no state of 'the machine'; name one, as seen from there",
    ),
]

TRANSITIONS = [
    case(
        "on-list", state(on=["GO"]), "bad-transition at 'a': `on` is an object with a transition under each event name"
    ),
    case(
        "after-list", state(after=[1]), "bad-transition at 'a': `after` is an object with a transition under each delay"
    ),
    case(
        "number", state(on={"GO": 1}), "bad-transition at 'a': a transition is a target, an object, or a list of these"
    ),
    case(
        "nested", state(on={"GO": [["b"]]}), "bad-transition at 'a': a transition is a target, an object, or a list of"
    ),
    case(
        "code", state(always=CODE), "inline-code at 'a': a transition is code, '({ context }) => context.n > 0'; write"
    ),
    case(
        "reenter", transition(reenter="yes"), "bad-transition at 'a': `reenter` is true or false, not 'yes'; correct it"
    ),
    case("cond", transition(cond="yes"), "refused-keyword at 'a': a transition has `cond`: version 5 says `guard`"),
    case(
        "version-4",
        transition(internal=True, **{"in": "#b"}),
        "refused-keyword at 'a': a transition has `internal`: version 5 says `reenter`: false, its default, for",
        "refused-keyword at 'a': a transition has `in`: version 5 says `guard` with `stateIn`",
    ),
    case("assignment", transition(context={"n": 1}), "refused-keyword at 'a': a transition has `context`: it is an"),
    case(
        "misspelt", transition(tagret="b"), "unknown-keyword at 'a': a transition has the unknown key `tagret`; did you"
    ),
]

TARGETS = [
    case("sibling", target("bb"), "unknown-target at 'a': there is no state 'bb' beside it; did you mean 'b'?"),
    case("child", target(".c"), "unknown-target at 'a': there is no state '.c' inside it; correct the target"),
    case("id", target("#mm"), "unknown-target at 'a': there is no state '#mm'; did you mean '#m'?"),
    case("below-id", target("#m.c"), "unknown-target at 'a': there is no state '#m.c'; did you mean"),
    case("number", target(7), "unknown-target at 'a': a target is text, or a list of texts, not '7'; rewrite it"),
    case(
        "empty-in-list",
        target(["b", ""]),
        "unknown-target at 'a': a target in a list is empty; name a state, or take it out",
    ),
    case("root", machine(on={"GO": "a"}), "unknown-target: 'a' is not beside this state but inside it; write '.a'"),
    case(
        "root-path",
        machine(on={"GO": "x"}),
        "unknown-target: 'x': from the machine itself a target is written '.child'",
    ),
    case(
        "child-without-dot",
        machine({"a": {"initial": "c", "on": {"GO": "c"}, "states": {"c": {}}}}),
        "unknown-target at 'a': 'c' is not beside this state but inside it; write '.c'",
    ),
    case(
        "elsewhere",
        machine({"a": {"on": {"GO": "c"}}, "b": {"initial": "c", "states": {"c": {}}}}),
        "unknown-target at 'a': 'c' is not found from here; write '#m.b.c', or give that state an `id`",
    ),
]

EVENTS = [
    case("empty", event(""), "bad-event at 'a': an event without a name is written `always` since version 5; move it"),
    case(
        "infix", event("a.*.b"), "bad-event at 'a': in 'a.*.b' the `*` is not the last part; only `*` and `name.*` take"
    ),
    case("no-dot", event("a*"), "bad-event at 'a': in 'a*' the `*` is not the last part; only `*` and `name.*` take"),
    case(
        "unknown-state",
        event("xstate.done.state.m.bb"),
        "bad-event at 'a': 'xstate.done.state.m.bb' waits for the end of a state, and none has the id 'm.bb'; did you",
    ),
    case(
        "machine",
        event("xstate.done.state.m"),
        "bad-event at 'a': 'xstate.done.state.m' is never taken: the machine is done then; take it out",
    ),
    case(
        "unknown-service",
        event("xstate.done.actor.lood"),
        "bad-event at 'a': 'xstate.done.actor.lood' waits for a service, and no `invoke` has the id 'lood'; did",
    ),
    case(
        "after", event("xstate.after.10.m.a"), "bad-event at 'a': the event 'xstate.after.10.m.a' does not exist here;"
    ),
    case(
        "init", event("xstate.init"), "bad-event at 'a': the event 'xstate.init' does not exist here; the start of an"
    ),
    case(
        "all", event("xstate.*"), "bad-event at 'a': the event 'xstate.*' does not exist here; name the events one by"
    ),
    case(
        "reserved", event("done.deal"), "bad-event at 'a': the event 'done.deal' does not exist here; types that begin"
    ),
    case(
        "twice",
        machine(
            {
                "a": {
                    "initial": "f",
                    "onDone": "b",
                    "on": {"xstate.done.state.m.a": "b"},
                    "states": {"f": {"type": "final"}},
                },
                "b": {},
            }
        ),
        "bad-event at 'a': it has 'xstate.done.state.m.a' under `on` and `onDone`, of which XState takes only the",
    ),
]

GUARDS = [
    case(
        "code", guard(CODE), "inline-code at 'a': a guard is code, '({ context }) => context.n > 0'; write it in Python"
    ),
    case("expression", guard("{{ context.n }}"), "inline-code at 'a': a guard is code, '{{ context.n }}'; write it in"),
    case("marked", guard({"@type": "code", "expr": "1"}), 'inline-code at \'a\': a guard is code, \'{"@type": "code",'),
    case(
        "number",
        guard(7),
        "bad-guard at 'a': a guard is a name, or an object with its `type`, not '7'; name a function",
    ),
    case("unknown", guard("yess"), "unknown-name at 'a': the implementation defines no guard 'yess'; did you"),
    case(
        "built-in", guard({"type": "xstate.x"}), "bad-guard at 'a': there is no built-in guard 'xstate.x'; write it in"
    ),
    case(
        "empty-and",
        guard({"type": "and", "guards": []}),
        "bad-guard at 'a': the guard 'and' combines others and has none; list them under `guards`",
    ),
    case(
        "empty-not",
        guard({"type": "xstate.not"}),
        "bad-guard at 'a': the guard 'xstate.not' combines others and has none; list them under `guards`",
    ),
    case(
        "not-two", guard({"type": "not", "guards": ["yes", "yes"]}), "bad-guard at 'a': the guard 'not' has 2 others;"
    ),
    case(
        "state-in",
        guard({"type": "stateIn", "stateValue": "#c"}),
        "unknown-state at 'a': the guard 'stateIn' names no state by '#c'; write `#id`, or a state value",
    ),
    case(
        "state-value",
        guard({"type": "stateIn", "stateValue": {"b": 7}}),
        "unknown-state at 'a': the guard 'stateIn' names no state by '{\"b\": 7}'",
    ),
    case("no-state", guard({"type": "xstate.stateIn"}), "unknown-state at 'a': the guard 'stateIn' names no state by"),
    case(
        "params",
        guard({"type": "yes", "params": 7}),
        "bad-params at 'a': the `params` of the guard 'yes' are an object",
    ),
    case(
        "beside",
        guard({"type": "yes", "parms": {}}),
        "unknown-keyword at 'a': a guard has the unknown key `parms`; did",
    ),
]

ACTIONS = [
    case(
        "code", action(CODE), "inline-code at 'a': an action is code, '({ context }) => context.n > 0'; write an action"
    ),
    case("function", action("function (x) { }"), "inline-code at 'a': an action is code, 'function (x) { }'; write an"),
    case(
        "number", action([7]), "bad-action at 'a': an action is a name, or an object with its `type`, not '7'; name a"
    ),
    case("null", action([None]), "bad-action at 'a': an action is a name, or an object with its `type`, not 'null'"),
    case("unknown", action("nose"), "unknown-name at 'a': the implementation defines no action 'nose'; did you"),
    case(
        "exec", action({"type": "note", "exec": "f"}), "refused-keyword at 'a': an action has `exec`: functions are not"
    ),
    case(
        "params-code",
        action({"type": "note", "params": "({ event }) => event"}),
        "inline-code at 'a': the `params` of the action 'note' holds code, '({ event }) => event'; write plain",
    ),
    case(
        "params-name",
        action({"type": "note", "params": {"a b": 1}}),
        "bad-params at 'a': the parameter 'a b' of the action 'note' cannot be the name of an argument in Python;",
    ),
    case(
        "assign",
        action({"type": "xstate.assign", "params": {"n": 1}}),
        "built-in-action at 'a': the action 'xstate.assign' is not carried over; write an action in Python that",
    ),
    case(
        "other",
        action({"type": "xstate.other"}),
        "built-in-action at 'a': the action 'xstate.other' is not carried over; write an action in Python, and",
    ),
    case(
        "raise-nothing",
        action({"type": "xstate.raise"}),
        "built-in-action at 'a': the action 'xstate.raise' does not say which event; add `event` with its `type`, or",
    ),
    case(
        "raise-expression",
        action({"type": "xstate.raise", "event": "{{ event }}"}),
        "inline-code at 'a': the action 'xstate.raise' holds code, '{{ event }}'; write plain data, or compute it in",
    ),
    case(
        "raise-reserved",
        action({"type": "xstate.raise", "event": "done.x"}),
        "bad-event at 'a': the action 'xstate.raise' raises 'done.x', which only the runtime may; rename the event",
    ),
    case(
        "raise-delay",
        action({"type": "xstate.raise", "event": "X", "delay": -1}),
        "bad-delay at 'a': a delay lies between zero and a hundred years, and '-1' ms does not; correct it",
    ),
    case(
        "raise-word",
        action({"type": "xstate.raise", "event": "X", "dealy": 1}),
        "unknown-keyword at 'a': the action `raise` has the unknown key `dealy`; did you mean 'delay'?",
    ),
    case(
        "cancel-nothing",
        action({"type": "xstate.cancel"}),
        "built-in-action at 'a': the action 'xstate.cancel' does not say what to cancel; add `sendId`, or write",
    ),
]

INVOKES = [
    case("number", state(invoke=[7]), "bad-invoke at 'a': an invoke is an object with a `src`, not '7'; rewrite it"),
    case(
        "no-src",
        state(invoke={}),
        "bad-invoke at 'a': the `src` of an invoke is the name of a service, not 'null'; name",
    ),
    case(
        "object-src",
        invoke(src={"type": "serve"}),
        "bad-invoke at 'a': the `src` of an invoke is text since version 5;",
    ),
    case(
        "code-src", invoke(src="async () => 1"), "inline-code at 'a': the `src` of an invoke is code, 'async () => 1';"
    ),
    case(
        "unknown-src",
        invoke(src="sreve"),
        "unknown-name at 'a': the implementation defines no service 'sreve'",
    ),
    case("id", invoke(id=7), "bad-invoke at 'a': the `id` of an invoke is text, not '7'; rewrite it"),
    case("type", invoke(type="x"), "bad-invoke at 'a': an invoke has no `type`, here 'x'; take it out"),
    case(
        "machine", invoke(machine=True), "bad-invoke at 'a': `machine` is the id of the machine whose child is started"
    ),
    case(
        "input", invoke(input=CODE), "inline-code at 'a': the `input` of the invoke 'a' holds code, '({ context }) =>"
    ),
    case("timeout", invoke(timeout=10), "bad-invoke at 'a': `timeout` is a duration like '10s' or 'PT10S', not '10'"),
    case(
        "timeout-text", invoke(timeout="x"), "bad-invoke at 'a': `timeout` is a duration like '10s' or 'PT10S', not 'x'"
    ),
    case(
        "attempts", invoke(attempts=0), "bad-invoke at 'a': `attempts` is a whole number from 1 on, not '0'; correct it"
    ),
    case(
        "version-4",
        invoke(data={}, autoForward=True),
        "refused-keyword at 'a': an invoke has `data`: version 5 says `input`",
        "refused-keyword at 'a': an invoke has `autoForward`: events are not forwarded; let an action send them",
    ),
    case(
        "mode", invoke(mode="behind"), "bad-invoke at 'a': `mode` is 'inline' or 'background', not 'behind'; correct it"
    ),
    case(
        "backoff",
        invoke(mode="background", maxBackoff=3000),
        "bad-invoke at 'a': `maxBackoff` is a duration like '10s' or 'PT10S', not '3000'; correct it",
    ),
    case(
        "background-words",
        invoke(maxBackoff="1h", deadline="1h"),
        "bad-invoke at 'a': only a service in the background has `maxBackoff` and `deadline`, and this is none; add",
    ),
    case(
        "background-machine",
        invoke(machine="m", delivery="at_most_once"),
        "bad-invoke at 'a': only a service has `delivery`, and this invokes a machine; drop that",
    ),
    case(
        "final-errors",
        invoke(final_errors=["ValueError"], max_backoff="1h"),
        "refused-keyword at 'a': an invoke has `final_errors`: exceptions are classes of Python; raise a",
        "refused-keyword at 'a': an invoke has `max_backoff`: write `maxBackoff`",
    ),
    case("retry", invoke(retry={}), "refused-keyword at 'a': an invoke has `retry`: write `attempts`: how often the"),
    case(
        "same-id",
        machine({"a": {"invoke": {"src": "serve", "id": "x"}}, "b": {"invoke": {"src": "serve", "id": "x"}}}),
        "duplicate-invoke at 'b': two invokes have the id 'x'; give one an `id` of its own",
    ),
]

DELAYS = [
    case(
        "below",
        state(after={"-1": "b"}),
        "bad-delay at 'a': a delay lies between zero and a hundred years, and '-1' ms",
    ),
    case(
        "far", state(after={"1e20": "b"}), "bad-delay at 'a': a delay lies between zero and a hundred years, and '1e20'"
    ),
    case("code", state(after={"() => 1": "b"}), "inline-code at 'a': a delay is code, '() => 1'; write a function in"),
    case("empty", state(after={"": "b"}), "bad-delay at 'a': a delay is seconds"),
    case(
        "unknown",
        state(after={"soon": "b"}),
        "unknown-name at 'a': the implementation defines no delay 'soon'",
    ),
    case(
        "true",
        action({"type": "xstate.raise", "event": "X", "delay": True}),
        "bad-delay at 'a': a delay is milliseconds, a duration, or a name, not 'true'; correct it",
    ),
]


@pytest.mark.parametrize(
    ("config", "expected"),
    [*MACHINES, *STATES, *HISTORY, *TRANSITIONS, *TARGETS, *EVENTS, *GUARDS, *ACTIONS, *INVOKES, *DELAYS],
)
def test_a_mistake_is_named_with_its_mend(config: Any, expected: list[str]) -> None:
    found = [error for error in errors(config) if not error.startswith("bad-id: ")]
    for wanted in expected:
        assert any(error.startswith(wanted) for error in found), (wanted, found)
    assert len(found) == len(expected)


def test_all_mistakes_are_reported_at_once() -> None:
    config = machine(
        {"a": {"entry": CODE, "on": {"GO": {"target": "c", "cond": "yes"}}}, "b": {"tags": 1}}, strict=True
    )
    assert [error.partition(":")[0] for error in errors(config)] == [
        "refused-keyword",
        "refused-keyword at 'a'",
        "unknown-target at 'a'",
        "inline-code at 'a'",
        "bad-tags at 'b'",
    ]


def test_long_code_is_shortened() -> None:
    (error,) = errors(action(f"({'{'} context {'}'}) =>\n  context.n + {'1' * 100}"))
    assert "'({ context }) => context.n + 1111111111111111111111111111...'" in error


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (machine(version="1.2"), "the machine has `version`: the version that counts is the number passed to"),
        (machine(types={}), "the machine has `types`: types are checked by pydantic models here; pass `context` and"),
        (machine(schemas={}), "the machine has `schemas`: types are checked by pydantic models here; pass `context`"),
        (machine(options={}), "the machine has `options`: the limit of microsteps is fixed"),
        (state(route={}), "a state has `route`: the event `xstate.route` does not exist here; give the machine"),
        (
            state(on={"GO": [{"source": "#m.a", "target": "b"}] * 2}),
            "a transition has `source`: it repeats what the place in the file says",
        ),
        (invoke(onSnapshot="b"), "an invoke has `onSnapshot`: a service tells its result and nothing else; let it"),
        (invoke(systemId="x"), "an invoke has `systemId`: a service has no address"),
        (
            state(type="parallel", initial="c", states={"c": {}}),
            "a parallel state has `initial`: it means nothing there, since all of its states are entered",
        ),
    ],
)
def test_what_is_understood_but_not_carried_over_is_a_warning(config: Any, expected: str) -> None:
    (warning,) = warnings(config)
    code, _, message = warning.partition(": ")
    assert code in {"not-carried-over", "not-carried-over at 'a'"}
    assert message.startswith(expected)


def test_a_key_that_xstate_would_ignore_too_is_a_warning() -> None:
    (warning,) = warnings(state(position=[1, 2]))
    assert warning.startswith(
        "unknown-keyword at 'a': a state has the unknown key `position`, which is ignored; take it"
    )


def test_where_services_run_is_one_of_two() -> None:
    with pytest.raises(DefinitionError, match="bad-services: `services` is 'inline' or 'background', not 'behind'"):
        Statechart.from_xstate(machine(), implementation=IMPLEMENTATION, services="behind")


def test_null_is_no_value() -> None:
    words = dict.fromkeys(("entry", "always", "after", "on", "invoke", "tags", "meta", "output", "cond", "target"))
    assert warnings(state(**words)) == []


def test_data_may_look_a_little_like_code() -> None:
    context = {"@type": "Person", "text": "dear {{ name }}, a => b is said", "sum": "(1) + (2)"}
    chart = Statechart.from_xstate(json.dumps(machine(context=context)))
    assert chart.definition.initial_context == context
