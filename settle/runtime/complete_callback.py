"""Callbacks: somebody outside says how a background service ended, by the token that the service handed out.

The ingress answers at once where it can already tell that a token is spent or worth nothing. The consumer decides.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from settle.core.errors import EventInvalidError
from settle.core.event import DONE_INVOKE, ERROR_INVOKE, Event, EventKind
from settle.core.event_data import load_event
from settle.core.snapshot import LiveInvoke
from settle.runtime.compare import is_same
from settle.runtime.envelope import ResultEnvelope
from settle.runtime.errors import TokenExpiredError, TokenInvalidError, TokenUsedError
from settle.runtime.ids import KeyedReceiptId, hash_callback, token_event_id
from settle.runtime.ingress_ports import IngressPorts
from settle.runtime.instance import Instance, InstanceKey
from settle.runtime.ledger import LEDGER_RETENTION_SECONDS, LedgerEntry
from settle.runtime.liveness import find_live, is_token
from settle.runtime.outgoing import Caller, common_fields, send_body, write_body
from settle.runtime.read_receipt import read_receipts
from settle.runtime.submit_events import Accepted
from settle.runtime.tokens import Token, parse_token

_OVER: Final = "what this token was for has ended, or is not waited for any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackOutcome:
    """What the caller says: a result, or an error with its code.

    Attributes:
        data: the result, or what is known of the error.
        error: code of the error; empty for a result.
    """

    data: Any
    error: str = ""


def post_callback(
    ports: IngressPorts, token_text: str, caller: Caller, outcome: CallbackOutcome
) -> tuple[InstanceKey, Accepted]:
    """Send an outcome to the instance that waits for it; return the instance, and the receipt of the event.

    Repeating the same request is safe: it finds the first one in the ledger.

    Raises:
        TokenInvalidError: it is no token, or its secret is not the right one.
        TokenUsedError: it came with another outcome before.
        TokenExpiredError: nobody waits for it any more.
        EventInvalidError: the result does not fit the model of its event; the token stays good.
        MessageTooLargeError: over the limit of a message; the token stays good.
    """
    token = parse_token(token_text)
    event_id, body_hash = token_event_id(token), hash_callback(outcome.data, outcome.error)
    receipt_id = KeyedReceiptId(event_id)
    now = ports.clock.now()
    older = ports.store.find_entries(token.key, [event_id], now).get(event_id)
    if older is None:
        _check_data(ports, _find(ports, token), outcome)
    body = write_body(token.key, event_id, _envelope(ports, token, caller, outcome, (event_id, body_hash)))
    if older is None:
        entry = LedgerEntry(event_id=event_id, body_hash=body_hash, expires_at=now + LEDGER_RETENTION_SECONDS)
        older = ports.store.accept(token.key, entry, now)
    if older is not None and not is_same(older.body_hash, body_hash):
        raise TokenUsedError("this token was used before, with another outcome")
    if older is not None and older.receipt is not None:
        return token.key, Accepted(receipt_ids=(receipt_id,), replayed=read_receipts(ports, token.key, [receipt_id]))
    send_body(ports, token.key, event_id, body)
    return token.key, Accepted(receipt_ids=(receipt_id,))


def _find(ports: IngressPorts, token: Token) -> tuple[Instance, LiveInvoke]:
    instance = ports.store.load(token.key)
    live = find_live(instance, token.incarnation, token.invoke)
    if instance is None or live is None:
        raise TokenExpiredError(_OVER)
    if not is_token(instance, token.invoke, token.secret):
        raise TokenInvalidError("this is no completion token")
    return instance, live


def _check_data(ports: IngressPorts, found: tuple[Instance, LiveInvoke], outcome: CallbackOutcome) -> None:
    instance, live = found
    definition = ports.registry.definition_for(instance.snapshot)
    prefix = ERROR_INVOKE if outcome.error else DONE_INVOKE
    try:
        load_event(definition, Event(type=prefix + live.id, data=outcome.data, kind=EventKind.RESULT))
    except EventInvalidError as error:
        path = "error" if outcome.error else "result"
        fields = [replace(each, path=path + each.path.removeprefix("data")) for each in error.fields]
        raise EventInvalidError(f"the outcome of {live.id!r}", fields) from error


def _envelope(
    ports: IngressPorts, token: Token, caller: Caller, outcome: CallbackOutcome, identity: tuple[str, str]
) -> ResultEnvelope:
    event_id, body_hash = identity
    return ResultEnvelope(
        **common_fields(ports, token.key, caller),
        id=event_id,
        incarnation=token.incarnation,
        invoke=token.invoke,
        token=token.secret,
        data=outcome.data,
        error=outcome.error,
        body_hash=body_hash,
    )
