"""Random walks: what happens to an instance, in words whose meaning depends on where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from settle.core.definition import Definition
from settle.core.errors import EffectLimitError, EventInvalidError, MicrostepLimitError, UserCodeError
from settle.core.event import Event, EventKind
from settle.core.interpreter import STOP_EVENT, start, step, stop
from settle.core.macrostep import Macrostep
from settle.core.snapshot import LiveInvoke, LiveTimer, Snapshot
from tests.support.random_functions import BAD, EVENTS, GOOD

LIVE = ("timer 0", "timer 1", "timer 2", "done 0", "done 1", "error 0")
STALE = ("stale 0", "stale 1", "stale 2")
WORDS = (*EVENTS * 8, *LIVE * 3, *STALE, "bad B", "stop")
"""An event; a live timer or service by its place; one that is not live any more; data that may not fit; the end."""


Live = LiveInvoke | LiveTimer


def list_live(snapshot: Snapshot) -> list[Live]:
    return [*snapshot.invokes, *snapshot.timers]


def walks() -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(WORDS), max_size=12)


@dataclass
class Walker:
    """Turns words into events, and keeps the time.

    Attributes:
        now: goes on by a second with each word, and farther where a timer is due later.
    """

    now: float = 1000.0
    _seen: dict[str, Event] = field(default_factory=dict)

    def next(self, word: str, snapshot: Snapshot) -> Event | None:
        """Return what happens, or None where nothing has the place that the word names."""
        self.now += 1.0
        live = {each.key: bring(each) for each in list_live(snapshot)}
        self._seen |= live
        kind, _, place = word.partition(" ")
        match kind:
            case "timer":
                return self._fire(snapshot.timers, int(place))
            case "done" | "error":
                return _answer(snapshot.invokes, int(place), kind)
            case "stale":
                stale = [event for key, event in self._seen.items() if key not in live][int(place) :]
                return stale[0] if stale else None
            case "bad":
                return Event(type=place, data=dict(BAD))
            case "stop":
                return Event(type=STOP_EVENT, kind=EventKind.INTERNAL)
            case _:
                return Event(type=word, data=dict(GOOD), id=f"{self.now}")

    def _fire(self, timers: tuple[LiveTimer, ...], place: int) -> Event | None:
        if place >= len(timers):
            return None
        self.now = max(self.now, timers[place].due)
        return bring(timers[place])


def _answer(invokes: tuple[LiveInvoke, ...], place: int, outcome: str) -> Event | None:
    if place >= len(invokes):
        return None
    data = dict(GOOD if outcome == "done" else BAD)
    return replace(bring(invokes[place]), type=f"{outcome}.invoke.{invokes[place].id}", data=data)


def bring(live: Live) -> Event:
    """Return the event that a live timer or service leads to."""
    if isinstance(live, LiveTimer):
        return Event(kind=EventKind.TIMER, key=live.key)
    return Event(type=f"done.invoke.{live.id}", data=dict(GOOD), kind=EventKind.RESULT, key=live.key)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A macrostep with what it was made from; before the first there is no snapshot."""

    before: Snapshot | None
    event: Event
    now: float
    macrostep: Macrostep

    def repeat(self, definition: Definition) -> Macrostep:
        return turn(definition, self.before, self.event, self.now)


START = Event(type="settle.start", kind=EventKind.INTERNAL)


def turn(definition: Definition, before: Snapshot | None, event: Event, now: float) -> Macrostep:
    """Start, stop or step."""
    if before is None:
        return start(definition, now=now)
    return stop(definition, before, now) if event.type == STOP_EVENT else step(definition, before, event, now)


def wander(definition: Definition, words: list[str]) -> Iterator[Turn]:
    """Yield every macrostep that is kept; end where one does not come to rest."""
    walker = Walker()
    snapshot: Snapshot | None = None
    for word in ["start", *words]:
        event = START if snapshot is None else walker.next(word, snapshot)
        if event is None:
            continue
        try:
            macrostep = turn(definition, snapshot, event, walker.now)
        except (UserCodeError, EventInvalidError):
            if snapshot is None:
                return
            continue
        except (EffectLimitError, MicrostepLimitError):
            return
        yield Turn(before=snapshot, event=event, now=walker.now, macrostep=macrostep)
        snapshot = macrostep.snapshot
