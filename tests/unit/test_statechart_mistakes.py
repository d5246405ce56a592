"""What the Python front end says about configurations that it cannot read: the state, the mistake, the mend."""

from collections.abc import Callable, Iterator
from datetime import datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from transitions.extensions.nesting import HierarchicalMachine, NestedState

from settle import DefinitionError, ServiceCall, Statechart
from settle.core.definition import Definition
from settle.core.spec import NodeKind


class Implementation:
    @staticmethod
    def yes(_ctx: Any) -> bool:
        return True

    @staticmethod
    def note(_ctx: Any) -> None: ...

    @staticmethod
    def serve(_call: ServiceCall) -> None: ...


async def slow(_ctx: Any) -> bool:
    return True


def yields(_ctx: Any) -> Iterator[None]:
    yield


class Asynchronous:
    async def __call__(self, _ctx: Any) -> bool:
        return True


def takes_nothing() -> bool:
    return True


def twin(number: int) -> Callable[[Any], None]:
    def act(ctx: Any) -> None:
        ctx["n"] = number

    return act


class Methods:
    def below(self, ctx: Any) -> bool:
        return bool(ctx)


def build(states: Any, transitions: Any = (), **options: Any) -> Definition:
    options = {"implementation": Implementation, **options}
    return Statechart(id="m", states=states, transitions=transitions, **options).definition


def findings(states: Any, transitions: Any = (), **options: Any) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        build(states, transitions, **options)
    return [str(finding) for finding in caught.value.findings]


def case(name: str, expected: str, states: Any, transitions: Any = (), **options: Any) -> Any:
    return pytest.param(expected, states, transitions, options, id=name)


INNER = Statechart(id="inner", states=["one", "end"], transitions=[["N", "one", "end"]])


