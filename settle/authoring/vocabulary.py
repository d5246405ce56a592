"""The words a configuration may use, and what to say about the others.

`transitions`' words come first, XState's where it has none. A word that means something in one of the two and is not
taken here gets a sentence of its own: ignoring it would change what the machine does without telling anybody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from settle.authoring.findings import Findings, did_you_mean

_NEVER_AN_ERROR: Final = "an event that nothing takes is never an error, its receipt says so; take it out"
_ONE_AT_A_TIME: Final = "events of an instance are always applied one at a time; take it out"
_NO_MODEL: Final = "a definition has no model: its first event or a PUT makes an instance; take it out"
_ALWAYS_SENT: Final = "actions always get the context and the event; take it out"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The keywords of one kind of thing.

    Attributes:
        what: the kind, as the beginning of a sentence.
        words: keywords that it takes.
        refused: what to do instead, for words an author may know from elsewhere.
    """

    what: str
    words: frozenset[str]
    refused: Mapping[str, str] = field(default_factory=dict)

    def check(self, findings: Findings, node: str, given: Iterable[object]) -> None:
        """Report every keyword that is not one of the words."""
        for word in map(str, given):
            if word in self.words:
                continue
            if word in self.refused:
                findings.error("refused-keyword", node, f"{self.what} has `{word}`: {self.refused[word]}")
            else:
                hint = did_you_mean(word, self.words) or f"; known are {', '.join(sorted(self.words))}"
                findings.error("unknown-keyword", node, f"{self.what} has the unknown keyword `{word}`{hint}")

    def pick(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return what is left when the words that are not known are dropped."""
        return {word: value for word, value in given.items() if word in self.words}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STATE: Final = Vocabulary(
    "a state",
    _words(
        "name on_enter on_exit final initial tags parallel children states transitions remap"
        " invoke on_done always timeout on_timeout output description meta history default"
    ),
    {
        "after": "write `timeout` and `on_timeout`, or a transition with `delay`",
        "ignore_invalid_triggers": _NEVER_AN_ERROR,
        "on_final": "use `on_done`, or `on_enter` of the final child",
        "on_error": "put `on_error` into the `invoke` whose failure it takes",
        "on": "write `transitions`, with `trigger`, `source` and `dest`",
        "entry": "write `on_enter`",
        "exit": "write `on_exit`",
        "type": "write `final`, `parallel` or `history`",
        "id": "states are named by `name` and addressed by path",
        "accepted": "write `final`",
        "volatile": "keep data in the context",
        "hook": "keep data in the context",
        "retries": "write `attempts` in the `invoke`",
        "on_failure": "write `on_error` in the `invoke`",
        "queued": _ONE_AT_A_TIME,
    },
)

HISTORY: Final = Vocabulary("a history state", _words("name history default description meta"), STATE.refused)

_ON_TRANSITIONS: Final = {
    "prepare": "it would run also when a guard then says no; use `before`",
    "target": "write `dest`",
    "targets": "write `dest`, which takes a list",
    "event": "write `trigger`",
    "guard": "write `conditions`, or `unless`",
    "cond": "write `conditions`, or `unless`",
}

TRANSITION: Final = Vocabulary(
    "a transition",
    _words("trigger source dest conditions unless before after actions reenter internal delay description meta"),
    _ON_TRANSITIONS,
)

SHORTHAND: Final = Vocabulary(
    "a transition without a trigger of its own", TRANSITION.words - {"trigger", "source", "delay"}, _ON_TRANSITIONS
)

INITIAL: Final = Vocabulary("an `initial`", _words("dest actions"), _ON_TRANSITIONS)
DEFAULT: Final = Vocabulary("the `default` of a history state", INITIAL.words, _ON_TRANSITIONS)

INVOKE: Final = Vocabulary(
    "an invoke",
    _words(
        "src machine id input mode timeout attempts backoff max_backoff final_errors delivery deadline on_done on_error"
    ),
    {
        "onDone": "write `on_done`",
        "onError": "write `on_error`",
        "retries": "write `attempts`",
        "background": "write `mode`: 'background'",
        "inline": "write `mode`: 'inline'",
        "retry": "write `attempts`, and for a service in the background `backoff`",
    },
)

ROOT: Final = _words("on_enter on_exit invoke always timeout on_timeout output description meta")
"""Keywords of a state that the machine itself takes too."""

OPTIONS: Final = Vocabulary(
    "the machine",
    _words(
        "id version context events implementation initial states transitions create_on_event silenced versions"
        " on_enter on_exit invoke always timeout on_timeout output description meta selection errors retention"
    ),
    {
        "name": "write `id`",
        "model": _NO_MODEL,
        "model_attribute": _NO_MODEL,
        "model_override": _NO_MODEL,
        "send_event": _ALWAYS_SENT,
        "auto_transitions": "they are always off, or any caller could jump anywhere; take it out",
        "ordered_transitions": "write the transitions down",
        "ignore_invalid_triggers": _NEVER_AN_ERROR,
        "queued": _ONE_AT_A_TIME,
        "prepare": "use `before` on the transitions that need it",
        "prepare_event": "use `before` on the transitions that need it",
        "before_state_change": "use `before` on the transitions that need it, or `on_exit` of the states",
        "after_state_change": "use `after` on the transitions that need it, or `on_enter` of the states",
        "finalize_event": "use `after` on the transitions that need it",
        "on_exception": "write `errors`: 'raise' keeps the event aside, 'event' raises `error.execution`",
        "on_final": "use `on_enter` of the final states",
        "type": "a machine is parallel when `initial` lists all its states",
    },
)

IMPORT: Final = Vocabulary(
    "an imported machine",
    _words("version context events create_on_event errors retention silenced versions"),
    {"selection": "it is that of the dialect the machine was written in; take it out"},
)
