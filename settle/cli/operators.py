"""The commands for operators: which there are, and what each takes."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from settle.adapters.operator_errors import NoCredentialsError
from settle.cli.api_client import ApiClient, ApiRefusedError, ApiUnavailableError, HttpSender, Sign
from settle.cli.quarantine import Selection, edit, retry_all, retry_one, show_blocked, show_one, skip
from settle.cli.redrive import AwsQueues, redrive_events, redrive_timers
from settle.runtime.errors import UnavailableError
from settle.runtime.redrive import Wish

COMMANDS: Final = ("blocked", "retry", "skip", "edit", "redrive")
URL: Final = "SETTLE_URL"
TOKEN: Final = "SETTLE_TOKEN"  # noqa: S105 - the name of a variable
DEFAULT_RATE: Final = 10.0
"""Events per second that are tried again; each may call services that have just come back."""
INTERRUPTED: Final = 130


def add_operator_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of all of them."""
    api = argparse.ArgumentParser(add_help=False)
    api.add_argument("--url", help=f"address of the API (default: ${URL})")
    api.add_argument("--region", help="sign with IAM for this AWS region (default: as an address of API Gateway says)")
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument(
        "--machine", action="append", default=[], help="only instances of this machine; may be repeated"
    )
    chosen.add_argument("--code", default="", help="only events that failed with this code, like user_code")
    chosen.add_argument("--type", default="", help="only events of this type")
    chosen.add_argument("--limit", type=_count, help="no more than so many")

    blocked = commands.add_parser("blocked", parents=[api, chosen], help="list the instances that an event blocks")
    blocked.add_argument("instance", nargs="?", help="machine/instance, to see everything about its event")
    retry = commands.add_parser("retry", parents=[api, chosen], help="try the event again that blocks an instance")
    retry.add_argument("instance", nargs="?", help="machine/instance")
    retry.add_argument("--all", action="store_true", help="of all blocked instances, or those that the options name")
    retry.add_argument("--rate", type=_rate, default=DEFAULT_RATE, help="events per second (default: 10)")
    skipping = commands.add_parser("skip", parents=[api], help="give the event up that blocks an instance")
    editing = commands.add_parser("edit", parents=[api], help="change the event that blocks an instance, and try it")
    for command in (skipping, editing):
        command.add_argument("instance", help="machine/instance")
    editing.add_argument("--type", help="event type that it is to have")
    editing.add_argument("--data", help="what it is to carry, as JSON; @FILE reads a file, @- what is piped in")
    _add_redrive(commands)


def _add_redrive(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("redrive", help="send dead letters again")
    command.add_argument("letters", choices=["events", "timers"], help="which dead letters")
    command.add_argument("--database", type=Path, help="of a local system: .settle/settle.db")
    command.add_argument("--from", dest="source", help="URL of the dead-letter queue on AWS")
    command.add_argument("--to", dest="target", help="URL of the queue that they go back to")
    command.add_argument("--ours", default="", help="role ids whose messages are believed there, with commas between")
    command.add_argument("--machine", default="", help="only those for this machine")
    command.add_argument("--instance", default="", help="only those for this instance")
    command.add_argument("--reason", default="", help="only those whose reason has this in it")
    command.add_argument("--limit", type=_count, help="no more than so many")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done")
    command.add_argument("--discard", action="store_true", help="delete them instead")
    command.add_argument(
        "--perhaps-applied", action="store_true", help="also those that may have been applied, and would be once more"
    )


def run_operator_command(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> int:
    """Run one of them and return its exit code."""
    try:
        if options.command == "redrive":
            return _redrive(options)
        api, sender = _make_client(options, environment)
        try:
            return _call(api, options)
        finally:
            sender.close()
    except (ApiRefusedError, ApiUnavailableError, NoCredentialsError, UnavailableError, ValueError) as error:
        code = f"{error.code}: " if isinstance(error, ApiRefusedError) and error.code else ""
        print(f"{code}{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def _call(api: ApiClient, options: argparse.Namespace) -> int:
    match options.command:
        case "blocked" if options.instance:
            return show_one(api, options.instance)
        case "blocked":
            return show_blocked(api, _selection(options))
        case "retry" if options.all and not options.instance:
            return retry_all(api, _selection(options), options.rate)
        case "retry" if options.instance and not options.all:
            return retry_one(api, options.instance)
        case "retry":
            raise ValueError("say which instance, or --all")
        case "skip":
            return skip(api, options.instance)
        case _:
            return edit(api, options.instance, _changes(options))


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(machines=tuple(options.machine), code=options.code, type=options.type, limit=options.limit)


def _changes(options: argparse.Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {} if options.type is None else {"type": options.type}
    if options.data is not None:
        try:
            changes["data"] = json.loads(_read(options.data))
        except ValueError as error:
            raise ValueError(f"--data is not JSON: {error}") from error
    if not changes:
        raise ValueError("say what is to change: --type, --data or both")
    return changes


def _read(data: str) -> str:
    if data == "@-":
        return sys.stdin.read()
    try:
        return Path(data[1:]).read_text(encoding="utf-8") if data.startswith("@") else data
    except OSError as error:
        raise ValueError(f"{data[1:]} cannot be read: {error.strerror}") from error


def _make_client(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[ApiClient, HttpSender]:
    url = options.url or environment.get(URL, "")
    if not url:
        raise ValueError(f"say where the API is: --url, or {URL}")
    sender = HttpSender(url, make_sign(url, options.region, environment.get(TOKEN, "")))
    return ApiClient(sender, time.sleep), sender


def make_sign(url: str, region: str | None, token: str) -> Sign:
    """Return what says who calls: a token where there is one, IAM where the API is on AWS, nobody elsewhere."""
    if token:
        return lambda _method, _url, headers, _body: {**headers, "authorization": f"Bearer {token}"}
    if not region and ".amazonaws.com" not in url:
        return lambda _method, _url, headers, _body: headers
    # Nobody else needs botocore.
    from settle.adapters.operator_session import RequestSigner, find_region, make_operator_session  # noqa: PLC0415

    return RequestSigner(make_operator_session(), region or find_region(url)).sign


def _redrive(options: argparse.Namespace) -> int:
    wish = Wish(
        machine=options.machine,
        instance=options.instance,
        reason=options.reason,
        limit=options.limit,
        dry_run=options.dry_run,
        discard=options.discard,
    )
    if options.database is not None and not (options.source or options.target) and options.letters == "events":
        return redrive_events(options.database, wish, perhaps_applied=options.perhaps_applied)
    ours = frozenset(filter(None, map(str.strip, options.ours.split(","))))
    if options.database is not None or not (options.source and options.target and ours):
        raise ValueError("say which queues: --from, --to and --ours; or --database, for events of a local system")
    queues = AwsQueues(source=options.source, target=options.target, ours=ours)
    if options.letters == "timers":
        return redrive_timers(queues, wish)
    return redrive_events(queues, wish, perhaps_applied=options.perhaps_applied)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1000:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError("more than 0, and at most 1000")
    return number