@pytest.mark.parametrize(
    ("expected", "states", "transitions", "options"),
    [
        case(
            "unknown keyword of a state",
            "unknown-keyword at 'a': a state has the unknown keyword `chlidren`; did you mean 'children'?",
            [{"name": "a", "chlidren": ["b"]}],
        ),
        case(
            "unknown keyword of a transition",
            (
                "unknown-keyword at 'a': a transition has the unknown keyword `if_`; known are actions, after, "
                "before, conditions, delay, description, dest, internal, meta, reenter, source, trigger, unless"
            ),
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "if_": "yes"}],
        ),
        case(
            "unknown keyword of an invoke",
            "unknown-keyword at 'a': an invoke has the unknown keyword `on_don`; did you mean 'on_done'?",
            [{"name": "a", "invoke": {"src": "serve", "on_don": "a"}}],
        ),
        case(
            "unknown keyword in an on_done",
            (
                "unknown-keyword at 'a': a transition without a trigger of its own has the unknown keyword "
                "`dset`; did you mean 'dest'?"
            ),
            [{"name": "a", "always": {"dset": "a"}}],
        ),
        case(
            "unknown keyword of the machine",
            "unknown-keyword: the machine has the unknown keyword `intial`; did you mean 'initial'?",
            ["a"],
            intial="a",
        ),
        case(
            "a timeout",
            "bad-timeout at 'a': it has `timeout` but no `on_timeout`; add it",
            [{"name": "a", "timeout": 3}],
        ),
        case(
            "an end of no timeout",
            "bad-timeout at 'a': it has `on_timeout` but no `timeout`; add it",
            [{"name": "a", "on_timeout": "a"}],
        ),
        case(
            "a timeout that is no duration",
            (
                "bad-delay at 'a': a delay is seconds, a timedelta, text like '24h' or 'PT24H', or a datetime, not"
                " 'next week'; correct it"
            ),
            [{"name": "a", "timeout": "next week", "on_timeout": "a"}],
        ),
        case(
            "a delay",
            (
                "bad-transition at 'a': a transition has `trigger` and `delay`: it waits for an event or for a time;"
                " drop one, or write two"
            ),
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "delay": 3}],
        ),
        case(
            "a word of XState",
            "refused-keyword at 'a': a state has `entry`: write `on_enter`",
            [{"name": "a", "entry": "note"}],
        ),
        case(
            "on_error beside the invoke",
            ("refused-keyword at 'a': a state has `on_error`: put `on_error` into the `invoke` whose failure it takes"),
            [{"name": "a", "invoke": "serve", "on_error": "a"}],
        ),
        case(
            "prepare",
            (
                "refused-keyword at 'a': a transition has `prepare`: it would run also when a guard then says "
                "no; use `before`"
            ),
            ["a"],
            [["GO", "a", "a", None, None, None, None, "note"]],
        ),
        case(
            "callbacks of the machine",
            (
                "refused-keyword: the machine has `before_state_change`: use `before` on the transitions that "
                "need it, or `on_exit` of the states"
            ),
            ["a"],
            before_state_change="note",
        ),
        case(
            "queued",
            (
                "refused-keyword: the machine has `queued`: events of an instance are always applied one at a "
                "time; take it out"
            ),
            ["a"],
            queued=True,
        ),
        case("states as a dict", "bad-state: `states` is a list; put each name into its dict, as `name`", {"a": {}}),
        case("no states", "no-children: a machine needs states; name them in `states`", []),
        case(
            "a state of another type",
            "bad-state: a state is a name, an Enum member or a dict with `name`, not 3",
            ["a", 3],
        ),
        case(
            "a nested state without a name",
            "bad-state at 'a': a state needs a `name`; {'final': True} has none",
            [{"name": "a", "children": [{"final": True}]}],
        ),
        case(
            "a name of another type",
            (
                "bad-state at 'a': transitions cannot read it (TypeError: sequence item 0: expected str "
                "instance, list found); correct that"
            ),
            [{"name": ["a"]}],
        ),
        case("an empty name", "bad-state: a state needs a `name`; '' has none", [""]),
        case(
            "a dot in a name",
            (
                "bad-node-name at 'a.b': the name of a state holds no '.', which separates the parts of a path; "
                "rename it"
            ),
            [{"name": "a.b"}],
        ),
        case("a state twice", "duplicate-node at 'a': two states have this path; rename one", ["a", {"name": "a"}]),
        case(
            "a nested state twice",
            "duplicate-node at 'p.a': two states have this path; rename one",
            [{"name": "p", "children": ["a", "a"]}],
        ),
        case(
            "children and parallel",
            "bad-children at 'a': it has `children` and `parallel`; keep one of them",
            [{"name": "a", "children": ["b"], "parallel": ["c"]}],
        ),
        case(
            "no children in a list of them",
            "no-children at 'a': its `parallel` is empty; name at least one child, or drop it",
            [{"name": "a", "parallel": []}],
        ),
        case(
            "a machine object of transitions",
            ("bad-state at 'a': a chart is reused as a Statechart, a state is a name or a dict; write one of these"),
            [{"name": "a", "children": HierarchicalMachine(states=["x"], initial="x")}],
        ),
        case(
            "a state object of transitions",
            "bad-state: a chart is reused as a Statechart, a state is a name or a dict; write one of these",
            [NestedState("a")],
        ),
        case(
            "remap of nothing",
            "unknown-target at 'a': `remap` names 'ende', which no reused chart has; did you mean 'end'?",
            [{"name": "a", "children": INNER, "remap": {"ende": "b"}}, "b"],
        ),
        case(
            "remap that is no dict",
            "bad-children at 'a': `remap` is a dict from states of a reused chart to states beside it, not 3",
            [{"name": "a", "children": INNER, "remap": 3}],
        ),
        case(
            "an unknown initial",
            "bad-initial: `initial` is 'iddle', which is none of its children; did you mean 'idle'?",
            ["idle"],
            initial="iddle",
        ),
        case(
            "an unknown nested initial",
            "bad-initial at 'a': `initial` is 'x', which is none of its children; name one of them",
            [{"name": "a", "initial": "x", "children": ["b"]}],
        ),
        case(
            "an initial of another type",
            "bad-initial: `initial` is a state's name, or a list of all of them, not 3",
            ["a"],
            initial=3,
        ),
        case(
            "an initial without children",
            "bad-initial at 'a': it has an `initial` but no children; drop it, or add `children`",
            [{"name": "a", "initial": "b"}, "b"],
        ),
        case(
            "some of the regions",
            (
                "bad-initial at 'p': a list as `initial` means a parallel state and names every child; complete "
                "it, or name one child"
            ),
            [{"name": "p", "initial": ["a"], "children": ["a", "b"]}],
        ),
        case(
            "tags of another type", "bad-tags at 'a': `tags` is a list of text, not [3]", [{"name": "a", "tags": [3]}]
        ),
        case("meta of another type", "bad-meta at 'a': `meta` is a dict, not 'x'", [{"name": "a", "meta": "x"}]),
        case(
            "meta that is not JSON",
            "bad-meta at 'a': `meta` is JSON data; x: set is not JSON data",
            [{"name": "a", "meta": {"x": {1}}}],
        ),
        case(
            "output of a state that is not final",
            "bad-output at 'a': only a final state or the machine itself has an `output`; move it"
            " there, or add `final`",
            [{"name": "a", "output": 1}],
        ),
        case(
            "another history",
            "bad-history at 'a.h': `history` is 'shallow' or 'deep', not 'old'",
            [{"name": "a", "children": ["b", {"name": "h", "history": "old"}]}],
        ),
        case(
            "a default without history",
            "bad-history at 'a': `default` belongs to a history state; add `history`, or drop it",
            [{"name": "a", "default": "b"}, "b"],
        ),
        case(
            "transitions of a history state",
            "bad-history at 'a.h': a history state has no transitions; give them to the state around it",
            [{"name": "a", "children": ["b", {"name": "h", "history": "deep"}]}],
            [["GO", "a.h", "a.b"]],
        ),
        case(
            "actions of a history state",
            (
                "unknown-keyword at 'a.h': a history state has the unknown keyword `tags`; known are default, "
                "description, history, meta, name"
            ),
            [{"name": "a", "children": ["b", {"name": "h", "history": "deep", "tags": ["x"]}]}],
        ),
        case(
            "on_done of a service written on the state",
            (
                "never-done at 'a': `on_done` waits for the end of children, and it has none; for the service, "
                "put it inside `invoke`"
            ),
            [{"name": "a", "invoke": "serve", "on_done": "b"}, "b"],
        ),
        case(
            "on_done without children",
            ("never-done at 'a': `on_done` waits for the end of children, and it has none; drop it, or add `children`"),
            [{"name": "a", "on_done": "b"}, "b"],
        ),
        case(
            "an unknown target",
            "unknown-target at 'a': there is no state 'bleu'; did you mean 'blue'?",
            ["a", "blue"],
            [["GO", "a", "bleu"]],
        ),
        case(
            "a target that is nowhere near",
            "unknown-target at 'a': there is no state 'zz'; correct the target",
            ["a"],
            [["GO", "a", "zz"]],
        ),
        case(
            "a target outside the scope",
            (
                "unknown-target at 'a.b': there is no state 'out' inside 'a'; targets inside a state's own "
                "`transitions` lie in that state: move this one to the machine's list"
            ),
            [{"name": "a", "children": ["b"], "transitions": [["GO", "b", "out"]]}, "out"],
        ),
        case(
            "an unknown target in a keyword",
            "unknown-target at 'a': there is no state 'nowhere'; correct the target",
            [{"name": "a", "always": "nowhere"}],
        ),
        case(
            "an unknown source",
            (
                "unknown-source: the source of a transition on 'GO' is 'idel', but there is no such state; did "
                "you mean 'idle'?"
            ),
            ["idle"],
            [["GO", "idel", "idle"]],
        ),
        case(
            "an unknown source in a scope",
            (
                "unknown-source at 'a': the source of a transition on 'GO' is 'c', but there is no such state "
                "inside 'a'; correct the source"
            ),
            [{"name": "a", "children": ["b"], "transitions": [["GO", "c", "b"]]}],
        ),
        case(
            "an enum that names no state",
            (
                "bad-transition at 'a': transitions cannot read it (ValueError: Could not find path of final.); "
                "correct that"
            ),
            ["a"],
            [["GO", "a", NodeKind.FINAL]],
        ),
        case(
            "a transition without a target",
            "bad-transition at 'a': a transition names `dest` too; `dest: None` means it stays",
            ["a"],
            [{"trigger": "GO", "source": "a"}],
        ),
        case(
            "a transition that is none",
            "bad-transition: a transition is a dict, or a list of trigger, source and dest; 'GO' is none",
            ["a"],
            ["GO"],
        ),
        case(
            "a trigger of another type",
            "bad-transition at 'a': a trigger is text: an event type, `*`, `name.*`, or `always`; not ['GO']",
            ["a"],
            [[["GO"], "a", "a"]],
        ),
        case(
            "reenter of another type",
            "bad-transition at 'a': `reenter` is True or False, not 'no'",
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "reenter": "no"}],
        ),
        case(
            "internal and reenter",
            ("bad-transition at 'a': a transition has `internal` and `reenter`; keep the one that says what you mean"),
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "reenter": False, "internal": True}],
        ),
        case(
            "a shorthand that is none",
            ("bad-transition at 'a': an `always` is a target, or a dict with `dest`, or a list of these; 3 is none"),
            [{"name": "a", "always": 3}],
        ),
        case(
            "an on_error that is none",
            (
                "bad-transition at 'a': an `on_done` or `on_error` is a target, or a dict with `dest`, or a list"
                " of these; 3 is none"
            ),
            [{"name": "a", "invoke": {"src": "serve", "on_error": 3}}],
        ),
        case(
            "an invoke without a service",
            "bad-invoke at 'a': an invoke needs a `src`, the name of a service or a function,"
            " or a `machine`, the name of one",
            [{"name": "a", "invoke": {"on_done": "a"}}],
        ),
        case(
            "an id of an invoke that is no text",
            "bad-invoke at 'a': the `id` of an invoke is text, not 3",
            [{"name": "a", "invoke": {"src": "serve", "id": 3}}],
        ),
        case(
            "no attempts",
            "bad-invoke at 'a': `attempts` is a whole number from 1 on, not 0",
            [{"name": "a", "invoke": {"src": "serve", "attempts": 0}}],
        ),
        case(
            "a timeout that is none",
            ("bad-invoke at 'a': `timeout` is a number of seconds above 0, or text like '500ms' or '2s', not 'soon'"),
            [{"name": "a", "invoke": {"src": "serve", "timeout": "soon"}}],
        ),
        case(
            "an endless timeout",
            ("bad-invoke at 'a': `timeout` is a number of seconds above 0, or text like '500ms' or '2s', not inf"),
            [{"name": "a", "invoke": {"src": "serve", "timeout": float("inf")}}],
        ),
        case(
            "a timeout of no type",
            ("bad-invoke at 'a': `timeout` is a number of seconds above 0, or text like '500ms' or '2s', not True"),
            [{"name": "a", "invoke": {"src": "serve", "timeout": True}}],
        ),
        case(
            "a mode that is none",
            "bad-invoke at 'a': `mode` is 'inline' or 'background', not 'behind'",
            [{"name": "a", "invoke": {"src": "serve", "mode": "behind"}}],
        ),
        case(
            "a mode of no type",
            "bad-invoke at 'a': `mode` is 'inline' or 'background', not ['inline']",
            [{"name": "a", "invoke": {"src": "serve", "mode": ["inline"]}}],
        ),
        case(
            "a delivery that is none",
            "bad-invoke at 'a': `delivery` is 'at_least_once' or 'at_most_once', not 'once'",
            [{"name": "a", "invoke": {"src": "serve", "mode": "background", "delivery": "once"}}],
        ),
        case(
            "attempts of what may be begun once",
            "bad-invoke at 'a': it has `attempts`, and `delivery` 'at_most_once' leaves it one; drop one of the two",
            [
                {
                    "name": "a",
                    "invoke": {"src": "serve", "mode": "background", "delivery": "at_most_once", "attempts": 3},
                }
            ],
        ),
        case(
            "a pause that is none",
            "bad-invoke at 'a': `backoff` is a number of seconds above 0, or text like '500ms' or '2s', not 0",
            [{"name": "a", "invoke": {"src": "serve", "mode": "background", "backoff": 0}}],
        ),
        case(
            "a deadline beyond all time",
            "bad-invoke at 'a': `deadline` is a number of seconds above 0, or text like '500ms' or '2s', not '36601d'",
            [{"name": "a", "invoke": {"src": "serve", "mode": "background", "deadline": "36601d"}}],
        ),
        case(
            "final errors that are none",
            "bad-invoke at 'a': `final_errors` is a list of exception classes, not [<class 'int'>]",
            [{"name": "a", "invoke": {"src": "serve", "final_errors": [int]}}],
        ),
        case(
            "a final error by its name",
            "bad-invoke at 'a': `final_errors` is a list of exception classes, not 'ValueError'",
            [{"name": "a", "invoke": {"src": "serve", "final_errors": "ValueError"}}],
        ),
        case(
            "words of the background for an inline service",
            (
                "bad-invoke at 'a': only a service in the background has `backoff` and `deadline`, and this is none;"
                " add `mode`: 'background', or drop that"
            ),
            [{"name": "a", "invoke": {"src": "serve", "deadline": "1h", "backoff": "1s"}}],
        ),
        case(
            "words of services for a machine",
            "bad-invoke at 'a': only a service has `mode` and `deadline`, and this invokes a machine; drop that",
            [{"name": "a", "invoke": {"machine": "other", "mode": "background", "deadline": "1h"}}],
        ),
        case(
            "a call that is longer than any function",
            (
                "odd-invoke at 'a': the invoke 'a' may take 15m, and one call has at most 890s; lower its `timeout`,"
                " and let what takes longer answer by a callback"
            ),
            [{"name": "a", "invoke": {"src": "serve", "mode": "background", "timeout": "15m"}}],
        ),
        case(
            "background as a word of its own",
            "refused-keyword at 'a': an invoke has `background`: write `mode`: 'background'",
            [{"name": "a", "invoke": {"src": "serve", "background": True}}],
        ),
        case(
            "an unknown name",
            "unknown-name at 'a': Implementation defines no action 'nope'; did you mean 'note'?",
            [{"name": "a", "on_enter": "nope"}],
        ),
        case(
            "an unknown name far from all",
            "unknown-name at 'a': Implementation defines no service 'charge_card'; define it there",
            [{"name": "a", "invoke": "charge_card"}],
        ),
        case(
            "a name on an instance",
            "unknown-name at 'a': the Methods instance defines no guard 'nope'; define it there",
            ["a"],
            [["GO", "a", "a", "nope"]],
            implementation=Methods(),
        ),
        case(
            "a name without an implementation",
            (
                "unknown-name at 'a': there is no guard 'yes': the machine has no `implementation`; pass the "
                "class that defines it"
            ),
            ["a"],
            [["GO", "a", "a", "yes"]],
            implementation=None,
        ),
        case(
            "no function",
            "not-callable at 'a': the action 3 is no function; pass a function, or the name of one",
            [{"name": "a", "on_exit": [3]}],
        ),
        case(
            "a name that is no function",
            "not-callable at 'a': the action 'note' is no function; pass a function, or the name of one",
            [{"name": "a", "on_exit": "note"}],
            implementation=SimpleNamespace(note="text"),
        ),
        case(
            "a name that Python gave",
            "unknown-name at 'a': x defines no action '__doc__'; define it there",
            [{"name": "a", "on_exit": "__doc__"}],
            implementation=ModuleType("x", "text"),
        ),
        case(
            "a method of a class",
            (
                "bad-signature at 'a': the guard 'below' takes (self, ctx: Any) -> bool; write below(ctx) or "
                "below(ctx, event) or below(ctx, event, active), as a `@staticmethod`; or pass an instance "
                "of the class as `implementation`"
            ),
            ["a"],
            [["GO", "a", "a", "below"]],
            implementation=Methods,
        ),
        case(
            "a guard of no arguments",
            (
                "bad-signature at 'a': the guard 'takes_nothing' takes () -> bool; write takes_nothing(ctx) or "
                "takes_nothing(ctx, event) or takes_nothing(ctx, event, active)"
            ),
            ["a"],
            [["GO", "a", "a", takes_nothing]],
        ),
        case(
            "an asynchronous guard",
            ("async-function at 'a': the guard 'slow' is asynchronous; make what waits a service, under `invoke`"),
            ["a"],
            [["GO", "a", "a", slow]],
        ),
        case(
            "an asynchronous service",
            "async-function at 'a': the service 'slow' is asynchronous; take `async` out",
            [{"name": "a", "invoke": slow}],
        ),
        case(
            "two functions of one name",
            (
                "ambiguous-name at 'a': two different functions are the action 'act'; rename one (set `__name__`"
                " on a made function)"
            ),
            [{"name": "a", "on_enter": twin(1), "on_exit": twin(2)}],
        ),
        case(
            "an action that is None",
            "not-callable at 'a': the action None is no function; pass a function, or the name of one",
            [{"name": "a", "on_enter": [None]}],
        ),
        case(
            "a guard that is None",
            "not-callable at 'a': the guard None is no function; pass a function, or the name of one",
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "conditions": [None]}],
        ),
        case(
            "a source that is None",
            "bad-transition: `source` names a state, or a list of them, or is '*'; None does not",
            ["a"],
            [{"trigger": "GO", "source": None, "dest": "a"}],
        ),
        case(
            "a source that is a number",
            "bad-transition: `source` names a state, or a list of them, or is '*'; 3 does not",
            ["a"],
            [{"trigger": "GO", "source": 3, "dest": "a"}],
        ),
        case(
            "a dest that is an empty list",
            "bad-transition at 'a': `dest` is an empty list; name targets, or write None: it stays",
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": []}],
        ),
        case(
            "a delay where actions stand",
            (
                "unknown-name at 'a': Implementation defines no action '5s'; define it there; if it is to be a delay,"
                " write it as `delay`, without a `trigger`"
            ),
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "after": "5s"}],
        ),
        case(
            "an implementation whose keys are no names",
            "bad-implementation: `implementation` as a dict has names as keys, not 3",
            ["a"],
            implementation={3: print},
        ),
        case(
            "events as a list",
            "bad-event: `events` is a dict from event types to pydantic models, not ['GO']",
            ["a"],
            events=["GO"],
        ),
        case(
            "silenced as a list",
            "bad-silenced: `silenced` is a dict from the codes of findings to reasons, not ['x']",
            ["a"],
            silenced=["x"],
        ),
        case(
            "versions as a number", "bad-version: `versions` is a list of older Statecharts, not 3", ["a"], versions=3
        ),
        case(
            "a switch that is text",
            "bad-create-on-event: `create_on_event` is True or False, not 'no'",
            ["a"],
            create_on_event="no",
        ),
        case(
            "an absolute time without a zone",
            (
                "bad-delay at 'a': an absolute time has a time zone, datetime.datetime(2026, 1, 1, 0, 0) has none;"
                " add one"
            ),
            [{"name": "a", "timeout": datetime(2026, 1, 1), "on_timeout": "a"}],  # noqa: DTZ001
        ),
        case(
            "an invoke of two things",
            "bad-invoke at 'a': an invoke has a `src` and a `machine`; keep the one that it is to begin",
            [{"name": "a", "invoke": {"src": "serve", "machine": "other"}}],
        ),
        case(
            "an action that is a generator",
            "bad-signature at 'a': the action 'yields' is a generator, which only makes one; drop `yield`",
            [{"name": "a", "on_enter": yields}],
        ),
        case(
            "a guard whose call is asynchronous",
            (
                "async-function at 'a': the guard 'Asynchronous' is asynchronous; make what waits a service, under"
                " `invoke`"
            ),
            ["a"],
            [{"trigger": "GO", "source": "a", "dest": "a", "conditions": Asynchronous()}],
        ),
        case(
            "a context that is no model",
            "bad-context: `context` is a pydantic model class, a dict to begin with, or None for an empty"
            " one; not <class 'dict'>",
            ["a"],
            context=dict,
        ),
        case(
            "an event that is no model",
            "bad-event: `events` gives 'GO' no pydantic model class but <class 'dict'>; give it one",
            ["a"],
            [["GO", "a", "a"]],
            events={"GO": dict},
        ),
        case(
            "silence without a reason",
            "bad-silenced: `silenced` gives no reason for 'unused-event'; write it down",
            ["a"],
            silenced={"unused-event": " "},
        ),
        case(
            "a retention that is none",
            (
                "bad-retention: `retention` is how long an instance is kept after its end: seconds, a timedelta, text"
                " like '30d' or 'P30D', at most a hundred years, or None until somebody deletes it; not 'a while'"
            ),
            ["a"],
            retention="a while",
        ),
        case("a version of zero", "bad-version: `version` is a whole number from 1 on, not 0", ["a"], version=0),
        case(
            "a version twice",
            "duplicate-version: version 1 is there twice; raise the number of the newer one",
            ["a"],
            versions=[Statechart(id="m", states=["a"])],
        ),
        case(
            "a version of another machine",
            "bad-version: `versions` holds 'other', another machine; give it a file of its own",
            ["a"],
            version=2,
            versions=[Statechart(id="other", states=["a"])],
        ),
    ],
)
def test_a_mistake_is_named_with_its_mend(expected: str, states: Any, transitions: Any, options: Any) -> None:
    assert expected in findings(states, transitions, **options)


