"""The keys of XState's configuration, those of its version 4, and those that Stately's JSON adds."""

from typing import Final

from settle.authoring.xstate.report import Words

_SCHEMA: Final = "types are checked by pydantic models here; pass `context` and `events` to `from_xstate`"
_GUARD: Final = "version 5 says `guard`"
_IMPLEMENTATION: Final = "they are functions of the `implementation` that is passed to `from_xstate`"
_NOWHERE: Final = "there is no place for it; move it to the state, or take it out"
_VERSION_4: Final = "version 5 has no such option; take it out"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON: Final = "id type description meta"

STATE: Final = Words(
    "a state",
    _words(_COMMON + " initial states on always after onDone entry exit invoke tags output"),
    {
        "activities": "version 5 has none; write `invoke`",
        "data": "version 5 says `output`",
        "history": "only a state of type `history` has it; add the type, or take it out",
        "target": "only a state of type `history` has it; write it into a transition",
        "onEntry": "version 5 says `entry`",
        "onExit": "version 5 says `exit`",
        "onError": "write it into the `invoke` whose failure it takes",
        "parallel": 'write `"type": "parallel"`',
        "delimiter": "version 5 has only `.`; rewrite the targets with it",
        "strict": _VERSION_4,
        "transitions": "write them under `on`",
        "context": "the context belongs to the machine; move it to the outermost object",
        "timeout": "write `after`",
        "onTimeout": "write `after`",
        "choice": "write `always` with guards",
    },
    {
        "key": "a state is named by its key in `states`",
        "order": "the order is that of the file",
        "route": "the event `xstate.route` does not exist here; give the machine a transition of its own to this state",
    },
)

MACHINE: Final = Words(
    "the machine",
    STATE.known | _words("context"),
    {
        **{word: text for word, text in STATE.refused.items() if word != "context"},
        **dict.fromkeys(("services", "actors", "actions", "guards", "delays"), _IMPLEMENTATION),
        "predictableActionArguments": _VERSION_4,
        "preserveActionOrder": _VERSION_4,
        "tsTypes": _VERSION_4,
        "schema": f"version 5 says `types`; {_SCHEMA}",
    },
    {
        **STATE.ignored,
        "version": "the version that counts is the number passed to `from_xstate`",
        "types": _SCHEMA,
        "schemas": _SCHEMA,
        "input": "the input of an instance is checked by the model passed as `context`",
        "options": "the limit of microsteps is fixed",
        "queryLanguage": "expressions are not evaluated; every one of them is an error of its own",
        "$schema": "it is for editors",
    },
)

HISTORY: Final = Words(
    "a history state",
    _words(_COMMON + " history target"),
    dict.fromkeys(STATE.known, "a history state is never active; move it to the state around it"),
    STATE.ignored,
)

TRANSITION: Final = Words(
    "a transition",
    _words("target guard actions reenter description meta"),
    {
        "cond": _GUARD,
        "in": "version 5 says `guard` with `stateIn`",
        "internal": "version 5 says `reenter`: false, its default, for `internal`: true",
        "context": "it is an assignment; write an action in Python and name it in `actions`",
        "order": "write the transitions in the order in which they are to be asked",
        "delay": "write the delay as the key, under `after`",
        "event": "write the event as the key, under `on`",
        "to": "functions are not part of JSON; write `target` and `guard`",
    },
    dict.fromkeys(("source", "eventType"), "it repeats what the place in the file says"),
)

INITIAL: Final = Words(
    "an `initial`",
    _words("target actions"),
    {"guard": "an initial transition has none; write an `always` inside the initial state"},
    dict.fromkeys(("description", "meta"), _NOWHERE),
)

INVOKE: Final = Words(
    "an invoke",
    _words("src id input onDone onError mode timeout attempts backoff maxBackoff delivery deadline machine type"),
    {
        "data": "version 5 says `input`",
        "autoForward": "events are not forwarded; let an action send them",
        "forward": "events are not forwarded; let an action send them",
        "retry": "write `attempts`: how often the service is called before `onError`",
        "final_errors": "exceptions are classes of Python; raise a `ServiceError` where trying again is pointless",
        "max_backoff": "write `maxBackoff`",
        "heartbeat": "a service sends none; write `timeout`",
    },
    {
        "onSnapshot": "a service tells its result and nothing else; let it answer, or send messages",
        "systemId": "a service has no address",
        "description": _NOWHERE,
        "meta": _NOWHERE,
    },
)

ACTION: Final = Words(
    "an action",
    _words("type params"),
    {"exec": "functions are not part of JSON; define it in the implementation"},
)

BUILT_IN_ACTIONS: Final = {
    "raise": Words("the action `raise`", _words("type params event id delay")),
    "cancel": Words("the action `cancel`", _words("type params sendId id")),
    "log": Words("the action `log`", _words("type params value message expr args label")),
}

GUARD: Final = Words("a guard", _words("type params"), {"predicate": "define it in the implementation"})
