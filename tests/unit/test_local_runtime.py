"""The loop inside a sandbox, here without a process around it."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from settle.local import frames
from settle.local.runtime import SandboxSpec, load_handler, run

HANDLERS = "tests.support.local_handlers"
PATIENCE = 10.0


@contextmanager
def sandbox(handler: str) -> Iterator[socket.socket]:
    """Run the loop in a thread; leaving closes the connection, upon which the loop ends."""
    ours, theirs = socket.socketpair()
    spec = SandboxSpec(function="ingress", handler=f"{HANDLERS}.{handler}", environment=dict(os.environ), memory_mb=256)
    loop = threading.Thread(target=run, args=(spec, theirs))
    loop.start()
    try:
        yield ours
    finally:
        ours.close()
        loop.join(PATIENCE)
        theirs.close()
        assert not loop.is_alive()


def ask(connection: socket.socket, event: Any) -> Any:
    connection.sendall(frames.pack({"id": "request-1", "timeout": 3, "event": event}))
    return frames.receive(connection, PATIENCE)


def test_requests_are_answered_one_after_the_other() -> None:
    with sandbox("echo") as connection:
        assert frames.receive(connection, PATIENCE) == {"ready": True}
        for number in range(2):
            answer = ask(connection, {"number": number})["response"]
            assert answer["event"] == {"number": number}
            assert answer["request_id"] == "request-1"
            assert 0 < answer["remaining"] <= 3000


def test_exception_is_described_and_the_loop_goes_on() -> None:
    with sandbox("raise_error") as connection:
        frames.receive(connection, PATIENCE)
        for _ in range(2):
            error = ask(connection, {})["error"]
            assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such thing")
            assert any("raise_error" in line for line in error["stackTrace"])


def test_answer_that_is_not_json_is_an_error() -> None:
    with sandbox("not_json") as connection:
        frames.receive(connection, PATIENCE)
        assert ask(connection, {})["error"]["errorType"] == "Runtime.MarshalError"


def test_handler_that_cannot_be_imported_ends_the_loop() -> None:
    with sandbox("missing") as connection:
        assert "missing" in frames.receive(connection, PATIENCE)["error"]["errorMessage"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("handler", "must look like"), (f"{HANDLERS}.missing", "missing on module"), ("no.module.here", "No module")],
)
def test_bad_handler_string_is_an_import_error(name: str, reason: str) -> None:
    with pytest.raises(ImportError, match=reason):
        load_handler(name)