def test_an_id_is_text() -> None:
    with pytest.raises(DefinitionError, match="bad-id: `id` is the machine's name, as text; not ''"):
        Statechart(id="", states=["a"])


def test_all_mistakes_are_found_at_once() -> None:
    text = "\n".join(
        findings(
            ["idle", {"name": "b", "timeout": 3, "on_enter": "nota"}, "idle", {"name": "c", "chlidren": []}],
            [
                ["GO", "idle", "bb"],
                ["GO", "idel", "b"],
                ["q", "b"],
                {"trigger": "y", "source": "b", "dest": "c", "cond": "x"},
            ],
            queued=True,
        )
    )
    codes = [
        "refused-keyword",
        "bad-timeout",
        "unknown-keyword",
        "duplicate-node",
        "bad-transition",
        "unknown-target",
    ]
    for code in [*codes, "unknown-source", "unknown-name"]:
        assert code in text


def test_a_mistake_that_is_made_twice_is_told_once() -> None:
    assert len(findings([{"name": "a", "on_enter": "nope", "on_exit": "nope"}])) == 1


def test_mistakes_of_the_front_end_and_of_the_compiler_come_together() -> None:
    codes = findings([{"name": "a", "invoke": "nope"}, {"name": "b", "invoke": {"id": "a", "src": "serve"}}])
    assert [code.split()[0] for code in codes] == ["unknown-name", "duplicate-invoke"]


def test_a_warning_does_not_stop_the_build_and_can_be_silenced_with_a_reason() -> None:
    states = [{"name": "a", "invoke": {"src": "serve", "on_done": "b"}}, "b"]
    assert [warning.code for warning in build(states).warnings] == ["unhandled-service-error"]
    assert build(states, silenced={"unhandled-service-error@a": "a test"}).warnings == ()
