"""The meter of memory finds what is kept for each event, and nothing where nothing is."""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from tests.load.memory import Result, measure

EVENTS = 20_000


class Thing:
    """Something that can be weakly referred to."""


def keep_nothing(kept: list[Any], number: int) -> None:
    kept.append(str(number) * 10)
    kept.clear()


def keep_an_object(kept: list[Any], number: int) -> None:
    kept.append([number])


def keep_a_long_text(kept: list[Any], number: int) -> None:
    kept.append(str(number) * 10)


def keep_a_place_in_a_list(kept: list[Any], _: int) -> None:
    kept.append(None)


def keep_a_cycle(kept: list[Any], number: int) -> None:
    cycle: list[Any] = [number]
    cycle.append(cycle)
    kept[:] = [cycle]


def keep_a_reference_to_what_is_gone(kept: list[Any], _: int) -> None:
    kept.append(weakref.ref(Thing()))


def keep(leak: Callable[[list[Any], int], None]) -> Result:
    kept: list[Any] = []

    def go(first: int, last: int) -> None:
        for number in range(first, last):
            leak(kept, number)

    return measure(go, EVENTS)


def start_a_thread_for_each_event() -> Result:
    release = threading.Event()
    threads: list[threading.Thread] = []

    def go(first: int, last: int) -> None:
        for _ in range(first, last):
            threads.append(threading.Thread(target=release.wait))
            threads[-1].start()

    try:
        return measure(go, 5)
    finally:
        release.set()


def alone(function: Callable[..., Result], *args: object) -> Result:
    """Measure in a process of its own: what other tests have left behind goes on growing and shrinking."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def run(leak: Callable[[list[Any], int], None]) -> list[str]:
    return list(alone(keep, leak).problems)


@pytest.mark.parametrize("leak", [keep_nothing, keep_a_cycle])
def test_what_is_let_go_is_no_growth(leak: Callable[[list[Any], int], None]) -> None:
    assert run(leak) == []


@pytest.mark.parametrize(
    ("leak", "kind"),
    [
        (keep_an_object, "objects"),
        (keep_a_long_text, "bytes"),
        (keep_a_place_in_a_list, "bytes"),
        (keep_a_reference_to_what_is_gone, "weak references"),
    ],
)
def test_what_is_kept_for_each_event_is_found(leak: Callable[[list[Any], int], None], kind: str) -> None:
    assert any(kind in problem for problem in run(leak))


def test_where_it_grows_is_told() -> None:
    assert any("test_memory_meter.py" in line for line in alone(keep, keep_an_object).lines)


def test_a_thread_for_each_event_is_found() -> None:
    problems = alone(start_a_thread_for_each_event).problems
    assert any(problem.startswith("threads grew from ") for problem in problems)
