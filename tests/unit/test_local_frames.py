"""Frames survive whatever way the socket cuts them."""

import socket
import threading

import pytest

from settle.local import frames


@pytest.mark.parametrize("message", [None, {"a": "grün \ud800"}, ["x" * 300_000]])
def test_message_arrives_as_it_was_sent(message: object) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=theirs.sendall, args=(frames.pack(message),))
        sender.start()
        assert frames.receive(ours, 5) == message
        sender.join()


def test_message_arrives_byte_by_byte() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for byte in frames.pack({"a": 1}):
            theirs.sendall(bytes([byte]))
        assert frames.receive(ours, 5) == {"a": 1}


def test_closed_connection_is_an_end_of_file() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(b"\0\0")
        theirs.close()
        with pytest.raises(EOFError):
            frames.receive(ours)


def test_half_a_message_times_out() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames.pack({"a": 1})[:-1])
        with pytest.raises(TimeoutError):
            frames.receive(ours, 0.01)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        frames.pack(object())
