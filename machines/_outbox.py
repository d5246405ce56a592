"""Where the sample machines do what a person can look at: mails as files, and log lines, in one local folder.

A service may be called more than once under one key, so what it writes is the same however often it runs.
"""

import os
import threading
from pathlib import Path
from typing import Final

LAMBDA_FOLDER: Final = "/tmp/settle"  # noqa: S108 - the only folder that a Lambda function can write to
LOCAL_FOLDER: Final = ".settle"


def folder() -> Path:
    """Return the folder; read when a service runs, never at import."""
    in_lambda = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    return Path(os.environ.get("SETTLE_LOCAL_DIR") or (LAMBDA_FOLDER if in_lambda else LOCAL_FOLDER))


def send_mail(key: str, *, to: str, subject: str, text: str) -> None:
    """Put a mail into `outbox/`. The key is its file name, so sending it again changes nothing."""
    outbox = folder() / "outbox"
    outbox.mkdir(parents=True, exist_ok=True)
    draft = outbox / f".{key}.{os.getpid()}.{threading.get_ident()}"
    draft.write_text(f"To: {to}\nSubject: {subject}\n\n{text}\n", encoding="utf-8")
    draft.replace(outbox / f"{key}.txt")


def write_line(name: str, key: str, text: str) -> None:
    """Append a line to a log unless one with this key is there."""
    log = folder() / name
    written = log.read_text(encoding="utf-8") if log.exists() else ""
    if not any(line.startswith(f"{key} ") for line in written.splitlines()):
        log_call(name, key, text)


def log_call(name: str, key: str, text: str) -> None:
    """Append a line to a log, each time: it shows every call, repeated ones too."""
    log = folder() / name
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as lines:
        lines.write(f"{key} {text}\n")
