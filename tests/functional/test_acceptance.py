"""The acceptance run in small; `python -m tests.e2e.acceptance` is the whole of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.acceptance import Options, run

pytestmark = [pytest.mark.functional, pytest.mark.slow]

SMALL: dict[str, Any] = {"instances": 16, "events": 6, "clients": 8, "visibility": 6}


@pytest.mark.parametrize(
    "options",
    [
        Options(backend="embedded", seed=1, **SMALL),
        Options(backend="moto", seed=2, **SMALL),
        Options(backend="embedded", seed=3, consumer_kills=2, **SMALL),
        Options(backend="moto", seed=4, consumer_kills=2, **SMALL),
        Options(backend="embedded", seed=5, system_kills=1, **SMALL),
        Options(backend="embedded", seed=6, advances=3, **SMALL),
        Options(backend="moto", seed=7, advances=2, **SMALL),
    ],
    ids=[
        "embedded",
        "moto",
        "embedded-kill-consumers",
        "moto-kill-consumers",
        "embedded-kill-system",
        "embedded-advance-clock",
        "moto-advance-clock",
    ],
)
def test_everything_is_exact_after_load(options: Options, tmp_path: Path) -> None:
    result = asyncio.run(asyncio.wait_for(run(options, tmp_path), timeout=120))
    assert result.findings.problems == []
