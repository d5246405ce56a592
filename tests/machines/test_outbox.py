"""Where the services of the sample machines write."""

from pathlib import Path

import pytest

from machines._outbox import folder, log_call, send_mail, write_line


def test_the_folder_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SETTLE_LOCAL_DIR", raising=False)
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    assert folder() == Path(".settle")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "consumer")
    assert folder() == Path("/tmp/settle")  # noqa: S108 - what Lambda gives
    monkeypatch.setenv("SETTLE_LOCAL_DIR", "/somewhere")
    assert folder() == Path("/somewhere")


def test_a_mail_is_one_file_however_often_it_is_sent(outside: Path) -> None:
    for text in ("first", "second"):
        send_mail("k1", to="bo", subject="hello", text=text)
    (mail,) = (outside / "outbox").iterdir()
    assert (mail.name, mail.read_text()) == ("k1.txt", "To: bo\nSubject: hello\n\nsecond\n")


def test_a_line_is_written_once_and_a_call_each_time(outside: Path) -> None:
    for _ in range(2):
        write_line("a.log", "k1", "once")
        write_line("a.log", "k2", "another")
        log_call("b.log", "k1", "each")
    assert (outside / "a.log").read_text() == "k1 once\nk2 another\n"
    assert (outside / "b.log").read_text() == "k1 each\nk1 each\n"
