"""What an instance waits for: whether it still does when the result, the timer or the refusal arrives."""

from settle.core.snapshot import LiveInvoke, Status
from settle.runtime.compare import is_same
from settle.runtime.envelope import ParentLink, RefusalEnvelope, ResultEnvelope, TimerEnvelope, TimerKind
from settle.runtime.incoming import LiveEnvelope
from settle.runtime.instance import Instance


def is_live(instance: Instance, envelope: LiveEnvelope) -> bool:
    """Whether an instance still waits for what an envelope brings.

    Nothing that was meant for an earlier incarnation touches this one, and only who knows the token of a service or a
    child may say how it ended.
    """
    if envelope.incarnation != instance.incarnation or instance.deleted:
        return False
    snapshot = instance.snapshot
    match envelope:
        case TimerEnvelope(what=TimerKind.RETENTION):
            return snapshot.status is not Status.ACTIVE
        case TimerEnvelope(what=TimerKind.DEADLINE, key=key):
            return snapshot.find_invoke(key) is not None
        case TimerEnvelope(key=key):
            return snapshot.find_timer(key) is not None
        case ResultEnvelope(invoke=key, token=token):
            return snapshot.find_invoke(key) is not None and is_token(instance, key, token)
        case RefusalEnvelope():
            return snapshot.status is Status.ACTIVE


def find_live(instance: Instance | None, incarnation: str, invoke: str) -> LiveInvoke | None:
    """Return the live invoke of one incarnation that a key names; None when nobody waits for it any more."""
    if instance is None or instance.deleted or instance.incarnation != incarnation:
        return None
    return instance.snapshot.find_invoke(invoke)


def is_token(instance: Instance, invoke: str, token: str) -> bool:
    """Whether a token is that of a live invoke; takes the same time whatever it says."""
    known = instance.tokens.get(invoke, "")
    return is_same(known, token) and bool(known)


def is_parent(instance: Instance, link: ParentLink) -> bool:
    """Whether a link is the one that an instance has to its parent; takes the same time whatever its token says."""
    known = instance.parent
    if known is None:
        return False
    return is_same(known.token, link.token) and known == link
