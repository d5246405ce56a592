"""Following one request through queues and instances, by the trace context that travels in the envelopes.

Each event that is applied is a segment of the trace that its request began, and the parent of whatever follows from it,
however the queue cut its batches. Ids of segments follow from what they are for: a repetition draws the same segment
again. https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from settle.runtime.envelope import TraceContext

SEGMENT_DIGITS: Final = 16
_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceParent:
    """What X-Ray's header says.

    Attributes:
        root: id of the trace.
        parent: id of the segment that the next one belongs to.
        sampled: whether segments are recorded at all.
    """

    root: str
    parent: str
    sampled: bool


def parse_parent(header: str | None) -> TraceParent | None:
    """Read `Root=...;Parent=...;Sampled=1`; None when there is nothing to go on."""
    fields = dict(part.strip().partition("=")[::2] for part in (header or "").split(";"))
    root, parent = fields.get("Root", ""), fields.get("Parent", "")
    if not _ROOT.fullmatch(root) or not _PARENT.fullmatch(parent):
        return None
    return TraceParent(root=root, parent=parent, sampled=fields.get("Sampled") == "1")


def segment_id(group: str, event_id: str) -> str:
    """Return the id of the segment that applying an event is."""
    return hashlib.sha256(f"{group}\n{event_id}".encode()).hexdigest()[:SEGMENT_DIGITS]


def follow(trace: TraceContext | None, group: str, event_id: str) -> TraceContext | None:
    """Return the context of what follows from an event: of the same request, with the event as its parent."""
    parent = parse_parent(trace.parent) if trace is not None else None
    if trace is None or parent is None:
        return trace
    header = f"Root={parent.root};Parent={segment_id(group, event_id)};Sampled={int(parent.sampled)}"
    return trace.model_copy(update={"parent": header})


def follow_later(trace: TraceContext | None) -> TraceContext | None:
    """Return the context of a timer: its event comes when the trace is long over, so only its name goes along."""
    return None if trace is None else trace.model_copy(update={"parent": None})


def correlation_of(trace: TraceContext | None) -> str:
    """Return the correlation id; empty where none is known."""
    return "" if trace is None else trace.correlation_id
