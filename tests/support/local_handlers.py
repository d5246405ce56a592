"""Tiny handlers for tests of the local system."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def echo(event: Any, context: Any) -> Any:
    return {
        "event": event,
        "pid": os.getpid(),
        "function": context.function_name,
        "request_id": context.aws_request_id,
        "remaining": context.get_remaining_time_in_millis(),
        "variable": os.environ.get("VARIABLE"),
    }


def raise_error(_event: Any, _context: Any) -> Any:
    raise ValueError("no such thing")


def crash(_event: Any, _context: Any) -> Any:
    os._exit(3)


def leave(_event: Any, _context: Any) -> Any:
    sys.exit(4)


def kill_itself(_event: Any, _context: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def hang(_event: Any, _context: Any) -> Any:
    time.sleep(60)


def not_json(_event: Any, _context: Any) -> Any:
    return object()


def chatter(_event: Any, _context: Any) -> Any:
    sys.stdout.write("said something\n")


def sleep(event: Any, _context: Any) -> Any:
    """Sleep as long as the event, or the query of an HTTP event, says."""
    seconds = event.get("seconds") or event.get("queryStringParameters", {}).get("seconds", "0")
    time.sleep(float(seconds))
    return {"statusCode": 200, "body": str(os.getpid())}


def hello(_event: Any, _context: Any) -> Any:
    return {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "hello"}


def enqueue(event: Any, _context: Any) -> Any:
    """An ingress in small: sends the body of a POST to the queue, answers a GET with what the consumer wrote."""
    if event["requestContext"]["http"]["method"] == "GET":
        return {"statusCode": 200, "body": _read(event["rawPath"].strip("/"))}
    from settle.adapters.sqlite_database import SqliteDatabase  # noqa: PLC0415
    from settle.adapters.sqlite_queue import SqliteQueue  # noqa: PLC0415

    queue = _once(
        "queue", lambda: SqliteQueue(SqliteDatabase(os.environ["SETTLE_DATABASE"]), _Clock(), sender="ingress")
    )
    sent = queue.send(
        group=event["rawPath"].strip("/"), deduplication_id=event["requestContext"]["requestId"], body=event["body"]
    )
    return {"statusCode": 202, "body": sent.sequence_number}


def consume(event: Any, _context: Any) -> Any:
    """A consumer in small: appends each body to the file of its group; `sleep <seconds>` takes that long first."""
    for record in event["Records"]:
        _keep(record["attributes"]["MessageGroupId"], _do(record))
    return {"batchItemFailures": []}


def dispatch(event: Any, _context: Any) -> Any:
    """An ingress in small that sends the body of a POST to the outlet that its path names, on either backend.

    The query says how: `delay` of the message, or how many seconds `ahead` a schedule is. A GET answers with what the
    function of that queue wrote.
    """
    name, query = event["rawPath"].strip("/"), event.get("queryStringParameters", {})
    if event["requestContext"]["http"]["method"] == "GET":
        return {"statusCode": 200, "body": _read(name)}
    from functions import wiring  # noqa: PLC0415
    from functions.consumer.settings import ConsumerSettings  # noqa: PLC0415

    settings = ConsumerSettings.from_env({**os.environ, "SETTLE_TRUSTED_SENDERS": "nobody"})
    outlets, now = wiring.make_outlets(settings), wiring.make_clock(settings).now()
    request_id, body = event["requestContext"]["requestId"], event["body"]
    if name == "schedule":
        outlets.scheduler.schedule(name=request_id, at=now + float(query["ahead"]), body=body)
    elif name == "events":
        outlets.events.send(group="g", deduplication_id=request_id, body=body)
    else:
        queue = {"timers": outlets.timers, "tasks": outlets.tasks}[name]
        queue.send(body=body, delay=int(query.get("delay", "0")))
    return {"statusCode": 202, "body": str(now)}


def record(event: Any, _context: Any) -> Any:
    """A function of any queue: appends function, queue and body of each record, and says who sent it."""
    for record in event["Records"]:
        name = record["eventSourceARN"].rpartition(":")[2].removeprefix("settle-local-")
        assert set(record["attributes"]) >= {"ApproximateReceiveCount", "SentTimestamp", "SenderId"}
        sender = record["attributes"]["SenderId"]
        function = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        _keep(name.removesuffix(".fifo"), f"{function} got {_do(record)} from {sender}")
    return {"batchItemFailures": []}


def _do(record: Any) -> str:
    body: str = record["body"]
    if body.startswith("sleep "):
        time.sleep(float(body.removeprefix("sleep ")))
    return body


def _keep(name: str, line: str) -> None:
    with (Path(os.environ["SETTLE_LOCAL_DIR"]) / f"{name}.txt").open("a") as file:
        file.write(line + "\n")


def _read(group: str) -> str:
    path = Path(os.environ["SETTLE_LOCAL_DIR"]) / f"{group}.txt"
    return path.read_text() if path.exists() else ""


class _Clock:
    def now(self) -> float:
        return time.time()  # noqa: TID251 - a real clock for a real process

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


_made: dict[str, Any] = {}


def _once(name: str, make: Any) -> Any:
    if name not in _made:
        _made[name] = make()
    return _made[name]
