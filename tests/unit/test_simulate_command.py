"""`make simulate` says what it cannot read."""

import pytest

from tests.simulation.__main__ import main, read_seed, read_seeds


def test_seeds_are_read() -> None:
    assert read_seed("1234") == 1234
    assert [read_seeds(text) for text in ("0-1999", "7", "5-5")] == [(0, 1999), (7, 7), (5, 5)]


@pytest.mark.parametrize(
    ("seed", "seeds", "told"),
    [
        ("abc", "", "a seed is a number from 0 on, such as SEED=1234, and not 'abc'"),
        ("-5", "", "a seed is a number from 0 on"),
        ("", "0..20", "the first and the last, such as SEEDS=0-1999, and not '0..20'"),
        ("", "-5", "seeds are numbers from 0 on"),
        ("", "5-2", "SEEDS=5-2 ends before it begins; write SEEDS=2-5"),
        ("3", "0-9", "SEED=3 shows one seed and SEEDS=0-9 runs many; give one of them"),
    ],
)
def test_what_is_no_seed_is_said_in_a_line(
    seed: str, seeds: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEED", seed)
    monkeypatch.setenv("SEEDS", seeds)
    assert main() == 2
    assert told in capsys.readouterr().err
